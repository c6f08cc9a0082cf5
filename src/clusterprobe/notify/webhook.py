"""The changes as JSON for a webhook of the user's own."""

from __future__ import annotations

from typing import Any

import msgspec

from clusterprobe.model import RunResult
from clusterprobe.notify.changes import Change, Changes
from clusterprobe.notify.wording import headline, link_to
from clusterprobe.profile import Notify


def payload(result: RunResult, found: Changes, wanted: Notify) -> dict[str, Any]:
    """The body: `schema`, `summary`, `cluster`, `run`, `verdict`, `link`, and lists of what is `new`, `worse` and `resolved`."""
    return {
        "schema": "clusterprobe/changes/v1",
        "summary": headline(result, found),
        "cluster": msgspec.to_builtins(result.cluster),
        "run": result.run.id,
        "verdict": str(result.verdict),
        "link": link_to(result, wanted),
        "new": [_change(result, one, wanted) for one in found.new],
        "worse": [_change(result, one, wanted) for one in found.worse],
        "resolved": [{"fingerprint": key, **msgspec.to_builtins(one)} for key, one in found.resolved.items()],
    }


def _change(result: RunResult, one: Change, wanted: Notify) -> dict[str, Any]:
    finding = one.finding
    return {
        "fingerprint": one.fingerprint,
        "probe": one.probe.id,
        "code": finding.reason,
        "severity": str(finding.severity),
        "was": str(one.was or ""),
        "since": one.since,
        "subject": msgspec.to_builtins(finding.subject),
        "problem": finding.problem,
        "cause": finding.cause,
        "fix": finding.fix,
        "prevention": finding.prevention,
        "link": link_to(result, wanted, one),
    }
