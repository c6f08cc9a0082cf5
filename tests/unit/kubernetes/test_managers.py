from typing import Any

import pytest

from clusterprobe.fixes import GIT, SOURCE
from clusterprobe.systems.kubernetes.managers import MANAGED_BY, OPENSHIFT, Manager, manager_of, manager_of_pods
from clusterprobe.systems.kubernetes.objects import Metadata
from tests.factories import make

CHART = {"chart": "kube-prometheus-stack-77.6.2", "heritage": "Helm", "release": "prom"}
HELM = {"meta.helm.sh/release-name": "prom", "meta.helm.sh/release-namespace": "mon"}
UPGRADED = "Without that, the next upgrade of the release may revert a command."
IN_CHART = "In the values of the chart kps 1.0.0 it is `a.b`."
TRACKED = "argocd.argoproj.io/tracking-id"


def metadata(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **more: Any) -> Metadata:
    return make(Metadata, name="k8s", namespace="mon", labels=labels or {}, annotations=annotations or {}, **more)


@pytest.mark.parametrize(
    ("labels", "annotations", "expected"),
    [
        ({}, {}, Manager()),
        (CHART, {}, Manager("kube-prometheus-stack", "77.6.2", "prom")),
        ({"helm.sh/chart": "prometheus-27.42.0"}, {}, Manager("prometheus", "27.42.0")),
        ({"helm.sh/chart": "loki-v6.1.0-rc.1"}, {}, Manager("loki", "6.1.0-rc.1")),
        ({"chart": "rancher-monitoring-104.1.2_up57.0.3"}, {}, Manager("rancher-monitoring", "104.1.2_up57.0.3")),
        ({"chart": "our own"}, {}, Manager()),
        (CHART, HELM, Manager("kube-prometheus-stack", "77.6.2", "mon/prom")),
        ({}, HELM, Manager(release="mon/prom")),
        ({}, {**HELM, "meta.helm.sh/release-name": "prom $(id)"}, Manager()),
        ({MANAGED_BY: "Helm", "app.kubernetes.io/instance": "prom"}, {}, Manager(release="prom")),
        ({"app.kubernetes.io/instance": "prom"}, {}, Manager()),
        ({}, {TRACKED: "apps:monitoring.coreos.com/Prometheus:mon/k8s"}, Manager(git="Argo CD's Application apps")),
        ({}, {TRACKED: "team_apps:monitoring.coreos.com/Prometheus:mon/k8s"}, Manager(git="Argo CD's Application team/apps")),
        ({}, {TRACKED: "apps:monitoring.coreos.com/Prometheus:mon/other"}, Manager()),
        ({}, {TRACKED: "$(id)"}, Manager()),
        ({"argocd.argoproj.io/instance": "apps"}, {}, Manager(git="Argo CD's Application apps")),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
            {},
            Manager(git="Flux's Kustomization flux-system/apps"),
        ),
        (
            {"helm.toolkit.fluxcd.io/name": "kps", "helm.toolkit.fluxcd.io/namespace": "mon"},
            HELM,
            Manager(release="mon/prom", git="Flux's HelmRelease mon/kps"),
        ),
        ({MANAGED_BY: OPENSHIFT}, {}, Manager(maker="OpenShift's Cluster Monitoring Operator")),
    ],
)
def test_who_manages_an_object_is_read_from_its_metadata(labels: dict[str, str], annotations: dict[str, str], expected: Manager) -> None:
    assert manager_of(metadata(labels, annotations)) == expected


def test_an_object_that_another_controls_is_made_by_that() -> None:
    owner = {"apiVersion": "x/v1", "kind": "Stack", "name": "all", "uid": "1"}
    assert manager_of(metadata(ownerReferences=[{**owner, "controller": True}])).maker == "the Stack all"
    assert manager_of(metadata(ownerReferences=[owner])).maker == ""


def test_of_pods_only_the_chart_counts_for_their_owner_is_no_manager() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a-1", "uid": "1", "controller": True}
    assert manager_of_pods(metadata(CHART, ownerReferences=[owner])) == Manager("kube-prometheus-stack", "77.6.2", "prom")


@pytest.mark.parametrize(
    ("manager", "lasting", "source"),
    [
        (Manager(), f"{GIT}.", SOURCE),
        (
            Manager("kps", "1.0.0", "prom"),
            f"{GIT}. In the values of the Helm release prom (chart kps 1.0.0) it is `a.b`.",
            "in the values of the Helm release prom (chart kps 1.0.0), in Git where Argo CD or Flux manages it",
        ),
        (
            Manager("kps", "1.0.0", "mon/prom"),
            f"In the values of the Helm release mon/prom (chart kps 1.0.0) it is `a.b`. {UPGRADED}",
            "in the values of the Helm release mon/prom (chart kps 1.0.0), in Git where Argo CD or Flux manages it",
        ),
        (
            Manager("kps", "1.0.0", git="Argo CD's Application a"),
            f"Change it in Git: Argo CD's Application a applies it from there, and reverts a command. {IN_CHART}",
            "in Git, from where Argo CD's Application a applies it, in the values of the chart kps 1.0.0",
        ),
        (
            Manager(maker="the Stack all"),
            "The Stack all makes the object, and undoes what is changed on it.",
            "in the Stack all, which makes it and undoes what is changed on it",
        ),
    ],
)
def test_where_a_change_stays_is_said_by_what_is_seen(manager: Manager, lasting: str, source: str) -> None:
    assert manager.lasting("a.b") == lasting
    assert manager.source == source
