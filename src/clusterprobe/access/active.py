"""A place of our own in the cluster: what `--active` makes, it makes here, and takes away again.

Every object carries our label and the run's id, and is noted before it is made: a request whose answer got lost may have been
heard. What a killed run left behind, the next run removes.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import msgspec

from clusterprobe import errors
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.lease import LEASES, Lease, free
from clusterprobe.access.lease import NAME as LEASE
from clusterprobe.access.watch import Event
from clusterprobe.access.writer import Stored, Writer
from clusterprobe.times import epoch

CLEANUP_SECONDS = 50.0
FORCE_AFTER_SECONDS = 35.0  # a pod that hangs so long while we clean up is taken out of the API, and left to its kubelet
SETTLE_SECONDS = 20.0
POLL_SECONDS = 0.3

MANAGED = "app.kubernetes.io/managed-by"
OURS = "clusterprobe"
RUN = "app.kubernetes.io/instance"
NOBODY = "00000000-0000-0000-0000-000000000000"
SELECTOR = f"{MANAGED}={OURS}"

NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False)
PODS = Resource("v1", "pods", "Pod")
CLAIMS = Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
VOLUMES = Resource("v1", "persistentvolumes", "PersistentVolume", namespaced=False)


@dataclass(slots=True)
class Made:
    """An object that we make, or may have made."""

    resource: Resource
    namespace: str
    name: str
    gone: bool = False

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


class _ClaimReference(msgspec.Struct):
    namespace: str = ""


class _VolumeSpec(msgspec.Struct, rename="camel"):
    claim_ref: _ClaimReference = msgspec.field(default_factory=_ClaimReference)


class _Volume(msgspec.Struct):
    spec: _VolumeSpec


class Workspace:
    """A namespace of our own, held by a lease; use it in a `with`. Leaving it takes everything away, within a minute.

    `deadline` ends the work early enough for that. After leaving, `leftovers` says what could not be removed, and why.
    """

    def __init__(self, cluster: Cluster, namespace: str, cleanup_seconds: float = CLEANUP_SECONDS) -> None:
        self.run = f"run-{secrets.token_hex(4)}"
        self.labels = {MANAGED: OURS, RUN: self.run}
        self.namespace = namespace
        self.leftovers: list[str] = []
        self._cluster, self._cleanup_seconds = cluster, cleanup_seconds
        self.deadline = Deadline(cluster.deadline.at - cleanup_seconds)
        self.writer = Writer(cluster.connection.origin)
        self._lease = Lease(self.writer, namespace, self.run, self.labels, cluster.now)
        self._made: list[Made] = []
        self._deletable: set[Resource] = set()
        self._lock = threading.Lock()
        self._namespace_is_ours = False

    @property
    def stopped(self) -> bool:
        """Whether to stop working: the run was interrupted, or somebody else holds the lease."""
        return self._cluster.stop.is_set() or self._lease.lost.is_set()

    # --- coming and going --------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self.deadline.passed:
            raise errors.TimedOut(
                f"the run's deadline leaves no time beside the {self._cleanup_seconds:.0f} s for cleaning up: raise --timeout"
            )
        if self.stopped:
            raise errors.TimedOut("the run was interrupted")
        limit = self.deadline.within(60)
        try:
            self._make_namespace(limit)
            if not self._namespace_is_ours:
                self._check_may_delete(LEASES, limit)  # in one of ours, it goes with it
            self._lease.acquire(limit, lambda: self.stopped)
        except BaseException:  # a signal, too: nobody calls __exit__ for what did not come in
            self._withdraw()
            raise
        try:
            Janitor(self.writer, self.namespace, self.run, self._cluster.now, self._made.append).sweep(limit)
        except BaseException:  # as above, and now there is a lease to give back
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        limit = Deadline.after(self._cleanup_seconds)
        self._attempt("the pods", lambda: self._remove_pods(limit))
        for resource in (CLAIMS, VOLUMES):
            for made in self._remaining(resource):
                self._attempt(str(made), partial(self._ask_to_go, made, limit))
        for made in self._remaining():
            self._attempt(str(made), partial(self._wait_gone, made, limit))
        self._attempt(f"namespace {self.namespace}", lambda: self._leave(limit))

    def _make_namespace(self, limit: Deadline) -> None:
        """Make the namespace, or use the one that is there; one of ours that is still going is waited for."""
        settle = limit.within(SETTLE_SECONDS)
        while True:
            there = self.writer.read(NAMESPACES, "", self.namespace, limit, Stored)
            if there is None:
                self._check_may_delete(NAMESPACES, limit)
                free(self.writer, self.namespace, self._cluster.now(), limit)  # nor one of which we could not tell who holds it
                self._namespace_is_ours = True  # noted before it is made
                if self.writer.create(NAMESPACES, _namespace(self.namespace, self.labels), limit, Stored):
                    return
                self._namespace_is_ours = False
                continue
            if not there.metadata.deletion_timestamp:
                self._namespace_is_ours = (there.metadata.labels or {}).get(MANAGED) == OURS
                return
            if settle.passed or self.stopped:
                raise errors.Unreadable(f"the namespace {self.namespace} is being deleted: nothing can be made in it")
            time.sleep(POLL_SECONDS)

    def _check_may_delete(self, resource: Resource, limit: Deadline) -> None:
        """Nothing is made that could not be taken away again: raises `Forbidden`. The UID is nobody's, so nothing goes."""
        name = {NAMESPACES: self.namespace, LEASES: LEASE}.get(resource, f"clusterprobe-{self.run}")
        self.writer.delete(resource, self.namespace if resource.namespaced else "", name, limit, uid=NOBODY)

    def _withdraw(self) -> None:
        """The lease is somebody else's, or cannot be had: of the namespace, only one that nobody holds is taken away."""
        self._lease.stop()
        limit = Deadline.after(10)
        if self._namespace_is_ours:
            self._attempt(f"namespace {self.namespace}", lambda: self._remove_if_free(limit))

    def _leave(self, limit: Deadline) -> None:
        if self._lease.lost.is_set() or not self._lease.still_ours(limit):
            self._lease.stop()
            return  # whoever took the lease over is at work here
        if self._namespace_is_ours:
            self._lease.stop()
            self._remove_namespace(limit)
        else:
            self._lease.release(limit)

    def _remove_if_free(self, limit: Deadline) -> None:
        if free(self.writer, self.namespace, self._cluster.now(), limit):
            self._remove_namespace(limit)

    def _remove_namespace(self, limit: Deadline) -> None:
        made = Made(NAMESPACES, "", self.namespace)
        self._ask_to_go(made, limit)
        self._wait_gone(made, limit)

    def _attempt(self, what: str, action: Callable[[], None]) -> None:
        """Clean up as far as it goes: one refusal does not keep the rest from going."""
        try:
            action()
        except errors.Unreadable as error:
            self.leftovers.append(f"{what} may be left behind: {error}")

    # --- objects -----------------------------------------------------------------------------------------------------

    def create(self, resource: Resource, name: str, body: Mapping[str, Any]) -> Stored:
        """Make an object of this name here (or cluster-wide, where its kind is). Raises an `Unreadable` with what refused it."""
        place = {"namespace": self.namespace} if resource.namespaced else {}
        whole = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "labels": self.labels, **place},
            **body,
        }
        if resource not in self._deletable:
            self._check_may_delete(resource, self.deadline)
            self._deletable.add(resource)
        with self._lock:
            if self.stopped:
                raise errors.TimedOut("the run was interrupted")
            self._made.append(Made(resource, place.get("namespace", ""), name))
        stored = self._patiently(resource, whole)
        if stored is None:
            raise errors.BadResponse(f"create {resource.name}: {name} is there already")
        return stored

    def _patiently(self, resource: Resource, whole: Mapping[str, Any]) -> Stored | None:
        """In a namespace that was just made, pods are refused until its service account exists."""
        settle = self.deadline.within(SETTLE_SECONDS)
        while True:
            try:
                return self.writer.create(resource, whole, self.deadline, Stored)
            except errors.Forbidden as refused:
                if "error looking up service account" not in str(refused) or settle.passed or self.stopped:
                    raise
            time.sleep(POLL_SECONDS)

    def watch(self, resource: Resource, stored: Stored, enough: Callable[[], bool]) -> Iterator[Event]:
        """What happens to what bears an object's name; `TimedOut` at the deadline, when interrupted, or once it is `enough`."""
        return self.writer.watch(resource, stored, self.deadline, lambda: self.stopped or enough())

    def delete(self, resource: Resource, stored: Stored) -> None:
        """Ask for an object of ours to go; whether it went, the watch tells."""
        meta = stored.metadata
        self.writer.delete(resource, meta.namespace, meta.name, self.deadline.within(10), uid=meta.uid)

    def remove(self, resource: Resource, name: str) -> None:
        """Ask for an object of ours to go already; the end of the work sees to it that it does."""
        with contextlib.suppress(errors.Unreadable):
            place = self.namespace if resource.namespaced else ""
            self.writer.delete(resource, place, name, self.deadline.within(10))

    def is_gone(self, resource: Resource, name: str, seconds: float) -> bool:
        """Whether an object of ours is gone, waiting for it that long."""
        made = Made(resource, self.namespace if resource.namespaced else "", name)
        try:
            self._wait_gone(made, self.deadline.within(seconds))
        except errors.TimedOut:
            return False
        return True

    def went(self, resource: Resource, name: str) -> None:
        """Note that an object is gone for certain."""
        with self._lock:
            for made in self._made:
                if made.resource == resource and made.name == name:
                    made.gone = True

    def _remaining(self, *resources: Resource) -> list[Made]:
        with self._lock:
            return [one for one in self._made if not one.gone and (not resources or one.resource in resources)]

    def _ask_to_go(self, made: Made, limit: Deadline, grace: int | None = None) -> None:
        self.writer.delete(made.resource, made.namespace, made.name, limit, grace=grace)

    def _remove_pods(self, limit: Deadline) -> None:
        """Ask all of them to go, wait for that together, and take out of the API what hangs nevertheless."""
        for made in self._remaining(PODS):
            self._ask_to_go(made, limit)
        patience = limit.within(FORCE_AFTER_SECONDS)
        for made in self._remaining(PODS):
            try:
                self._wait_gone(made, patience)
            except errors.TimedOut:
                self._ask_to_go(made, limit, grace=0)

    def _wait_gone(self, made: Made, limit: Deadline) -> None:
        while self.writer.read(made.resource, made.namespace, made.name, limit.within(10), Stored) is not None:
            if limit.remaining <= POLL_SECONDS:
                raise errors.TimedOut("its deletion was requested, and it still existed when the time was over")
            time.sleep(POLL_SECONDS)
        made.gone = True


