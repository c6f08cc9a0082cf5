"""The objects of VictoriaMetrics' operator, as what selects monitors and rules the way a Prometheus object does."""

from __future__ import annotations

import msgspec

from clusterprobe.model import Subject
from clusterprobe.systems.kubernetes.objects import LabelSelector, Metadata, Object
from clusterprobe.systems.prometheus.objects import (
    VM_NODE_SCRAPES,
    VM_POD_SCRAPES,
    VM_PROBES,
    VM_RULES,
    VM_SCRAPE_CONFIGS,
    VM_SERVICE_SCRAPES,
    VM_STATIC_SCRAPES,
    Prometheus,
    PrometheusSpec,
    SecretKey,
    Selection,
)


class VmSpec(Object):
    """The selectors of a VMAgent, VMSingle or VMAlert, and where it sends its alerts."""

    select_all_by_default: bool = False
    service_scrape_selector: LabelSelector | None = None
    service_scrape_namespace_selector: LabelSelector | None = None
    pod_scrape_selector: LabelSelector | None = None
    pod_scrape_namespace_selector: LabelSelector | None = None
    probe_selector: LabelSelector | None = None
    probe_namespace_selector: LabelSelector | None = None
    scrape_config_selector: LabelSelector | None = None
    scrape_config_namespace_selector: LabelSelector | None = None
    static_scrape_selector: LabelSelector | None = None
    static_scrape_namespace_selector: LabelSelector | None = None
    node_scrape_selector: LabelSelector | None = None
    node_scrape_namespace_selector: LabelSelector | None = None
    rule_selector: LabelSelector | None = None
    rule_namespace_selector: LabelSelector | None = None
    additional_scrape_configs: SecretKey | None = None
    ignore_namespace_selectors: bool = False
    paused: bool = False


class VmObject(Object):
    """A VMAgent, VMSingle or VMAlert."""

    metadata: Metadata
    spec: VmSpec = msgspec.field(default_factory=VmSpec)


_SCRAPES = {
    VM_SERVICE_SCRAPES.kind: "service_scrape",
    VM_POD_SCRAPES.kind: "pod_scrape",
    VM_PROBES.kind: "probe",
    VM_SCRAPE_CONFIGS.kind: "scrape_config",
    VM_STATIC_SCRAPES.kind: "static_scrape",
    VM_NODE_SCRAPES.kind: "node_scrape",
}
_RULES = {VM_RULES.kind: "rule"}


def scraping(_: Subject, one: VmObject) -> Prometheus:
    """What a VMAgent or VMSingle selects, as a Prometheus object would write it."""
    return _as_prometheus(one, _SCRAPES)


def alerting(_: Subject, one: VmObject) -> Prometheus:
    """What a VMAlert selects, as a Prometheus object would write it."""
    return _as_prometheus(one, _RULES)


def _as_prometheus(one: VmObject, stems: dict[str, str]) -> Prometheus:
    selects = {kind: selection for kind, stem in stems.items() if (selection := _selection(one.spec, stem)) is not None}
    spec = PrometheusSpec(
        selects=selects,
        paused=one.spec.paused,
        additional_scrape_configs=one.spec.additional_scrape_configs,
        ignore_namespace_selectors=one.spec.ignore_namespace_selectors,
    )
    return Prometheus(one.metadata, spec)


def _selection(spec: VmSpec, stem: str) -> Selection | None:
    """Absent selectors: both of them select nothing, or everything by `selectAllByDefault`; that of labels alone, all labels."""
    labels: LabelSelector | None = getattr(spec, f"{stem}_selector")
    places: LabelSelector | None = getattr(spec, f"{stem}_namespace_selector")
    if labels is None and places is None:
        return Selection(LabelSelector(), LabelSelector()) if spec.select_all_by_default else None
    return Selection(labels if labels is not None else LabelSelector(), places)
