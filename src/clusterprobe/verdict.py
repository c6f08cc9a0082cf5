"""How a probe says what it saw, and how that is graded. No I/O, no pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TypeVar

import msgspec

from clusterprobe.findings import Declared, FindingKind
from clusterprobe.fixes import text_of
from clusterprobe.model import Exhibit, Finding, ProbeResult, ProbeVerdict, Severity, Step, Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.words import of_severity, one_line

Value = TypeVar("Value")
NOTHING = Declared()


class Verdict:
    """What one probe has examined, found, and could not check.

    `environment_of` maps a namespace to its environment (empty: shared); `declared` is what the probe can report. Three ways to use
    readings: `examine` for what is judged, `need` for what a judgement rests on, `enrich` for what only names the cause.
    """

    def __init__(self, environment_of: Callable[[str], str] = lambda namespace: "", declared: Declared = NOTHING) -> None:
        self._environment_of = environment_of
        self._declared = declared
        self.examined = 0
        self.findings: list[Finding] = []
        self.unread: list[Unchecked] = []
        self.notes: list[str] = []
        self.exhibits: list[Exhibit] = []
        self.absences: list[str] = []

    def examine(self, readings: Readings[Value]) -> Iterator[tuple[Subject, Value]]:
        """The readable subjects one after the other; each counts as examined.

        What is unreadable becomes unchecked, and so does a subject that answered with nothing in it.
        """
        self._note_unreadable(readings)
        if not readings.values and readings.complete:
            self.absences.append(readings.absent or "discovery found none")
        return self._judge(readings)

    def _judge(self, readings: Readings[Value]) -> Iterator[tuple[Subject, Value]]:
        for subject, value in readings.values:
            if isinstance(value, Sized) and not len(value):
                self.unchecked(subject, "it answered, but with nothing in it that could be judged")
                continue
            self.examined += 1
            yield subject, value

    def need(self, readings: Readings[Value]) -> Readings[Value]:
        """Readings that the judgement rests on: what is unreadable of them is unchecked."""
        self._note_unreadable(readings)
        return readings

    def enrich(self, readings: Readings[Value]) -> Readings[Value]:
        """Readings that only help to name the cause: findings stand without them."""
        for one in readings.unreadable:
            self.note(f"{one.subject} could not be read, so causes may be named less exactly: {one.reason}")
        return readings

    def _note_unreadable(self, readings: Readings[Value]) -> None:
        for one in readings.unreadable:
            self.unchecked(one.subject, one.reason, broken=one.broken)

    def unchecked(self, subject: Subject, reason: str, *, broken: bool = False) -> None:
        """Something that could not be judged. The same thing is listed once."""
        one = Unchecked(subject=self._place(subject), reason=reason, broken=broken)
        if one not in self.unread:
            self.unread.append(one)

    def not_applicable(self, reason: str) -> None:
        """There is nothing to judge, and what says so was read completely."""
        self.absences.append(reason)

    def note(self, text: str) -> None:
        """Something worth knowing that is no finding."""
        if text not in self.notes:
            self.notes.append(text)

    def exhibit(self, exhibit: Exhibit) -> None:
        """Evidence that belongs to the whole probe, shown even when it passes."""
        self.exhibits.append(exhibit)

    def report(
        self,
        kind: FindingKind,
        subject: Subject,
        *,
        problem: str,
        cause: str,
        fix: Sequence[Step],
        exhibits: Iterable[Exhibit] = (),
        breaks: Iterable[Ref] = (),
        rests_on: Iterable[Ref] = (),
        severity: Severity | None = None,
        prevention: str = "",
    ) -> None:
        """Record what is wrong. `fix` is the steps of its repair; `severity` is given where it is less than the kind's.

        A problem, a cause and a prevention are one line each: what the cluster says adds no paragraph to them. Without a
        prevention of its own, or of its kind, a finding has the one of the probe.

        `breaks` is what does not work because of this, `rests_on` what, if another finding breaks it, explains this. Raises
        `ValueError` for what the probe does not declare.
        """
        level = severity or kind.severity
        self._declared.refuse(kind, level)
        self.findings.append(
            Finding(
                reason=kind.code,
                severity=level,
                subject=self._place(subject),
                problem=one_line(problem),
                cause=one_line(cause),
                fix=text_of(fix),
                prevention=one_line(prevention or kind.prevention or self._declared.prevention),
                steps=list(fix),
                exhibits=list(exhibits),
                breaks=[str(one) for one in breaks],
                rests_on=[str(one) for one in rests_on],
                settles=kind.settles,
            )
        )

    def environment_of(self, namespace: str) -> str:
        """The environment of a namespace; empty for what is shared."""
        return self._environment_of(namespace)

    def _place(self, subject: Subject) -> Subject:
        if subject.environment or not subject.namespace:
            return subject
        return msgspec.structs.replace(subject, environment=self._environment_of(subject.namespace))


def grade(
    verdict: Verdict, *, level: Severity, crash: str = "", known: Callable[[Finding], bool] = lambda finding: False
) -> tuple[ProbeVerdict, str]:
    """The probe's verdict and why. The worst wins.

    Findings at `level` or above › broken › inconclusive › lesser findings › known › pass. Nothing examined is never a pass.
    """
    findings = [one for one in verdict.findings if not known(one)]
    broken = crash or "; ".join(dict.fromkeys(one.reason for one in verdict.unread if one.broken))
    if any(one.severity.at_least(level) for one in findings):
        return ProbeVerdict.FINDINGS, _count(findings)
    if broken:
        return ProbeVerdict.BROKEN, broken
    if verdict.unread:
        return ProbeVerdict.INCONCLUSIVE, f"could not check {verdict.unread[0].subject}: {verdict.unread[0].reason}"
    if any(one.severity.at_least(Severity.WARNING) for one in findings):
        return ProbeVerdict.FINDINGS, _count(findings)
    if len(findings) < len(verdict.findings):
        return ProbeVerdict.KNOWN, "only findings that are accepted"
    if verdict.examined:
        return ProbeVerdict.PASS, f"{verdict.examined} examined"
    if verdict.absences:
        return ProbeVerdict.NOT_APPLICABLE, "; ".join(dict.fromkeys(verdict.absences))
    return ProbeVerdict.INCONCLUSIVE, "it examined nothing"


def _count(findings: list[Finding]) -> str:
    counts = {severity: sum(one.severity is severity for one in findings) for severity in reversed(Severity)}
    return ", ".join(of_severity(count, severity) for severity, count in counts.items() if count)


def result(
    probe_id: str,
    question: str,
    verdict: Verdict,
    *,
    level: Severity,
    crash: str = "",
    known: Callable[[Finding], bool] = lambda finding: False,
) -> ProbeResult:
    """A probe's graded result."""
    outcome, reason = grade(verdict, level=level, crash=crash, known=known)
    return ProbeResult(
        id=probe_id,
        question=question,
        verdict=outcome,
        examined=verdict.examined,
        reason=reason,
        findings=[one for one in verdict.findings if not known(one)],
        unchecked=verdict.unread,
        known=[one for one in verdict.findings if known(one)],
        notes=verdict.notes,
        exhibits=verdict.exhibits,
    )
