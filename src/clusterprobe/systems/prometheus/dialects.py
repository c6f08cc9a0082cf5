"""What answers as a Prometheus does, wholly or in part: what each dialect is asked for, what is not its work, and what nobody judges."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from clusterprobe.access.servers import Server
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.words import listed


class Ability(enum.Enum):
    """What a server may be asked for."""

    TARGETS = "its targets"
    QUERIES = "queries"
    RULES = "its rules"
    ALERTS = "where it sends alerts"
    STATE = "since when it runs"
    PRESSURE = "whether it keeps up, by the metrics of a Prometheus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One kind of server. What it is neither asked for nor is `not_its_work` is work of it that is not judged here.

    `kind` is what its stack is called: the kind of its custom resource, where it may have one.
    """

    key: str
    kind: str
    can: frozenset[Ability]
    not_its_work: Mapping[Ability, str] = field(default_factory=dict)


_KEEPS_NOTHING = {Ability.QUERIES: "keeps no series that could be queried"}
_NO_RULES = {Ability.RULES: "evaluates no rules", Ability.ALERTS: "sends no alerts"}
_NO_TARGETS = {Ability.TARGETS: "scrapes nothing"}
_NO_WORK = {Ability.STATE: "neither scrapes nor evaluates rules"}
_PRESSURE = {Ability.PRESSURE: "has metrics of its own names, which `victoriametrics/flow` judges"}

PROMETHEUS_DIALECT = Dialect(key="", kind="Prometheus", can=frozenset(Ability))
AGENT_DIALECT = Dialect(
    key="agent",
    kind="PrometheusAgent",
    can=frozenset({Ability.TARGETS, Ability.STATE, Ability.PRESSURE}),
    not_its_work={**_KEEPS_NOTHING, **_NO_RULES},
)
_PARTS: tuple[tuple[str, str, set[Ability], Mapping[Ability, str]], ...] = (
    ("vmagent", "VMAgent", {Ability.TARGETS, Ability.STATE}, {**_KEEPS_NOTHING, **_NO_RULES}),
    ("vmalert", "VMAlert", {Ability.RULES, Ability.ALERTS, Ability.STATE}, {**_KEEPS_NOTHING, **_NO_TARGETS}),
    ("vmsingle", "VMSingle", {Ability.QUERIES}, {**_NO_TARGETS, **_NO_RULES, **_NO_WORK}),
    ("vmsingle that scrapes", "VMSingle", {Ability.TARGETS, Ability.QUERIES, Ability.STATE}, _NO_RULES),
    ("vmselect", "vmselect", set(), {**_NO_TARGETS, **_NO_RULES, **_NO_WORK}),  # whose tenants are not known
    ("vminsert", "vminsert", set(), {**_KEEPS_NOTHING, **_NO_TARGETS, **_NO_RULES, **_NO_WORK}),
    ("vmstorage", "vmstorage", set(), {**_KEEPS_NOTHING, **_NO_TARGETS, **_NO_RULES, **_NO_WORK}),
)
DIALECTS: dict[str, Dialect] = {
    "": PROMETHEUS_DIALECT,
    AGENT_DIALECT.key: AGENT_DIALECT,
    **{key: Dialect(key=key, kind=kind, can=frozenset(can), not_its_work={**rest, **_PRESSURE}) for key, kind, can, rest in _PARTS},
}
UNKNOWN_PART = Dialect(key="?", kind="VictoriaMetrics", can=frozenset())
"""A part of VictoriaMetrics that was not recognised: nothing is known of what it does."""

VICTORIAMETRICS = frozenset(key for key, *_ in _PARTS)
"""The dialects that tell of themselves by VictoriaMetrics' metrics."""


def dialect_of(server: Server) -> Dialect:
    """The dialect of a server."""
    return DIALECTS.get(server.dialect, UNKNOWN_PART)


def able(servers: Readings[Server], *abilities: Ability) -> Readings[Server]:
    """Those that can be asked for all of this.

    One whose work it is not is left out, whether it could be asked or not; where that leaves none, this is what proves that there is
    none. One that would do it, and is not asked for it here, is unreadable.
    """
    kept: list[tuple[Subject, Server]] = []
    blind = [one for one in servers.unreadable if not _idle(_KINDS.get(_kind(one.subject)), abilities)]
    without = {
        f"{_kind(one.subject)} {one.subject.namespace}/{_name(one.subject)} {why}": None
        for one in servers.unreadable
        if one.subject.name and (why := _idle(_KINDS.get(_kind(one.subject)), abilities))
    }
    named = {server.namespace for _, server in servers if server.url}  # by the profile, with an address that answers for them
    for subject, server in servers:
        dialect = dialect_of(server)
        if dialect.can >= set(abilities):
            kept.append((subject, server))
        elif why := _idle(dialect, abilities):
            without[f"{dialect.kind} {server.namespace}/{server.name} {why}"] = None
        elif server.namespace not in named:
            lacking = next(one for one in abilities if one not in dialect.can)
            blind.append(Unchecked(subject=subject, reason=unjudged_here(dialect, lacking, server.namespace)))
    return Readings(tuple(kept), tuple(blind), listed(list(without), 3) if without else servers.absent)


_KINDS = {one.kind: one for one in DIALECTS.values() if one.key != "vmsingle"}  # of which it is not known whether it scrapes


def _idle(dialect: Dialect | None, abilities: tuple[Ability, ...]) -> str:
    """Why one of these is not its work; empty where all are, or that is not known."""
    return next((dialect.not_its_work[one] for one in abilities if one in dialect.not_its_work), "") if dialect else ""


def _kind(subject: Subject) -> str:
    """What the stack of a replica is called, or the object itself."""
    return subject.owner.partition("/")[0] or subject.kind if subject.kind == "Pod" else subject.kind


def _name(subject: Subject) -> str:
    return subject.owner.partition("/")[2] or subject.name if subject.kind == "Pod" else subject.name


def unjudged_here(dialect: Dialect, ability: Ability, namespace: str) -> str:
    """That a server runs, and that this is not asked of it, with the way to settle that."""
    hint = ""
    if ability is Ability.QUERIES:
        hint = f"; name the address of its tenant under `endpoints:` in the profile (system: prometheus, namespace: {namespace})"
    return f"{dialect.kind} runs here; this probe does not judge it, for it is not asked for {ability.value}{hint}"
