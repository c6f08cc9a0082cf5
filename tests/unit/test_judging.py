"""How a probe is called: with what it asks for, until the run's end, and whatever it does."""

import functools
import inspect
import json
from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.access.deadline import Deadline
from clusterprobe.environments import Environments
from clusterprobe.errors import TimedOut
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import look
from clusterprobe.judging import CRASH, Probe, arguments, call, judge
from clusterprobe.model import ProbeResult, ProbeVerdict, Severity, Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.roles import Examined
from clusterprobe.verdict import Verdict

NODES = Readings(tuple((Subject(kind="Node", name=name), name) for name in ("a", "b")))
UNPLACED = Unchecked(subject=Subject(kind="NamespaceList"), reason="no rights")
BAD = FindingKind("Bad", Severity.ERROR, "It is bad.", prevention="v")


def evidence(**changes: Any) -> Any:
    profile = Profile()
    given = {
        "environments": Environments(profile),
        "clock": Clock(7.0),
        "profile": profile,
        "judging": Deadline.after(60),
        "unplaced": Readings((), (UNPLACED,)),
        "get": lambda name: NODES if name == "nodes" else None,
        **changes,
    }
    return SimpleNamespace(**given)


def judged(function: Any, *, level: Severity = Severity.ERROR, **changes: Any) -> ProbeResult:
    probe, seen = Probe("some/probe", "Is it?", function), evidence(**changes)
    return judge(probe, seen, arguments(probe, seen, []), level=level)


def passes(verdict: Verdict, nodes: Examined[str]) -> None:
    list(nodes)


@reports(BAD)
def finds(verdict: Verdict, nodes: Examined[str]) -> None:
    for subject, _ in nodes:
        verdict.report(BAD, subject, problem="p", cause="c", fix=[look("f")])


def breaks(verdict: Verdict, nodes: Examined[str]) -> None:
    list(nodes)
    raise KeyError("x" * 2 * CRASH)


def breaks_elsewhere(verdict: Verdict, nodes: Examined[str]) -> None:
    json.loads("{")


def places(verdict: Verdict, nodes: Examined[str], environments: Environments) -> None:
    list(nodes)


def hears_of_the_end(verdict: Verdict, nodes: Examined[str]) -> None:
    raise TimedOut("judging")


def never_ends(verdict: Verdict, nodes: Examined[str]) -> None:
    while True:
        pass


def says_nothing() -> None: ...


def asks_for_confirmations(verdict: Verdict, nodes: Examined[str], confirmations: Any) -> None:
    list(nodes)
    verdict.note(str(confirmations))


def reports_what_it_does_not_declare(verdict: Verdict, nodes: Examined[str]) -> None:
    finds(verdict, nodes)


def helps() -> None:
    json.loads("{")


def breaks_in_a_helper(verdict: Verdict, nodes: Examined[str]) -> None:
    helps()


@functools.wraps(breaks)
def wrapped(*arguments: Any, **named: Any) -> None:
    breaks(*arguments, **named)


def takes_what_there_is_not(verdict: Verdict, noodles: Examined[str]) -> None: ...


@pytest.mark.parametrize(
    ("function", "verdict", "examined"),
    [
        (passes, ProbeVerdict.PASS, 2),
        (finds, ProbeVerdict.FINDINGS, 2),
        (breaks, ProbeVerdict.BROKEN, 2),
        (places, ProbeVerdict.INCONCLUSIVE, 2),
        (hears_of_the_end, ProbeVerdict.INCONCLUSIVE, 0),
        (says_nothing, ProbeVerdict.INCONCLUSIVE, 0),
        (takes_what_there_is_not, ProbeVerdict.BROKEN, 0),
    ],
)
def test_whatever_a_probe_does_it_has_a_verdict(function: Any, verdict: ProbeVerdict, examined: int) -> None:
    one = judged(function)
    assert (one.id, one.question, one.verdict, one.examined) == ("some/probe", "Is it?", verdict, examined)


def line_of(function: Any, text: str) -> int:
    """The line of a function that has this text."""
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if text in line)


def test_a_crash_is_named_by_its_place_and_quotes_no_end_of_text() -> None:
    reason = judged(breaks).reason
    assert reason.startswith(f"KeyError in test_judging.py:{line_of(breaks, 'raise')}: 'xxx")
    assert CRASH < len(reason) < CRASH + 60


def test_a_crash_elsewhere_names_the_line_that_called_it() -> None:
    reason = judged(breaks_elsewhere).reason
    assert reason.startswith("JSONDecodeError in decoder.py:")
    assert f", called from test_judging.py:{line_of(breaks_elsewhere, 'loads')}: " in reason


def test_a_crash_in_a_helper_names_its_line_in_the_probes_own_file() -> None:
    reason = judged(breaks_in_a_helper).reason
    assert reason.startswith("JSONDecodeError in decoder.py:")
    assert f", called from test_judging.py:{line_of(helps, 'loads')}: Expecting property name" in reason


