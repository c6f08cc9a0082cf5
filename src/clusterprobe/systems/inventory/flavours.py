"""How an installation was made and is managed, by what its makers write on pods and workloads: its flavour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusterprobe.patterns import ours
from clusterprobe.systems.kubernetes.objects import Metadata

OPENSHIFT, RANCHER, JSONNET = "OpenShift", "Rancher Monitoring", "kube-prometheus (jsonnet)"
PROMETHEUS_OPERATOR, VM_OPERATOR = "Prometheus Operator", "VictoriaMetrics operator"
_CHART = ours(r"([a-z0-9][a-z0-9.-]{0,80}?)-v?(\d+\.\d+[\w.+-]*)")
_CHART_LABELS = ("helm.sh/chart", "chart")
_PART_OF = "app.kubernetes.io/part-of"
# Who an operator is, by the label that it writes on the pods of a custom resource.
_MANAGERS = {"prometheus-operator": PROMETHEUS_OPERATOR, "vm-operator": VM_OPERATOR}
_MANAGED_BY = ("app.kubernetes.io/managed-by", "managed-by")


def flavours(namespace: str, objects: Iterable[Metadata]) -> tuple[str, ...]:
    """What these objects of one installation (its pods and their workloads) say of their makers, the most telling first."""
    found: dict[str, None] = {}
    for one in objects:
        for flavour in _of_labels(namespace, one.labels):
            found.setdefault(flavour)
    return tuple(found)


def _of_labels(namespace: str, labels: Mapping[str, str]) -> Iterable[str]:
    part = labels.get(_PART_OF, "")
    if part == "openshift-monitoring" or namespace in ("openshift-monitoring", "openshift-user-workload-monitoring"):
        yield OPENSHIFT
    yield from (f"the chart {chart}" if chart != "rancher-monitoring" else RANCHER for chart in _charts(labels))
    if part == "kube-prometheus":
        yield JSONNET
    yield from (_MANAGERS[one] for key in _MANAGED_BY if (one := labels.get(key, "")) in _MANAGERS)


def _charts(labels: Mapping[str, str]) -> Iterable[str]:
    for key in _CHART_LABELS:
        if match := _CHART.fullmatch(labels.get(key, "")):
            yield match.group(1)
