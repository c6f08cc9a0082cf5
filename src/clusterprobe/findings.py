"""What a probe can report: kinds of findings, declared beside the probe. Documents, profiles and incidents go by these declarations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from clusterprobe.model import Severity

Probe = TypeVar("Probe", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class FindingKind:
    """A kind of finding.

    `code` is CamelCase and stays the same between releases. `severity` is the worst that it can have, `meaning` one sentence for
    documents. `prevention` is empty where the probe's docstring says how it is prevented. `settles`: it may go by itself while the
    platform settles after a deployment.
    """

    code: str
    severity: Severity
    meaning: str
    prevention: str = ""
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """What a probe declares of its findings: their kinds, and the prevention of those that have none of their own."""

    kinds: tuple[FindingKind, ...] = ()
    prevention: str = ""

    def refuse(self, kind: FindingKind, severity: Severity) -> None:
        """Raise `ValueError` for a kind that is not declared, or a severity that is worse than declared: a bug of the probe."""
        if kind not in self.kinds:
            raise ValueError(f"the probe does not declare that it reports {kind.code}: name it in its @reports(…)")
        if not kind.severity.at_least(severity):
            raise ValueError(f"{kind.code} is declared as {kind.severity} at worst, and reported as {severity}")


def reports(*kinds: FindingKind) -> Callable[[Probe], Probe]:
    """Declare which kinds of findings a probe can report. Raises `ValueError` where two of them have one code."""
    codes = [one.code for one in kinds]
    if doubles := sorted({code for code in codes if codes.count(code) > 1}):
        raise ValueError(f"two kinds of findings have the code {doubles[0]}")

    def declare(probe: Probe) -> Probe:
        vars(probe)["kinds"] = kinds
        return probe

    return declare


def kinds_of(probe: Callable[..., Any]) -> tuple[FindingKind, ...]:
    """The kinds that a probe declares; none where it has no `@reports`."""
    kinds: tuple[FindingKind, ...] = getattr(probe, "kinds", ())
    return kinds
