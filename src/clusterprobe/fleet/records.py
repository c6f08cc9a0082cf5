"""What a fleet's report reads of a run: small, so that a thousand of them are quick."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Literal

import msgspec

from clusterprobe.decoding import from_json
from clusterprobe.fingerprints import fingerprints
from clusterprobe.model import Cluster, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity

GROUP = "environment"  # the label within which clusters are to be alike


class State(enum.StrEnum):
    """What a run says of an area or a probe, worst first; the last is said of a cluster from which no run arrived in time."""

    FOUND = "found"
    UNCHECKED = "could not be checked"
    CLEAR = "clear"
    NOT_APPLICABLE = "not applicable"
    SILENT = "did not report"


class Row(msgspec.Struct):
    """A finding. `first` is since when it has been there, as far as the cluster's runs remember (UTC, RFC 3339)."""

    fingerprint: str
    probe: str
    code: str
    severity: Severity
    kind: str
    namespace: str
    name: str
    environment: str
    problem: str
    cause: str
    first: str
    new: bool = False


class Gone(msgspec.Struct):
    """A finding of the run before that is resolved."""

    probe: str
    code: str
    severity: Severity
    problem: str


class Record(msgspec.Struct):
    """A run. `probes` are their states by id; `resolved` is how many findings are gone since the run before, and `gone` are which.

    `blind` are the probes that could not check something, those that found something else among them; none where that is not known.
    """

    schema: Literal["clusterprobe/fleet/v1"]
    cluster: Cluster
    run: str
    finished: str
    tool_version: str
    verdict: RunVerdict
    exit_status: int
    selected: list[str]
    probes: dict[str, State]
    findings: list[Row]
    resolved: int = 0
    gone: list[Gone] = []
    blind: list[str] | None = None

    def says(self, probe: str) -> State:
        """What it says of a finding of a probe that it does not have: clear only if the probe looked at everything."""
        state = self.probes.get(probe, State.UNCHECKED)
        if state is not State.FOUND:
            return state
        return State.CLEAR if self.blind is not None and probe not in self.blind else State.UNCHECKED


class Line(Row, kw_only=True):
    """A finding as a line of findings.jsonl, for queries over all clusters: with its cluster and its run."""

    cluster: str
    cluster_name: str
    run: str
    finished: str


def record_of(result: RunResult) -> Record:
    """The record of a run's result, from which secrets were taken out."""
    past = [one for one in result.since.gone if one.state == "resolved"] if result.since else []
    return Record(
        schema="clusterprobe/fleet/v1",
        cluster=result.cluster,
        run=result.run.id,
        finished=result.run.finished,
        tool_version=result.run.tool_version,
        verdict=result.verdict,
        exit_status=result.run.exit_status,
        selected=result.run.selected,
        probes={probe.id: state_of(probe) for probe in result.probes},
        findings=list(_rows(result)),
        resolved=len(past),
        gone=[Gone(one.probe, one.reason, one.severity, one.problem) for one in past],
        blind=[probe.id for probe in result.probes if _is_blind(probe)],
    )


def state_of(probe: ProbeResult) -> State:
    """What a probe says; a note (info) is nothing found. What it could not check comes before what it found clear, never behind it."""
    if any(one.severity.at_least(Severity.WARNING) for one in probe.findings):
        return State.FOUND
    if _is_blind(probe):
        return State.UNCHECKED
    return State.NOT_APPLICABLE if probe.verdict is ProbeVerdict.NOT_APPLICABLE else State.CLEAR


def _is_blind(probe: ProbeResult) -> bool:
    return bool(probe.unchecked) or probe.verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)


def _rows(result: RunResult) -> Iterator[Row]:
    names, new = fingerprints(result), set(result.since.new) if result.since else set()
    for probe in result.probes:
        for place, finding in enumerate(probe.findings):
            name, subject = names[probe.id, place], finding.subject
            known = result.remembered.get(name)
            yield Row(
                fingerprint=name,
                probe=probe.id,
                code=finding.reason,
                severity=finding.severity,
                kind=subject.kind,
                namespace=subject.namespace,
                name=subject.owner or subject.name,
                environment=subject.environment,
                problem=finding.problem,
                cause=finding.cause,
                first=known.first if known else result.run.finished,
                new=(probe.id, place) in new,
            )


def lines_of(record: Record) -> bytes:
    """A run's findings as JSON lines."""
    cluster = record.cluster
    about = {"cluster": cluster.uid, "cluster_name": cluster.name, "run": record.run, "finished": record.finished}
    return msgspec.json.Encoder().encode_lines([Line(**{**msgspec.structs.asdict(one), **about}) for one in record.findings])


def from_lines(content: bytes) -> list[Line]:
    """What `lines_of` wrote. Raises what `from_json` does."""
    return [from_json(line, Line) for line in content.splitlines() if line.strip()]
