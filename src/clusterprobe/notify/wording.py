"""What the messages have in common."""

from __future__ import annotations

from clusterprobe.model import Finding, RunResult
from clusterprobe.notify.changes import Change, Changes
from clusterprobe.profile import Notify
from clusterprobe.words import number

LONGEST_FIX = 1500  # characters; whoever is shown the first steps only may do harm


def fix_text(finding: Finding, longest: int = LONGEST_FIX) -> str:
    """All steps of a fix, or where they are if that is longer than so many characters."""
    return finding.fix if len(finding.fix) <= longest else f"{number(len(finding.steps), 'step')}, in the report"


def link_to(result: RunResult, wanted: Notify, one: Change | None = None) -> str:
    """Where the report is served, at the finding; empty if the profile does not say."""
    if not wanted.link:
        return ""
    return wanted.link.replace("{run}", result.run.id) + (f"#f-{one.fingerprint}" if one else "")


def headline(result: RunResult, found: Changes) -> str:
    """What happened, in one line."""
    where = result.cluster.context or result.cluster.server or "the cluster"
    counts = [(len(found.new), "new"), (len(found.worse), "worse"), (len(found.resolved), "resolved")]
    said = [f"{count} {word}" for count, word in counts if count]
    if found.blind:
        said.append("not everything could be checked" if found.blind == "incomplete" else "a probe broke")
    return f"Clusterprobe, {where}: {', '.join(said)}"
