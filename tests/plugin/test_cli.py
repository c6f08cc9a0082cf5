"""The command line, as a user meets it: exit statuses, and one clear sentence for every mistake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from clusterprobe.shipped import shipped

UNREACHABLE = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: u, user: {token: t}}]
"""


def clusterprobe(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from clusterprobe.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "KUBECONFIG": "", **environment},
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["run", "--nosuch"], 4, "No such option"),
        (["run", "--fail-on", "eror"], 4, "expected one of"),
        (["run", "--timeout", "soon"], 4, "write for example 90s"),
        (["run", "--profile", "nighly"], 4, "did you mean nightly?"),
        (["run", "--bundle", "nosuch.zip"], 4, "nosuch.zip cannot be read"),
        (["run"], 4, "no kubeconfig"),
        (["run", "--active"], 4, "no kubeconfig"),
        (["demo", "--select", "prometheus/cross-scrap"], 4, "did you mean prometheus/cross-scrape?"),
        (["demo", "--select", "prometeus"], 4, "did you mean prometheus?"),
        (["demo", "--output", "/proc/nowhere"], 4, "--output /proc/nowhere: No such file or directory"),
        (["explain", "loki"], 4, "there is no probe loki, but there are loki/freshness, "),
        (["list", "--select", "lokki"], 4, "did you mean loki?"),
        (["rbac", "--route", "outside"], 4, "expected in-cluster or proxy"),
        (["rbac", "--select", "loki/redy"], 4, "did you mean loki/ready?"),
        (["nosuch"], 4, "No such command"),
    ],
)
def test_a_mistake_is_one_clear_sentence(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    done = clusterprobe(*arguments, folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("probes:\n  select: [storage, lokki]", "clusterprobe: mine.yaml:2: probes.select.1: there is no probe lokki: did you mean loki?"),
        ("probes: {skip: [pods/termnation]}", "did you mean pods/termination?"),
        ("known: [{probe: storge/claims, why: they are}]", "known.0.probe: there is no probe storge/claims: did you mean storage/claims?"),
    ],
)
def test_a_probe_that_the_profile_misspells_is_not_left_out_in_silence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    done = clusterprobe("run", "--bundle", str(shipped("demo") / "demo.zip"), "--profile", "mine.yaml", folder=tmp_path)
    assert (done.returncode, said in done.stderr) == (4, True), done.stderr


def test_what_was_there_before_a_mistake_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "reports" / "mine").mkdir(parents=True)
    done = clusterprobe("run", "--profile", "nighly", "--output", "reports/mine/new", folder=tmp_path)
    assert done.stderr.startswith("clusterprobe: there is no profile nighly")
    assert list((tmp_path / "reports").rglob("*")) == [tmp_path / "reports" / "mine"]


@pytest.mark.parametrize(("file", "said"), [("/proc/evidence.zip", "capture into /proc: "), (".", "capture .: this is a folder")])
def test_a_bundle_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, file: str, said: str) -> None:
    config = tmp_path / "config"
    config.write_text(UNREACHABLE)
    done = clusterprobe("capture", file, "--kubeconfig", str(config), folder=tmp_path)
    assert (done.returncode, done.stderr.startswith(f"clusterprobe: {said}")) == (4, True), done.stderr


def test_permissions_are_just_those_of_the_selected_probes(tmp_path: Path) -> None:
    done = clusterprobe("rbac", "--select", "storage/classes", folder=tmp_path)
    role = yaml.safe_load(done.stdout)
    listed = {name for rule in role["rules"] for name in rule["resources"] if rule["verbs"] == ["list"]}
    assert (role["kind"], "storageclasses" in listed, "pods/proxy" in done.stdout, "secrets" in done.stdout) == (
        "ClusterRole",
        True,
        False,
        False,
    )
    assert "pods/proxy" in clusterprobe("rbac", "--route", "proxy", folder=tmp_path).stdout


