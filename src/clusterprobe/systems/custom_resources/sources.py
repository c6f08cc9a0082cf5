"""The objects of custom resources, each kind listed once: what they say of themselves."""

from __future__ import annotations

from clusterprobe import errors
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.model import Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.custom_resources.backups import told_by_schedules
from clusterprobe.systems.custom_resources.kinds import MOST_KINDS, OWN, REPORTING, chosen, is_known, may_be_read, own
from clusterprobe.systems.custom_resources.objects import CustomKind, Raw, kept
from clusterprobe.systems.kubernetes.api import Served
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.words import listed

_SEVERAL = Subject(kind="CustomResources")
REFUSED = "not allowed to list"  # as `Cluster.list` says it
MOST_OBJECTS = 5000  # of one kind
NONE_SERVED = "the API serves no custom resource whose conditions this probe reads"
NONE_OWN = "the API serves none of the kinds of Kubernetes whose conditions this probe reads"
SETTLED_BY = "allow it, or name what is to be left out under custom_resources.skip in the profile"

_CALLS = [Call("list", plural, group) for group, plurals in REPORTING.items() for plural in plurals]
_OWN_CALLS = [Call("list", plural, group) for group, plurals in OWN.items() for plural in plurals]


@source(*_CALLS)
def custom_kinds(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace], profile: Profile) -> Readings[CustomKind]:
    """Every kind of custom resource that no other probe judges, with what its objects say of themselves.

    Beyond the calls that it declares it lists other kinds that discovery shows, where that is allowed; those that may not be listed are
    unreadable in one.
    """
    skip = profile.custom_resources.skip
    doubtful = [one for one in served.unreadable if one.subject.kind != "APIGroup" or may_be_read(one.subject.name, skip)]
    names, beyond = chosen(_listable(served), skip)
    found = _gathered(cluster, served, names, namespaces, Collector(unreadable=doubtful))
    found.values = [(_subject(kind.resource), kind) for kind in told_by_schedules(kind for _, kind in found.values)]
    if beyond:
        found.fail(_SEVERAL, f"only {MOST_KINDS} kinds are read, and not {listed(beyond, 20)}: {SETTLED_BY}")
    return found.readings(NONE_SERVED)


@source(*_OWN_CALLS)
def own_kinds(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace], profile: Profile) -> Readings[CustomKind]:
    """The kinds of Kubernetes itself whose conditions no other probe reads: APIServices, autoscalers, and budgets of disruptions."""
    doubtful = [one for one in served.unreadable if one.subject.kind != "APIGroup" or one.subject.name in OWN]
    names = own(_listable(served), profile.custom_resources.skip)
    return _gathered(cluster, served, names, namespaces, Collector(unreadable=doubtful)).readings(NONE_OWN)


def _listable(served: Readings[Served]) -> list[str]:
    return [name for one in served.items for name, kind in one.kinds.items() if kind.listable]


def _gathered(
    cluster: Cluster, served: Readings[Served], names: list[str], namespaces: Readings[Namespace], found: Collector[CustomKind]
) -> Collector[CustomKind]:
    """Each of these kinds with its objects; those that may not be listed are unreadable in one."""
    everything = served.items[0] if served.items else Served({})
    refused = []
    kinds = cluster.each(
        Readings(tuple((_subject(name), name) for name in names)), lambda _, name: _read(cluster, everything, name, namespaces)
    )
    found.unreadable += kinds.unreadable
    for subject, read in kinds:
        if read is None:
            refused.append(subject.name)
        else:
            found.add(subject, read[0])
            found.unreadable += read[1]
    if refused:
        found.fail(_SEVERAL, f"{REFUSED} {listed(refused, 20)}: {SETTLED_BY}")
    return found


def _read(cluster: Cluster, served: Served, name: str, namespaces: Readings[Namespace]) -> tuple[CustomKind, tuple[Unchecked, ...]] | None:
    """A kind, and which of its objects are unreadable; None where it may not be listed."""
    plural, _, group = name.partition(".")
    kind, version = served.kinds[name], served.version(group, plural)
    there = Resource(version, plural, kind.kind, group, kind.namespaced, most=MOST_OBJECTS)
    try:
        # A role that is made of the declared calls may be bound in namespaces only; others are not asked for one by one.
        read = cluster.list(there, Raw, namespaces if is_known(name) else None)
    except errors.Forbidden:
        return None
    if not read.values and read.unreadable and all(REFUSED in one.reason for one in read.unreadable):
        return None
    return CustomKind(group, plural, version, kind.kind, [kept(one, kind.kind) for one in read.items]), read.unreadable


def _subject(name: str) -> Subject:
    return Subject(kind="CustomResource", name=name)