class Janitor:
    """Removes what a killed run left: objects with our label whose run holds no lease any more. Only with the lease in hand."""

    def __init__(self, writer: Writer, namespace: str, run: str, now: Callable[[], float], note: Callable[[Made], None]) -> None:
        """`note` is told of what in our own place has to go, so that the end of the run sees to it that it does."""
        self._writer, self._namespace, self._run, self._now, self._note = writer, namespace, run, now, note

    def sweep(self, limit: Deadline) -> None:
        """Everything in our own namespace that is not of this run; elsewhere, what nobody is at work with."""
        selector = f"{SELECTOR},{RUN}!={self._run}"
        for resource in (PODS, CLAIMS):
            for one in self._writer.find(resource, selector, limit, self._namespace):
                self._note(Made(resource, self._namespace, one.metadata.name))
                self._writer.delete(resource, self._namespace, one.metadata.name, limit, uid=one.metadata.uid)
        self._sweep_volumes(selector, limit)
        for one in self._writer.find(NAMESPACES, selector, limit):
            name = one.metadata.name
            if name != self._namespace and not self._is_new(one) and free(self._writer, name, self._now(), limit):
                self._writer.delete(NAMESPACES, "", name, limit, uid=one.metadata.uid)

    def _sweep_volumes(self, selector: str, limit: Deadline) -> None:
        try:
            left = self._writer.find(VOLUMES, selector, limit)
        except errors.Forbidden:
            return  # who may not list volumes made none either
        for one in left:
            volume = self._writer.read(VOLUMES, "", one.metadata.name, limit, _Volume)
            place = volume.spec.claim_ref.namespace if volume else ""
            if place == self._namespace or (not self._is_new(one) and free(self._writer, place, self._now(), limit)):
                self._note(Made(VOLUMES, "", one.metadata.name))
                self._writer.delete(VOLUMES, "", one.metadata.name, limit, uid=one.metadata.uid)

    def _is_new(self, one: Stored) -> bool:
        """Whether a run that is just starting may not have taken its lease yet; of an odd time, that cannot be ruled out."""
        created = epoch(one.metadata.creation_timestamp)
        return created is None or self._now() - created < 60


def _namespace(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**labels, **levels}}}
