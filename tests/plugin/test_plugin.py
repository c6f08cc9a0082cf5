"""Probes as pytest sees them, run by a pytest of their own on a small bundle."""

import json
from pathlib import Path

import pytest

from clusterprobe import model
from clusterprobe.access.bundle import new_manifest, write_bundle
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings, single
from clusterprobe.systems.kubernetes.objects import Namespace, Node, Service
from tests.factories import listing, make

pytest_plugins = ["pytester"]

HEAD = """from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import look
from clusterprobe.model import Severity, Subject
from clusterprobe.roles import Enriching, Examined, Needed
BAD = FindingKind("Bad", Severity.CRITICAL, "It is bad.", "v")
"""
FOUND = """
    for subject, node in nodes:
        verdict.report(BAD, subject, problem="It is <b>bad</b>.", cause="c", fix=[look("f")], severity=Severity.{severity})
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
    done, results = probes(nodes='def probe_nodes(verdict, nodes: Examined):\n    """Fine?"""\n    list(nodes)\n')
    done.assert_outcomes(passed=1)
    assert only(results) | {"findings": []} == only(results)
    assert (only(results)["id"], only(results)["verdict"], only(results)["examined"]) == ("some-area/nodes", "pass", 1)
    assert results["verdict"] == "healthy"


def test_a_finding_at_the_level_fails_with_problem_and_cause(probes) -> None:
    done, results = probes(nodes="@reports(BAD)\ndef probe_nodes(verdict, nodes: Examined):" + FOUND.format(severity="ERROR"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*error: Node worker1: It is <b>bad</b>. c*"])
    assert (only(results)["verdict"], results["run"]["exit_status"]) == ("findings", 1)


def test_a_finding_below_the_level_does_not_fail_but_shows(probes) -> None:
    done, results = probes(nodes="@reports(BAD)\ndef probe_nodes(verdict, nodes: Examined):" + FOUND.format(severity="WARNING"))
    done.assert_outcomes(passed=1)
    assert (only(results)["verdict"], results["verdict"], results["run"]["exit_status"]) == ("findings", "findings", 0)


def test_the_level_can_be_chosen(probes) -> None:
    done, _ = probes(
        "--clusterprobe-fail-on=warning",
        nodes="@reports(BAD)\ndef probe_nodes(verdict, nodes: Examined):" + FOUND.format(severity="WARNING"),
    )
    done.assert_outcomes(failed=1)


def test_what_could_not_be_read_fails_and_says_so(probes) -> None:
    done, results = probes(volumes="def probe_volumes(verdict, volumes: Examined):\n    list(volumes)\n")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*could not check*not allowed*"])
    assert (only(results)["verdict"], results["verdict"], results["run"]["exit_status"]) == ("inconclusive", "incomplete", 2)
    assert only(results)["unchecked"][0]["reason"] == "not allowed"


def test_what_is_proved_absent_is_skipped_with_the_proof(probes) -> None:
    done, results = probes("-rs", claims="def probe_claims(verdict, claims: Examined):\n    list(claims)\n")
    done.assert_outcomes(skipped=1)
    assert (only(results)["verdict"], only(results)["reason"]) == ("not_applicable", "there is no claim")
    assert results["run"]["exit_status"] == 2  # nothing at all was examined


def test_a_crash_is_broken_and_shows_no_values(probes) -> None:
    done, results = probes(
        nodes="def probe_nodes(verdict, nodes: Examined):\n    password = 'password=hunter22222'\n    raise ValueError(password)\n"
    )
    done.assert_outcomes(failed=1)
    assert only(results)["verdict"] == "broken"
    assert "probe_nodes.py:8" in only(results)["reason"]
    assert "hunter22222" not in done.stdout.str() + json.dumps(results)


def test_a_misspelt_source_is_broken_like_any_other(probes) -> None:
    _, results = probes(nodes="def probe_nodes(verdict, noodles):\n    pass\n")
    assert only(results)["verdict"] == "broken"
    assert "noodles" in only(results)["reason"]


def test_one_probe_that_breaks_leaves_the_others_alone(probes) -> None:
    _, results = probes(
        bad="def probe_bad(verdict, nodes: Examined):\n    1 / 0\n", good="def probe_good(verdict, nodes: Examined):\n    list(nodes)\n"
    )
    assert [one["verdict"] for one in results["probes"]] == ["broken", "pass"]
    assert results["run"]["exit_status"] == 3


def test_an_interrupted_run_judges_what_was_read_and_says_so(probes) -> None:
    _, results = probes(
        a="def probe_a(verdict, nodes: Examined):\n    list(nodes)\n",
        b="def probe_b(verdict, nodes: Examined):\n    raise KeyboardInterrupt\n",
        c="def probe_c(verdict, nodes: Examined):\n    list(nodes)\n",
    )
    assert [one["verdict"] for one in results["probes"]] == ["pass", "inconclusive", "pass"]
    assert (results["run"]["interrupted"], results["verdict"], results["run"]["exit_status"]) == (True, "incomplete", 2)


def test_a_probe_that_judges_past_the_deadline_is_ended_and_inconclusive(probes) -> None:
    _, results = probes(
        "--clusterprobe-timeout=1s",
        a="def probe_a(verdict, nodes: Examined):\n    list(nodes)\n",
        b="def probe_b(verdict, nodes: Examined):\n    while True:\n        pass\n",
    )
    assert [one["verdict"] for one in results["probes"]] == ["pass", "inconclusive"]
    assert "deadline" in results["probes"][1]["reason"]
    assert results["run"]["exit_status"] == 2


def test_an_unknown_probe_is_refused_with_the_nearest(probes) -> None:
    done, results = probes("--clusterprobe-select=some-area/nodse", nodes="def probe_nodes(verdict, nodes: Examined):\n    pass\n")
    assert (done.ret, results) == (pytest.ExitCode.USAGE_ERROR, None)
    done.stderr.fnmatch_lines(["*there is no probe some-area/nodse: did you mean some-area/nodes?*"])


def test_a_selected_area_runs_alone(probes) -> None:
    _, results = probes(
        "--clusterprobe-select=some-area/a",
        a="def probe_a(verdict, nodes: Examined):\n    list(nodes)\n",
        b="def probe_b(verdict, nodes: Examined):\n    1 / 0\n",
    )
    assert only(results)["id"] == "some-area/a"


def test_the_verdict_reaches_junit_as_a_property(probes, pytester: pytest.Pytester) -> None:
    probes(
        "--junitxml=pytest.xml",
        "-o",
        "junit_family=xunit1",
        nodes="@reports(BAD)\ndef probe_nodes(verdict, nodes: Examined):" + FOUND.format(severity="ERROR"),
    )
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


def test_a_reading_without_a_role_makes_a_probe_broken_and_no_other(probes) -> None:
    done, results = probes(a="def probe_a(verdict, nodes):\n    pass\n", b="def probe_b(verdict, nodes: Examined):\n    list(nodes)\n")
    done.assert_outcomes(failed=1, passed=1)
    bad, good = results["probes"]
    assert (bad["verdict"], good["verdict"], results["run"]["exit_status"]) == ("broken", "pass", 3)
    assert "nodes is a reading without a role" in bad["reason"]


def test_a_suite_without_probes_is_left_alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    pytester.makepyfile(test_other="def test_other():\n    pass\n")
    done = pytester.runpytest_inprocess("-p", "clusterprobe.plugin")
    done.assert_outcomes(passed=1)
    assert not (pytester.path / "reports").exists()


FINE = '"""Fine?"""\n    list(nodes)\n'


def assert_both_places_are_named(done: pytest.RunResult, results: object, *places: str) -> None:
    assert (done.ret, results) == (pytest.ExitCode.USAGE_ERROR, None)
    done.stderr.fnmatch_lines(["*two probes have the id some-area/nodes: *"])
    assert [place for place in places if place not in done.stderr.str()] == []


def test_two_probes_in_one_file_are_refused_with_both_places(probes) -> None:
    bad = "@reports(BAD)\ndef probe_nodes(verdict, nodes: Examined):" + FOUND.format(severity="ERROR")
    done, results = probes(nodes=f"{bad}\n\ndef probe_extra(verdict, nodes: Examined):\n    {FINE}")
    assert_both_places_are_named(
        done, results, "probe_nodes in probes/some_area/probe_nodes.py:", "probe_extra in probes/some_area/probe_nodes.py:"
    )


@pytest.mark.parametrize("folder", ["own/some_area", "some-area"])
def test_a_probe_of_the_same_area_and_name_elsewhere_is_refused_with_both_places(folder: str, probes, pytester: pytest.Pytester) -> None:
    other = pytester.path / "probes" / folder / "probe_nodes.py"
    other.parent.mkdir(parents=True)
    other.write_text(f"{HEAD}def probe_nodes(verdict, nodes: Examined):\n    {FINE}")
    done, results = probes(nodes=f"def probe_nodes(verdict, nodes: Examined):\n    {FINE}")
    assert_both_places_are_named(done, results, "probes/some_area/probe_nodes.py:", f"probes/{folder}/probe_nodes.py:")


def test_a_probe_with_parameters_of_its_own_is_refused(probes) -> None:
    twice = f'import pytest\n\n@pytest.mark.parametrize("n", [1, 2])\ndef probe_nodes(verdict, nodes: Examined, n):\n    {FINE}'
    done, results = probes(nodes=twice)
    assert_both_places_are_named(done, results, "probe_nodes[1]", "probe_nodes[2]")


# --- what the bundle does not hold -------------------------------------------------------------------------------------

NEW = '@reports(BAD)\ndef probe_new(verdict, nodes: Examined, storage_classes: Needed):\n    """New?"""\n'
JUDGES = NEW + "    for _ in nodes:\n        pass\n"


def test_a_probe_whose_source_is_younger_than_the_bundle_did_not_run_and_nothing_is_called_healthy(probes) -> None:
    done, results = probes(new=JUDGES, nodes='def probe_nodes(verdict, nodes: Examined):\n    """Fine?"""\n    list(nodes)\n')
    done.assert_outcomes(passed=1, skipped=1)
    assert [one["id"] for one in results["probes"]] == ["some-area/nodes"]
    assert results["run"]["unrecorded"] == {"some-area/new": ["storage_classes"]}
    assert (results["verdict"], results["run"]["exit_status"]) == ("incomplete", 2)


def test_what_a_probe_found_stands_although_it_lacks_a_recording(probes) -> None:
    _, results = probes(new=NEW + FOUND.format(severity="ERROR"))
    assert (only(results)["verdict"], only(results)["unchecked"][0]["subject"]["name"]) == ("findings", "storage_classes")
    assert results["run"]["unrecorded"] == {}


def test_a_probe_that_a_recording_would_only_help_runs(probes) -> None:
    _, results = probes(new=JUDGES.replace("Needed", "Enriching"))
    assert (only(results)["verdict"], results["run"]["unrecorded"]) == ("pass", {})


ALLOWING = """accept_annotations:
  - namespaces: [team-*]
    level: critical
    days: 0
