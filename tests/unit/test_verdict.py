"""The algebra of verdicts: what could not be seen never looks healthier than what was."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clusterprobe.model import Finding, ProbeVerdict, Severity, Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.verdict import Verdict, grade, result
from tests.factories import outcome

# What the verdicts promise about health, from "looked, and it is fine" to "it is not".
TOWARDS_PASS = [ProbeVerdict.PASS, ProbeVerdict.KNOWN, ProbeVerdict.NOT_APPLICABLE]

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
    verdict = Verdict()
    verdict.need(needed)
    verdict.enrich(enriching)
    for one, value in verdict.examine(examined):
        if value is not None:
            verdict.finding(value, "Bad", one, problem="p", cause="c", fix="f", prevention="v")
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


def test_an_answer_with_nothing_in_it_is_unchecked() -> None:
    verdict = Verdict()
    assert list(verdict.examine(Readings(((subject(1), []),)))) == []
    assert outcome(verdict) == "inconclusive"


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
