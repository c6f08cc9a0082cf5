"""Every incident, staged on the real platform: found with its cause, and nothing else; repaired, and silent again."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from clusterprobe.alert_path import PATH
from clusterprobe.model import Finding
from lab.stages import clear, stage
from tests.lab.expectation import Expectation
from tests.lab.expectations import STAGES
from tests.lab.rounds import rounds
from tests.lab.running import Done, clusterprobe, ours

ALERT_PATH = "pipeline/alert-path"  # it concludes from the others, so that no stage has to say what it does
SETTLING_SECONDS = 240
EVIDENCE_SECONDS = 90  # a pod may take a minute to start before it is a finding


def healthy(done: Done) -> bool:
    return done.status == 0 and not done.found("warning", "error", "critical")


def found(done: Done) -> set[tuple[str, str]]:
    return {one for one in done.found("error", "critical") if one[0] != ALERT_PATH}


def lesser(done: Done) -> set[tuple[str, str]]:
    return done.found("info", "warning")


def blind(done: Done) -> set[str]:
    return set(done.verdicts("inconclusive")) - {ALERT_PATH}


def breaks_the_way(done: Done, probe: str, reason: str) -> bool:
    finding = msgspec.convert(done.finding(probe, reason), Finding)
    return any(hop.is_broken_by(probe, finding) for hop in PATH)


def wait_until_healthy(folder: Path, *options: str) -> Done:
    """Run until healthy: counters, log windows and scrapes take their time to forget. The last run is returned."""
    deadline = time.monotonic() + SETTLING_SECONDS
    while True:
        done = clusterprobe(folder, *options)
        if healthy(done) or time.monotonic() > deadline:
            return done
        time.sleep(5)


def wait_until_found(folder: Path, names: tuple[str, ...], *options: str) -> Done:
    """Run until what is expected is found: some evidence is a scrape or a termination that has to end first."""
    deadline, expected = time.monotonic() + EVIDENCE_SECONDS, merged(names)
    while True:
        done = clusterprobe(folder, *options)
        seen = (
            found(done) - expected.besides == set(expected.findings)
            and blind(done) <= expected.blind
            and lesser(done) >= set(expected.warnings)
            and all(says(done, *key, words) for name in names for key, words in STAGES[name].wanted.items())
        )
        if seen or time.monotonic() > deadline:
            return done
        time.sleep(2)


def test_the_healthy_lab_is_healthy_and_everything_is_examined(tmp_path: Path) -> None:
    done = wait_until_healthy(tmp_path)
    assert healthy(done), done.said
    applicable = [one for one in done.results["probes"] if one["verdict"] != "not_applicable"]
    assert all(one["examined"] > 0 and one["verdict"] == "pass" for one in applicable), done.said
    assert {one["id"] for one in done.results["probes"]} - {one["id"] for one in applicable} == {
        "prometheus/missing",
        "alertmanager/missing",
        "loki/missing",
        "grafana/missing",
        "airflow/missing",
        "mlflow/missing",
        "grafana/health",  # there is no Grafana, only what it would load
        "alertmanager/config-objects",  # the lab has no AlertmanagerConfig
        "pods/jobs",  # nor a Job
        "victoriametrics/flow",
        "ingress/gateways",  # Gateways are a variant
        "ingress/other-routes",  # and so are routes beside the Ingresses
    }


def merged(names: tuple[str, ...]) -> Expectation:
    """What several stages must lead to together."""
    found = [STAGES[name] for name in names]
    return Expectation(
        findings={key: words for one in found for key, words in one.findings.items()},
        warnings={key: words for one in found for key, words in one.warnings.items()},
        besides=frozenset().union(*(one.besides for one in found)),
        blind=frozenset().union(*(one.blind for one in found)),
        active=any(one.active for one in found),
        profile=next((one.profile for one in found if one.profile), None),
    )


def options_of(expected: Expectation) -> list[str]:
    """What the run has to be told."""
    return [*(("--active", "--yes") if expected.active else ()), *(("--profile", str(expected.profile)) if expected.profile else ())]


def at_once(do: Callable[[str, str], None], names: tuple[str, ...]) -> None:
    """Stage or clear; mostly that is waiting until a system shows the effect. All are tried, whatever becomes of one."""
    with ThreadPoolExecutor(len(names)) as pool:
        pending = [pool.submit(do, name, STAGES[name].environment) for name in names]
    for one in pending:
        one.result()


@pytest.mark.parametrize("names", rounds(), ids=" + ".join)
def test_an_incident_is_found_with_its_cause_and_silent_once_repaired(names: tuple[str, ...], tmp_path: Path) -> None:
    expected = merged(names)
    options = options_of(expected)
    try:
        at_once(stage, names)
        done = wait_until_found(tmp_path / "staged", names, *options)
    finally:
        at_once(clear, names)
    assert found(done) - expected.besides == set(expected.findings), done.said
    assert lesser(done) >= set(expected.warnings), done.said
    assert blind(done) <= expected.blind, done.said
    broken = any(breaks_the_way(done, probe, reason) for probe, reason in expected.findings)
    assert bool(done.probe(ALERT_PATH)["findings"]) == broken, done.said
    assert done.verdicts("broken") == {}
    assert done.status == (1 if expected.findings else 2 if done.verdicts("inconclusive") else 0)
    for name in names:
        for (probe, reason), words in STAGES[name].wanted.items():
            check_words(done, probe, reason, words)
    assert ours() == [], "a run leaves nothing of its own behind"
    done = wait_until_healthy(tmp_path / "cleared", *options)
    assert healthy(done), done.said


def check_words(done: Done, probe: str, reason: str, words: list[str]) -> None:
    """One of the findings of this reason says all of it, has steps for the fix, and tells how to prevent it."""
    findings = [one for one in done.probe(probe)["findings"] if one["reason"] == reason]
    assert says(done, probe, reason, words), findings
    assert all(one["steps"] and one["prevention"] for one in findings)


def says(done: Done, probe: str, reason: str, words: list[str]) -> bool:
    findings = [one for one in done.probe(probe)["findings"] if one["reason"] == reason]
    texts = [" ".join(one[part] for part in ("problem", "cause", "fix")) for one in findings]
    return any(all(word in text for word in words) for text in texts)
