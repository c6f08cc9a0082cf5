"""Something hostile in the fields that the cluster writes: no fix gets a line, a step, a flag or a command of it, and no probe breaks."""

from __future__ import annotations

from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.model import ProbeVerdict
from clusterprobe.readings import Readings
from clusterprobe.sources import Source, all_sources, closure, guarded
from tests.faults.harness import Probe, judge, probes, sources
from tests.faults.payloads import LINES, QUOTES, Path, complaints, hostile, parse, paths
from tests.faults.test_one_missing import Whole, Without, demo

FEWEST = 800  # fields
TOGETHER = 2  # fields of one source that hold it at once
PARTS = 8  # for the processes that share the work


class Changed(Without):
    """Readings of which one source's are others; where a derived source breaks, that is ours, as in a run."""

    def _derived(self, one: Source) -> Any:
        return guarded(one, lambda: super(Changed, self)._derived(one))


@pytest.fixture(scope="module")
def whole() -> Whole:
    return demo()


def fields(whole: Whole) -> list[tuple[str, tuple[Path, ...]]]:
    """Some fields of a source at a time."""
    found = []
    for name, readings in whole.readings.items():
        if all_sources()[name].reads and isinstance(readings, Readings):
            every = sorted(paths(readings))
            found += [(name, tuple(every[start : start + TOGETHER])) for start in range(0, len(every), TOGETHER)]
    return found


def readers(name: str, whole: Whole) -> list[Probe]:
    """The probes that read a source, or what rests on it."""
    affected = {name}
    for one in closure(whole.readings):
        if affected & set(one.needs):
            affected.add(one.name)
    return [one for one in probes() if affected & set(sources(one))]


def test_every_field_is_tried(whole: Whole) -> None:
    assert sum(len(chosen) for _, chosen in fields(whole)) >= FEWEST


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_hostile_anywhere_stays_text(whole: Whole, part: int) -> None:
    wrong, printed = set[str](), set[str]()
    for name, chosen in fields(whole)[part::PARTS]:
        for payload in (QUOTES, LINES):
            changed = hostile(all_sources()[name], whole.readings[name], chosen, payload)
            for result in judge(Changed(whole, name, changed), readers(name, whole)).values():
                where = f"{result.id}, {name} {' '.join('.'.join(path) for path in chosen)}"
                if result.verdict is ProbeVerdict.BROKEN:
                    wrong.add(f"{where}: broken: {result.reason}")
                wrong |= {f"{where}: {finding.reason}: {one}" for finding in result.findings for one in complaints(finding)}
                printed |= {line(one) for finding in result.findings for step in finding.steps for one in step.commands}
    assert not wrong, "\n".join(sorted(wrong)[:5000])
    assert printed
    assert parse(printed) == ""
