"""Findings as alerts for Alertmanager's API, so that routes, silences and grouping are the team's own."""

from __future__ import annotations

import datetime
from typing import Any

from clusterprobe.model import RunResult
from clusterprobe.notify.changes import Change, Changes, Told
from clusterprobe.notify.wording import fix_text, link_to
from clusterprobe.profile import Notify, seconds
from clusterprobe.times import epoch

PATH = "/api/v2/alerts"
NAME = "ClusterprobeFinding"


def payload(result: RunResult, found: Changes, wanted: Notify) -> list[dict[str, Any]]:
    """Every open finding, so that it goes on firing, and what is resolved with its end. Alertmanager tells people only of changes.

    An alert that no run repeats within `alerts_end_after` of the profile ends by itself.
    """
    now = result.run.finished
    later = _shifted(now, seconds(wanted.alerts_end_after))
    firing = [_alert(result, one, wanted, later) for one in found.open]
    other = [(one, one.before) for one in found.open if one.before and one.before.severity != one.finding.severity]
    before = [_over(result, one.fingerprint, told, now) for one, told in other]
    return firing + before + [_over(result, key, one, now) for key, one in found.resolved.items()]


def _alert(result: RunResult, one: Change, wanted: Notify, end: str) -> dict[str, Any]:
    finding, subject = one.finding, one.finding.subject
    annotations = {"summary": finding.problem, "description": finding.cause, "fix": fix_text(finding), "link": link_to(result, wanted, one)}
    return {
        "labels": _labels(result, one.fingerprint, one.probe.id, finding.reason, str(finding.severity), subject.environment, str(subject)),
        "annotations": {key: value for key, value in annotations.items() if value},
        "startsAt": one.since,
        "endsAt": end,
    }


def _over(result: RunResult, key: str, one: Told, now: str) -> dict[str, Any]:
    return {
        "labels": _labels(result, key, one.probe, one.code, str(one.severity), one.environment, one.subject),
        "annotations": {"summary": one.problem},
        "startsAt": one.since,
        "endsAt": now,
    }


def _labels(result: RunResult, key: str, probe: str, code: str, severity: str, environment: str, subject: str) -> dict[str, str]:
    """The severity is a label, as routes use it; so a finding of another severity than before is another alert."""
    given = {
        "alertname": NAME,
        "severity": severity,
        "cluster": result.cluster.context or result.cluster.server,
        "environment": environment,
        "probe": probe,
        "code": code,
        "subject": subject,
        "fingerprint": key,
    }
    return {name: value for name, value in given.items() if value}


def _shifted(stamp: str, by: float) -> str:
    moment = datetime.datetime.fromtimestamp((epoch(stamp) or 0.0) + by, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
