"""The command line, as a user meets it: exit statuses, and one clear sentence for every mistake."""

import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from clusterprobe.shipped import shipped
from tests.apiserver import ApiServer

MAIN = "from clusterprobe.cli import main; main()"
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
        [sys.executable, "-c", MAIN, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "KUBECONFIG": "", **environment},
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["run", "--nosuch"], 4, "No such option"),
        (["run", "--fail-on", "eror"], 4, "expected one of"),
        (["run", "--timeout", "soon"], 4, "use for example 90s"),
        (["run", "--profile", "nighly"], 4, "did you mean nightly?"),
        (["run", "--bundle", "nosuch.zip"], 4, "nosuch.zip cannot be read"),
        (["run"], 4, "no kubeconfig"),
        (["run", "--active"], 4, "no kubeconfig"),
        (["demo", "--select", "prometheus/cross-scrap"], 4, "did you mean prometheus/cross-scrape?"),
        (["demo", "--select", "prometeus"], 4, "did you mean prometheus?"),
        (["demo", "--output", "/proc/nowhere"], 4, "--output /proc/nowhere: No such file or directory"),
        (["demo", "--output", "a" * 300], 4, "File name too long"),
        (["demo", "--output", "/etc/hostname"], 4, "/etc/hostname: this is a file; name a folder"),
        (["demo", "--output", "/etc"], 4, "--output /etc: this folder holds other files, and no report"),
        (["run", "--profile", "a" * 300], 4, "unknown profile"),
        (["run", "--bundle", "a" * 300], 4, "File name too long"),
        (["run", "--against", "a" * 300], 4, "File name too long"),
        (["run", "--against", "none.json"], 4, "--against none.json: No such file"),  # before a kubeconfig is looked for
        (["serve", "--reports", "a" * 300], 4, "there is no such folder"),
        (["list", "--select", ""], 4, "--select: expected a probe"),
        (["list", "--select", "loki,"], 4, "--select: expected a probe"),
        (["run", "--wait", ""], 4, "--wait: invalid duration ''"),
        (["run", "--timeout", "0s"], 4, "--timeout: invalid time to wait '0s'"),
        (["run", "--timeout", "9" * 5000 + "h"], 4, "invalid time to wait"),
        (["run", "--bundle", "x.zip", "--active"], 4, "--active: has no effect beside --bundle"),
        (["run", "--bundle", "x.zip", "--context", "prod"], 4, "--context: has no effect beside --bundle"),
        (["run", "--bundle", "x.zip", "--kubeconfig", "x"], 4, "--kubeconfig: has no effect beside --bundle"),
        (["run", "--bundle", "x.zip", "--wait", "1m"], 4, "--wait: has no effect beside --bundle, which never changes"),
        (["run", "--yes"], 4, "--yes: has no effect without --active"),
        (["run", "-o", "yaml"], 4, "-o yaml: expected one of wide, json, markdown, junit"),
        (["demo", "-q", "-o", "json"], 4, "-q: has no effect beside -o json"),
        (["demo", "--skip", "lokki"], 4, "did you mean loki?"),
        (["list", "--skip", ","], 4, "--skip: expected a probe"),
        (["show"], 4, "reports: no finished run is there; name a run's folder with --run"),
        (["show", "1", "-o", "json", "--run", "x"], 4, "x: No such file"),
        (["diff", "x", "y"], 4, "x: No such file"),
        (["diff", "x", "y", "-o", "wide"], 4, "-o wide: expected one of json, markdown"),
        (["explain", "loki"], 4, "there is no probe loki, but there are loki/freshness, "),
        (["list", "--select", "lokki"], 4, "did you mean loki?"),
        (["list", "--select", "NODES"], 4, "did you mean nodes?"),
        (["rbac", "--route", "outside"], 4, "expected in-cluster or proxy"),
        (["rbac", "--select", "loki/redy"], 4, "did you mean loki/ready?"),
        (["doctor"], 4, "no kubeconfig"),
        (["profile", "check", "nighly"], 4, "did you mean nightly?"),
        (["profile", "init"], 4, "no kubeconfig"),
        (["profile", "init", "mine.txt"], 4, "mine.txt: name a file that ends in .yaml"),
        (["profile", "nosuch"], 4, "No such command"),
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
        (
            "known: [{probe: storage, reason: ClaimPendng, why: it is}]",
            "mine.yaml:1: known.0.reason: storage reports no ClaimPendng: did you mean ClaimPending?",
        ),
        ("known: [{probe: storge/claims, why: they are}]", "known.0.probe: there is no probe storge/claims: did you mean storage/claims?"),
    ],
)
def test_a_probe_or_code_that_the_profile_misspells_is_not_left_out_in_silence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    done = clusterprobe("run", "--bundle", str(shipped("demo") / "demo.zip"), "--profile", "mine.yaml", folder=tmp_path)
    assert (done.returncode, said in done.stderr) == (4, True), done.stderr
    checked = clusterprobe("profile", "check", "mine.yaml", folder=tmp_path)
    assert (checked.returncode, said in checked.stderr) == (4, True), checked.stderr


