"""The Common Test Report Format: a test a probe, with the outcomes that junit.xml has, for what gathers tests of many tools."""

from __future__ import annotations

from typing import Any

import msgspec

from clusterprobe.fingerprints import fingerprints
from clusterprobe.model import ProbeResult, ProbeVerdict, RunResult, Severity
from clusterprobe.report.junit import WORDS, besides, describe, fail_level
from clusterprobe.report.results import printable
from clusterprobe.times import epoch

VERSION = "0.0.0"  # of the specification

Json = dict[str, Any]


def text(result: RunResult) -> str:
    """The report as it is printed."""
    return printable(msgspec.json.encode(report(result)))


def report(result: RunResult) -> Json:
    """The report. Only findings at or above the run's level fail a test; so does what broke or could not be checked."""
    tests = [*(_test(result, one) for one in result.probes), *map(_left_out, result.run.unrecorded.items())]
    start, stop = _milliseconds(result.run.started), _milliseconds(result.run.finished)
    counts = {status: sum(one["status"] == status for one in tests) for status in ("passed", "failed", "skipped", "pending", "other")}
    return {
        "reportFormat": "CTRF",
        "specVersion": VERSION,
        "runId": result.run.id,
        "timestamp": result.run.finished,
        "generatedBy": f"clusterprobe {result.run.tool_version}",
        "results": {
            "tool": {"name": "clusterprobe", "version": result.run.tool_version},
            "summary": {
                "tests": len(tests),
                **counts,
                "start": start,
                "stop": stop,
                "duration": max(stop - start, 0),
                "extra": _run(result),
            },
            "tests": tests,
        },
    }


def _run(result: RunResult) -> Json:
    where = {"cluster": result.cluster.name or result.cluster.context, "server": result.cluster.server}
    return {"verdict": str(result.verdict), "exitStatus": result.run.exit_status, "interrupted": result.run.interrupted, **where}


def _test(result: RunResult, probe: ProbeResult) -> Json:
    level, names = fail_level(result.run.fail_on), fingerprints(result)
    failing = sorted((one for one in probe.findings if one.severity.at_least(level)), key=result.rank)
    blind = probe.verdict in WORDS
    failed = blind or (probe.verdict is ProbeVerdict.FINDINGS and bool(failing))
    status = "failed" if failed else "skipped" if probe.verdict is ProbeVerdict.NOT_APPLICABLE else "passed"
    unchecked = [f"{one.subject} could not be checked: {one.reason}" for one in probe.unchecked]
    trace = "\n\n".join([*(describe(one) for one in failing), *unchecked])
    said = besides(probe, failing)
    found = [
        {"fingerprint": names[probe.id, place], "code": one.reason, "severity": str(one.severity), "subject": str(one.subject)}
        for place, one in enumerate(probe.findings)
    ]
    message = f"{WORDS[probe.verdict]}: {probe.reason}" if blind else probe.reason
    return {
        **_named(probe.id, status, str(probe.verdict), message),
        **({"trace": trace} if trace else {}),
        **({"stdout": said} if said else {}),
        "tags": [str(one) for one in reversed(Severity) if any(each.severity is one for each in probe.findings)],
        "extra": {"question": probe.question, "examined": probe.examined, "findings": found, "unchecked": len(probe.unchecked)},
    }


def _left_out(unrecorded: tuple[str, list[str]]) -> Json:
    """A probe of a replay that did not run: skipped, so that whoever reads only this does not take it for a pass."""
    probe_id, sources = unrecorded
    return _named(probe_id, "skipped", "did not run", f"did not run: the bundle does not hold {', '.join(sources)}")


def _named(probe_id: str, status: str, verdict: str, message: str) -> Json:
    """What every test has; how long a single one took is not known."""
    area = probe_id.partition("/")[0]
    test = {"name": probe_id, "testId": probe_id, "status": status, "rawStatus": verdict, "duration": 0, "suite": [area], "type": "probe"}
    return {**test, **({"message": message} if message else {})}


def _milliseconds(stamp: str) -> int:
    return int((epoch(stamp) or 0.0) * 1000)
