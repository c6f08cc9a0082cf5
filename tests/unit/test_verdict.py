"""The algebra of verdicts: what could not be seen never looks healthier than what was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterprobe.findings import Declared, FindingKind, reports
from clusterprobe.fixes import look, text_of
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, Severity, Subject, Table, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.verdict import Verdict, grade, result
from tests.factories import outcome

# What the verdicts promise about health, from "looked, and it is fine" to "it is not".
TOWARDS_PASS = [ProbeVerdict.PASS, ProbeVerdict.KNOWN, ProbeVerdict.NOT_APPLICABLE]

BAD = FindingKind("Bad", Severity.CRITICAL, "It is bad.", prevention="v")

severities = st.sampled_from(list(Severity))
# A subject's value: None is fine, a severity is what the probe finds in it.
judgements = st.lists(st.one_of(st.none(), severities), max_size=6)


def subject(index: int) -> Subject:
    return Subject(kind="Thing", namespace="monitoring-dev", name=f"thing-{index}")


def readings(values: list[Severity | None], unread: set[int]) -> Readings[Severity | None]:
    return Readings(
        tuple((subject(i), value) for i, value in enumerate(values) if i not in unread),
        tuple(Unchecked(subject=subject(i), reason="refused") for i in sorted(unread) if i < len(values)),
        "there is none",
    )


def judge(examined: Readings[Severity | None], needed: Readings[Severity | None], enriching: Readings[Severity | None]) -> Verdict:
    """A probe in miniature: it finds what the values say, and rests on the needed readings."""
    verdict = Verdict(declared=Declared((BAD,)))
    verdict.need(needed)
    verdict.enrich(enriching)
    for one, value in verdict.examine(examined):
        if value is not None:
            verdict.report(BAD, one, problem="p", cause="c", fix=[look("f")], severity=value)
    return verdict


def grades(verdict: Verdict, level: Severity) -> ProbeVerdict:
    return grade(verdict, level=level)[0]


@settings(max_examples=4000, deadline=None, derandomize=True)
@given(judgements, judgements, st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)), severities)
def test_an_unreadable_reading_never_moves_a_verdict_towards_pass(
    values: list[Severity | None], needed: list[Severity | None], unread: set[int], unread_needed: set[int], level: Severity
) -> None:
    whole = grades(judge(readings(values, set()), readings(needed, set()), readings([], set())), level)
    partial = judge(readings(values, unread), readings(needed, unread_needed), readings([], set()))
    lost = any(i < len(values) for i in unread) or any(i < len(needed) for i in unread_needed)
    verdict = grades(partial, level)
    if lost:
        assert verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.FINDINGS)
    else:
        assert verdict is whole
    if verdict is ProbeVerdict.FINDINGS:
        assert whole is ProbeVerdict.FINDINGS


@settings(max_examples=3000, deadline=None, derandomize=True)
@given(judgements, st.sets(st.integers(0, 5)), severities)
def test_what_only_enriches_changes_no_verdict(values: list[Severity | None], unread: set[int], level: Severity) -> None:
    with_it = judge(readings(values, set()), readings([], set()), readings([None] * 6, set()))
    without = judge(readings(values, set()), readings([], set()), readings([None] * 6, unread))
    assert grades(with_it, level) is grades(without, level)


@settings(max_examples=3000, deadline=None, derandomize=True)
@given(judgements, st.sets(st.integers(0, 5)), severities)
def test_nothing_examined_is_never_a_pass(values: list[Severity | None], unread: set[int], level: Severity) -> None:
    verdict = judge(readings(values, unread), readings([], set()), readings([], set()))
    if verdict.examined == 0:
        assert grades(verdict, level) is not ProbeVerdict.PASS
    if not values:
        assert grades(verdict, level) is ProbeVerdict.NOT_APPLICABLE


def test_a_probe_that_examined_nothing_at_all_is_inconclusive() -> None:
    assert outcome(Verdict()) == "inconclusive"


def test_an_answer_with_nothing_in_it_is_unchecked_and_the_next_one_is_judged() -> None:
    verdict = Verdict()
    assert list(verdict.examine(Readings(((subject(1), []), (subject(2), [7]))))) == [(subject(2), [7])]
    assert [one.reason for one in verdict.unread] == ["it answered, but with nothing in it that could be judged"]
    assert (outcome(verdict), verdict.examined) == ("inconclusive", 1)


@pytest.mark.parametrize(("values", "unread", "absences"), [([None], set(), []), ([None], {0}, []), ([], set(), ["there is none"])])
def test_only_what_was_read_whole_and_is_empty_is_absent(values: list[None], unread: set[int], absences: list[str]) -> None:
    verdict = Verdict()
    list(verdict.examine(readings(list(values), unread)))
    assert verdict.absences == absences


def test_absence_is_no_proof_while_something_is_unreadable() -> None:
    verdict = Verdict()
    list(verdict.examine(Readings((), (Unchecked(subject=subject(1), reason="refused"),), "there is none")))
    assert outcome(verdict) == "inconclusive"


def test_a_crash_loses_no_finding_at_the_level() -> None:
    verdict = judge(readings([Severity.ERROR], set()), readings([], set()), readings([], set()))
    assert grade(verdict, level=Severity.ERROR, crash="KeyError")[0] is ProbeVerdict.FINDINGS
    assert grade(verdict, level=Severity.CRITICAL, crash="KeyError")[0] is ProbeVerdict.BROKEN


def test_a_source_that_crashed_makes_the_probe_broken() -> None:
    verdict = Verdict()
    verdict.need(Readings((), (Unchecked(subject=subject(1), reason="the source crashed", broken=True),)))
    assert outcome(verdict) == "broken"


def test_a_known_finding_is_shown_and_does_not_fail() -> None:
    verdict = judge(readings([Severity.CRITICAL], set()), readings([], set()), readings([], set()))

    def known(finding: Finding) -> bool:
        return finding.reason == "Bad"

    one = result("a/b", "?", verdict, level=Severity.ERROR, known=known)
    assert (one.verdict, len(one.known), one.findings) == (ProbeVerdict.KNOWN, 1, [])


def test_info_alone_is_a_pass() -> None:
    verdict = judge(readings([Severity.INFO], set()), readings([], set()), readings([], set()))
    assert outcome(verdict) == "pass"


def test_a_subject_takes_the_environment_of_its_namespace() -> None:
    verdict = Verdict(lambda namespace: namespace.rpartition("-")[2])
    verdict.unchecked(subject(1), "refused")
    assert verdict.unread[0].subject.environment == "dev"


# --- what is said, and what comes of it ---------------------------------------------------------------------------------

TABLE = Table(title="Things", columns=["Thing"], rows=[["a"]])
MISSING = Subject(kind="Thing", name="missing")


def spoken() -> Verdict:
    """A verdict in which everything is said."""
    verdict = judge(
        readings([Severity.WARNING, Severity.CRITICAL, Severity.WARNING, None], {3}),
        readings([], set()),
        Readings((), (Unchecked(subject=MISSING, reason="no rights"),)),
    )
    verdict.exhibit(TABLE)
    return verdict


def test_a_result_is_all_that_was_said_and_how_it_is_graded() -> None:
    verdict = spoken()
    assert result("a/b", "Is it?", verdict, level=Severity.ERROR) == ProbeResult(
        id="a/b",
        question="Is it?",
        verdict=ProbeVerdict.FINDINGS,
        examined=3,
        reason="1 critical, 2 warnings",
        findings=verdict.findings,
        unchecked=[Unchecked(subject=subject(3), reason="refused")],
        notes=[f"{MISSING} could not be read, so causes may be named less exactly: no rights"],
        exhibits=[TABLE],
    )


def test_a_crash_and_the_level_count_in_a_result() -> None:
    lesser = judge(readings([Severity.WARNING], set()), readings([], set()), readings([], set()))
    one = result("a/b", "?", lesser, level=Severity.ERROR, crash="KeyError")
    assert (one.verdict, one.reason) == (ProbeVerdict.BROKEN, "KeyError")
    assert result("a/b", "?", lesser, level=Severity.WARNING, crash="KeyError").verdict is ProbeVerdict.FINDINGS


def test_sources_that_crashed_are_each_named_once() -> None:
    verdict = Verdict()
    for index, why in enumerate(("the source a crashed", "the source b crashed", "the source a crashed")):
        verdict.unchecked(subject(index), why, broken=True)
    assert grade(verdict, level=Severity.ERROR) == (ProbeVerdict.BROKEN, "the source a crashed; the source b crashed")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (["no API", "no pod", "no API"], "no API; no pod"),
        (["discovery found none"], "discovery found none"),
    ],
)
def test_why_nothing_applies_is_told_once_each(said: list[str], reason: str) -> None:
    verdict = Verdict()
    for one in said:
        verdict.not_applicable(one)
    assert grade(verdict, level=Severity.ERROR) == (ProbeVerdict.NOT_APPLICABLE, reason)


def test_readings_without_a_reason_were_not_found_by_discovery() -> None:
    verdict = Verdict()
    assert list(verdict.examine(Readings())) == []
    assert verdict.absences == ["discovery found none"]


def test_a_note_is_listed_once_and_so_is_what_is_unchecked() -> None:
    verdict = Verdict()
    for _ in range(2):
        verdict.note("it is late")
        verdict.unchecked(subject(1), "refused")
    assert (verdict.notes, len(verdict.unread)) == (["it is late"], 1)
    assert grade(verdict, level=Severity.ERROR)[1] == f"could not check {subject(1)}: refused"


@pytest.mark.parametrize(("known", "reason"), [(True, "only findings that are accepted"), (False, "1 critical")])
def test_what_is_known_says_so(known: bool, reason: str) -> None:
    verdict = judge(readings([Severity.CRITICAL], set()), readings([], set()), readings([], set()))
    assert grade(verdict, level=Severity.ERROR, known=lambda _: known)[1] == reason


def test_a_pass_says_how_many_were_examined_and_nothing_that_nothing_was() -> None:
    assert grade(judge(readings([None, None], set()), readings([], set()), readings([], set())), level=Severity.ERROR)[1] == "2 examined"
    assert grade(Verdict(), level=Severity.ERROR)[1] == "it examined nothing"


def test_the_environment_is_that_of_a_namespace_unless_it_is_known_or_there_is_none() -> None:
    verdict = Verdict(lambda namespace: namespace.rpartition("-")[2])
    verdict.unchecked(Subject(kind="Thing", namespace="a-dev", environment="prod"), "r")
    verdict.unchecked(Subject(kind="Thing"), "r")
    assert [one.subject.environment for one in verdict.unread] == ["prod", ""]
    assert (verdict.environment_of("a-dev"), Verdict().environment_of("a-dev")) == ("dev", "")


def test_a_finding_is_one_line_each_with_its_steps_and_references() -> None:
    verdict = Verdict(lambda namespace: "dev", declared=Declared((BAD,), "w"))
    steps, secret = [look("f"), look("g")], Ref(RefKind.SECRET, "a", "b")
    service = Ref(RefKind.SERVICE, "a", "b")
    verdict.report(BAD, subject(0), problem="p\np", cause="c\nc", fix=steps, exhibits=[TABLE], breaks=[secret], rests_on=[service])
    (found,) = verdict.findings
    assert (found.problem, found.cause, found.prevention) == ("p p", "c c", "v")
    assert (found.fix, found.steps, found.exhibits) == (text_of(steps), steps, [TABLE])
    assert (found.subject.environment, found.breaks, found.rests_on) == ("dev", ["Secret/a/b"], ["Service/a/b"])


# --- what is declared -----------------------------------------------------------------------------------------------------


def report(verdict: Verdict, kind: FindingKind, severity: Severity | None = None, prevention: str = "") -> Finding:
    verdict.report(kind, subject(0), problem="p", cause="c", fix=[look("f")], severity=severity, prevention=prevention)
    return verdict.findings[-1]


def test_a_finding_is_what_its_kind_declares() -> None:
    kind = FindingKind("Slow", Severity.WARNING, "It is slow.", prevention="v", settles=True)
    found = report(Verdict(declared=Declared((kind,))), kind)
    assert (found.reason, found.severity, found.prevention, found.settles) == ("Slow", Severity.WARNING, "v", True)


def test_a_prevention_is_the_findings_own_or_its_kinds_or_the_probes() -> None:
    plain = FindingKind("Plain", Severity.ERROR, "It is plain.")
    verdict = Verdict(declared=Declared((BAD, plain), "the probe's"))
    assert [report(verdict, plain).prevention, report(verdict, BAD).prevention] == ["the probe's", "v"]
    assert report(verdict, BAD, prevention="its own").prevention == "its own"


def test_a_kind_that_the_probe_does_not_declare_is_refused() -> None:
    with pytest.raises(ValueError, match=r"does not declare that it reports Bad"):
        report(Verdict(), BAD)


def test_a_severity_that_is_worse_than_declared_is_refused() -> None:
    kind = FindingKind("Slow", Severity.WARNING, "It is slow.")
    verdict = Verdict(declared=Declared((kind,)))
    assert report(verdict, kind, Severity.INFO).severity is Severity.INFO
    with pytest.raises(ValueError, match="declared as warning at worst, and reported as error"):
        report(verdict, kind, Severity.ERROR)


def test_two_kinds_of_a_probe_do_not_share_a_code() -> None:
    with pytest.raises(ValueError, match="two kinds of findings have the code Bad"):
        reports(BAD, FindingKind("Bad", Severity.INFO, "It is not that bad."))
