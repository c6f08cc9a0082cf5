"""metrics.prom: the run for a Prometheus, through node_exporter's textfile collector or a push gateway.

Labels are probes, verdicts, severities, reason codes and environments: never the names of objects, of which there are too many.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from clusterprobe.model import RunResult
from clusterprobe.report.times import run_seconds
from clusterprobe.times import epoch
from clusterprobe.words import visible_line

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def write(result: RunResult, folder: Path) -> None:
    """Write metrics.prom into the folder, all at once, so that nobody reads half of it."""
    from prometheus_client import write_to_textfile

    write_to_textfile(str(folder / "metrics.prom"), registry(result))


def registry(result: RunResult) -> CollectorRegistry:
    """The run's metrics in a registry of their own."""
    from prometheus_client import CollectorRegistry

    own = CollectorRegistry()
    _add_run(own, result)
    _add_probes(own, result)
    return own


def _add_run(own: CollectorRegistry, result: RunResult) -> None:
    from prometheus_client import Gauge

    Gauge("clusterprobe_run_verdict", "1 for what the run came to.", ["verdict"], registry=own).labels(result.verdict.value).set(1)
    Gauge("clusterprobe_exit_status", "The exit status of the run.", registry=own).set(result.run.exit_status)
    finished, took = epoch(result.run.finished), run_seconds(result.run)
    if finished is not None:
        Gauge("clusterprobe_run_timestamp_seconds", "When the run finished.", registry=own).set(finished)
    if took is not None:
        Gauge("clusterprobe_run_duration_seconds", "How long the run took.", registry=own).set(took)


def _add_probes(own: CollectorRegistry, result: RunResult) -> None:
    from prometheus_client import Gauge

    verdict = Gauge("clusterprobe_probe_verdict", "1 for what the probe came to.", ["probe", "verdict"], registry=own)
    examined = Gauge("clusterprobe_examined", "How many subjects the probe judged.", ["probe"], registry=own)
    unchecked = Gauge("clusterprobe_unchecked", "How many subjects the probe could not judge.", ["probe"], registry=own)
    labels = ["probe", "severity", "reason", "environment"]
    findings = Gauge("clusterprobe_findings", "Findings that the profile does not accept.", labels, registry=own)
    for probe in result.probes:
        verdict.labels(probe.id, probe.verdict.value).set(1)
        examined.labels(probe.id).set(probe.examined)
        unchecked.labels(probe.id).set(len(probe.unchecked))
    for keys, count in _counts(result).items():
        findings.labels(*keys).set(count)


def _counts(result: RunResult) -> Counter[tuple[str, str, str, str]]:
    return Counter(
        (probe.id, finding.severity.value, visible_line(finding.reason), visible_line(finding.subject.environment))
        for probe, finding in result.findings()
    )
