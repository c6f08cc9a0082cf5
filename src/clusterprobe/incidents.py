"""Incident patterns that these probes were made of, and what each one's state is in a run."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, Severity

NORMAL = ("NormalStartup",)  # the codes of findings that say that something is as it should be


class State(enum.StrEnum):
    """What a run says about something that several probes watch, from worst to quietest."""

    FOUND = "found"
    UNKNOWN = "could not be checked"
    PARTLY = "partly checked"
    KNOWN = "found, accepted"
    NORMAL = "normal during start-up"
    NOT_RUN = "no probe ran"
    ABSENT = "not applicable"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Sign:
    """A probe, and the codes of its findings that mean the incident is there; all of them where none is named."""

    probe: str
    codes: tuple[str, ...] = ()


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


_GENERATED = ("GeneratedSecretGone", "GeneratedSecretEdited", "GeneratedSecretDeleted", "GeneratedSecretPutBack")

INCIDENTS = (
    Incident(
        "1",
        "A Prometheus selects or scrapes what belongs to another environment",
        "Both releases share a label, and a selector open to all namespaces takes in the other environment's monitors.",
        _signs("prometheus/cross-scrape", "prometheus/selector-overlap"),
    ),
    Incident(
        "2",
        "Alertmanager notifies nobody, or its configuration is missing or refused",
        "A missing or unnamed Secret, a misspelt value or a receiver without a name leaves every alert with the receiver `null`.",
        (*_signs("alertmanager/default-config", "alertmanager/config-secret"), Sign("alertmanager/receivers", ("NoRouteToIntegration",))),
    ),
    Incident(
        "3",
        "A client asks Loki's instant endpoint for log lines",
        "That endpoint answers metric queries only: `log queries are not supported as an instant query type`. Loki itself is fine.",
        _signs("loki/instant-queries", "grafana/log-queries"),
    ),
    Incident(
        "4",
        "Pods take too long to terminate",
        "A slow NFS unmount, or an agent that writes until its grace period ends, holds back every pod on one node.",
        _signs("pods/termination"),
    ),
    Incident(
        "5",
        "A container crashes again and again",
        "A helper that starts before what it calls crashes until that is ready. Harmless if it then stops; real if it continues.",
        (Sign("pods/crash-loop", ("CrashLoop", "OomKilled", "StartError")),),
    ),
    Incident(
        "6",
        "A process is denied write access to its volume (`[Errno 13]`)",
        "The process may not write to its volume: on NFS and hostPath, fsGroup does not change who owns the folder.",
        _signs("storage/volume-permissions"),
    ),
    Incident(
        "7",
        "The database of a Prometheus is on NFS",
        "Prometheus does not support NFS for its database: slow queries, corruption and lost samples follow.",
        (Sign("prometheus/storage", ("TsdbOnNfs",)),),
    ),
    Incident(
        "8",
        "A SealedSecret cannot be decrypted",
        "Sealed values are bound to a namespace and a name; copied elsewhere they cannot be decrypted and no Secret appears.",
        (Sign("sealed-secrets/unsealed", ("CannotDecrypt", "SealingKeyLost")),),
    ),
    Incident(
        "9a",
        "Deleting a PVC keeps or deletes its data on NFS, against the profile",
        "`onDelete` and `archiveOnDelete` of the class decide: data are lost, or archived folders fill the export.",
        (Sign("storage/archive-on-delete", ("DataDeletedWithClaim", "DataKeptAfterClaim")),),
    ),
    Incident(
        "9b",
        "Log agents share a positions file, or lose it",
        "Two agents with one positions file skip each other's lines; without a lasting one a restart sends logs again.",
        _signs("promtail/positions"),
    ),
    Incident(
        "9c",
        "Clients ask Loki for far too much",
        "A wide selector over a long range makes Loki slow for all its clients.",
        _signs("loki/query-cost"),
    ),
    Incident(
        "9d",
        "Alertmanager's generated Secret is edited or deleted",
        "The Operator writes that Secret again from its own input: changes belong there.",
        (Sign("alertmanager/generated-secret", _GENERATED),),
    ),
)


def status_of(incident: Incident, result: RunResult) -> Status:
    """What this run says about an incident."""
    by_id = {probe.id: probe for probe in result.probes}
    wanted = [sign.probe for sign in incident.signs]
    ran = [by_id[one] for one in wanted if one in by_id]
    codes = {sign.probe: sign.codes for sign in incident.signs}
    return status(ran, missing=[one for one in wanted if one not in by_id], codes=codes)


def status(ran: list[ProbeResult], *, missing: Iterable[str] = (), codes: Mapping[str, Collection[str]] | None = None) -> Status:
    """The state of what these probes watch together. `missing` should have run, too; `codes` limits findings by probe.

    Found wins over everything. It is clear only if all of them ran, each passed or was proved not to apply, and nothing was unread.
    """
    absent = list(missing)
    findings = tuple(one for probe in ran for one in _alarming(probe, (codes or {}).get(probe.id, ())))
    state, detail = _state(ran, absent, findings)
    return Status(state, detail, findings, tuple(ran))


def _alarming(probe: ProbeResult, codes: Collection[str]) -> list[Finding]:
    return [one for one in probe.findings if one.severity.at_least(Severity.WARNING) and (not codes or one.reason in codes)]


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
        return State.KNOWN, "only findings that are accepted"
    normal = [one for probe in ran for one in probe.findings if one.reason in NORMAL]
    if normal:
        return State.NORMAL, normal[0].problem
    examined = sum(one.examined for one in ran)
    return (State.CLEAR, f"{examined} examined") if examined else (State.UNKNOWN, "nothing was examined")
