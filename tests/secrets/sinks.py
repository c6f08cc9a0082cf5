"""Every shape through both gates into every output: what is read into evidence, made into findings, and written."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from pathlib import Path
from unittest.mock import patch

import msgspec
from rich.console import Console

from clusterprobe import model
from clusterprobe.access.bundle import Bundle, new_manifest, write_bundle
from clusterprobe.evidence import Evidence
from clusterprobe.fixes import look, text_of
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunVerdict, Severity, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.redaction import redact_forms
from clusterprobe.report import write_all
from clusterprobe.report.terminal import show
from clusterprobe.systems.pods.crashes import CrashLog
from clusterprobe.words import for_console, visible
from tests.report_factories import CLUSTER
from tests.secrets.corpus import SHAPES
from tests.secrets.planting import WRITTEN, contents, leaks
from tests.secrets.tellings import told

SOURCE = "crash_logs"


def texts(way: str) -> list[str]:
    """Every shape, written in one of the ways in which text is passed on."""
    return [WRITTEN[way](one.text) if one.ends or way == "base64" else f"before {WRITTEN[way](one.text)} after" for one in SHAPES]


def read(way: str, folder: Path) -> Readings[CrashLog]:
    """The texts as a source's readings: log lines, and the reasons why something could not be read."""
    file, subject = folder / "planted.zip", Subject(kind="Pod", name="one", namespace="x")
    values = [{"subject": subject, "value": CrashLog("main", [one])} for one in texts(way)]
    unread = [{"subject": subject, "reason": f"GET https://10.0.0.1/x: HTTP 503: {one}"} for one in texts(way)]
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", msgspec.json.encode(new_manifest(CLUSTER, 1e9, active=False)))
        archive.writestr(f"readings/{SOURCE}.json", msgspec.json.encode({"values": values, "unreadable": unread, "absent": ""}))
    evidence = Evidence([SOURCE], Profile(), bundle=Bundle(file))
    evidence.start()
    found: Readings[CrashLog] = evidence.get(SOURCE)
    return found


def result(readings: Readings[CrashLog]) -> model.RunResult:
    """A run whose findings have the readings' texts in each of their fields."""
    found = [
        Finding(
            reason="Planted",
            severity=Severity.ERROR,
            subject=subject,
            problem=f"The Pod {subject.name} says: {log.lines[0]}",
            cause=f"It ended with {log.lines[0]}",
            fix=text_of([look(f"Look for {log.lines[0]}")]),
            steps=[look(f"Look for {log.lines[0]}")],
            prevention="Keep secrets out of logs.",
            exhibits=[Text(title="Log", text=log.lines[0]), Table(title="Lines", columns=["Line"], rows=[log.lines])],
        )
        for subject, log in readings
    ]
    reasons = [one.reason for one in readings.unreadable]
    probe = ProbeResult(id="pods/crash-loop", question="Does a container crash?", verdict=ProbeVerdict.FINDINGS, findings=found)
    blind = ProbeResult(
        id="pods/termination",
        question="Do pods end?",
        verdict=ProbeVerdict.INCONCLUSIVE,
        reason="; ".join(reasons),
        unchecked=[*readings.unreadable],
        notes=reasons,
    )
    run = model.Run(
        id="1", started="2026-01-01T00:00:00Z", finished="2026-01-01T00:00:01Z", tool_version="0", profile="default", fail_on="error"
    )
    return model.RunResult(schema=model.SCHEMA, run=run, cluster=CLUSTER, verdict=RunVerdict.FINDINGS, probes=[probe, blind])


def outputs(way: str, folder: Path) -> dict[str, str]:
    """Every output of such a run, by name."""
    readings = read(way, folder)
    whole, screen = result(readings), io.StringIO()
    with patch.dict("os.environ", {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}):
        assert write_all(whole, folder / "out") == []
    write_bundle(folder / "out" / "evidence.zip", new_manifest(CLUSTER, 1e9, active=False), {SOURCE: readings})
    show(whole, console=Console(file=screen, width=200))
    lines = [*(one.reason for one in readings.unreadable), *(one.problem for one in whole.probes[0].findings)]
    progress = "\n".join(for_console(redact_forms(one)) for one in lines)
    page = "\n".join(visible(redact_forms(one)) for one in lines)  # what `Run.safe` hands to pytest
    said = told(whole, folder)
    (folder / "planted.zip").unlink()
    return {**contents(folder), **said, "terminal": screen.getvalue(), "progress": progress, "pytest's messages": page}


def leaked(way: str, folder: Path) -> dict[str, list[str]]:
    """For each output, what of the secrets is in it."""
    searched = functools.cache(leaks)  # some are the same text, such as what is printed and what is in a file
    return {name: searched(text) for name, text in outputs(way, folder).items() if not name.endswith("manifest.json")}


def as_line(found: dict[str, dict[str, list[str]]]) -> str:
    """`557 shapes in 5 writings × 9 outputs: 0 leaked`."""
    count = sum(len(one) for outs in found.values() for one in outs.values())
    names = {name for outs in found.values() for name in outs}
    return f"{len(SHAPES)} shapes in {len(found)} writings × {len(names)} outputs: {count} leaked" + (
        f"\n{json.dumps(found, indent=1)}" if count else ""
    )
