"""metrics.prom: the run for a Prometheus, through node_exporter's textfile collector or a push gateway.

Labels are probes, verdicts, severities, reason codes, environments, and the cluster where the profile names it: never the names of
objects, of which there are too many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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
    add = _adding(own, result)
    add("clusterprobe_run_verdict", "1 for what the run came to.", "verdict")(1, result.verdict.value)
    add("clusterprobe_exit_status", "The exit status of the run.")(result.run.exit_status)
    finished, took = epoch(result.run.finished), run_seconds(result.run)
    if finished is not None:
        add("clusterprobe_run_timestamp_seconds", "When the run finished.")(finished)
    if took is not None:
        add("clusterprobe_run_duration_seconds", "How long the run took.")(took)


def _add_probes(own: CollectorRegistry, result: RunResult) -> None:
    add = _adding(own, result)
    verdict = add("clusterprobe_probe_verdict", "1 for what the probe came to.", "probe", "verdict")
    examined = add("clusterprobe_examined", "How many subjects the probe judged.", "probe")
    unchecked = add("clusterprobe_unchecked", "How many subjects the probe could not judge.", "probe")
    findings = add("clusterprobe_findings", "Findings that are not accepted.", "probe", "severity", "reason", "environment")
    for probe in result.probes:
        verdict(1, probe.id, probe.verdict.value)
        examined(probe.examined, probe.id)
        unchecked(len(probe.unchecked), probe.id)
    for keys, count in _counts(result).items():
        findings(count, *keys)


def _adding(own: CollectorRegistry, result: RunResult) -> Callable[..., Callable[..., None]]:
    """Makes metrics, and of each what sets its value for some labels. Where the profile names the cluster, all have that label."""
    from prometheus_client import Gauge

    name = visible_line(result.cluster.name)
    where = {"cluster": name} if name else {}

    def add(metric: str, about: str, *labels: str) -> Callable[..., None]:
        gauge = Gauge(metric, about, [*where, *labels], registry=own)

        def put(value: float, *values: str) -> None:
            given = (*where.values(), *values)
            (gauge.labels(*given) if given else gauge).set(value)

        return put

    return add


def _counts(result: RunResult) -> Counter[tuple[str, str, str, str]]:
    return Counter(
        (probe.id, finding.severity.value, visible_line(finding.reason), visible_line(finding.subject.environment))
        for probe, finding in result.findings()
    )
