from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings, single
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.own_log import OwnError
from clusterprobe.systems.prometheus.runtime import Runtime
from probes.prometheus.probe_configuration import probe_configuration
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, server

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
FURTHER = {"name": "further", "key": "jobs.yaml"}
STARTED, LOADED = "2027-01-13T08:00:00Z", "2027-01-15T05:00:00Z"
ONE, TWO = (server("prometheus", "monitoring", "main", f"prometheus-main-{number}")[0] for number in (0, 1))


def runtime(*, loads: bool = True) -> Runtime:
    return Runtime(STARTED, LOADED, loads)


def readings(*replicas: Runtime) -> dict[str, Any]:
    return {
        "prometheus_runtime": Readings(tuple(zip((ONE, TWO), replicas, strict=False)), absent="there is none"),
        "prometheus_own_errors": Readings(absent="no Prometheus is in trouble"),
        "prometheuses": listing("Prometheus", [labelled(Prometheus, "monitoring", "main", spec={"additionalScrapeConfigs": FURTHER})]),
        "clock": CLOCK,
    }


def found(*replicas: Runtime) -> Finding:
    (one,) = judged(probe_configuration, **readings(*replicas)).findings
    return one


def test_a_prometheus_that_runs_with_its_newest_configuration_passes() -> None:
    verdict = judged(probe_configuration, **readings(runtime(), runtime()))
    assert (outcome(verdict), verdict.examined) == ("pass", 2)


def test_a_reload_that_failed_is_found_with_the_age_of_what_it_runs_with() -> None:
    one = found(runtime(), runtime(loads=False))
    assert (one.reason, one.severity, str(one.subject)) == ("ConfigurationNotLoaded", "error", "Prometheus monitoring/main")
    assert "could not load its newest configuration: it runs with the one that it loaded 3 h ago" in one.problem
    assert "prometheus-main-1 says that the last reload failed" in one.cause
    assert "kubectl -n monitoring logs prometheus-main-1 --all-containers --since=24h | grep -iE" in one.fix
    assert [str(ref) for ref in one.breaks] == ["Other/monitoring/Prometheus/main"]


def test_what_its_log_says_of_the_configuration_is_quoted() -> None:
    errors = single(TWO, [OwnError("configuration", "found multiple scrape configs"), OwnError("database", "no space left")])
    (one,) = judged(probe_configuration, **{**readings(runtime(), runtime(loads=False)), "prometheus_own_errors": errors}).findings
    assert one.cause == "prometheus-main-1 says that the last reload failed. Its log says: “found multiple scrape configs”."


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            'scrape timeout greater than scrape interval for scrape config with job name "feed"',
            "the key jobs.yaml of the Secret monitoring/further",
        ),
        ('found multiple scrape configs with job name \\"feed\\"', "No monitor has that job"),
        ('invalid relabelling for scrape config with job name "serviceMonitor/shop/api/0"', "The job is of ServiceMonitor shop/api."),
        ("found multiple scrape configs", "Correct what the log names. Change it"),
    ],
)
def test_where_the_job_that_it_refuses_is_written_is_named(text: str, where: str) -> None:
    errors = single(TWO, [OwnError("configuration", text)])
    (one,) = judged(probe_configuration, **{**readings(runtime(), runtime(loads=False)), "prometheus_own_errors": errors}).findings
    assert where in one.fix


def test_one_that_only_the_profile_names_has_no_pod_whose_log_could_be_read() -> None:
    told = Readings(((Subject(kind="Prometheus", namespace="monitoring", name="main"), runtime(loads=False)),))
    (one,) = judged(probe_configuration, **{**readings(), "prometheus_runtime": told}).findings
    assert [step.commands for step in one.steps] == [[], []]


def test_without_a_prometheus_it_does_not_apply() -> None:
    assert outcome(judged(probe_configuration, **readings())) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_configuration, readings(runtime(loads=False)))
