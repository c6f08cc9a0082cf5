"""What `clusterprobe doctor` says before the first run: as whom we ask, what we may, what is there and answers, and what a run costs.

It judges nothing: it reads what a run reads to find its way, and asks the API server what is allowed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from clusterprobe.access.cluster import PAGE
from clusterprobe.access.reviews import review
from clusterprobe.catalogue import Entry, chosen
from clusterprobe.evidence import Evidence
from clusterprobe.exits import Exit
from clusterprobe.fixes import line, shell
from clusterprobe.model import Unchecked
from clusterprobe.own_probes import entries
from clusterprobe.permissions import calls, rules_of
from clusterprobe.profile import load_profile
from clusterprobe.readings import Readings
from clusterprobe.redaction import redact_forms
from clusterprobe.report.environments import summary
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.sources import Call, Source, all_sources, closure
from clusterprobe.survey import columns, read
from clusterprobe.systems.confirmations import ANSWERS
from clusterprobe.systems.custom_resources.kinds import chosen as listed_kinds
from clusterprobe.systems.inventory.summary import version_of
from clusterprobe.systems.kubernetes.api import Served
from clusterprobe.words import listed, number, visible_line

MOST_SAID = 8
ALWAYS = ("served", "installations")


@dataclass(frozen=True)
class Wanted:
    """The probes that a run would call, and the sources that they need."""

    probes: list[Entry]
    sources: list[Source]

    @classmethod
    def of(cls, request: Request) -> Wanted:
        profile = load_profile(request.profile, shipped("profiles"))
        probes = [one for one in chosen(entries(request), request.select) if request.select or profile.wants(one.id)]
        names = sorted({name for one in probes for name in one.parameters if name in all_sources()})
        return cls(probes, closure(["identity", "namespaces", *names]))

    @property
    def read(self) -> list[str]:
        """The sources that tell what is there, and whether it answers."""
        names = {one.name for one in self.sources}
        servers = {need for one in self.sources for need in one.needs if need.endswith("_servers")}
        return [*ALWAYS, *sorted(servers), *(name for name in ANSWERS if name in names)]


def examine(request: Request) -> tuple[list[str], int]:
    """The lines to print, and the exit status: 2 where something is refused, does not answer, or could not be read.

    Raises `ProfileError` or `UsageError` for a request that cannot be.
    """
    wanted = Wanted.of(request)
    evidence = read(request, wanted.read)
    if evidence.hopeless:
        return [_safe(one) for one in _no_access(evidence, request)], Exit.INCOMPLETE
    served: Readings[Served] = evidence.get("served")
    asked = _needed(evidence, wanted, served)
    begun = time.monotonic()
    reviewed = review(evidence.cluster, asked) if evidence.cluster else Readings()
    pace = (time.monotonic() - begun) / max(1, len(asked))
    refused = [call for call in asked if str(call) in {subject.name for subject, allowed in reviewed if not allowed}]
    silent = [one for name in wanted.read if name in ANSWERS for one in evidence.get(name).unreadable]
    unread = [one for name in ("namespaces", "pods", *ALWAYS) for one in evidence.get(name).unreadable]
    lines = [
        *_who(evidence),
        *_permissions(asked, refused, reviewed, wanted),
        *_recognised(evidence),
        *_reached(evidence, wanted, silent),
        f"Environments: {summary(evidence.environments.placed())}.",
        *(f"Not read: {one.subject}: {one.reason}" for one in _some(unread)),
        _cost(evidence, wanted, served, pace),
    ]
    evidence.stop()
    well = not (refused or reviewed.unreadable or silent or unread)
    return [_safe(one) for one in lines] + _rules(refused), Exit.HEALTHY if well else Exit.INCOMPLETE


def _safe(text: str) -> str:
    return visible_line(redact_forms(text))


def _some(unread: Iterable[Unchecked]) -> list[Unchecked]:
    return list({(str(one.subject), one.reason): one for one in unread}.values())[:MOST_SAID]


def _who(evidence: Evidence) -> Iterator[str]:
    cluster = evidence.identity
    version = f", Kubernetes {cluster.version}" if cluster.version else ""
    yield f"Cluster: {cluster.server} (context {cluster.context or 'none'}{version})"
    route = "from inside the cluster" if cluster.route == "in-cluster" else "through the API server's proxy"
    yield f"User: {cluster.user or 'not known'}; systems are asked {route}."
    if cluster.skew_seconds:
        side = "ahead of" if cluster.skew_seconds > 0 else "behind"
        yield f"Clock: the API server's is {abs(cluster.skew_seconds):.0f} s {side} this one."


def _no_access(evidence: Evidence, request: Request) -> Iterator[str]:
    cluster = evidence.identity
    yield f"Cluster: {cluster.server or 'not known'} (context {cluster.context or 'none'})"
    yield f"No access: {evidence.hopeless}"
    if cluster.route == "in-cluster":
        yield "See whether a NetworkPolicy lets this pod reach the API server, and whether its service account's token is mounted."
    else:
        yield f"Usual reasons are expired credentials, a VPN, HTTPS_PROXY or NO_PROXY. {_kubectl(request, cluster.context)}".rstrip()


def _kubectl(request: Request, context: str) -> str:
    """How to see whether kubectl gets there; empty where a name cannot stand in a command."""
    given = {"--kubeconfig": request.kubeconfig, "--context": context}
    template = " ".join(["kubectl", *(f"{flag} {{}}" for flag, value in given.items() if value), "auth whoami"])
    command = shell(template, *filter(None, given.values()))
    return f"See whether kubectl gets there: {line(command)}" if command else ""


# --- what we may -------------------------------------------------------------------------------------------------------


def _needed(evidence: Evidence, wanted: Wanted, served: Readings[Served]) -> list[Call]:
    """The calls that need a permission here: not those for kinds that the API does not serve."""
    route = evidence.cluster.connection.route if evidence.cluster else "proxy"
    made = calls(wanted.sources, route, secrets=bool(evidence.profile.secrets))
    there = served.items[0].resources if served.items and served.complete else None
    needed = [one for one in made if there is None or not one.group or f"{one.resource}.{one.group}" in there]
    return sorted(needed, key=lambda one: (one.group, one.resource, one.verb))


def _permissions(asked: list[Call], refused: list[Call], reviewed: Readings[bool], wanted: Wanted) -> Iterator[str]:
    known = len(asked) - len(reviewed.unreadable)
    needed, probes = number(len(asked), "permission"), number(len(wanted.probes), "probe")
    yield f"Permissions: {known - len(refused)} of the {needed} that {probes} need here."
    for one in refused:
        users = [each.id for each in wanted.probes if any(one in source.calls for source in _sources_of(each))]
        yield f"  missing in all namespaces together: {one}, for {listed(users, 4) or 'every probe'}"
    unknown: dict[str, list[str]] = {}
    for blind in reviewed.unreadable:
        unknown.setdefault(blind.reason, []).append(blind.subject.name)
    yield from (f"  not known: {listed(names, 4)}: {reason}" for reason, names in list(unknown.items())[:MOST_SAID])


def _sources_of(probe: Entry) -> list[Source]:
    return closure([name for name in probe.parameters if name in all_sources()])


def _rules(refused: list[Call]) -> list[str]:
    """What is missing, as a part of a role: never as a whole one, which would take the place of what is there."""
    if not refused:
        return []
    text: str = yaml.safe_dump(rules_of(refused), sort_keys=False)
    return ["", "# Add these to the rules of its ClusterRole; `clusterprobe rbac` prints the whole of it.", *text.rstrip().split("\n")]


# --- what is there -----------------------------------------------------------------------------------------------------


def _recognised(evidence: Evidence) -> Iterator[str]:
    found = evidence.get("installations").items
    pods, namespaces = number(len(evidence.get("pods")), "pod"), number(len(evidence.get("namespaces")), "namespace")
    yield f"Recognised: {number(len(found), 'system')} among {pods} in {namespaces}."
    rows = []
    for one in found:
        versions, _ = version_of(one, evidence.confirmations.versions(one))
        judged = (
            "judged" if one.system.judged and one.pods else "its objects are judged" if one.system.groups and one.pods else "not judged"
        )
        rows.append(
            [f"  {one.system.name}", f"{one.namespace}/{one.name}", listed(versions, 3) or "-", listed(one.flavours, 3) or "-", judged]
        )
    yield from columns(rows) if rows else ()


def _reached(evidence: Evidence, wanted: Wanted, silent: list[Unchecked]) -> Iterator[str]:
    answered = sum(len(evidence.get(name)) for name in wanted.read if name in ANSWERS)
    yield f"Answers: {number(answered, 'server')} of {answered + len(silent)} that were asked."
    yield from (f"  no answer: {one.subject}: {one.reason}" for one in _some(silent))


def _cost(evidence: Evidence, wanted: Wanted, served: Readings[Served], pace: float) -> str:
    """How many requests a run makes and how long they take at the pace of those just made; what logs and events take is not known."""
    there = served.items[0] if served.items else Served({})
    lists = {call for one in wanted.sources for call in one.calls if call.verb == "list"}
    lists = {one for one in lists if not one.group or f"{one.resource}.{one.group}" in there.resources}
    kinds, _ = listed_kinds((name for name, one in there.kinds.items() if one.listable), evidence.profile.custom_resources.skip)
    pages = math.ceil(len(evidence.get("pods")) / PAGE)
    servers = [need for one in wanted.sources if one.reads for need in one.needs if need.endswith("_servers")]
    asked = sum(len(evidence.get(need)) for need in servers)
    count = len(lists) + pages + asked + (len(kinds) if any(one.name == "custom_kinds" for one in wanted.sources) else 0)
    probes, seconds = number(len(wanted.probes), "probe"), f"{count * pace:.0f} s"
    return f"A run of {probes} makes at least about {count} requests, which take {seconds} at this pace, and reads logs besides."