def test_a_crash_of_a_decorated_probe_is_named_by_the_probes_own_lines() -> None:
    assert judged(wrapped).reason.startswith(f"KeyError in test_judging.py:{line_of(breaks, 'raise')}: ")


def test_a_probe_that_could_not_even_be_called_is_named_by_its_first_line() -> None:
    reason = judged(takes_what_there_is_not).reason
    assert f", called from test_judging.py:{line_of(takes_what_there_is_not, 'def ')}: " in reason


@pytest.mark.parametrize("function", [hears_of_the_end, never_ends])
def test_a_probe_that_judges_beyond_the_end_of_the_run_says_so(function: Any) -> None:
    one = judged(function, judging=Deadline.after(0.05))
    assert (one.verdict, one.reason) == (ProbeVerdict.INCONCLUSIVE, "not judged before the run's deadline (--timeout)")


def test_a_namespace_that_cannot_be_placed_counts_for_whoever_asks_for_environments() -> None:
    assert [one.subject.kind for one in judged(places).unchecked] == ["NamespaceList"]
    assert judged(passes).unchecked == []


@pytest.mark.parametrize(("level", "verdict"), [(Severity.ERROR, ProbeVerdict.FINDINGS), (Severity.CRITICAL, ProbeVerdict.BROKEN)])
def test_the_level_decides_between_a_finding_and_a_crash(level: Severity, verdict: ProbeVerdict) -> None:
    @reports(BAD)
    def both(verdict: Verdict, nodes: Examined[str]) -> None:
        finds(verdict, nodes)
        raise KeyError

    assert judged(both, level=level).verdict is verdict


def test_what_is_known_is_not_among_the_findings() -> None:
    probe, seen = Probe("some/probe", "Is it?", finds), evidence()
    one = judge(probe, seen, arguments(probe, seen, []), level=Severity.ERROR, known=lambda finding: finding.subject.name == "a")
    assert ([each.subject.name for each in one.findings], [each.subject.name for each in one.known]) == (["b"], ["a"])


def test_a_probe_is_given_what_its_parameters_name() -> None:
    before = ProbeResult(id="a/b", question="?", verdict=ProbeVerdict.PASS)
    seen = evidence()
    given = arguments(Probe("some/probe", "?", places), seen, iter([before]))
    assert set(given) == {"verdict", "environments", "clock", "profile", "conclusions", "nodes"}
    assert (given["clock"], given["profile"], given["environments"]) == (seen.clock, seen.profile, seen.environments)
    assert (given["nodes"], given["conclusions"]) == (NODES, [before])
    given["verdict"].unchecked(Subject(kind="Pod", namespace="monitoring-dev"), "r")
    assert given["verdict"].unread[0].subject.environment == "dev"


def test_confirmations_are_waited_for_only_by_whoever_asks_for_them() -> None:
    assert judged(asks_for_confirmations, confirmations="two servers").notes == ["two servers"]
    assert judged(passes).verdict is ProbeVerdict.PASS  # this evidence has none


@pytest.mark.parametrize("given", [{}, {"nodes": NODES}], ids=["as-the-plugin-calls-it", "with-values-alone"])
def test_a_probe_that_reports_what_it_does_not_declare_is_broken(given: dict[str, Any]) -> None:
    probe, seen = Probe("some/probe", "?", reports_what_it_does_not_declare), evidence()
    one = judge(probe, seen, given or arguments(probe, seen, []), level=Severity.ERROR)
    assert (one.verdict, one.reason.partition(" ")[0]) == (ProbeVerdict.BROKEN, "ValueError")


def test_without_a_verdict_of_before_subjects_are_in_their_environment() -> None:
    def says(verdict: Verdict) -> None:
        verdict.unchecked(Subject(kind="Pod", namespace="monitoring-dev"), "r")

    one = judge(Probe("some/probe", "?", says), evidence(), {}, level=Severity.ERROR)
    assert [each.subject.environment for each in one.unchecked] == ["dev"]


def test_what_a_probe_is_given_is_its_own_verdict_whatever_else_is_called_so() -> None:
    verdict = Verdict()
    call(passes, verdict, {"verdict": None, "nodes": NODES, "more": 1})
    assert verdict.examined == 2


def test_a_verdict_that_was_made_before_is_the_one_that_is_graded() -> None:
    verdict = Verdict()
    verdict.note("before")
    one = judge(Probe("some/probe", "?", passes), evidence(), {"verdict": verdict, "nodes": NODES}, level=Severity.ERROR)
    assert (one.notes, one.verdict) == (["before"], ProbeVerdict.PASS)


def test_without_one_it_is_made_for_the_kinds_and_environments_of_the_probe() -> None:
    one = judge(Probe("some/probe", "?", finds), evidence(), {"nodes": NODES}, level=Severity.ERROR)
    assert [each.reason for each in one.findings] == ["Bad", "Bad"]


@pytest.mark.parametrize(("function", "names"), [(places, ("verdict", "nodes", "environments")), (says_nothing, ())])
def test_a_probe_knows_its_parameters(function: Any, names: tuple[str, ...]) -> None:
    assert Probe("some/probe", "?", function).parameters == names
