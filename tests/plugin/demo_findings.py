"""The demo's findings as text, whole, so that a change of wording is a diff that can be read.

`python -m tests.plugin.demo_findings` runs the demo, and writes them beside this file.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from clusterprobe.fixes import MARKS, line
from clusterprobe.model import Finding, ProbeResult, RunResult
from tests.plugin.test_cli import clusterprobe

SNAPSHOT = Path(__file__).with_suffix(".md")


def result_of(folder: Path) -> RunResult:
    """The result of a run of the demo, made in this folder."""
    assert clusterprobe("demo", "--output", "out", folder=folder).returncode == 1
    return msgspec.json.decode((folder / "out" / "results.json").read_bytes(), type=RunResult)


def written(result: RunResult) -> str:
    """Every sentence of every probe that has one, in the order of the probes. Evidence is left out: it is what was read."""
    return "\n".join(("# The findings of the demo", *(text for probe in result.probes for text in _probe(probe)), ""))


def _probe(probe: ProbeResult) -> Iterator[str]:
    if probe.findings or probe.unchecked or probe.notes or probe.reason:
        yield f"\n## {probe.id}: {probe.verdict}\n\n{probe.question}"
    yield from ([f"\n{probe.reason}"] if probe.reason else [])
    for finding in probe.findings:
        yield from _finding(finding)
    yield from (f"\nUnchecked: {one.subject}: {one.reason}" for one in probe.unchecked)
    yield from (f"\nNote: {one}" for one in probe.notes)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"\n### {finding.severity} {finding.reason}: {finding.subject}"
    yield f"\nProblem: {finding.problem}\n\nCause: {finding.cause}\n"
    for number, step in enumerate(finding.steps, 1):
        yield f"{number}. {MARKS[step.kind]}: {step.text}"
        yield from (f"       {one}" for one in step.code.split("\n") if step.code)
        yield from (f"       $ {line(one)}" for one in step.commands)
    yield f"\nPrevention: {finding.prevention}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        SNAPSHOT.write_text(written(result_of(Path(scratch))))
