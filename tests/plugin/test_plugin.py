"""Probes as pytest sees them, run by a pytest of their own on a small bundle."""

import json
from pathlib import Path

import pytest

from clusterprobe import model
from clusterprobe.access.bundle import new_manifest, write_bundle
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings, single
from clusterprobe.systems.objects import Namespace, Node
from tests.factories import listing, make

pytest_plugins = ["pytester"]

HEAD = "from clusterprobe.model import Severity, Subject\n"
FOUND = """
    for subject, node in verdict.examine(nodes):
        verdict.finding(Severity.{severity}, "Bad", subject, problem="It is <b>bad</b>.", cause="c", fix="f", prevention="v")
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.zip"
    cluster = model.Cluster(context="somewhere", server="https://example.invalid")
    readings = {
        "identity": single(Subject(kind="Cluster", name="somewhere"), cluster),
        "namespaces": listing("Namespace", [make(Namespace, metadata={"name": "monitoring-dev"})]),
        "nodes": listing("Node", [make(Node, metadata={"name": "worker1"})]),
        "volumes": Readings((), (Unchecked(subject=Subject(kind="PersistentVolumeList"), reason="not allowed"),)),
        "claims": Readings(absent="there is no claim"),
    }
    write_bundle(path, new_manifest(cluster, 1_800_000_000.0, active=False), readings)
    return path


@pytest.fixture
def probes(pytester: pytest.Pytester, bundle: Path):
    """Write probe files, run them on the bundle, and return pytest's result and ours."""
    pytester.makeini("[pytest]\npython_files = probe_*.py test_*.py\npython_functions = probe_* test_*\ncollect_imported_tests = false")

    def run(*options: str, **files: str):
        for name, body in files.items():
            path = pytester.path / "probes" / "some_area" / f"probe_{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(HEAD + body)
        output = pytester.path / "out"
        done = pytester.runpytest_inprocess(
            "-p",
            "clusterprobe.plugin",
            "--import-mode=importlib",
            f"--clusterprobe-bundle={bundle}",
            f"--clusterprobe-output={output}",
            *options,
            "probes",
            no_reraise_ctrlc=True,
        )
        file = output / "results.json"
        return done, json.loads(file.read_text()) if file.is_file() else None

    return run


def only(results: dict) -> dict:
    one: dict
    (one,) = results["probes"]
    return one


def test_a_pass_is_a_pass(probes) -> None:
    done, results = probes(nodes='def probe_nodes(verdict, nodes):\n    """Fine?"""\n    list(verdict.examine(nodes))\n')
    done.assert_outcomes(passed=1)
    assert only(results) | {"findings": []} == only(results)
    assert (only(results)["id"], only(results)["verdict"], only(results)["examined"]) == ("some-area/nodes", "pass", 1)
    assert results["verdict"] == "healthy"


