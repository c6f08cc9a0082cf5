"""junit.xml: one test case a probe, for CI systems that show test results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, Severity
from clusterprobe.report.times import run_seconds
from clusterprobe.words import for_console


def write(result: RunResult, folder: Path) -> None:
    """Write junit.xml into the folder."""
    tree = ET.ElementTree(suites(result))
    ET.indent(tree)
    tree.write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)


def text(result: RunResult) -> str:
    """The document as text."""
    root = suites(result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def suites(result: RunResult) -> ET.Element:
    """The document. Only findings at or above the run's level fail a case, as they do in the exit status."""
    level = fail_level(result.run.fail_on)
    root = ET.Element("testsuites", name="clusterprobe")
    suite = ET.SubElement(root, "testsuite", name="clusterprobe", timestamp=_text(result.run.started))
    where = {"cluster": result.cluster.context, "server": result.cluster.server, "run": result.run.id}
    _properties(suite, {"verdict": result.verdict.value, **where})
    for probe in result.probes:
        suite.append(case(probe, level, result.rank))
    for probe_id, sources in result.run.unrecorded.items():
        suite.append(_left_out(probe_id, sources))
    for element in (root, suite):
        _count(element, suite, run_seconds(result.run))
    return root


def fail_level(fail_on: str) -> Severity:
    """The severity from which a finding fails a case; `never` only concerns the exit status."""
    return Severity(fail_on) if fail_on in list(Severity) else Severity.ERROR


def case(
    probe: ProbeResult, level: Severity, rank: Callable[[Finding], tuple[int, int]] = lambda one: (-one.severity.rank, 0)
) -> ET.Element:
    """One probe: failed by findings, broken or inconclusive (JUnit knows no more than failure), skipped if not applicable.

    Its findings are in the order of `rank`.
    """
    area, _, _ = probe.id.partition("/")
    element = ET.Element("testcase", classname=_text(area), name=_text(probe.id), time="0")
    _properties(element, {"verdict": probe.verdict.value, "examined": str(probe.examined), "reason": probe.reason})
    failing = sorted((one for one in probe.findings if one.severity.at_least(level)), key=rank)
    if probe.verdict is ProbeVerdict.FINDINGS and failing:
        _add(element, "failure", probe.reason or "findings", "findings", "\n\n".join(describe(one) for one in failing))
    elif probe.verdict in (ProbeVerdict.BROKEN, ProbeVerdict.INCONCLUSIVE):
        _add(element, "failure", f"{WORDS[probe.verdict]}: {probe.reason}", probe.verdict.value, _unchecked(probe))
    elif probe.verdict is ProbeVerdict.NOT_APPLICABLE:
        ET.SubElement(element, "skipped", message=_text(probe.reason or "not applicable"))
    if said := besides(probe, failing):
        ET.SubElement(element, "system-out").text = _text("\n\n".join(said))
    return element


def _left_out(probe_id: str, sources: list[str]) -> ET.Element:
    """A probe of a replay that did not run: skipped, so that whoever reads only this file does not take it for a pass."""
    element = ET.Element("testcase", classname=_text(probe_id.partition("/")[0]), name=_text(probe_id), time="0")
    ET.SubElement(element, "skipped", message=_text(f"did not run: the bundle does not hold {', '.join(sources)}"))
    return element


WORDS = {ProbeVerdict.BROKEN: "broken", ProbeVerdict.INCONCLUSIVE: "could not check"}


def describe(finding: Finding, state: str = "") -> str:
    """A finding as text of several lines; `state` stands beside its severity."""
    lines = [f"[{finding.severity}{state}] {finding.reason}: {finding.subject}", f"Problem: {finding.problem}", f"Cause: {finding.cause}"]
    return "\n".join([*lines, f"Fix: {finding.fix}", f"Prevention: {finding.prevention}"])


def besides(probe: ProbeResult, failing: list[Finding]) -> list[str]:
    """What a probe says beside the findings that fail its case: the lesser ones, those that are accepted, and its notes."""
    lesser = [describe(one) for one in probe.findings if one not in failing]
    return [*lesser, *(describe(one, ", accepted") for one in probe.known), *(f"Note: {note}" for note in probe.notes)]


def _unchecked(probe: ProbeResult) -> str:
    return "\n".join(f"{one.subject}: {one.reason}" for one in probe.unchecked)


def _add(element: ET.Element, tag: str, message: str, kind: str, body: str) -> None:
    ET.SubElement(element, tag, message=_text(message), type=kind).text = _text(body)


def _properties(element: ET.Element, values: dict[str, str]) -> None:
    parent = ET.SubElement(element, "properties")
    for name, value in values.items():
        ET.SubElement(parent, "property", name=name, value=_text(value))


def _count(element: ET.Element, suite: ET.Element, seconds: float | None) -> None:
    cases = suite.findall("testcase")
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(one.find("failure") is not None for one in cases)))
    element.set("errors", "0")
    element.set("skipped", str(sum(one.find("skipped") is not None for one in cases)))
    element.set("time", f"{seconds or 0.0:.3f}")


def _text(text: str) -> str:
    """Only characters that XML 1.0 allows; and no CI command, for whoever prints the file."""
    return for_console(text)
