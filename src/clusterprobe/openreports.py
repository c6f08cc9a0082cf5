"""OpenReports: a run's answer as `ClusterReport` and `Report` objects of the cluster that it is about.

They have one name, so that each run replaces what the last one wrote. Only whole runs write them: a part of one would look like repairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from clusterprobe import errors
from clusterprobe.access.cluster import Resource
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.writer import Stored, Writer
from clusterprobe.fingerprints import fingerprints, key_of, name_of
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, Severity, Subject
from clusterprobe.notify.wording import fix_text
from clusterprobe.profile_sections import ReportsProfile
from clusterprobe.report import answer
from clusterprobe.report.safe import safe
from clusterprobe.times import epoch

GROUP = "openreports.io"
CLUSTER_REPORTS = Resource("v1alpha1", "clusterreports", "ClusterReport", GROUP, namespaced=False)
REPORTS = Resource("v1alpha1", "reports", "Report", GROUP)
SOURCE = "clusterprobe"
MANAGED, INSTANCE = "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"
LEFT_OUT = "clusterprobe.io/left-out"

# What an API server keeps of one object ends at about 1.5 MB, and readers load all of them.
MOST_RESULTS = 500
MOST_BYTES = 800_000
MOST_CHARACTERS = 1000  # of a message, which is cut, and of a fix, of which there is all or nothing
MOST_REPORTS = 200  # namespaces with a Report of their own; what is about others is in the ClusterReport

OUTCOMES = {Severity.CRITICAL: "fail", Severity.ERROR: "fail", Severity.WARNING: "warn", Severity.INFO: "warn"}
SEVERITIES = {Severity.CRITICAL: "critical", Severity.ERROR: "high", Severity.WARNING: "medium", Severity.INFO: "info"}
ORDER = ("fail", "error", "warn", "skip", "pass")

Json = dict[str, Any]


def rules(wanted: ReportsProfile) -> list[Json]:
    """The RBAC rules that it needs. A server-side apply creates under a name, so that no other object is in reach."""
    if not wanted.openreports:
        return []
    named: Json = {"apiGroups": [GROUP], "resourceNames": [wanted.name]}
    whole = [{**named, "resources": [CLUSTER_REPORTS.plural], "verbs": ["create", "patch"]}]
    if wanted.openreports == "cluster":
        return whole
    of_namespaces = {**named, "resources": [REPORTS.plural], "verbs": ["create", "delete", "patch"]}
    return [*whole, of_namespaces, {"apiGroups": [GROUP], "resources": [REPORTS.plural], "verbs": ["list"]}]


# --- what is written ------------------------------------------------------------------------------------------------------


def objects(result: RunResult, wanted: ReportsProfile) -> list[Json]:
    """The objects of a run: the ClusterReport first, and a Report of each namespace that something is said about, if they are wanted."""
    places: dict[str, list[Json]] = {"": []}
    for namespace, one in _results(safe(result)):
        own = wanted.openreports == "namespaces" and (namespace in places or len(places) <= MOST_REPORTS)
        places.setdefault(namespace if own else "", []).append(one)
    return [_object(wanted.name, namespace, found) for namespace, found in places.items()]


def _object(name: str, namespace: str, found: list[Json]) -> Json:
    kept = _bounded(found)
    resource = REPORTS if namespace else CLUSTER_REPORTS
    more = {"annotations": {LEFT_OUT: str(len(found) - len(kept))}} if len(kept) < len(found) else {}
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, **place, "labels": {MANAGED: SOURCE, INSTANCE: name}, **more},
        "source": SOURCE,
        "configuration": {"limits": {"maxResults": MOST_RESULTS}},
        "summary": {outcome: sum(one["result"] == outcome for one in found) for outcome in ORDER},
        "results": kept,
    }


def _bounded(found: list[Json]) -> list[Json]:
    """The worst of them, as many as fit."""
    size, kept = 0, []
    for one in sorted(found, key=lambda one: ORDER.index(one["result"]))[:MOST_RESULTS]:
        size += len(msgspec.json.encode(one))
        if size > MOST_BYTES:
            break
        kept.append(one)
    return kept


def _results(result: RunResult) -> Iterator[tuple[str, Json]]:
    """Every result with the namespace that it is about: the worst findings first, then what could not be checked, then the rest."""
    names, stamp = fingerprints(result), int(epoch(result.run.finished) or 0)
    places = {id(one): names[probe.id, place] for probe in result.probes for place, one in enumerate(probe.findings)}
    for probe, finding in result.findings():
        yield finding.subject.namespace, _finding(probe, finding, stamp, places[id(finding)])
    why = {place: answer.acceptance(one) for one in result.accepted for place in one.findings}
    for probe in result.probes:
        for place, finding in enumerate(probe.known):
            accepted = {"result": "skip", "properties": {"accepted": why.get((probe.id, place), "")}}
            yield finding.subject.namespace, _finding(probe, finding, stamp, name_of(key_of(probe.id, finding))) | accepted
        for one in probe.unchecked:
            message = f"{one.subject} could not be checked: {one.reason}"
            yield one.subject.namespace, _result(probe, "error", stamp, message) | _about(one.subject)
        if outcome := _outcome(probe):
            yield "", _result(probe, outcome, stamp, probe.reason)


def _outcome(probe: ProbeResult) -> str:
    """What is said of a probe itself; nothing where its findings, or what it could not check, say all."""
    if probe.verdict is ProbeVerdict.PASS:
        return "pass"
    if probe.verdict is ProbeVerdict.NOT_APPLICABLE:
        return "skip"
    return "error" if probe.verdict in (ProbeVerdict.BROKEN, ProbeVerdict.INCONCLUSIVE) and not probe.unchecked else ""


def _finding(probe: ProbeResult, finding: Finding, stamp: int, name: str) -> Json:
    message = f"{finding.problem} Cause: {finding.cause}" if finding.cause else finding.problem
    about = {"fingerprint": name, "environment": finding.subject.environment, "fix": fix_text(finding, MOST_CHARACTERS)}
    return {
        **_result(probe, OUTCOMES[finding.severity], stamp, message),
        "rule": finding.reason,
        "severity": SEVERITIES[finding.severity],
        "properties": {key: value for key, value in about.items() if value},
        **_about(finding.subject),
    }


def _result(probe: ProbeResult, outcome: str, stamp: int, message: str) -> Json:
    return {
        "source": SOURCE,
        "policy": probe.id,
        "category": probe.id.partition("/")[0],
        "result": outcome,
        "scored": True,
        "message": _short(message),
        "timestamp": {"seconds": stamp, "nanos": 0},
    }


def _about(subject: Subject) -> Json:
    if not subject.name:
        return {}
    given = {"apiVersion": subject.api_version, "kind": subject.kind, "namespace": subject.namespace, "name": subject.name}
    return {"resources": [{key: value for key, value in given.items() if value}]}


def _short(text: str) -> str:
    """Cut, and no more: it has been through both gates, and has words of ours in it, of which the first one would take some for secrets."""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


# --- writing it -------------------------------------------------------------------------------------------------------


def publish(result: RunResult, wanted: ReportsProfile, writer: Writer, limit: Deadline) -> str:
    """Write them, and remove the Reports of ours in namespaces of which nothing is said any more; why that failed, if it did."""
    if result.run.selected:
        return "no OpenReports were written: only some probes ran, and what the others found would look repaired"
    made = objects(result, wanted)
    trouble = _first([partial(_apply, writer, one, limit) for one in made])
    if not trouble and wanted.openreports == "namespaces":
        written = {one["metadata"].get("namespace", "") for one in made}
        trouble = _first([partial(_sweep, writer, wanted.name, written, limit)])
    return f"OpenReports were not written, or not all: {trouble}" if trouble else ""


def _first(actions: list[Callable[[], None]]) -> str:
    """Do all of them, as long as they fail for a single namespace only; why the first one failed that did."""
    trouble = ""
    for place, action in enumerate(actions):
        try:
            action()
        except errors.NotFound as error:
            trouble = trouble or f"{error} (is OpenReports installed there?)"
        except errors.Unreadable as error:
            trouble = trouble or str(error)
        if trouble and place == 0:
            break  # so the others would
    return trouble


def _apply(writer: Writer, one: Json, limit: Deadline) -> None:
    writer.apply(REPORTS if one["kind"] == REPORTS.kind else CLUSTER_REPORTS, one, SOURCE, limit)


def _sweep(writer: Writer, name: str, written: set[str], limit: Deadline) -> None:
    stored: list[Stored] = writer.find(REPORTS, f"{MANAGED}={SOURCE},{INSTANCE}={name}", limit)
    for one in stored:
        if one.metadata.namespace not in written and one.metadata.name == name:
            writer.delete(REPORTS, one.metadata.namespace, name, limit, uid=one.metadata.uid)
