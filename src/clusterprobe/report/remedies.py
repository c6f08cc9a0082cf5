"""What could not be checked, put together by what would settle it, so that one permission is one line."""

from __future__ import annotations

from dataclasses import dataclass, field

from clusterprobe.model import ProbeResult, ProbeVerdict, RunResult, Subject
from clusterprobe.outcome import is_refused
from clusterprobe.report import answer

_BY_WORDS = {  # words of our own reasons, and what settles what they are said of
    "--active was not given": "run with `--active`, which measures it",
    "(--timeout)": "allow more time with `--timeout`",
    "in the profile": "add to the profile what the reason names",
    "of the profile": "add to the profile what the reason names",
    "`not_judged`": "add to the profile what the reason names",
}


@dataclass(slots=True)
class Remedy:
    """What settles some of what could not be checked; `advice` is empty where nothing is known that would.

    `alone` are probes whose own reason is all there is, `reasons` are things with the ids of the probes that wanted them, by reason.
    """

    advice: str
    alone: list[ProbeResult] = field(default_factory=list)
    reasons: dict[str, list[tuple[Subject, list[str]]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many things and probes it is about."""
        return len(self.alone) + sum(map(len, self.reasons.values()))

    @property
    def said(self) -> list[str]:
        """Each reason in a sentence."""
        return [*(f"{one.id} {answer.VERDICT_NAMES[one.verdict]}: {one.reason}" for one in self.alone), *self.reasons]


def remedies(result: RunResult) -> list[Remedy]:
    """All of them: faults of ours first, then the one that settles most; where no advice is known, last, one for each reason."""
    found: dict[tuple[str, str], Remedy] = {}
    for one in answer.unable(result):
        _of(found, _own_fault(one.verdict) or _advice(one.reason, result), one.reason).alone.append(one)
    for reason, things in answer.unchecked(result).items():
        _of(found, _advice(reason, result), reason).reasons[reason] = things
    return sorted(
        found.values(), key=lambda one: (not one.advice, not any(each.verdict is ProbeVerdict.BROKEN for each in one.alone), -one.count)
    )


def _of(found: dict[tuple[str, str], Remedy], advice: str, reason: str) -> Remedy:
    return found.setdefault((advice, "" if advice else reason), Remedy(advice))


def _own_fault(verdict: ProbeVerdict) -> str:
    return "a fault of Clusterprobe, not of the cluster" if verdict is ProbeVerdict.BROKEN else ""


def _advice(reason: str, result: RunResult) -> str:
    """What settles this reason. It may quote the cluster, whose words are not ours: so only whole phrases count."""
    if is_refused(reason):
        return answer.permission_advice(result)
    for probe in result.probes:
        if probe.findings and (f"see {probe.id}" in reason or f"as {probe.id} says" in reason):
            return f"repair what {probe.id} found"
    if reason.endswith(" yet") or " yet, which is normal" in reason:
        return "run again later"
    return next((advice for words, advice in _BY_WORDS.items() if words in reason), "")
