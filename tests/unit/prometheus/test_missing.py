from typing import Any

import pytest

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import LOKI, PROMETHEUS
from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.installations import Installation
from clusterprobe.systems.kubernetes.objects import Namespace
from probes.airflow.probe_missing import probe_missing as probe_airflow_missing
from probes.alertmanager.probe_missing import probe_missing as probe_alertmanager_missing
from probes.loki.probe_missing import probe_missing as probe_loki_missing
from probes.mlflow.probe_missing import probe_missing as probe_mlflow_missing
from probes.prometheus.probe_missing import probe_missing
from tests.factories import judged, labelled, listing, outcome, reasons, refused, server

NAMESPACES = listing("Namespace", [labelled(Namespace, "", "monitoring-dev")])


def platform(*found: tuple[Any, Server], expect: list[str], unreadable: Any = ()) -> dict[str, Any]:
    profile = Profile.model_validate({"expect": {"prometheus": expect}})
    return {
        "metric_servers": Readings(found, tuple(unreadable), "there is none"),
        "namespaces": NAMESPACES,
        "installations": Readings(absent="none"),
        "profile": profile,
    }


HERE = server("prometheus", "monitoring-dev", "main")


def test_without_expectations_it_does_not_apply() -> None:
    assert outcome(judged(probe_missing, **platform(expect=[]))) == "not_applicable"


def test_without_expectations_blindness_does_not_matter() -> None:
    assert outcome(judged(probe_missing, **platform(expect=[], unreadable=[refused("PodList")]))) == "not_applicable"


def test_what_is_expected_and_there_passes() -> None:
    assert outcome(judged(probe_missing, **platform(HERE, expect=["monitoring-dev"]))) == "pass"


def test_what_is_expected_and_gone_is_an_error() -> None:
    (finding,) = judged(probe_missing, **platform(HERE, expect=["monitoring-dev", "monitoring-prod"])).findings
    assert (finding.severity, finding.reason, finding.subject.namespace) == (Severity.ERROR, "ExpectedMissing", "monitoring-prod")
    assert "not even a namespace monitoring-prod" in finding.cause
    assert "monitoring.coreos.com" not in finding.fix, "the API may not serve what only the Operator brings"


def test_a_namespace_that_is_still_there_is_said_to_be() -> None:
    (finding,) = judged(probe_missing, **platform(expect=["monitoring-dev"])).findings
    assert "The namespace monitoring-dev has none" in finding.cause


def test_what_could_not_be_read_there_may_still_be_there() -> None:
    for blind in (refused("PodList"), refused("PrometheusList", "monitoring-dev")):
        verdict = judged(probe_missing, **platform(expect=["monitoring-dev"], unreadable=[blind]))
        assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_what_could_not_be_read_elsewhere_hides_nothing() -> None:
    verdict = judged(probe_missing, **platform(expect=["monitoring-dev"], unreadable=[refused("PodList", "other")]))
    assert reasons(verdict) == ["ExpectedMissing"]


def test_one_that_is_scaled_to_zero_is_there_but_unchecked() -> None:
    stopped = refused("Prometheus", "monitoring-dev", "it is scaled to 0, so there is nothing to ask")
    named = type(stopped)(subject=HERE[0], reason=stopped.reason)
    verdict = judged(probe_missing, **platform(expect=["monitoring-dev"], unreadable=[named]))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_one_whose_workload_is_scaled_to_zero_is_said_to_be() -> None:
    workload = Subject(api_version="apps/v1", kind="Deployment", namespace="monitoring-dev", name="prometheus-server")
    idle = Installation(PROMETHEUS, "monitoring-dev", "main", (), (workload,))
    other = Installation(LOKI, "monitoring-dev", "loki", (), (workload,))
    readings = platform(expect=["monitoring-dev"]) | {"installations": Readings(((idle.subject, idle), (other.subject, other)))}
    (finding,) = judged(probe_missing, **readings).findings
    assert finding.problem == "The profile expects a Prometheus in monitoring-dev, and it is scaled to 0."
    assert finding.cause.startswith("Deployment monitoring-dev/prometheus-server is there, with spec.replicas 0.")
    assert "$ kubectl -n monitoring-dev get deployment prometheus-server -o yaml --show-managed-fields" in finding.fix


def test_one_that_only_the_profile_names_by_its_address_is_not_taken_for_seen() -> None:
    by_address = Server(system="prometheus", namespace="monitoring-dev", name="main", url="https://prometheus.example")
    verdict = judged(probe_missing, **platform((HERE[0], by_address), expect=["monitoring-dev"]))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


@pytest.mark.parametrize(
    ("probe", "system"),
    [
        (probe_alertmanager_missing, "alertmanager"),
        (probe_loki_missing, "loki"),
        (probe_airflow_missing, "airflow"),
        (probe_mlflow_missing, "mlflow"),
    ],
)
def test_the_other_systems_are_held_against_their_own_expectations(probe: Any, system: str) -> None:
    profile = Profile.model_validate({"expect": {system: ["logging"]}})
    verdict = judged(probe, **{f"{system}_servers": Readings(), "namespaces": NAMESPACES, "installations": Readings(), "profile": profile})
    assert [one.subject.kind.lower() for one in verdict.findings] == [system]
