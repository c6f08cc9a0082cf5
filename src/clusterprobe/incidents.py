"""The incidents that taught these probes, and what each one's state is in a run."""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, Severity


class State(enum.StrEnum):
    """What a run says about something that several probes watch, from worst to quietest."""

    FOUND = "found"
    UNKNOWN = "could not be checked"
    PARTLY = "partly checked"
    KNOWN = "found, accepted as known"
    NORMAL = "normal phenomenon"
    NOT_RUN = "no probe ran"
    ABSENT = "not here"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Sign:
    """A probe, and the reason codes of its findings (shell pattern) that mean the incident is there."""

    probe: str
    reasons: str = "*"


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that happened. It is clear once every probe among its signs has passed."""

    number: str
    title: str
    explanation: str
    signs: tuple[Sign, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """A state with its evidence: the findings that mean it, and a sentence about what was or was not seen."""

    state: State
    detail: str
    findings: tuple[Finding, ...] = ()
    probes: tuple[ProbeResult, ...] = ()


def _signs(*probes: str) -> tuple[Sign, ...]:
    return tuple(Sign(probe) for probe in probes)


INCIDENTS = (
    Incident(
        "1",
        "The dev Prometheus scrapes prod",
        "Both releases share a label, and a selector open to all namespaces takes in the other environment's monitors.",
        _signs("prometheus/cross-scrape", "prometheus/selector-overlap", "prometheus/foreign-series"),
    ),
    Incident(
        "2",
        "Alertmanager runs its default configuration; no alert reaches Slack",
        "A missing or unnamed Secret, a misspelt value or a receiver without a name leaves every alert with the receiver `null`.",
        _signs("alertmanager/default-config", "alertmanager/config-secret", "alertmanager/receivers"),
    ),
    Incident(
        "3",
        "`log queries are not supported as an instant query type`",
        "Something asks Loki for log lines on the instant endpoint, which answers metric queries only. Loki itself is fine.",
        _signs("loki/instant-queries", "grafana/log-queries"),
    ),
    Incident(
        "4",
        "Pods on worker2 take 30–40 s to terminate",
        "A slow NFS unmount, or an agent that writes until its grace period ends, holds back every pod on one node.",
        _signs("pods/termination", "promtail/grace-period"),
    ),
    Incident(
        "5",
        "`tmp-curl` in CrashLoopBackOff while the stack comes up",
        "A helper that starts before what it calls crashes until that is ready. Harmless if it then stops; real if it goes on.",
        _signs("pods/crash-loop"),
    ),
    Incident(
        "6",
        "PermissionError: Errno 13 on /app/logs",
        "The process may not write to its volume: on NFS and hostPath, fsGroup does not change who owns the folder.",
        _signs("storage/volume-permissions"),
    ),
    Incident(
        "7",
        "The Prometheus database lies on NFS",
        "Prometheus does not support NFS for its database: slow queries, corruption and lost samples follow.",
        (Sign("prometheus/storage", "TsdbOnNfs"),),
    ),
    Incident(
        "8",
        "A SealedSecret sealed for another namespace",
        "Sealed values are bound to a namespace and a name; copied elsewhere they cannot be decrypted and no Secret appears.",
        _signs("sealed-secrets/unsealed"),
    ),
    Incident(
        "9a",
        "Deleted claims leave archived folders on NFS",
        "With `archiveOnDelete` the provisioner renames folders instead of deleting them, until the export is full.",
        _signs("storage/archive-on-delete"),
    ),
    Incident(
        "9b",
        "Promtail's positions are shared between dev and prod, or lost",
        "Two agents with one positions file skip each other's lines; without a lasting one a restart sends logs again.",
        _signs("promtail/positions"),
    ),
    Incident(
        "9c",
        "Loki queries that read far too much",
        "A wide selector over a long range makes Loki slow for everybody.",
        _signs("loki/query-cost"),
    ),
    Incident(
        "9d",
        "Alertmanager's generated Secret is edited or deleted by hand",
        "The Operator writes that Secret again from its own input: changes belong there.",
        _signs("alertmanager/generated-secret"),
    ),
)


def status_of(incident: Incident, result: RunResult) -> Status:
    """What this run says about an incident."""
    by_id = {probe.id: probe for probe in result.probes}
    wanted = [sign.probe for sign in incident.signs]
    ran = [by_id[one] for one in wanted if one in by_id]
    reasons = {sign.probe: sign.reasons for sign in incident.signs}
    return status(ran, missing=[one for one in wanted if one not in by_id], reasons=reasons)


def status(ran: list[ProbeResult], *, missing: Iterable[str] = (), reasons: dict[str, str] | None = None) -> Status:
    """The state of what these probes watch together. `missing` should have run, too; `reasons` limits findings by probe.

    Found wins over everything. It is clear only if all of them ran, each passed or was proved not to apply, and nothing was unread.
    """
    absent = list(missing)
    patterns = reasons or {}
    findings = tuple(one for probe in ran for one in _alarming(probe, patterns.get(probe.id, "*")))
    state, detail = _state(ran, absent, findings)
    return Status(state, detail, findings, tuple(ran))


def _alarming(probe: ProbeResult, pattern: str) -> list[Finding]:
    return [one for one in probe.findings if one.severity.at_least(Severity.WARNING) and fnmatch.fnmatchcase(one.reason, pattern)]


def _state(ran: list[ProbeResult], missing: list[str], findings: tuple[Finding, ...]) -> tuple[State, str]:
    blind = [one for one in ran if one.unchecked or one.verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)]
    if findings:
        return State.FOUND, _also_blind(blind)
    if not ran:
        return State.NOT_RUN, ""
    if blind:
        return State.UNKNOWN, f"{blind[0].id}: {blind[0].reason or blind[0].unchecked[0].reason}"
    if missing:
        return State.PARTLY, f"{', '.join(missing)} did not run"
    return _seen(ran)


def _also_blind(blind: list[ProbeResult]) -> str:
    return f"{', '.join(one.id for one in blind)} could not check everything" if blind else ""


def _seen(ran: list[ProbeResult]) -> tuple[State, str]:
    """The state when every probe ran and could look at everything."""
    if all(one.verdict is ProbeVerdict.NOT_APPLICABLE for one in ran):
        return State.ABSENT, ran[0].reason
    if any(one.known for one in ran):
        return State.KNOWN, "only findings that the profile lists as known"
    normal = [one for probe in ran for one in probe.findings if one.reason.startswith("Normal")]
    if normal:
        return State.NORMAL, normal[0].problem
    examined = sum(one.examined for one in ran)
    return (State.CLEAR, f"{examined} examined") if examined else (State.UNKNOWN, "nothing was examined")
