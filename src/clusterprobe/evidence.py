"""All that a run reads: from a cluster or from a bundle, before the probes judge it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from clusterprobe import errors, model
from clusterprobe.access import bodies
from clusterprobe.access.bundle import Bundle
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.deadline import Deadline
from clusterprobe.environments import Environments
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Clean, Readings, unreadable
from clusterprobe.redaction import cleaned, redact
from clusterprobe.sources import Gathering, Source, closure
from clusterprobe.systems.confirmations import CONFIRMING, Confirmations, confirmations
from clusterprobe.systems.inventory.recognition import system_pods
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.kubernetes.references import whole
from clusterprobe.systems.kubernetes.resources import NAMESPACES
from clusterprobe.systems.prometheus.stacks import stack_namespaces

CLEANUP_SECONDS = 60.0
JUDGING_SECONDS = 3.0  # what was read at the last moment has to be judged, too
ALWAYS = ("identity", "namespaces")  # every report says which cluster it is about, and of which environments


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of the capture: epoch seconds by the API server's clock."""

    now: float


class Evidence:
    """The readings of the selected sources. `start` begins to read; `get` waits for one of them."""

    def __init__(
        self,
        names: Iterable[str],
        profile: Profile,
        *,
        cluster: Cluster | None = None,
        bundle: Bundle | None = None,
        active: bool = False,
        deadline: Deadline | None = None,
        on_done: Callable[[str, float], None] = lambda name, seconds: None,
    ) -> None:
        bodies.begin_run()
        self.profile, self.cluster, self.bundle, self.active = profile, cluster, bundle, active
        self.deadline = deadline or Deadline.after(profile.timeout_seconds)
        self._judging = Deadline(self.deadline.at + JUDGING_SECONDS)
        self.wanted = closure([*ALWAYS, *names])
        self._names = frozenset(one.name for one in self.wanted)
        self._hopeless, self._stopped = "", False
        self._placed: tuple[Readings[Namespace], Readings[Any], Readings[Namespace]] | None = None  # from what the last one was made
        self._moment = time.time()
        self._gathering = Gathering(self.wanted, self._read, on_done)

    def start(self) -> None:
        """Find out who we are, then read everything else in parallel. Without access, nothing else is asked."""
        if self.cluster is not None:
            try:
                self._identity = closure(["identity"])[0].function(cluster=self.cluster)
            except errors.Unreadable as error:  # what it can do without, `identity` does without
                self._hopeless = str(error)
        # Taken before anything is read: an active source takes minutes, and what was read before it would seem that old.
        self._moment = self.cluster.now() if self.cluster else time.time()
        self._gathering.start()

    def get(self, name: str) -> Any:
        """The readings of a source; past the deadline, readings that say so."""
        if self._stopped:
            return self._gathering.result(name, 0.0, "not read before the run was interrupted")
        readings = self._gathering.result(name, self.deadline.at)
        return self._of_all_pods(readings) if name == "namespaces" else readings

    def known(self, name: str) -> Readings[Any]:
        """The readings of a source if this run wants them; else empty ones."""
        return self.get(name) if name in self._names else Readings()

    @property
    def objects(self) -> list[Readings[Any]]:
        """The readings of this run that are objects of the API, with their metadata."""
        return [self.get(one.name) for one in self.wanted if one.reads and one.lists_objects]

    def _of_all_pods(self, namespaces: Readings[Namespace]) -> Readings[Namespace]:
        """Namespaces are read before pods, by which it shows whether these were all; a run without pods has nothing to place."""
        if "pods" not in self._names:
            return namespaces
        pods = self._gathering.result("pods", self.deadline.at)
        if self._placed is None or self._placed[0] is not namespaces or self._placed[1] is not pods:
            held = whole(namespaces, NAMESPACES, {("", on.namespace): on for on, pod in pods if pod.running})
            self._placed = namespaces, pods, held
        return self._placed[2]

    @property
    def judging(self) -> Deadline:
        """Until when probes may judge; of an interrupted run, a little longer than it was."""
        return self._judging

    @property
    def hopeless(self) -> str:
        """Why the API server gives no access, if it gives none."""
        return self._hopeless

    @property
    def reached(self) -> bool:
        """Whether the cluster answered as one does: it said who it is."""
        return bool(self.get("identity").items)

    @property
    def unrecorded(self) -> frozenset[str]:
        """The sources of which the replayed bundle holds nothing."""
        return frozenset(one.name for one in self.wanted if self.bundle is not None and self.bundle.lacks(one))

    @property
    def seconds(self) -> Mapping[str, float]:
        return self._gathering.seconds

    @property
    def clock(self) -> Clock:
        if self.bundle is not None:
            return Clock(self.bundle.manifest.clock)
        return Clock(self._moment)

    @functools.cached_property
    def environments(self) -> Environments:
        """Which namespace belongs to which; the names of those that hold a Prometheus show by which parts they differ, if pods are read."""
        found = self.get if "system_pods" in self._names else lambda _: system_pods(self.known("pods"), self.profile)
        return Environments(self.profile, self.get("namespaces").items, stack_namespaces(found("system_pods").items))

    @functools.cached_property
    def confirmations(self) -> Confirmations:
        """What the systems of this run said of themselves, as far as its probes asked them anyway."""
        return confirmations({name: self.known(name) for name in CONFIRMING})

    @property
    def unplaced(self) -> Readings[Any]:
        """What is unreadable of the namespaces, unless the profile says itself which environment each belongs to."""
        return Readings((), () if self.profile.environments else self.get("namespaces").unreadable)

    @property
    def identity(self) -> model.Cluster:
        """Which cluster this is; what could not be found out is empty."""
        readings: Readings[model.Cluster] = self.get("identity")
        if readings.items:
            return readings.items[0]
        if self.bundle is not None:
            return self.bundle.manifest.cluster
        connection = self.cluster.connection if self.cluster else None
        if connection is None:
            return model.Cluster()
        return model.Cluster(context=connection.context, server=connection.origin.url, user=connection.user, route=connection.route)

    def stop(self) -> None:
        """End an interrupted run: active sources clean up behind them, which is waited for."""
        self._stopped = True  # nothing else is waited for
        if self.cluster is not None:
            self._await_cleanup(self.cluster)
        self._judging = self._judging.within(JUDGING_SECONDS) if not self._judging.passed else Deadline.after(JUDGING_SECONDS)

    def _await_cleanup(self, cluster: Cluster) -> None:
        cluster.stop.set()
        changing = [one.name for one in self.wanted if one.active]
        limit = time.monotonic() + CLEANUP_SECONDS
        while self.active and self._gathering.pending(changing) and time.monotonic() < limit:
            time.sleep(0.1)

    def _read(self, one: Source, needed: Mapping[str, Any]) -> Any:
        """What a source says. What is read, from a cluster or from a bundle, has its secrets taken out before anybody sees it."""
        readings = self._said(one, needed)
        return _without_secrets(readings) if one.reads else readings

    def _said(self, one: Source, needed: Mapping[str, Any]) -> Any:
        arguments: dict[str, Any] = dict(needed)
        if "profile" in one.parameters:
            arguments["profile"] = self.profile
        if not one.reads:
            return one.function(**arguments)
        if self.bundle is not None:
            return self.bundle.readings(one)
        if self._hopeless:
            return unreadable(Subject(kind="Cluster", name=self.cluster.connection.context if self.cluster else ""), self._hopeless)
        if one.active and not self.active:
            return Readings(absent="--active was not given, so nothing was measured")
        if one.name == "identity":
            return self._identity
        return one.function(cluster=self.cluster, **arguments)

    def captured(self) -> dict[str, Readings[Any]]:
        """What belongs into a bundle: everything that was read, nothing that was derived."""
        return {one.name: self.get(one.name) for one in self.wanted if one.reads}


def _without_secrets(readings: Readings[Any]) -> Readings[Any]:
    clean = isinstance(readings.values, Clean)
    values = readings.values if clean else tuple((subject, cleaned(value)) for subject, value in readings.values)
    unread = tuple(msgspec.structs.replace(one, reason=redact(one.reason)) for one in readings.unreadable)
    return Readings(values, unread, redact(readings.absent))
