"""The examples that pages show, one for each kind of finding: what a unit test makes the probe say.

Each names its test, which fails once the probe says something else. To write them again, and those of new kinds:
`EXAMPLES=write pytest -n0 tests/unit/ROOM`.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
from pathlib import Path
from typing import Any

from clusterprobe.catalogue import catalogue, kinds, probe_id
from clusterprobe.handbook import EXAMPLES, Example, examples
from clusterprobe.model import Finding

ROOT = Path(__file__).parents[1]
SAID: dict[tuple[str, str], list[str]] = {}  # the problems that the probes found in this test, by probe and code


def note(probe: Any, findings: list[Finding]) -> None:
    """What a probe has found in this test."""
    path = Path(inspect.getsourcefile(probe) or "")
    for one in findings if path.name.startswith("probe_") else ():
        SAID.setdefault((probe_id(path), one.reason), []).append(one.problem)


def check(test: str) -> None:
    """At the end of a test: fail if it no longer says what it is the example of."""
    if os.environ.get("EXAMPLES") == "write":
        _write(test)
    kept = {(probe, code): one.problem for probe, found in examples().items() for code, one in found.items() if one.test == test}
    lost = [(probe, code) for (probe, code), problem in kept.items() if problem not in SAID.get((probe, code), [])]
    assert lost == [], "no longer what the pages show: EXAMPLES=write pytest -n0 of this file, then clusterprobe docs docs"


def is_there(test: str) -> bool:
    """Whether the test of an example exists."""
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()


@functools.cache
def _declared() -> set[tuple[str, str]]:
    return {(one.id, kind.code) for one in catalogue(ROOT / "probes") for kind in kinds(one.path)}


def _write(test: str) -> None:
    kept = {probe: dict(found) for probe, found in examples().items()}
    for (probe, code), problems in SAID.items():
        one = kept.setdefault(probe, {}).get(code)
        if one is None or not is_there(one.test) or (one.test == test and one.problem not in problems):
            kept[probe][code] = Example(problems[0], test)
    written = {
        probe: {code: one._asdict() for code, one in sorted(found.items()) if (probe, code) in _declared()}
        for probe, found in sorted(kept.items())
    }
    EXAMPLES.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    examples.cache_clear()
