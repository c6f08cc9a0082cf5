"""SARIF 2.1.0: findings, and what could not be checked, for code scanning and what gathers results of many tools.

A finding is a result of the rule `PROBE/CODE`; one that is accepted is suppressed. What could not be checked is a result of the kind
`open`, and the run is not called successful. Results are about objects of a cluster, which the base `CLUSTER` stands for.
"""

from __future__ import annotations

from typing import Any

import msgspec

from clusterprobe.access.urls import UrlPath
from clusterprobe.errors import BadAddress
from clusterprobe.fingerprints import fingerprints, key_of, name_of
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, Severity, Subject, Unchecked
from clusterprobe.report import answer
from clusterprobe.report.results import printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.CRITICAL: "error", Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
BASELINE = {"new": "new", "worse": "updated", "persisting": "unchanged"}
BASE = "CLUSTER"
FINGERPRINT = "clusterprobe/v1"

Json = dict[str, Any]


def text(result: RunResult) -> str:
    """The log as it is printed."""
    return printable(msgspec.json.encode(log(result)))


def log(result: RunResult) -> Json:
    """The log, which holds one run."""
    rules = _Rules()
    results = [one for probe in result.probes for one in _of_probe(result, probe, rules)]
    about = {"description": _message(f"The objects of {_cluster(result)}, as KIND/NAMESPACE/NAME: they are no files.")}
    run = {
        "tool": {"driver": {"name": "clusterprobe", "semanticVersion": result.run.tool_version, "rules": rules.written}},
        "invocations": [_invocation(result)],
        "automationDetails": {"id": f"clusterprobe/{_segment(_cluster(result))}/{_segment(result.run.id)}"},
        "originalUriBaseIds": {BASE: about},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"verdict": str(result.verdict), "profile": result.run.profile, "selected": result.run.selected},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


class _Rules:
    """The rules that results name, each once."""

    def __init__(self) -> None:
        self.written: list[Json] = []
        self._places: dict[str, int] = {}

    def place(self, probe: ProbeResult, code: str, prevention: str = "") -> Json:
        """What a result says of its rule."""
        rule = f"{probe.id}/{code}"
        if rule not in self._places:
            self._places[rule] = len(self.written)
            more = {"help": _message(prevention)} if prevention else {}
            self.written.append({"id": rule, "name": code, "shortDescription": _message(probe.question or probe.id), **more})
        return {"ruleId": rule, "ruleIndex": self._places[rule]}


def _of_probe(result: RunResult, probe: ProbeResult, rules: _Rules) -> list[Json]:
    names, ages = fingerprints(result), answer.ages(result)
    why = {place: answer.acceptance(one) for one in result.accepted for place in one.findings}
    found = []
    for place, finding in enumerate(probe.findings):
        state = BASELINE.get(ages.get((probe.id, place), ""))
        more: Json = {"baselineState": state} if state else {}
        found.append(_result(rules.place(probe, finding.reason, finding.prevention), finding, names[probe.id, place], more))
    for place, finding in enumerate(probe.known):
        accepted = {"kind": "external", "status": "accepted", "justification": why.get((probe.id, place), "the profile accepts it")}
        rule = rules.place(probe, finding.reason, finding.prevention)
        found.append(_result(rule, finding, name_of(key_of(probe.id, finding)), {"suppressions": [accepted]}))
    return found + [_open(rules, probe, one) for one in _unchecked(probe)]


def _result(rule: Json, finding: Finding, name: str, more: Json) -> Json:
    paragraphs = (finding.problem, finding.cause and f"Cause: {finding.cause}", finding.fix and f"Fix: {finding.fix}")
    return {
        **rule,
        "level": LEVELS[finding.severity],
        "message": _message("\n\n".join(one for one in paragraphs if one)),
        "locations": _locations(finding.subject),
        "fingerprints": {FINGERPRINT: name},
        "partialFingerprints": {"primaryLocationLineHash": f"{name}:1"},
        "properties": {"severity": str(finding.severity), "environment": finding.subject.environment},
        **more,
    }


def _open(rules: _Rules, probe: ProbeResult, one: Unchecked) -> Json:
    return {
        **rules.place(probe, "NotChecked"),
        "kind": "open",
        "level": "none",
        "message": _message(f"{one.subject} could not be checked: {one.reason}"),
        "locations": _locations(one.subject),
    }


def _unchecked(probe: ProbeResult) -> list[Unchecked]:
    """What a probe could not check; the probe itself, where it broke or says nothing more exact."""
    if probe.unchecked or probe.verdict not in (ProbeVerdict.BROKEN, ProbeVerdict.INCONCLUSIVE):
        return probe.unchecked
    return [Unchecked(subject=Subject(kind="probe", name=probe.id), reason=probe.reason or str(probe.verdict))]


def _locations(subject: Subject) -> list[Json]:
    whole = str(subject)
    location: Json = {"logicalLocations": [{"name": subject.name or subject.kind, "fullyQualifiedName": whole, "kind": "resource"}]}
    try:
        path = UrlPath.of(*(one for one in (subject.kind, subject.namespace, subject.name) if one))
    except BadAddress:  # a name that is none, such as that of an alert path
        return [location]
    return [{"physicalLocation": {"artifactLocation": {"uri": path.removeprefix("/"), "uriBaseId": BASE}}, **location}]


def _invocation(result: RunResult) -> Json:
    """How the run went. It is called successful only if it could check everything."""
    blind = [one.id for one in result.probes if _unchecked(one)]
    left_out = [f"{probe} did not run: the bundle does not hold {', '.join(lacking)}" for probe, lacking in result.run.unrecorded.items()]
    broken = [f"{one.id} broke: {one.reason}" for one in result.probes if one.verdict is ProbeVerdict.BROKEN]
    told = [*broken, *left_out, *(["the run was interrupted"] if result.run.interrupted else [])]
    return {
        "executionSuccessful": not blind and not told and bool(result.probes),
        "exitCode": result.run.exit_status,
        "startTimeUtc": result.run.started,
        "endTimeUtc": result.run.finished,
        "toolExecutionNotifications": [{"level": "error", "message": _message(one)} for one in told],
    }


def _cluster(result: RunResult) -> str:
    return result.cluster.name or result.cluster.context or result.cluster.server or "a cluster"


def _segment(text: str) -> str:
    try:
        return UrlPath.of(text).removeprefix("/")
    except BadAddress:
        return "unknown"


def _message(text: str) -> Json:
    """Text that is only text: braces would be placeholders, and `[…](…)` a link."""
    return {"text": text.replace("](", "] (").replace("{", "{{").replace("}", "}}")}
