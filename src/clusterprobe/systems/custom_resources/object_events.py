"""What the events tell of objects whose conditions say that they fail: some controllers give the reason only there."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.excerpt import excerpt
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.custom_resources.diagnosis import failing
from clusterprobe.systems.custom_resources.objects import CustomKind, CustomObject
from clusterprobe.systems.kubernetes.events import ObjectEvent, events_of
from clusterprobe.times import epoch

MAX_EVENTS = 100  # of one object
MAX_OBJECTS = 20  # whose events are read in one run
MAX_CHARACTERS = 600
AROUND_SECONDS = 60.0  # a controller writes its event just before or after the condition
NOTHING = "no object fails by its conditions"


class Heard(msgspec.Struct, frozen=True):
    """The newest warning of an object that belongs to its present failure, and says more than its conditions; empty where none does."""

    message: str = ""


@source(Call("list", "events"))
def object_warnings(cluster: Cluster, custom_kinds: Readings[CustomKind]) -> Readings[Heard]:
    """What the events tell of the custom objects that fail by their conditions, at most of 20."""
    wanted: Collector[tuple[CustomKind, CustomObject]] = Collector(unreadable=list(custom_kinds.unreadable))
    for kind in custom_kinds.items:
        for one in kind.objects:
            if not failing(kind.group, one):
                continue
            if len(wanted.values) < MAX_OBJECTS:
                wanted.add(kind.subject_of(one), (kind, one))
            else:
                wanted.fail(kind.subject_of(one), f"only the events of the first {MAX_OBJECTS} objects that fail are read")
    read = cluster.each(wanted.readings(), lambda subject, pair: Heard(_message(pair, events_of(cluster, subject, MAX_EVENTS))))
    return Readings(read.values, read.unreadable, NOTHING)


def _message(pair: tuple[CustomKind, CustomObject], events: list[ObjectEvent]) -> str:
    """An event that is older than the failure belongs to an earlier one."""
    wrong = failing(pair[0].group, pair[1])
    began = min((moment for each in wrong if (moment := epoch(each.last_transition_time)) is not None), default=0.0)
    told = [one for one in events if one.type == "Warning" and one.last is not None and one.last >= began - AROUND_SECONDS]
    newest = max(told, key=lambda one: one.last or 0.0, default=None)
    if newest is None or any(newest.message.strip() in each.message for each in wrong):
        return ""
    return excerpt(newest.message.strip(), MAX_CHARACTERS)
