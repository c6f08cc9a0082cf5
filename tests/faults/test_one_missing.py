"""Take one reading away at a time, of the healthy recording and of the demo's incidents: no probe finds more, or comes nearer to a pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from clusterprobe.access.bundle import Bundle
from clusterprobe.access.deadline import Deadline
from clusterprobe.evidence import Clock, Evidence
from clusterprobe.judging import Probe
from clusterprobe.model import ProbeResult, ProbeVerdict, Severity, Subject, Unchecked
from clusterprobe.profile import Profile, load_profile
from clusterprobe.readings import Readings
from clusterprobe.shipped import shipped
from clusterprobe.sources import Source, all_sources, closure
from tests.faults.harness import Baseline, default_profile, identity, judge, probes, sources
from tests.faults.recording import Recording

GONE = "it was taken away"
NEARER = {ProbeVerdict.INCONCLUSIVE: 1, ProbeVerdict.KNOWN: 2, ProbeVerdict.PASS: 3, ProbeVerdict.NOT_APPLICABLE: 3}
SETTLED = (ProbeVerdict.PASS, ProbeVerdict.KNOWN, ProbeVerdict.NOT_APPLICABLE)
FEWEST = 250  # readings to take away


class Whole:
    """Readings of sources by name, and when and for which profile they were taken."""

    def __init__(self, readings: Mapping[str, Any], profile: Profile, clock: float) -> None:
        self.readings, self.profile, self.clock = readings, profile, clock


class Without(Evidence):
    """The same, but for what is taken away, and for all that rests on it."""

    def __init__(self, whole: Whole, name: str, left: Any) -> None:
        self.profile, self.bundle, self.cluster, self._clock = whole.profile, None, None, whole.clock
        self._judging = Deadline.after(60)
        self.wanted = list(closure(whole.readings))
        self._names, self._placed = frozenset(one.name for one in self.wanted), None
        self._readings = {**whole.readings, name: left}
        self.changed = changed = {name}
        for one in closure(whole.readings):
            if one.name != name and changed & set(one.needs):
                before = whole.readings[one.name]
                self._readings[one.name] = self._fewer(one, changed, whole) if one.reads else self._derived(one)
                if self._readings[one.name] != before:
                    changed.add(one.name)

    def _derived(self, one: Source) -> Any:
        profile = {"profile": self.profile} if "profile" in one.parameters else {}
        return one.function(**{need: self._readings[need] for need in one.needs}, **profile)

    def _fewer(self, one: Source, changed: set[str], whole: Whole) -> Any:
        """What is read of each of some things is not read of one that is not known; namespaces are only the second way to lists."""
        before: Readings[Any] = whole.readings[one.name]
        needed = set(one.needs) & changed - {"namespaces"}
        lost = {subject for need in needed for subject, _ in whole.readings[need]} - {
            subject for need in needed for subject, _ in self._readings[need]
        }
        values = tuple((subject, value) for subject, value in before.values if subject not in lost)
        told = tuple(each for need in needed for each in self._readings[need].unreadable if each not in before.unreadable)
        return Readings(values, (*before.unreadable, *told), before.absent) if len(values) < len(before.values) else before

    def get(self, name: str) -> Any:
        return self._readings[name]

    @property
    def clock(self) -> Clock:
        return Clock(self._clock)


def demo() -> Whole:
    bundle = Bundle(shipped("demo") / "demo.zip")
    evidence = Evidence(list(all_sources()), load_profile("default", shipped("profiles")), bundle=bundle)
    evidence.start()
    return Whole({one.name: evidence.get(one.name) for one in evidence.wanted}, evidence.profile, bundle.manifest.clock)


@pytest.fixture(scope="module", params=["healthy", "demo"])
def whole(request: pytest.FixtureRequest, healthy: Baseline, recording: Recording) -> Whole:
    return demo() if request.param == "demo" else Whole(healthy.readings, default_profile(), recording.clock)


def one_less(readings: Readings[Any], name: str) -> Iterator[Readings[Any]]:
    """The readings without any of them, and without each."""
    yield Readings((), (Unchecked(subject=Subject(kind="source", name=name), reason=GONE),))
    for number, (subject, _) in enumerate(readings.values):
        kept = readings.values[:number] + readings.values[number + 1 :]
        yield Readings(kept, (*readings.unreadable, Unchecked(subject=subject, reason=GONE)), readings.absent)


def concerns(probe: Probe, changed: set[str]) -> bool:
    """Whether it could say anything else: it judges what changed, or what the others said."""
    return "conclusions" in probe.parameters or bool(changed & set(sources(probe)))


def troubles(before: ProbeResult, after: ProbeResult) -> Iterator[str]:
    known = {identity(one) for one in before.findings}
    mild = {one.reason for one in before.findings if one.severity is Severity.INFO}  # what is worth knowing of several things at once
    for one in after.findings:
        if identity(one) not in known and not (one.severity is Severity.INFO and one.reason in mild):
            yield f"{after.id} has a false finding: {identity(one)}"
    if after.verdict is ProbeVerdict.BROKEN:
        yield f"{after.id} is broken: {after.reason}"
    if after.verdict in SETTLED and NEARER[after.verdict] > NEARER.get(before.verdict, 0):
        yield f"{after.id} comes nearer to a pass: {before.verdict} became {after.verdict}"


def test_no_reading_that_is_missing_makes_anything_better_or_worse(whole: Whole):
    every = {name: readings for name, readings in whole.readings.items() if all_sources()[name].reads and isinstance(readings, Readings)}
    before = judge(Without(whole, "", None), probes())
    found, taken = set[str](), 0
    for name, readings in every.items():
        for left in one_less(readings, name):
            taken += 1
            without = Without(whole, name, left)
            after = judge(without, [one for one in probes() if concerns(one, without.changed)], before)
            said = left.unreadable[-1].subject
            found |= {f"without {name} of {said}: {trouble}" for one in after.values() for trouble in troubles(before[one.id], one)}
    assert not found, "\n".join(sorted(found))
    assert taken > FEWEST
