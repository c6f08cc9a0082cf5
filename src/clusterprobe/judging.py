"""The one place that calls a probe, for the plugin, the fault matrix and the unit tests."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clusterprobe.access.deadline import ending
from clusterprobe.catalogue import declared
from clusterprobe.errors import TimedOut
from clusterprobe.evidence import Evidence
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, Severity
from clusterprobe.roles import in_its_role, roles_of
from clusterprobe.sources import all_sources
from clusterprobe.verdict import Verdict, result

CRASH = 300  # characters that are kept of what an exception of ours says, which may quote anything


@dataclass(frozen=True)
class Probe:
    """A probe: its id, its question, and the function that judges."""

    id: str
    question: str
    function: Callable[..., None]

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)


def arguments(probe: Probe, evidence: Evidence, conclusions: Iterable[ProbeResult]) -> dict[str, Any]:
    """What a probe is called with, by parameter; `conclusions` are those of the probes before it."""
    given = {
        "verdict": Verdict(evidence.environments.of, declared(probe.function)),
        "environments": evidence.environments,
        "clock": evidence.clock,
        "profile": evidence.profile,
        "conclusions": list(conclusions),
    }
    if "confirmations" in probe.parameters:  # which waits for what others read
        given["confirmations"] = evidence.confirmations
    read = {name: evidence.get(name) for name in probe.parameters if name in all_sources()}
    return {**given, **read}


def judge(
    probe: Probe,
    evidence: Evidence,
    values: Mapping[str, Any],
    *,
    level: Severity,
    known: Callable[[Finding], bool] = lambda finding: False,
) -> ProbeResult:
    """Call a probe with these values, by parameter, and grade what it said; a crash is its verdict, and ends no other probe."""
    verdict = values.get("verdict") or Verdict(evidence.environments.of, declared(probe.function))
    crash = ""
    if "environments" in probe.parameters:  # a label that was not seen may say that a namespace belongs elsewhere
        verdict.need(evidence.unplaced)
    try:
        with ending(evidence.judging):
            call(probe.function, verdict, values)
    except TimedOut:
        why = "not judged before the run's deadline (--timeout)"
        return ProbeResult(id=probe.id, question=probe.question, verdict=ProbeVerdict.INCONCLUSIVE, reason=why)
    except Exception as error:  # a probe's bug is its own verdict
        crash = _crash(error, probe.function)
    return result(probe.id, probe.question, verdict, level=level, crash=crash, known=known)


def call(function: Callable[..., None], verdict: Verdict, values: Mapping[str, Any]) -> None:
    """Call a probe's function with those of the values that it asks for, each in its role. Raises what it raises."""
    given, roles = {**values, "verdict": verdict}, roles_of(function)
    function(**{name: in_its_role(verdict, name, roles.get(name), given[name]) for name in inspect.signature(function).parameters})


def _crash(error: Exception, function: Callable[..., None]) -> str:
    """Where a probe broke, and from which of its own lines; never the values, which may be anything."""
    code = inspect.unwrap(function).__code__
    frames = traceback.extract_tb(error.__traceback__)
    line = next((one.lineno for one in reversed(frames) if one.filename == code.co_filename), code.co_firstlineno)
    broke = f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    called = "" if frames[-1].filename == code.co_filename else f", called from {Path(code.co_filename).name}:{line}"
    return f"{broke}{called}: {excerpt(str(error), CRASH)}"