def test_a_profile_is_shown_whole_and_what_is_shown_is_right(tmp_path: Path) -> None:
    shown = clusterprobe("profile", "show", "smoke", folder=tmp_path)
    (tmp_path / "mine.yaml").write_text(shown.stdout)
    assert yaml.safe_load(shown.stdout)["timeout"] == "30s"
    checked = clusterprobe("profile", "check", "mine.yaml", folder=tmp_path)
    assert (checked.returncode, checked.stdout.startswith("mine.yaml is right: it selects ")) == (0, True), checked.stderr


def test_a_first_profile_is_written_of_a_bundle_and_never_over_another(tmp_path: Path) -> None:
    bundle = ("--bundle", str(shipped("demo") / "demo.zip"))
    assert clusterprobe("profile", "init", *bundle, folder=tmp_path).returncode in (0, 2)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clusterprobe.schema.json", "clusterprobe.yaml"]
    assert clusterprobe("profile", "check", "clusterprobe.yaml", folder=tmp_path).returncode == 0
    again = clusterprobe("profile", "init", *bundle, folder=tmp_path)
    assert (again.returncode, "is there already; --force replaces it" in again.stderr) == (4, True)


def test_what_was_there_before_a_mistake_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "reports" / "mine").mkdir(parents=True)
    done = clusterprobe("run", "--profile", "nighly", "--output", "reports/mine/new", folder=tmp_path)
    assert done.stderr.startswith("clusterprobe: unknown profile 'nighly'")
    assert list((tmp_path / "reports").rglob("*")) == [tmp_path / "reports" / "mine"]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("/proc/evidence.zip", "capture /proc/evidence.zip: "),
        (".", "capture .: this is a folder"),
        ("config", "capture config: this is there already; --force replaces it"),
        ("a" * 300, "capture aaa"),
        ("/dev/null", "capture /dev/null: this is there already; and it is not a regular file"),
    ],
)
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
    assert "no access to the API server" in done.stderr
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
    heavy = "{'pytest', 'kubernetes', 'requests', 'pydantic', 'jinja2', 'yaml', 'msgspec', 'rich'}"
    check = (
        f"import atexit, sys\natexit.register(lambda: print('LOADED', sorted({heavy} & set(sys.modules)), flush=True))\n"
        "sys.argv = ['clusterprobe', '--help']\nfrom clusterprobe.cli import main\nmain()\n"
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
    runs = done.stderr.count("clusterprobe: cluster ")  # two, where a run takes less than ten seconds
    assert runs
    assert done.stderr.count("not settled: ") == runs - 1
    assert done.stderr.count("did not settle in time: ") == 1
    assert done.stdout.count("Incomplete") == 1


@pytest.mark.parametrize(
    ("options", "message"), [(["--wait", "soon"], "invalid duration 'soon'"), (["--wait", "1m", "--bundle", "x"], "never changes")]
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


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["ghost/deep/evidence.zip"], ["config", "--force"]])
def test_of_a_cluster_that_was_not_reached_no_bundle_is_written(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "config").write_text(UNREACHABLE)
    done = clusterprobe("capture", *arguments, "--kubeconfig", "config", "--select", "loki/ready", "--output", "out", folder=tmp_path)
    assert (done.returncode, "no bundle was written, because the cluster was not reached" in done.stderr) == (2, True), done.stderr
    assert (tmp_path / "config").read_text() == UNREACHABLE
    assert sorted(one.name for one in tmp_path.iterdir()) == ["config", "out"]


