"""How a setting of one of the Prometheus Operator's objects is changed: on the object, and where what manages it has it from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterprobe.access.cluster import Resource
from clusterprobe.fixes import change, fragment, patch, shell
from clusterprobe.model import Step
from clusterprobe.systems.kubernetes.managers import manager_of
from clusterprobe.systems.kubernetes.objects import Metadata

# Charts with the values of kube-prometheus-stack: itself, Rancher's, and what it was called before.
STACK_CHARTS = ("kube-prometheus-stack", "rancher-monitoring", "prometheus-operator")
VM_CHART = "victoria-metrics-k8s-stack"
IN_PROMETHEUS = "prometheus.prometheusSpec"
IN_ALERTMANAGER = "alertmanager.alertmanagerSpec"


_OF_VM = {"VMAgent": "vmagent.spec", "VMAlert": "vmalert.spec", "VMSingle": "vmsingle.spec"}


def spec_key(kind: str) -> str:
    """Where the values of the chart that makes objects of a kind have their spec."""
    return {**_OF_VM, "ThanosRuler": "thanosRuler.thanosRulerSpec"}.get(kind, IN_PROMETHEUS)


def value_of(metadata: Metadata, key: str) -> str:
    """A key of a chart's values; empty where the object is not seen to be made of a chart that has it."""
    charts = (VM_CHART,) if key.startswith(tuple(_OF_VM.values())) else STACK_CHARTS
    return key if manager_of(metadata).chart in charts else ""


def where(metadata: Metadata, key: str) -> str:
    """Where a change of the object has to be made to stay, as sentences; `key` is its key of kube-prometheus-stack's values."""
    return manager_of(metadata).lasting(value_of(metadata, key))


def set_spec(
    text: str,
    resource: Resource,
    metadata: Metadata,
    spec: Mapping[str, Any],
    *,
    key: str,
    values: Mapping[str, Any] | None = None,
    instead: str = "",
    after: str = "",
) -> Step:
    """One change of the object's `spec`, as a merge patch. What makes the object of another would undo it, so then no command is printed.

    `key` is where the chart's values have it, `values` what stands below that, where that is not what stands in the spec.
    `instead` is how it is changed where OpenShift makes the object.
    """
    manager = manager_of(metadata)
    if manager.maker:
        return change(" ".join(one for one in (text, manager.lasting(), instead, after) if one))
    in_chart = value_of(metadata, key)
    below = spec if values is None else values
    named = f"{in_chart}.{next(iter(below))}" if in_chart and len(below) == 1 else in_chart
    code: Mapping[str, Any] = {"spec": spec}
    if in_chart:
        code = below
        for name in reversed(key.split(".")):
            code = {name: code}
    return change(
        " ".join(one for one in (text, manager.lasting(named), after) if one),
        shell("kubectl -n {} patch {} {} --type merge -p {}", metadata.namespace, resource.name, metadata.name, patch({"spec": spec})),
        code=fragment(code),
    )
