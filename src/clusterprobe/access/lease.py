"""A lease, so that two active runs never overlap, and nobody waits for one that was killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from clusterprobe import background, errors
from clusterprobe.access.cluster import Resource
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.writer import ObjectMeta, Writer
from clusterprobe.times import epoch

LEASES = Resource("v1", "leases", "Lease", "coordination.k8s.io")
NAME = "clusterprobe-active"
SECONDS = 30
RENEW_SECONDS = 8.0
LOOK_SECONDS = 1.0  # between two looks at the lease of another run
CLOCK_SLACK_SECONDS = 5.0  # how far two clocks, each set by the API server's, may still be apart


class _Spec(msgspec.Struct, rename="camel"):
    holder_identity: str = ""
    lease_duration_seconds: int = SECONDS
    renew_time: str = ""


class _Lease(msgspec.Struct):
    metadata: ObjectMeta
    spec: _Spec = msgspec.field(default_factory=_Spec)


def expired(spec: _Spec, now: float) -> bool:
    """Whether its holder has certainly stopped renewing; `now` is epoch seconds by the API server's clock."""
    renewed = epoch(spec.renew_time)
    late = renewed is not None and renewed + spec.lease_duration_seconds + CLOCK_SLACK_SECONDS < now
    return late or not spec.holder_identity


class Lease:
    """Held from `acquire` to `release`, and renewed in between by a thread of its own. `lost` once it is not ours any more."""

    def __init__(self, writer: Writer, namespace: str, run: str, labels: dict[str, str], now: Callable[[], float]) -> None:
        self._writer, self._namespace, self._run, self._labels, self._now = writer, namespace, run, labels, now
        self._lease: _Lease | None = None
        self._done = threading.Event()
        self.lost = threading.Event()

    def acquire(self, limit: Deadline, stopped: Callable[[], bool]) -> None:
        """Take it, at once or when its holder turns out to be dead. Raises `Unreadable` where another run is at work."""
        seen, since = "", time.monotonic()
        while True:
            held = self._try(limit)
            if held is None:
                break
            state = f"{held.spec.holder_identity} {held.spec.renew_time}"
            if seen and state != seen:
                raise errors.Unreadable(f"another active run ({held.spec.holder_identity}) is at work in namespace {self._namespace}")
            seen = state
            if time.monotonic() - since > held.spec.lease_duration_seconds + 2 and self._take(held, limit):
                break  # never renewed while we looked on: whatever its clock says, its holder is gone
            if limit.remaining <= LOOK_SECONDS or stopped():
                raise errors.TimedOut(f"the lease of {held.spec.holder_identity} in namespace {self._namespace} did not expire in time")
            time.sleep(LOOK_SECONDS)
        background.start("lease", self._renew)

    def _try(self, limit: Deadline) -> _Lease | None:
        """Take it if it is free; otherwise the lease as its holder has it."""
        held = self._writer.read(LEASES, self._namespace, NAME, limit, _Lease)
        if held is None:
            self._lease = self._writer.create(LEASES, self._body(""), limit, _Lease)
            return None if self._lease else self._try(limit)
        if expired(held.spec, self._now()) and self._take(held, limit):
            return None
        return held

    def _take(self, held: _Lease, limit: Deadline) -> bool:
        self._lease = self._writer.replace(LEASES, self._body(held.metadata.resource_version), limit, _Lease)
        return self._lease is not None

    def _renew(self) -> None:
        last = time.monotonic()
        while not self._done.wait(RENEW_SECONDS):
            try:
                if self._renew_once():
                    last = time.monotonic()
            except errors.Unreadable:
                pass  # another try is due well before it expires
            if time.monotonic() - last > SECONDS or self.lost.is_set():
                self.lost.set()
                return

    def _renew_once(self) -> bool:
        limit = Deadline.after(RENEW_SECONDS)
        held = self._writer.read(LEASES, self._namespace, NAME, limit, _Lease)
        if held is None or held.spec.holder_identity != self._run:
            self.lost.set()
            return False
        return self._take(held, limit)

    def still_ours(self, limit: Deadline) -> bool:
        """Whether we hold it now, by the API server's word."""
        held = self._writer.read(LEASES, self._namespace, NAME, limit, _Lease)
        return held is not None and held.spec.holder_identity == self._run

    def release(self, limit: Deadline) -> None:
        """Give it up, so that the next run need not wait."""
        self._done.set()
        if self._lease is not None and self.still_ours(limit):
            self._writer.delete(LEASES, self._namespace, NAME, limit, uid=self._lease.metadata.uid)

    def stop(self) -> None:
        """Renew it no more, and let it go together with its namespace."""
        self._done.set()

    def _body(self, version: str) -> dict[str, Any]:
        moment = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata = {"name": NAME, "namespace": self._namespace, "labels": self._labels}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {**metadata, "resourceVersion": version} if version else metadata,
            "spec": {"holderIdentity": self._run, "leaseDurationSeconds": SECONDS, "acquireTime": moment, "renewTime": moment},
        }


def free(writer: Writer, namespace: str, now: float, limit: Deadline) -> bool:
    """Whether nobody is at work in a namespace: there is no lease, or it has expired."""
    held = writer.read(LEASES, namespace, NAME, limit, _Lease)
    return held is None or expired(held.spec, now)