def test_a_bundle_without_a_name_is_named_after_the_context(tmp_path: Path) -> None:
    server = ApiServer()
    try:
        config = UNREACHABLE.replace("http://127.0.0.1:9", server.url).replace("current-context: c", "current-context: 'arn:aws/../prod'")
        (tmp_path / "config").write_text(config.replace("contexts: [{name: c,", "contexts: [{name: 'arn:aws/../prod',"))
        done = clusterprobe("capture", "--kubeconfig", "config", "--select", "storage/classes", "--output", "out", folder=tmp_path)
    finally:
        server.shutdown()
        server.server_close()
    [bundle] = tmp_path.glob("*.zip")
    assert re.fullmatch(r"clusterprobe-arn-aws-..-prod-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.zip", bundle.name), done.stderr
    assert f"the bundle is {bundle.name}" in done.stderr


def test_a_whole_run_writes_its_reports_where_the_profile_says_so_and_one_of_some_probes_does_not(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text("reports: {openreports: cluster}\nprobes: {select: [storage/classes]}\n")
    written = "/apis/openreports.io/v1alpha1/clusterreports/clusterprobe"
    server = ApiServer()
    try:
        (tmp_path / "config").write_text(UNREACHABLE.replace("http://127.0.0.1:9", server.url))
        common = ("run", "--kubeconfig", "config", "--profile", "profile.yaml", "--output", "out")
        part = clusterprobe(*common, "--select", "storage/classes", folder=tmp_path)
        assert "no OpenReports were written: only some probes ran" in part.stderr
        assert written not in server.state.objects
        clusterprobe(*common, folder=tmp_path)
        assert [one["policy"] for one in server.state.objects[written]["results"]] == ["storage/classes"]
    finally:
        server.shutdown()
        server.server_close()


def test_the_role_has_what_the_profile_lets_a_run_write(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text("reports: {openreports: namespaces}\n")
    plain = clusterprobe("rbac", folder=tmp_path).stdout
    wanted = clusterprobe("rbac", "--profile", "profile.yaml", folder=tmp_path).stdout
    assert "openreports" not in plain
    assert [one["verbs"] for one in yaml.safe_load(wanted)["rules"] if one["apiGroups"] == ["openreports.io"] and "create" in one["verbs"]]


def small_disk() -> None:
    """No file may become larger than 100 bytes, as if the disk were full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def test_a_run_whose_report_cannot_be_written_gives_its_answer_and_is_not_healthy(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAIN, "demo", "--select", "storage/classes", "--output", "out"]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    shutil.rmtree(tmp_path / "out")
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, preexec_fn=small_disk)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    assert "File too large (out)" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("Healthy")
    assert "Report: " not in done.stdout


def test_what_was_found_stands_though_the_report_cannot_be_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAIN, "demo", "--select", "prometheus/storage", "--output", "out"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, preexec_fn=small_disk)
    assert (done.returncode, "Traceback" in done.stderr, list((tmp_path / "out").iterdir())) == (1, False, [])


# --- the standard streams ---------------------------------------------------------------------------------------------


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line in which `$C` is clusterprobe."""
    start = f"{sys.executable} -c '{MAIN}'"
    return subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "C": start, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("eval $C list > /dev/full", 3),
        ("eval $C --help > /dev/full", 3),
        ("eval $C demo --select prometheus/storage > /dev/full", 3),
        ("eval $C list >&-", 0),
        ("eval $C list 2>&-", 0),
        ("eval $C list <&- >&- 2>&-", 0),
        ("eval $C nosuch 2>&-", 4),
        ("eval $C nosuch 2> /dev/full", 4),
        ("eval $C demo --select prometheus/storage 2> /dev/full", 1),
        ("eval $C demo --select prometheus/storage <&- >&- 2>&-", 1),
        ("set -o pipefail; eval $C list | head -1", 0),
    ],
)
def test_a_stream_that_cannot_be_written_is_no_finding(command: str, status: int, tmp_path: Path) -> None:
    done = shell(command, tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        # Set to nothing: a machine that names an encoding for every Python would decide before the locale does.
        {"PYTHONIOENCODING": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["latin-1", "ascii", "C"],
)
def test_what_an_encoding_lacks_is_written_plainly(environment: dict[str, str], tmp_path: Path) -> None:
    done = shell("eval $C demo --select prometheus/storage", tmp_path, **environment)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert ("lab | https" in done.stdout) == ("latin-1" not in environment.values())


def test_a_crash_is_one_line_and_3(tmp_path: Path) -> None:
    broken = "import clusterprobe.catalogue as c; c.catalogue = lambda folder: 1 / 0; " + MAIN
    for debug in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-c", broken, "list"],
            env={**os.environ, "CLUSTERPROBE_DEBUG": debug},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (3, bool(debug))
        assert "clusterprobe: it broke, which is a defect of its own: ZeroDivisionError" in done.stderr.splitlines()[-1]


def test_what_is_skipped_is_left_out_of_what_is_selected(tmp_path: Path) -> None:
    done = clusterprobe("demo", "--select", "loki", "--skip", "loki/ready,loki/f*", "-o", "json", folder=tmp_path)
    ids = [one["id"] for one in json.loads(done.stdout)["probes"]]
    assert ("loki/ruler" in ids, [one for one in ids if one.startswith(("loki/ready", "loki/f"))]) == (True, [])


def test_quiet_is_one_line_and_a_finding_is_shown_from_what_was_kept(tmp_path: Path) -> None:
    done = clusterprobe("demo", "-q", "--select", "prometheus/storage", folder=tmp_path)
    assert (done.returncode, done.stdout.count("\n"), done.stdout.startswith("Not healthy: "), done.stderr) == (1, 1, True, "")
    shown = clusterprobe("show", "1", folder=tmp_path)
    assert (shown.returncode, "TsdbOnNfs" in shown.stdout, "Prevention: " in shown.stdout) == (0, True, True), shown.stderr


@pytest.mark.parametrize("arguments", [["-h"], ["run", "-h"], ["--version"], ["version"], ["--show-completion", "bash"]])
def test_what_everybody_types_is_answered(arguments: list[str], tmp_path: Path) -> None:
    # Typer asks the processes above for their shell, and under CI there may be none.
    done = clusterprobe(*arguments, folder=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert (done.returncode, bool(done.stdout.strip())) == (0, True), done.stderr


def test_several_probes_may_stand_in_one_option(tmp_path: Path) -> None:
    done = clusterprobe("list", "--select", "loki/ready, storage/claims", folder=tmp_path)
    assert [one.split()[0] for one in done.stdout.splitlines()[::2]] == ["loki/ready", "storage/claims"]


def test_help_shows_defaults(tmp_path: Path) -> None:
    text = clusterprobe("run", "--help", folder=tmp_path, COLUMNS="200").stdout
    assert text.count("default: the profile's") == 3  # --fail-on, --timeout, --cluster-name
    assert "default: reports/<UTC time>" in text


def test_help_has_each_command_under_its_heading_with_its_whole_sentence(tmp_path: Path) -> None:
    text = clusterprobe("--help", folder=tmp_path, COLUMNS="200").stdout
    commands, authors = text.partition("\nCommands:\n")[2].split("\nFor those who write probes:\n")
    assert "  demo          Probe a recorded cluster full of incidents. Needs no cluster.\n" in commands
    assert [line.split()[0] for line in authors.splitlines() if line[:3].strip()][:2] == ["docs", "new-probe"]
    assert "new-probe" not in commands


def test_help_is_no_wider_than_the_terminal(tmp_path: Path) -> None:
    text = clusterprobe("run", "--help", folder=tmp_path, COLUMNS="60").stdout
    assert max(map(len, text.splitlines())) <= 60


def _answered(child: int, terminal: int, typed: bytes) -> int:
    """The exit status of a child that is asked; the key comes again, for one that comes before the terminal is read is lost."""
    for _ in range(12):
        os.write(terminal, typed)
        for _ in range(50):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("it did not end")


@pytest.mark.parametrize(("typed", "status"), [(b"\x03", 2), (b"n\n", 4), (b"\x04", 2)], ids=["Ctrl-C", "n", "Ctrl-D"])
def test_the_question_before_active_can_be_left(typed: bytes, status: int, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(UNREACHABLE)
    child, terminal = pty.fork()
    if not child:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-c", MAIN, "run", "--active", "--kubeconfig", "config"])
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 1000)
    assert _answered(child, terminal, typed) == status
    os.close(terminal)


def test_a_key_that_has_another_name_now_is_taken_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("thresholds:\n  certificate_days: 3\n")
    done = clusterprobe("demo", "--profile", "mine.yaml", "--select", "ingress/tls", folder=tmp_path)
    note = "clusterprobe: mine.yaml:2: thresholds.certificate_days is now written thresholds.ingress.certificate_days\n"
    assert (done.returncode in (0, 1, 2), note in done.stderr) == (True, True), done.stderr
