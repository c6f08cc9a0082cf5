"""The answer over many clusters as metrics for Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from clusterprobe.fleet.overview import Overview
from clusterprobe.fleet.records import State


def text(over: Overview) -> bytes:
    """Whether each cluster reported, its areas by state, and its findings by probe and code."""
    registry = CollectorRegistry()
    reported = Gauge("clusterprobe_fleet_reported", "Whether a cluster's newest run is new enough.", ["cluster", "uid"], registry=registry)
    areas = Gauge("clusterprobe_fleet_areas", "Areas of a cluster by state.", ["cluster", "uid", "state"], registry=registry)
    labels = ["cluster", "uid", "probe", "code", "severity"]
    findings = Gauge("clusterprobe_fleet_findings", "Findings of a cluster.", labels, registry=registry)
    spread = Gauge(
        "clusterprobe_fleet_finding_clusters",
        "Clusters by what is said of a finding.",
        ["probe", "code", "severity", "state"],
        registry=registry,
    )
    names = {one.uid: one.name for one in over.members}
    for one in over.members:
        reported.labels(one.name, one.uid).set(one.reported)
        for state in State:
            areas.labels(one.name, one.uid, str(state)).set(sum(each is state for each in one.areas.values()))
    for name in over.silent:
        reported.labels(name, "").set(0)
    for found in over.findings:
        for uid, count in found.clusters.items():
            findings.labels(names[uid], uid, found.probe, found.code, str(found.severity)).set(count)
        for state, count in over.counts(found).items():
            spread.labels(found.probe, found.code, str(found.severity), str(state)).set(count)
    return generate_latest(registry)
