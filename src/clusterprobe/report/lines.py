"""What all texts for a terminal are made of: lines with their styles."""

from __future__ import annotations

from clusterprobe.model import RunResult, RunVerdict, Severity
from clusterprobe.words import visible_line

Line = tuple[str, str]  # text and style

VERDICT_STYLES = {
    RunVerdict.HEALTHY: "bold green",
    RunVerdict.FINDINGS: "bold red",
    RunVerdict.INCOMPLETE: "bold magenta",
    RunVerdict.BROKEN: "bold magenta",
}
SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.ERROR: "red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
}


def flat(text: str) -> str:
    """A text as one line in which everything is visible."""
    return visible_line(" ".join(text.split()))


def where(result: RunResult) -> str:
    """Which cluster was asked, how, and when."""
    cluster, run = result.cluster, result.run
    seen = f"replayed from {run.bundle}" if run.bundle else cluster.route
    known = [cluster.context, cluster.server, cluster.user, cluster.version, seen, run.profile and f"profile {run.profile}", run.finished]
    return visible_line(" · ".join(one for one in known if one))