def test_a_finding_at_the_level_fails_with_problem_and_cause(probes) -> None:
    done, results = probes(nodes="def probe_nodes(verdict, nodes):" + FOUND.format(severity="ERROR"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*error: Node worker1: It is <b>bad</b>. c*"])
    assert (only(results)["verdict"], results["run"]["exit_status"]) == ("findings", 1)


def test_a_finding_below_the_level_does_not_fail_but_shows(probes) -> None:
    done, results = probes(nodes="def probe_nodes(verdict, nodes):" + FOUND.format(severity="WARNING"))
    done.assert_outcomes(passed=1)
    assert (only(results)["verdict"], results["verdict"], results["run"]["exit_status"]) == ("findings", "findings", 0)


def test_the_level_can_be_chosen(probes) -> None:
    done, _ = probes("--clusterprobe-fail-on=warning", nodes="def probe_nodes(verdict, nodes):" + FOUND.format(severity="WARNING"))
    done.assert_outcomes(failed=1)


def test_what_could_not_be_read_fails_and_says_so(probes) -> None:
    done, results = probes(volumes="def probe_volumes(verdict, volumes):\n    list(verdict.examine(volumes))\n")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*could not check*not allowed*"])
    assert (only(results)["verdict"], results["verdict"], results["run"]["exit_status"]) == ("inconclusive", "incomplete", 2)
    assert only(results)["unchecked"][0]["reason"] == "not allowed"


def test_what_is_proved_absent_is_skipped_with_the_proof(probes) -> None:
    done, results = probes("-rs", claims="def probe_claims(verdict, claims):\n    list(verdict.examine(claims))\n")
    done.assert_outcomes(skipped=1)
    assert (only(results)["verdict"], only(results)["reason"]) == ("not_applicable", "there is no claim")
    assert results["run"]["exit_status"] == 2  # nothing at all was examined


def test_a_source_that_the_bundle_lacks_is_unchecked(probes) -> None:
    _, results = probes(pods="def probe_pods(verdict, pods):\n    list(verdict.examine(pods))\n")
    assert only(results)["verdict"] == "inconclusive"


def test_a_crash_is_broken_and_shows_no_values(probes) -> None:
    done, results = probes(
        nodes="def probe_nodes(verdict, nodes):\n    password = 'password=hunter22222'\n    raise ValueError(password)\n"
    )
    done.assert_outcomes(failed=1)
    assert only(results)["verdict"] == "broken"
    assert "probe_nodes.py:4" in only(results)["reason"]
    assert "hunter22222" not in done.stdout.str() + json.dumps(results)


def test_a_misspelt_source_is_broken_like_any_other(probes) -> None:
    _, results = probes(nodes="def probe_nodes(verdict, noodles):\n    pass\n")
    assert only(results)["verdict"] == "broken"
    assert "noodles" in only(results)["reason"]


def test_one_probe_that_breaks_leaves_the_others_alone(probes) -> None:
    _, results = probes(
        bad="def probe_bad(verdict, nodes):\n    1 / 0\n", good="def probe_good(verdict, nodes):\n    list(verdict.examine(nodes))\n"
    )
    assert [one["verdict"] for one in results["probes"]] == ["broken", "pass"]
    assert results["run"]["exit_status"] == 3


def test_an_interrupted_run_judges_what_was_read_and_says_so(probes) -> None:
    _, results = probes(
        a="def probe_a(verdict, nodes):\n    list(verdict.examine(nodes))\n",
        b="def probe_b(verdict, nodes):\n    raise KeyboardInterrupt\n",
        c="def probe_c(verdict, nodes):\n    list(verdict.examine(nodes))\n",
    )
    assert [one["verdict"] for one in results["probes"]] == ["pass", "inconclusive", "pass"]
    assert (results["run"]["interrupted"], results["verdict"], results["run"]["exit_status"]) == (True, "incomplete", 2)


def test_an_unknown_probe_is_refused_with_the_nearest(probes) -> None:
    done, results = probes("--clusterprobe-select=some-area/nodse", nodes="def probe_nodes(verdict, nodes):\n    pass\n")
    assert (done.ret, results) == (pytest.ExitCode.USAGE_ERROR, None)
    done.stderr.fnmatch_lines(["*there is no probe some-area/nodse: did you mean some-area/nodes?*"])


def test_a_selected_area_runs_alone(probes) -> None:
    _, results = probes(
        "--clusterprobe-select=some-area/a",
        a="def probe_a(verdict, nodes):\n    list(verdict.examine(nodes))\n",
        b="def probe_b(verdict, nodes):\n    1 / 0\n",
    )
    assert only(results)["id"] == "some-area/a"


def test_the_verdict_reaches_junit_as_a_property(probes, pytester: pytest.Pytester) -> None:
    probes("--junitxml=pytest.xml", "-o", "junit_family=xunit1", nodes="def probe_nodes(verdict, nodes):" + FOUND.format(severity="ERROR"))
    assert '<property name="verdict" value="findings"' in (pytester.path / "pytest.xml").read_text()


def test_collection_touches_no_cluster(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    pytester.makeini("[pytest]\npython_files = probe_*.py\npython_functions = probe_*")
    pytester.makepyfile(probe_x="def probe_x(verdict, pods):\n    pass\n")
    done = pytester.runpytest_inprocess("-p", "clusterprobe.plugin", "--import-mode=importlib", "--collect-only", "-q")
    assert done.ret == 0
    done = pytester.runpytest_inprocess("-p", "clusterprobe.plugin", "--import-mode=importlib")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*no kubeconfig: /nonexistent does not exist*"])


def test_a_suite_without_probes_is_left_alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    pytester.makepyfile(test_other="def test_other():\n    pass\n")
    done = pytester.runpytest_inprocess("-p", "clusterprobe.plugin")
    done.assert_outcomes(passed=1)
    assert not (pytester.path / "reports").exists()
