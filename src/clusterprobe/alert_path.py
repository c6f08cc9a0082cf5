"""The way of an alert through the platform: each hop with what the probes say of it, and what its first break blocks."""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.incidents import State, Status, status
from clusterprobe.known_systems import AIRFLOW, ALERTMANAGER, LOKI, MLFLOW, System
from clusterprobe.model import Finding, Place, ProbeResult, ProbeVerdict, Severity, Subject
from clusterprobe.references import RefKind


@dataclass(frozen=True, slots=True)
class Hop:
    """One system on the way. `vital` are the probes without which nothing gets past it, `beside` others of its area.

    What breaks a reference of the kinds in `needs` lets nothing get past it either, whichever probe finds it.
    """

    name: str
    role: str
    vital: tuple[str, ...]
    beside: tuple[str, ...] = ()
    needs: tuple[RefKind, ...] = ()

    def is_broken_by(self, probe_id: str, finding: Finding) -> bool:
        """Whether a finding breaks it: one of level error of a vital probe, or that breaks what it needs."""
        needed = any(one.split("/", maxsplit=1)[0] in self.needs for one in finding.breaks)
        return finding.severity.at_least(Severity.ERROR) and (needed or self.is_vital(probe_id))

    def is_vital(self, probe_id: str) -> bool:
        return any(fnmatch.fnmatchcase(probe_id, pattern) for pattern in self.vital)

    def watched_by(self, probe_id: str) -> bool:
        """Whether a probe says something about this hop; a vital one of another hop is that hop's alone."""
        if any(hop.is_vital(probe_id) for hop in PATH):
            return self.is_vital(probe_id)
        return any(fnmatch.fnmatchcase(probe_id, pattern) for pattern in self.beside)


def _of(system: System, *needs: RefKind) -> Hop:
    return Hop(system.name, system.role, (*system.vital, system.missing), tuple(f"{area}/*" for area in (system.key, *system.areas)), needs)


PATH = (
    _of(AIRFLOW),
    _of(MLFLOW),
    Hop("FastAPI", "serves it", ("serving/health",), ("serving/*",)),
    _of(LOKI),
    _of(ALERTMANAGER, RefKind.ALERTS),
    Hop("Slack", "informs the team", ("alertmanager/delivery",)),
)


class Passage(enum.StrEnum):
    """Whether an alert gets past a hop."""

    OPEN = "open"
    BROKEN = "broken"
    UNPROVEN = "unproven"
    ABSENT = "not applicable"


@dataclass(frozen=True, slots=True)
class Step:
    """A hop of one environment's way. `why` says what makes it unproven; `breaks` are the findings that make it broken."""

    hop: Hop
    passage: Passage
    why: str = ""
    breaks: tuple[Place, ...] = ()


def walk(probes: Iterable[ProbeResult], environment: str, others: Iterable[str] | None = None) -> list[Step]:
    """Every hop for one environment, in the order of the way; what belongs to no environment counts for each.

    `others` are the environments that have a way of their own, by Alertmanagers of their own: on the shared way, whose environment is
    empty, everything counts but what is theirs; on theirs a shared Alertmanager, if there is one, does not. A finding of level error or
    worse breaks a hop; nothing but a whole look at it opens it.
    """
    everything, apart = list(probes), None if others is None else {*others}
    return [_step(hop, everything, _Way(environment, apart)) for hop in PATH]


@dataclass(frozen=True, slots=True)
class _Way:
    """What is on a way: its environment's, and what is shared; on the shared one also what is of no environment in `apart`."""

    environment: str
    apart: set[str] | None

    def holds(self, probe_id: str, subject: Subject) -> bool:
        if not self.environment:
            return not subject.environment or (self.apart is not None and subject.environment not in self.apart)
        if self.apart and "" in self.apart and probe_id.startswith("alertmanager/") and subject.namespace:
            return subject.environment == self.environment  # the shared one is beside it
        return subject.environment in ("", self.environment)


def _step(hop: Hop, probes: list[ProbeResult], way: _Way) -> Step:
    breaks = tuple(
        (probe.id, number)
        for probe in probes
        for number, finding in enumerate(probe.findings)
        if hop.is_broken_by(probe.id, finding) and way.holds(probe.id, finding.subject)
    )
    if breaks:
        return Step(hop, Passage.BROKEN, breaks=breaks)
    ran = [one for one in probes if hop.is_vital(one.id)]
    if not ran:
        return Step(hop, Passage.UNPROVEN, "no probe of this run looked at it")
    if left := [pattern for pattern in hop.vital if not any(fnmatch.fnmatchcase(one.id, pattern) for one in ran)]:
        return Step(hop, Passage.UNPROVEN, f"{', '.join(left)} did not run")
    for probe in ran:
        if why := _blind(probe, way):
            return Step(hop, Passage.UNPROVEN, f"{probe.id}: {why}")
    if all(probe.verdict is ProbeVerdict.NOT_APPLICABLE for probe in ran):
        return Step(hop, Passage.ABSENT, ran[0].reason)
    return Step(hop, Passage.OPEN)


def _blind(probe: ProbeResult, way: _Way) -> str:
    """Why a probe could not say that this way's hop is open; empty if it could."""
    mine = [one for one in probe.unchecked if way.holds(probe.id, one.subject)]
    if mine:
        return f"{mine[0].subject}: {mine[0].reason}"
    unclear = probe.verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    return probe.reason if unclear and not probe.unchecked else ""


def head(steps: list[Step]) -> Step | None:
    """The first hop that is broken; none if none is."""
    return next((step for step in steps if step.passage is Passage.BROKEN), None)


# --- for the report -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Station:
    """A hop with the status of everything that looks at it. `blocked_by` names the broken hop before it."""

    hop: Hop
    status: Status
    blocked_by: str = ""

    @property
    def state(self) -> State:
        return self.status.state

    @property
    def look(self) -> State:
        """The state to draw: what is blocked is not shown as fine, however sound it is itself."""
        return State.UNKNOWN if self.blocked_by and self.state is not State.FOUND else self.state

    @property
    def label(self) -> str:
        """The state in words that fit into a box; what was not probed is never called fine."""
        if self.blocked_by and self.state is not State.FOUND:
            return f"blocked by {self.blocked_by}"
        passed = sum(probe.verdict is ProbeVerdict.PASS for probe in self.status.probes)
        return {
            State.FOUND: f"{len(self.status.findings)} found",
            State.UNKNOWN: "could not be checked",
            State.KNOWN: "accepted findings",
            State.NORMAL: "normal during start-up",
            State.NOT_RUN: "not checked in this run",
            State.ABSENT: "not applicable",
        }.get(self.state, f"{passed} probe{'s' * (passed != 1)} passed")


def stations(probes: list[ProbeResult], environments: Iterable[str] = ()) -> list[Station]:
    """The hops in order, over all environments: a hop is blocked where an environment's way is broken before it."""
    heads = [broken for name in environments if (broken := head(walk(probes, name)))]
    first = min((PATH.index(one.hop) for one in heads), default=len(PATH))
    return [
        Station(
            hop,
            status(
                [probe for probe in probes if hop.watched_by(probe.id) or any(hop.is_broken_by(probe.id, one) for one in probe.findings)]
            ),
            PATH[first].name if place > first else "",
        )
        for place, hop in enumerate(PATH)
    ]
