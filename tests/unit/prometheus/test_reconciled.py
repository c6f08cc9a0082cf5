from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.selection import prometheus_operators
from probes.prometheus.probe_reconciled import probe_reconciled
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, recognised

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
TWO_HOURS_AGO, JUST_UNDER, FIVE_MINUTES_AGO = "2027-01-15T06:00:00Z", "2027-01-15T07:55:01Z", "2027-01-15T07:55:00Z"
IMAGE = "quay.io/prometheus-operator/prometheus-operator:v0.85.0"
WELL = ({"type": "Reconciled", "status": "True"}, {"type": "Available", "status": "True"})
MISSING = 'creating config failed: secrets "scrape-configs" not found'


def condition(kind: str, status: str, message: str = "", since: str = TWO_HOURS_AGO) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": "Failed", "message": message, "lastTransitionTime": since}


def prometheus(*conditions: dict[str, str], **spec: Any) -> Prometheus:
    return labelled(Prometheus, "monitoring", "main", spec=spec, status={"conditions": list(conditions or WELL)})


def operator(namespace: str = "monitoring", owner: str = "operator", number: int = 0, args: tuple[str, ...] = ()) -> Pod:
    container = {"name": "operator", "image": IMAGE, "args": list(args)}
    owners = [{"kind": "ReplicaSet", "name": f"{owner}-1", "uid": owner, "controller": True}]
    metadata = {"ownerReferences": owners}
    return labelled(Pod, namespace, f"{owner}-1-{number}", {"pod-template-hash": "1"}, metadata=metadata, spec={"containers": [container]})


def readings(one: Prometheus | None = None, *, operators: tuple[Pod, ...] = (), **changed: Any) -> dict[str, Any]:
    pods = listing("Pod", operators or [operator()])
    alertmanager = labelled(Alertmanager, "monitoring", "main", status={"conditions": list(WELL)})
    return {
        "prometheuses": listing("Prometheus", [one or prometheus()]),
        "prometheus_agents": listing("PrometheusAgent", []),
        "alertmanagers": listing("Alertmanager", [alertmanager]),
        "prometheus_operators": prometheus_operators(recognised(pods)),
        "pods": pods,
        "clock": CLOCK,
        **changed,
    }


def found(one: Prometheus | None = None, **changed: Any) -> Finding:
    (finding,) = judged(probe_reconciled, **readings(one, **changed)).findings
    return finding


def test_objects_that_are_reconciled_by_one_operator_pass() -> None:
    verdict = judged(probe_reconciled, **readings())
    assert (outcome(verdict), verdict.examined) == ("pass", 2)


def test_an_object_that_the_operator_refuses_is_found_with_its_words() -> None:
    one = found(prometheus(condition("Reconciled", "False", MISSING)))
    assert (one.reason, one.severity, str(one.subject)) == ("ObjectNotReconciled", "error", "Prometheus monitoring/main")
    assert "has not applied Prometheus monitoring/main for 2 h" in one.problem
    assert 'secrets "scrape-configs" not found' in one.cause
    assert "Create the Secret scrape-configs in namespace monitoring" in one.fix
    assert (one.breaks, one.rests_on) == (["Other/monitoring/Prometheus/main"], ["Secret/monitoring/scrape-configs"])


def test_a_class_that_does_not_exist_is_replaced_on_the_object() -> None:
    one = found(prometheus(condition("Reconciled", "False", 'storage class "gp3" does not exist')))
    assert "Name one of them instead of gp3 in spec.storage.volumeClaimTemplate.spec.storageClassName" in one.fix
    assert "$ kubectl get storageclass" in one.fix
    assert "$ kubectl -n monitoring edit prometheuses.monitoring.coreos.com main" in one.fix


def test_of_a_refusal_that_names_no_object_only_the_message_is_told() -> None:
    one = found(prometheus(condition("Reconciled", "False", "something new")))
    assert "“something new”" in one.cause
    assert one.rests_on == []
    assert " edit " not in one.fix


@pytest.mark.parametrize(
    ("since", "codes"), [(JUST_UNDER, []), (FIVE_MINUTES_AGO, ["NotAvailable"]), ("9999-12-31T23:59:59Z", ["NotAvailable"])]
)
def test_an_object_without_pods_is_found_after_five_minutes(since: str, codes: list[str]) -> None:
    one = prometheus(WELL[0], condition("Available", "False", "shard 0: pod prometheus-main-0: 0/3 nodes are available", since))
    assert reasons(judged(probe_reconciled, **readings(one))) == codes


def test_a_missing_pod_is_explained_by_what_keeps_it() -> None:
    one = found(prometheus(WELL[0], condition("Available", "Degraded", "some pods")))
    assert (one.severity, one.rests_on) == ("warning", ["StatefulSet/monitoring/prometheus-main"])


def test_an_object_that_is_paused_is_a_note() -> None:
    one = found(prometheus(condition("Reconciled", "False"), paused=True))
    assert one.severity == "info"
    patch = 'prometheuses.monitoring.coreos.com main --type merge -p \'{"spec":{"paused":false}}\''
    assert f"$ kubectl -n monitoring patch {patch}" in one.fix


def test_an_object_without_conditions_is_a_note() -> None:
    old = labelled(Prometheus, "monitoring", "main")
    assert len(judged(probe_reconciled, **readings(old)).notes) == 1


def test_a_condition_that_is_unknown_is_unchecked() -> None:
    assert outcome(judged(probe_reconciled, **readings(prometheus(condition("Reconciled", "Unknown"))))) == "inconclusive"


def test_two_operators_that_manage_the_same_objects_are_found_once() -> None:
    one = found(operators=(operator(), operator("default", "forgotten")))
    assert (one.reason, one.severity) == ("TwoOperators", "error")
    assert "2 Prometheus Operators manage Prometheus monitoring/main, Alertmanager monitoring/main" in one.problem
    assert "Deployment default/forgotten and Deployment monitoring/operator" in one.problem


@pytest.mark.parametrize(
    "other",
    [
        operator(number=1),  # a second pod of the same Deployment
        operator("team", "own", args=("--namespaces=team",)),
        operator("team", "own", args=("--controller-id=team",)),
        operator("team", "own", args=("--prometheus-instance-namespaces=team", "--alertmanager-instance-namespaces=team")),
    ],
)
def test_an_operator_that_manages_others_is_no_second_one(other: Pod) -> None:
    assert outcome(judged(probe_reconciled, **readings(operators=(operator(), other)))) == "pass"


def test_where_there_is_no_object_it_does_not_apply() -> None:
    nothing = {name: listing(name, []) for name in ("prometheuses", "alertmanagers")}
    assert outcome(judged(probe_reconciled, **readings(**nothing))) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_reconciled, readings(), but=("pods",))


@pytest.mark.parametrize(
    ("generation", "severity", "words"),
    [(4, "info", ""), (5, "warning", "1 change of it waits."), (7, "warning", "3 changes of it wait.")],
)
def test_a_paused_object_is_a_warning_once_a_change_waits(generation: int, severity: str, words: str) -> None:
    told = [{**each, "observedGeneration": 3} for each in WELL]
    one = labelled(
        Prometheus, "monitoring", "main", metadata={"generation": generation}, spec={"paused": True}, status={"conditions": told}
    )
    finding = found(one)
    assert (finding.reason, finding.severity) == ("Paused", severity)
    assert words in finding.problem
    assert finding.breaks == ["Other/monitoring/Prometheus/main"]
