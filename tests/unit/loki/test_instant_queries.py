from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.loki.own_log import LokiLog, Refusal
from clusterprobe.systems.loki.sources import Build, Instants
from probes.loki.probe_instant_queries import probe_instant_queries
from tests.factories import judged, outcome, reasons, refused, server

NOW = 1_800_000_000.0
POD, SERVER = server("loki", "logging", "loki", pod="loki-0")
UNREAD: Readings[Any] = Readings((), (refused("Pod", "logging"),))


def asked(*ages: float, query: str = '{namespace="fastapi-dev"}', said: bool = False, client: str = "") -> list[Refusal]:
    return [Refusal(NOW - age, query, "fake", client, said) for age in ages]


def log(refusals: list[Refusal], **changes: Any) -> LokiLog:
    fields = {"lines": 100, "first": NOW - 600, "last": NOW, "full": False, "informs": True, **changes}
    return LokiLog(namespace="logging", release="loki", refusals=refusals, **fields)


def platform(refusals: list[Refusal], version: str = "3.5.0", counted: int = 0, **changes: Any) -> dict[str, Any]:
    subject = Subject(api_version="v1", kind="Pod", namespace="logging", name="loki-0")
    return {
        "loki_refused_instant_queries": single(subject, log(refusals, **changes.pop("log", {}))),
        "loki_build": single(POD, Build(version)),
        "loki_instant_counters": single(POD, Instants(asked=9, refused=counted)),
        "loki_queriers": single(Subject(kind="Service", namespace="logging", name="loki"), SERVER),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def test_a_log_without_such_queries_passes() -> None:
    assert outcome(judged(probe_instant_queries, **platform([]))) == "pass"


def test_a_query_of_which_the_log_shows_only_the_beginning_is_in_no_command() -> None:
    seen = asked(4, 2, 0, query="{a='" + "x" * 496)
    (finding,) = judged(probe_instant_queries, **platform(seen)).findings
    assert not [one for step in finding.steps for one in step.commands if "--raw" in one.pipeline[0]]


def test_repeated_log_queries_are_an_error_that_names_the_query_tenant_and_fix() -> None:
    (finding,) = judged(probe_instant_queries, **platform(asked(4, 2, 0))).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("InstantLogQueries", "error", "loki")
    assert '{namespace="fastapi-dev"}' in finding.cause
    assert "as tenant fake" in finding.cause
    assert "does not name the client" in finding.cause
    assert f"&start={int(NOW * 1e9) - 600 * 10**9}&end={int(NOW * 1e9)}&" in finding.fix
    assert "query_range" in finding.fix
    assert "Range" in finding.fix


def test_a_single_one_is_a_warning() -> None:
    (finding,) = judged(probe_instant_queries, **platform(asked(5))).findings
    assert finding.severity == "warning"


def test_what_the_log_says_of_the_client_is_shown() -> None:
    (finding,) = judged(probe_instant_queries, **platform(asked(5, client="source grafana"))).findings
    assert "source grafana" in finding.cause


@pytest.mark.parametrize(("age", "expected"), [(60.0, ["InstantLogQueries"]), (60.1, [])])
def test_one_that_has_stopped_is_silent_after_the_threshold(age: float, expected: list[str]) -> None:
    verdict = judged(probe_instant_queries, **platform(asked(age + 4, age + 2, age)))
    assert reasons(verdict) == expected
    assert bool(verdict.notes) is not bool(expected)


@pytest.mark.parametrize(("version", "expected"), [("3.2.0", ["InstantLogQueries"]), ("3.1.9", []), ("v3.10.1", ["InstantLogQueries"])])
def test_versions_that_answer_such_queries_have_no_incident(version: str, expected: list[str]) -> None:
    assert reasons(judged(probe_instant_queries, **platform(asked(2, 0), version=version))) == expected


def test_a_refusal_that_loki_itself_wrote_needs_no_version() -> None:
    verdict = judged(probe_instant_queries, **platform(asked(2, 0, said=True), version="weekly"))
    assert reasons(verdict) == ["InstantLogQueries"]


def test_a_query_under_an_unknown_version_is_unchecked() -> None:
    verdict = judged(probe_instant_queries, **platform(asked(2, 0), version="weekly"))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_a_count_of_refused_requests_alone_is_info() -> None:
    verdict = judged(probe_instant_queries, **platform([], counted=7))
    assert outcome(verdict) == "pass"
    assert [(one.reason, one.severity) for one in verdict.findings] == [("InstantQueriesRefused", "info")]


def test_a_log_without_lines_of_level_info_is_unchecked() -> None:
    assert outcome(judged(probe_instant_queries, **platform([], log={"informs": False}))) == "inconclusive"


@pytest.mark.parametrize(("first", "expected"), [(NOW - 60, "pass"), (NOW - 59, "inconclusive")])
def test_a_log_cut_to_less_than_the_threshold_is_unchecked(first: float, expected: str) -> None:
    assert outcome(judged(probe_instant_queries, **platform([], log={"full": True, "first": first}))) == expected


@pytest.mark.parametrize("name", ["loki_refused_instant_queries", "loki_build"])
def test_what_cannot_be_read_is_never_a_pass_and_never_a_finding(name: str) -> None:
    verdict = judged(probe_instant_queries, **platform(asked(2, 0), **{name: UNREAD}))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


@pytest.mark.parametrize("name", ["loki_instant_counters", "loki_queriers"])
def test_the_finding_stands_without_what_only_helps(name: str) -> None:
    assert reasons(judged(probe_instant_queries, **platform(asked(2, 0), **{name: UNREAD}))) == ["InstantLogQueries"]


@pytest.mark.parametrize("name", ["loki_refused_instant_queries", "loki_build"])
def test_a_count_says_nothing_while_the_log_that_may_explain_it_is_not_read(name: str) -> None:
    assert not reasons(judged(probe_instant_queries, **platform(asked(2, 0), counted=7, **{name: UNREAD})))
