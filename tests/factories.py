"""Makes readings and objects for tests: only what a test cares about has to be named."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

import msgspec

from clusterprobe.access.cluster import owner_of
from clusterprobe.access.servers import Server
from clusterprobe.catalogue import declared
from clusterprobe.environments import Environments
from clusterprobe.judging import call
from clusterprobe.model import Severity, Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod, system_pods
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.verdict import Verdict, grade
from tests.examples import note

Value = TypeVar("Value")

ENVIRONMENTS = Environments(Profile())
OF_STACK_CHART = {"chart": "kube-prometheus-stack-77.6.2"}
"""The label by which an object of that chart is known."""


def make(kind: type[Value], /, **fields: Any) -> Value:
    """A struct from plain data as the API would send it (camelCase keys)."""
    return msgspec.convert(fields, kind)


def labelled(kind: type[Value], namespace: str, name: str, /, labels: dict[str, str] | None = None, **fields: Any) -> Value:
    """An object with that metadata."""
    metadata = {"namespace": namespace, "name": name, "uid": f"uid-{namespace}-{name}", "labels": labels or {}}
    return make(kind, metadata={**metadata, **fields.pop("metadata", {})}, **fields)


def listing(kind: str, objects: Iterable[Any], *, unreadable: Iterable[Unchecked] = (), absent: str = "there is none") -> Readings[Any]:
    """Readings of objects, as a list source returns them."""
    values = tuple(
        (Subject(kind=kind, namespace=one.metadata.namespace, name=one.metadata.name, owner=owner_of(one)), one) for one in objects
    )
    return Readings(values, tuple(unreadable), absent)


def recognised(pods: Readings[Pod], profile: Profile | None = None) -> Readings[SystemPod]:
    """What the inventory makes of pods."""
    return system_pods(pods, profile or Profile())


def refused(kind: str, namespace: str = "", reason: str = "not allowed to list it") -> Unchecked:
    return Unchecked(subject=Subject(kind=kind, namespace=namespace), reason=reason)


def server(system: str, namespace: str, name: str, pod: str = "") -> tuple[Subject, Server]:
    """A replica to ask, and its subject."""
    pod = pod or f"{system}-{name}-0"
    subject = Subject(api_version="v1", kind="Pod", namespace=namespace, name=pod, owner=f"{system.capitalize()}/{name}")
    return subject, Server(system=system, namespace=namespace, name=name, custom=True, pod=pod, ip="10.0.0.1", port=9090)


def judged(probe: Any, **readings: Any) -> Verdict:
    """Run a probe on these readings, and return its verdict."""
    verdict = Verdict(ENVIRONMENTS.of, declared(probe))
    call(probe, verdict, readings)
    note(probe, verdict.findings)
    return verdict


def outcome(verdict: Verdict) -> str:
    """The verdict as graded at the default level."""
    return str(grade(verdict, level=Severity.ERROR)[0])


def reasons(verdict: Verdict) -> list[str]:
    return [one.reason for one in verdict.findings]


def blinded(readings: dict[str, Any], but: Collection[str] = ()) -> Iterable[tuple[str, dict[str, Any]]]:
    """The same input with each of its readings in turn, `but` these, replaced by one that could not be read."""
    for name, value in readings.items():
        if isinstance(value, Readings) and name not in but:
            yield name, {**readings, name: Readings((), (refused("source", reason=f"{name} timed out"),))}


def assert_blindness_is_no_health(probe: Any, readings: dict[str, Any], but: Collection[str] = ()) -> None:
    """Whatever cannot be read: no finding that was not there before, and no pass in silence, or where a finding went.

    `but` are readings on which another one rests, so that it is that one which says so.
    """
    before = judged(probe, **readings)
    known = {(one.reason, str(one.subject)) for one in before.findings}
    for name, blind in blinded(readings, but):
        after = judged(probe, **blind)
        new = {(one.reason, str(one.subject)) for one in after.findings} - known
        assert not new, f"without {name} there is a new finding: {new}"
        assert outcome(after) != "not_applicable", name
        silent = not set(after.notes) - set(before.notes)
        if silent or known != {(one.reason, str(one.subject)) for one in after.findings}:
            assert outcome(after) in ("inconclusive", "findings"), f"without {name} it is a {outcome(after)}"