def test_the_demo_needs_no_cluster_and_finds_what_is_staged(tmp_path: Path) -> None:
    done = clusterprobe("demo", "--output", "out", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert {"index.html", "results.json", "junit.xml", "metrics.prom", "pytest.html"} <= {one.name for one in (tmp_path / "out").iterdir()}


def test_the_callers_pytest_configuration_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nosuch-option\n")
    assert clusterprobe("demo", folder=tmp_path, PYTEST_ADDOPTS="--nosuch").returncode == 1


def test_an_unreachable_cluster_is_incomplete_and_says_why(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(UNREACHABLE)
    done = clusterprobe("run", "--kubeconfig", str(config), folder=tmp_path)
    assert done.returncode == 2
    assert "no way in" in done.stderr
    assert "onnection refused" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_reader_that_leaves_changes_no_exit_status(tmp_path: Path, unbuffered: str) -> None:
    config = tmp_path / "config"
    config.write_text(UNREACHABLE)
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from clusterprobe.cli import main; main()", "run", "--kubeconfig", str(config)]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}  # as CPython reads it, empty is unset
    try:
        done = subprocess.run(
            command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=tmp_path, timeout=60, check=False, env=environment
        )
    finally:
        os.close(write)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr


def test_a_wrong_context_names_the_nearest(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("apiVersion: v1\nkind: Config\ncontexts: [{name: production, context: {}}]\nclusters: []\nusers: []\n")
    done = clusterprobe("run", "--kubeconfig", str(config), "--context", "prodution", folder=tmp_path)
    assert (done.returncode, "did you mean production?" in done.stderr) == (4, True)


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    heavy = (
        "import sys\nsys.argv = ['clusterprobe', '--help']\nfrom clusterprobe.cli import main\ntry:\n main()\nexcept SystemExit:\n pass\n"
    )
    check = (
        heavy + "print('LOADED', sorted({'pytest', 'kubernetes', 'requests', 'pydantic', 'jinja2', 'yaml', 'msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("LOADED []")


def test_against_its_own_results_nothing_is_new(tmp_path: Path) -> None:
    bundle = str(shipped("demo") / "demo.zip")
    before = clusterprobe("run", "--bundle", bundle, "--output", str(tmp_path / "before"), folder=tmp_path)
    assert before.returncode == 1
    again = clusterprobe("run", "--bundle", bundle, "--against", str(tmp_path / "before" / "results.json"), folder=tmp_path)
    assert again.returncode == 0, again.stderr


def test_a_file_to_compare_with_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    bundle = str(shipped("demo") / "demo.zip")
    done = clusterprobe("run", "--bundle", bundle, "--against", "none.json", folder=tmp_path)
    assert (done.returncode, "--against none.json: No such file" in done.stderr) == (4, True)


def test_waiting_ends_with_the_last_answer(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(UNREACHABLE)
    done = clusterprobe("run", "--kubeconfig", str(config), "--wait", "20s", folder=tmp_path)
    assert done.returncode == 2
    assert "not settled: " in done.stderr
    assert "did not settle in time: " in done.stderr
    assert done.stdout.count("Not known to be healthy") == 1


@pytest.mark.parametrize(
    ("options", "message"), [(["--wait", "soon"], "soon is no duration"), (["--wait", "1m", "--bundle", "x"], "never changes")]
)
def test_a_wait_that_makes_no_sense_is_refused(tmp_path: Path, options: list[str], message: str) -> None:
    done = clusterprobe("run", *options, folder=tmp_path)
    assert (done.returncode, message in done.stderr) == (4, True)


def test_old_reports_are_removed_when_asked_to(tmp_path: Path) -> None:
    for _ in range(2):
        clusterprobe("demo", folder=tmp_path)
    old = tmp_path / "reports" / "2020-01-01T00-00-00Z"
    old.mkdir()
    (old / "results.json").write_text("{}")
    done = clusterprobe("run", "--bundle", str(shipped("demo") / "demo.zip"), "--keep", "1", folder=tmp_path)
    assert done.returncode == 1
    assert len(list((tmp_path / "reports").iterdir())) == 1
    assert not old.exists()


def test_serving_a_folder_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    done = clusterprobe("serve", "--reports", "none", folder=tmp_path)
    assert (done.returncode, "--reports none: there is no such folder" in done.stderr) == (4, True)
