"""A kube-state-metrics that may not list: its log is read, and its role is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.accounts import Refused
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.prometheus import state_metrics
from clusterprobe.systems.prometheus.state_metrics import Unlisted, state_metrics_refusals, unlisted_in
from probes.prometheus.probe_state_metrics import probe_state_metrics
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome

USER = r"User \"system:serviceaccount:monitoring:ksm\" cannot"
KSM = Subject(kind="StatefulSet", name="ksm", namespace="monitoring", api_version="apps/v1")
OWNER = {"kind": "StatefulSet", "name": "ksm", "uid": "u", "controller": True, "apiVersion": "apps/v1"}


def line(resource: str, group: str = "", verb: str = "list", where: str = "at the cluster scope") -> str:
    name = f"{resource}.{group}".rstrip(".")
    what = rf"{USER} {verb} resource \"{resource}\" in API group \"{group}\" {where}"
    return f'E1122 21:22:29 1 reflector.go:166] "Unhandled Error" err="failed to list: {name} is forbidden: {what}" logger="UnhandledError"'


JOBS = line("jobs", "batch")
INGRESSES = line("ingresses", "networking.k8s.io", where=r"in the namespace \"shop\"")
OTHERS = ("I1122 started", "E1122 failed to list *v1.Job: the server could not find the requested resource", line("leases", verb="create"))


def pod(name: str = "ksm-0", image: str = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.18.0", **status: Any) -> Pod:
    state = {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}], **status}
    containers = [{"name": "proxy", "image": "quay.io/brancz/kube-rbac-proxy:v1"}, {"name": "ksm", "image": image}]
    return labelled(Pod, "monitoring", name, metadata={"ownerReferences": [OWNER]}, spec={"containers": containers}, status=state)


class Asking:
    """A cluster that asks each in turn; what cannot be read stays so."""

    def each(self, found: Readings[Any], read: Callable[[Any, Any], Any]) -> Readings[Any]:
        return Readings(tuple((subject, read(subject, one)) for subject, one in found), found.unreadable, found.absent)


def read(monkeypatch: pytest.MonkeyPatch, lines: list[str], *pods: Pod) -> tuple[Readings[Unlisted], list[str]]:
    asked: list[str] = []

    def last_lines(_: object, one: Pod, container: str, *__: object, **___: object) -> list[str]:
        asked.append(f"{one.metadata.name}/{container}")
        return lines

    monkeypatch.setattr(state_metrics, "last_lines", last_lines)
    return state_metrics_refusals(Asking(), listing("Pod", pods)), asked  # type: ignore[arg-type]


def test_each_kind_that_it_may_not_list_is_read_once() -> None:
    found = unlisted_in(KSM, [JOBS, *OTHERS, INGRESSES, JOBS, line("pods", verb="watch")])
    user = "system:serviceaccount:monitoring:ksm"
    assert found.refused == [
        Refused(user, "monitoring", "ksm", "list", "ingresses", "networking.k8s.io", "shop"),
        Refused(user, "monitoring", "ksm", "list", "jobs", "batch"),
        Refused(user, "monitoring", "ksm", "watch", "pods", ""),
    ]
    assert "pods is forbidden" in found.said
    assert unlisted_in(KSM, [*OTHERS]) == Unlisted(KSM, [])


def test_its_own_container_is_read_of_pods_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    others = (pod("web-0", image="x/web:1"), pod("done-0", phase="Succeeded"), pod("new-0", phase="Pending"))
    found, asked = read(monkeypatch, [JOBS], pod(), *others)
    assert asked == ["ksm-0/ksm"]
    assert [one.subject.name for one in found.unreadable] == ["new-0"]
    assert found.items[0].refused[0].what == "jobs.batch"


def test_without_one_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = read(monkeypatch, [], pod(image="x/web:1"))
    assert outcome(judged(probe_state_metrics, state_metrics_refusals=found)) == "not_applicable"


def judge(*lines: str) -> list[Finding]:
    readings = Readings(
        ((PODS.subject("monitoring", "ksm-0"), unlisted_in(KSM, [*lines])), (PODS.subject("monitoring", "ksm-1"), Unlisted(KSM, [])))
    )
    return judged(probe_state_metrics, state_metrics_refusals=readings).findings


def test_one_that_may_list_all_passes() -> None:
    assert judge() == []


def test_what_it_may_not_list_is_one_finding_with_the_role_that_it_lacks() -> None:
    (one,) = judge(line("deployments", "apps"), JOBS, line("pods"), line("services"))
    assert (one.reason, one.severity, str(one.subject)) == ("StateMetricsMayNotList", "error", "StatefulSet monitoring/ksm")
    assert one.problem == (
        "StatefulSet monitoring/ksm may not list deployments.apps, jobs.batch, pods, services: it has no series of them, so that no alert "
        "on them fires."
    )
    assert "services is forbidden" in one.cause
    assert "$ kubectl auth can-i list jobs.batch --as=system:serviceaccount:monitoring:ksm" in one.fix
    assert "$ kubectl create clusterrole ksm-lists --verb=list,watch --resource=deployments.apps,jobs.batch,pods,services" in one.fix
    assert "$ kubectl create clusterrolebinding ksm-lists --clusterrole=ksm-lists --serviceaccount=monitoring:ksm" in one.fix
    assert "can-i list services" not in one.fix  # three tell as much
    assert "Let a role with list on deployments, jobs, pods, services be bound to the ServiceAccount monitoring/ksm by a Cluster" in one.fix


def test_what_it_may_not_list_in_a_namespace_is_asked_there() -> None:
    (one,) = judge(INGRESSES)
    assert "may not list ingresses.networking.k8s.io in shop:" in one.problem
    assert "$ kubectl -n shop auth can-i list ingresses.networking.k8s.io --as=system:serviceaccount:monitoring:ksm" in one.fix
    assert "by a RoleBinding in shop" in one.fix


def test_a_role_of_one_namespace_is_made_there() -> None:
    (one,) = judge(INGRESSES)
    assert "$ kubectl -n shop create role ksm-lists --verb=list,watch --resource=ingresses.networking.k8s.io" in one.fix
    assert "$ kubectl -n shop create rolebinding ksm-lists --role=ksm-lists --serviceaccount=monitoring:ksm" in one.fix


@pytest.mark.parametrize(
    "lines", [(JOBS, line("secrets")), [line("jobs", "batch", where=rf"in the namespace \"{one}\"") for one in "abcd"]]
)
def test_no_role_is_made_for_secrets_or_in_many_namespaces(lines: tuple[str, ...]) -> None:
    (one,) = judge(*lines)
    assert " create " not in one.fix


def test_what_cannot_be_read_is_never_a_pass() -> None:
    readings = Readings(((PODS.subject("monitoring", "ksm-0"), unlisted_in(KSM, [JOBS])),))
    assert_blindness_is_no_health(probe_state_metrics, {"state_metrics_refusals": readings})
