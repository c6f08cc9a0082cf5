"""The way of an alert through the platform, each hop with what the probes of its area say."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from clusterprobe.incidents import State, Status, status
from clusterprobe.model import ProbeVerdict, RunResult


@dataclass(frozen=True, slots=True)
class Hop:
    """One system on the way. `probes` and `without` are shell patterns of probe ids."""

    name: str
    role: str
    probes: tuple[str, ...]
    without: tuple[str, ...] = ()

    def watched_by(self, probe_id: str) -> bool:
        wanted = any(fnmatch.fnmatchcase(probe_id, pattern) for pattern in self.probes)
        return wanted and not any(fnmatch.fnmatchcase(probe_id, pattern) for pattern in self.without)


PATH = (
    Hop("Airflow", "runs the pipeline", ("airflow/*",)),
    Hop("MLflow", "keeps the model", ("mlflow/*",)),
    Hop("FastAPI", "serves it", ("serving/*", "fastapi/*")),
    Hop("Loki", "keeps the logs", ("loki/*", "promtail/*")),
    Hop("Alertmanager", "routes the alert", ("alertmanager/*",), without=("alertmanager/delivery*",)),
    Hop("Slack", "tells the team", ("alertmanager/delivery*", "slack/*")),
)


@dataclass(frozen=True, slots=True)
class Station:
    """A hop with its status in this run."""

    hop: Hop
    status: Status

    @property
    def state(self) -> State:
        return self.status.state

    @property
    def label(self) -> str:
        """The state in words that fit into a box; what was not probed is never called fine."""
        passed = sum(probe.verdict is ProbeVerdict.PASS for probe in self.status.probes)
        return {
            State.FOUND: f"{len(self.status.findings)} found",
            State.UNKNOWN: "could not be checked",
            State.KNOWN: "known findings",
            State.NORMAL: "normal phenomenon",
            State.NOT_RUN: "not checked in this run",
            State.ABSENT: "not here",
        }.get(self.state, f"{passed} probe{'s' * (passed != 1)} passed")


def stations(result: RunResult) -> list[Station]:
    """The hops in order, each with the status of the probes of its area."""
    return [Station(hop, status([probe for probe in result.probes if hop.watched_by(probe.id)])) for hop in PATH]
