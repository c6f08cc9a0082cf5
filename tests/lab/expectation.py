"""What a stage must lead to: the findings at error or above, exactly, and what their texts must name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Expectation:
    """`findings`: (probe, reason) → words that its problem, cause or fix must contain.

    `warnings` are those that must be there as well; others may be.
    `besides` are errors that may be there as well: consequences that come and go.
    `profile` is that of the run, if not the lab's own.
    `blind`: probes that may be unable to check something while this is staged, for the stage takes that away.
    """

    findings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    warnings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    besides: frozenset[tuple[str, str]] = frozenset()
    active: bool = False
    environment: str = ""
    profile: Path | None = None

    @property
    def wanted(self) -> dict[tuple[str, str], list[str]]:
        return self.findings | self.warnings


IMPATIENT = Path(__file__).parents[2] / "lab" / "impatient.yaml"
PROMETHEUS = "monitoring-dev/monitoring-dev-kube-promet-prometheus"
ALERTMANAGER = "monitoring-dev-kube-promet-alertmanager"
UNDELIVERED = frozenset({"alertmanager/delivery"})  # where no route ends at an integration, none can be seen to deliver

# Of a Prometheus that has only just started, whether it keeps up cannot be told.
STARTED = frozenset({"prometheus/pressure"})