"""


@pytest.mark.parametrize(("profile", "verdict"), [(ALLOWING, "known"), ("{}\n", "findings")])
def test_an_annotation_accepts_what_the_profile_lets_it(
    profile: str, verdict: str, probes, pytester: pytest.Pytester, bundle: Path
) -> None:
    notes = {"clusterprobe.io/accept": "Bad", "clusterprobe.io/accept-why": "OPS-1"}
    one = make(Service, metadata={"namespace": "team-a", "name": "web", "annotations": notes}, spec={})
    cluster = model.Cluster(context="somewhere", server="https://example.invalid")
    readings = {"identity": single(Subject(kind="Cluster", name="somewhere"), cluster), "services": listing("Service", [one])}
    readings["namespaces"] = listing("Namespace", [make(Namespace, metadata={"name": "team-a"})])
    bundle.unlink()
    write_bundle(bundle, new_manifest(cluster, 1_800_000_000.0, active=False), readings)
    (pytester.path / "profile.yaml").write_text(profile)
    body = "@reports(BAD)\ndef probe_services(verdict, services: Examined):" + FOUND.replace("node", "service").format(severity="ERROR")
    done, results = probes(f"--clusterprobe-profile={pytester.path / 'profile.yaml'}", services=body)
    done.assert_outcomes(**{"passed" if verdict == "known" else "failed": 1})
    assert only(results)["verdict"] == verdict
    (entry,) = results["accepted"]
    assert (entry["by"], entry["why"]) == ("Service team-a/web", "OPS-1")
    assert entry["state"] == ("applies" if verdict == "known" else "refused")
