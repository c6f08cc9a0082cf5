from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import BadResponse
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.formats.logfmt import size_bytes
from clusterprobe.systems.loki.own_log import LokiLog
from clusterprobe.systems.loki.query_costs import QueryCost, QueryLimits, _limits, cost_of, costs_of, selects_everything
from clusterprobe.systems.loki.query_refusals import refused_of
from clusterprobe.times import duration_seconds
from probes.loki.probe_query_cost import probe_query_cost
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons, refused, server

NOW = 1_800_000_000.0
DAY = 86400.0
POD = server("loki", "logging", "loki", pod="loki-0")[0]
UNREAD: Readings[Any] = Readings((), (refused("Pod", "logging"),))


def cost(query: str = '{namespace=~".+"} |= "x"', days: float = 30, **changes: Any) -> QueryCost:
    fields = {"asked": 3, "done": 3, "seconds_max": 1.0, "seconds_total": 3.0, "bytes_max": 5e5, "first": NOW - 20, "last": NOW - 2}
    return QueryCost(query, "fake", length_seconds=days * DAY, **{**fields, **changes})


def platform(*costs: QueryCost, **changes: Any) -> dict[str, Any]:
    fields = {"lines": 100, "first": NOW - 600, "last": NOW, "full": False, "informs": True, **changes.pop("log", {})}
    log = LokiLog(namespace="logging", release="loki", refusals=[], costs=list(costs), **fields)
    return {
        "loki_refused_instant_queries": single(Subject(kind="Pod", namespace="logging", name="loki-0"), log),
        "loki_query_limits": single(POD, QueryLimits(30 * DAY + 3600, 60.0, 3600.0)),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def test_no_query_passes() -> None:
    assert outcome(judged(probe_query_cost, **platform())) == "pass"


def test_everything_of_thirty_days_is_named_with_its_range_size_and_what_is_cheaper() -> None:
    (finding,) = judged(probe_query_cost, **platform(cost())).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("WideQuery", "warning", "loki")
    assert '{namespace=~".+"} |= "x"' in finding.cause
    assert "30 days" in finding.cause
    assert "500.0 kB" in finding.cause
    assert "select streams with `=`" in finding.fix


@pytest.mark.parametrize(("days", "expected"), [(7, ["WideQuery"]), (6.9, [])])
def test_a_wide_query_is_one_of_a_week_or_more(days: float, expected: list[str]) -> None:
    assert reasons(judged(probe_query_cost, **platform(cost(days=days)))) == expected


def test_a_long_range_of_one_namespace_that_is_quick_is_none() -> None:
    assert reasons(judged(probe_query_cost, **platform(cost('{namespace="a"} |= "x"')))) == []


def test_everything_once_is_none() -> None:
    assert reasons(judged(probe_query_cost, **platform(cost(asked=1, done=1)))) == []


@pytest.mark.parametrize(("seconds", "expected"), [(10.0, ["ExpensiveQuery"]), (9.9, [])])
def test_a_slow_query_is_an_error_when_it_is_repeated(seconds: float, expected: list[str]) -> None:
    verdict = judged(probe_query_cost, **platform(cost('{namespace="a"}', days=0.1, seconds_max=seconds)))
    assert reasons(verdict) == expected
    assert all(one.severity == "error" for one in verdict.findings)


def test_a_slow_query_once_is_a_warning() -> None:
    (finding,) = judged(probe_query_cost, **platform(cost(seconds_max=60, asked=1, done=1))).findings
    assert (finding.reason, finding.severity) == ("ExpensiveQuery", "warning")


@pytest.mark.parametrize(("size", "expected"), [(10e9, ["ExpensiveQuery"]), (9.9e9, [])])
def test_a_query_that_reads_too_much_is_a_warning(size: float, expected: list[str]) -> None:
    verdict = judged(probe_query_cost, **platform(cost('{namespace="a"}', days=1, bytes_max=size)))
    assert reasons(verdict) == expected
    assert all(one.severity == "warning" for one in verdict.findings)


def test_a_query_that_runs_into_its_time_limit_is_an_error() -> None:
    (finding,) = judged(probe_query_cost, **platform(cost('{namespace="a"}', failed=2))).findings
    assert (finding.reason, finding.severity) == ("ExpensiveQuery", "error")


def test_a_range_beyond_the_limit_has_a_reason_of_its_own() -> None:
    (finding,) = judged(probe_query_cost, **platform(cost(days=60, done=0, seconds_max=0, bytes_max=0))).findings
    assert (finding.reason, finding.severity) == ("RangeBeyondLimit", "error")
    assert "60 days" in finding.cause
    assert "max_query_length is 30 days" in finding.cause


def test_the_limit_of_another_loki_says_nothing_of_this_one() -> None:
    other = Subject(kind="Pod", namespace="elsewhere", name="loki-0")
    foreign = Readings(((other, QueryLimits(DAY, 60.0, 3600.0)),), (refused("Pod", "logging"),))
    verdict = judged(probe_query_cost, **platform(cost(days=40, done=0), loki_query_limits=foreign))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_a_range_within_the_limit_that_is_not_done_yet_is_none() -> None:
    assert reasons(judged(probe_query_cost, **platform(cost(done=0, seconds_max=0)))) == []


def test_what_is_not_done_is_unchecked_where_the_limits_are_not_known() -> None:
    verdict = judged(probe_query_cost, **platform(cost(days=60, done=0, seconds_max=0), loki_query_limits=UNREAD))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


@pytest.mark.parametrize(("age", "expected"), [(60, ["WideQuery"]), (61, [])])
def test_a_query_that_has_stopped_is_silent(age: float, expected: list[str]) -> None:
    assert reasons(judged(probe_query_cost, **platform(cost(first=NOW - age - 6, last=NOW - age)))) == expected


def test_a_dashboard_that_refreshes_every_five_minutes_goes_on() -> None:
    assert reasons(judged(probe_query_cost, **platform(cost(first=NOW - 550, last=NOW - 250, asked=2, done=2)))) == ["WideQuery"]


def test_what_the_log_says_of_the_client_is_shown() -> None:
    (finding,) = judged(probe_query_cost, **platform(cost(client="source grafana"))).findings
    assert "source grafana" in finding.cause


@pytest.mark.parametrize("log", [{"informs": False}, {"full": True, "first": NOW - 59}])
def test_a_log_that_cannot_tell_is_unchecked(log: dict[str, Any]) -> None:
    assert outcome(judged(probe_query_cost, **platform(log=log))) == "inconclusive"


def test_what_cannot_be_read_adds_nothing_and_is_no_health() -> None:
    assert_blindness_is_no_health(probe_query_cost, platform(cost(days=60, done=0)))


# --- Loki's lines, as 3.5.0 wrote them --------------------------------------------------------------------------------

AT = b"2026-11-22T19:39:17.405207847Z level=info ts=2026-11-22T19:39:17.016193106Z "
ASKED = AT + (
    rb'caller=roundtrip.go:379 org_id=fake traceID=7d msg="executing query" type=range query="{namespace=~\".+\"}" '
    rb"start=2026-09-23T19:39:17.016099296Z end=2026-11-22T19:39:17.016099296Z length=1440h0m0s step=20736000"
)
DONE = AT + (
    rb'caller=metrics.go:237 component=frontend org_id=fake latency=fast query="{namespace=~\".+\"}" query_type=filter '
    rb"range_type=range length=720h0m0s duration=1.127911527s status=200 throughput=452kB total_bytes=509kB splits=1"
)
RULE = AT + (
    rb'caller=metrics.go:237 component=ruler evaluation_mode=local org_id=fake query="sum(rate({namespace=~\".+\"}[30d]))" '
    rb"query_type=metric range_type=instant length=0s duration=12s status=200 total_bytes=0B"
)
STATS = AT + rb'caller=metrics.go:409 org_id=fake query_type=stats length=39m47s duration=872.641us status=200 query="{a=\"b\"}"'


def test_the_front_ends_two_lines_are_one_query() -> None:
    one, other = cost_of(DONE), cost_of(ASKED)
    assert one is not None
    assert other is not None
    assert (one.done, one.asked, one.length_seconds, one.bytes_max) == (1, 0, 30 * DAY, 509000.0)
    assert one.seconds_max == pytest.approx(1.1279, abs=0.001)
    assert (other.done, other.asked, other.length_seconds, other.query) == (0, 1, 60 * DAY, '{namespace=~".+"}')


def test_the_same_query_is_counted_once_for_each_range() -> None:
    found = costs_of([DONE, DONE, ASKED])
    assert [(one.done, one.asked, one.length_seconds) for one in found] == [(2, 0, 30 * DAY), (0, 1, 60 * DAY)]
    assert found[0].seconds_total == pytest.approx(2.2558, abs=0.001)


@pytest.mark.parametrize(
    "line",
    [
        RULE,
        STATS,
        DONE.replace(b"component=frontend", b"component=querier"),
        ASKED.replace(b"caller=roundtrip.go:379", b"caller=engine.go:274 component=querier"),
        ASKED.replace(b"length=1440h0m0s", b"length=long"),
        ASKED.replace(b"2026-11-22T19:39:17.405207847Z", b"yesterday", 1),
        b"",
    ],
)
def test_look_alikes_are_no_clients_query(line: bytes) -> None:
    assert costs_of([line]) == []


def test_a_timeout_counts_as_failed() -> None:
    found = cost_of(DONE.replace(b"status=200", b"status=504"))
    assert found is not None
    assert found.failed == 1


def test_secrets_in_a_query_are_redacted() -> None:
    assert "hunter2hunter2" not in repr(cost_of(DONE.replace(rb"\".+\"}", rb"\".+\"} |= `password=hunter2hunter2`")))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('{namespace=~".+"}', True),
        ('{namespace=~".*", pod!="x"}', True),
        ('{namespace=~".+", app="a"}', False),
        ('{namespace=~"a|b"}', False),
        ('{namespace=~"prod-.*"}', False),
        ('sum(rate({job=~".+"}[1m]))', True),
        ('{namespace="a"} | json | line_format "{{.msg}}"', False),
        ("vector(1)", False),
    ],
)
def test_selectors_that_narrow_nothing(query: str, expected: bool) -> None:
    assert selects_everything(query) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("720h0m0s", 2592000.0), ("8.5ms", 0.0085), ("639µs", 0.000639), ("0s", 0.0), ("", None), ("1x", None)]
)
def test_durations_as_go_writes_them(text: str, expected: float | None) -> None:
    assert duration_seconds(text) == (pytest.approx(expected) if expected is not None else None)


@pytest.mark.parametrize(("text", "expected"), [("509kB", 509e3), ("6.5GB", 6.5e9), ("0B", 0.0), ("12", None)])
def test_sizes_as_go_writes_them(text: str, expected: float | None) -> None:
    assert size_bytes(text) == expected


class Answering:
    url = "http://loki"

    def __init__(self, body: bytes) -> None:
        self.body = body

    def get(self, path: str, query: Any = None, **options: Any) -> Answer:
        return Answer(200, {}, self.body, 0.0)


def test_three_numbers_are_read_of_the_configuration() -> None:
    text = b"limits_config:\n  max_query_length: 30d1h\n  query_timeout: 1m\n  split_queries_by_interval: 1h\nx:\n  secret_key: planted\n"
    assert _limits(Answering(text)) == QueryLimits(30 * DAY + 3600, 60.0, 3600.0)  # type: ignore[arg-type]


def test_a_page_that_is_no_configuration_is_unreadable() -> None:
    with pytest.raises(BadResponse):
        _limits(Answering(b"<html>login</html>"))  # type: ignore[arg-type]


# --- turned away ------------------------------------------------------------------------------------------------------

QUEUE_LINE = b'2027-01-15T08:00:00Z level=error caller=retry.go:73 org_id=a msg="error processing request" try=0 err="rpc error: code = '
QUEUE_LINE += b'Code(429) desc = too many outstanding requests"'
ANSWER_LINE = b'2027-01-15T08:00:01Z level=warn caller=logging.go:123 orgID=a msg="GET /loki/api/v1/query_range?limit=10&query=x (429) 1ms"'


def test_a_full_queue_is_named_with_its_settings_their_values_and_the_tenant() -> None:
    log = {"refused": refused_of([QUEUE_LINE, ANSWER_LINE] * 3)}
    limits = single(POD, QueryLimits(0.0, 60.0, 3600.0, scheduler_queue=100, frontend_queue=2048))
    (finding,) = judged(probe_query_cost, **platform(log=log, loki_query_limits=limits)).findings
    assert (finding.reason, finding.severity) == ("QueriesRefused", "error")
    assert "turned away 3 queries of tenant a" in finding.problem
    assert "`query_scheduler.max_outstanding_requests_per_tenant` (now 100)" in finding.cause
    assert "`frontend.max_outstanding_per_tenant` (now 2048)" in finding.fix


def test_one_that_is_turned_away_once_is_a_warning_also_where_no_limit_could_be_read() -> None:
    (finding,) = judged(probe_query_cost, **platform(log={"refused": refused_of([QUEUE_LINE])}, loki_query_limits=UNREAD)).findings
    assert (finding.severity, "now" in finding.cause) == ("warning", False)


def test_an_answer_without_a_limit_names_none() -> None:
    (finding,) = judged(probe_query_cost, **platform(log={"refused": refused_of([ANSWER_LINE])})).findings
    assert "does not name the limit" in finding.cause
    assert "max_outstanding" not in finding.fix


@pytest.mark.parametrize(
    "line",
    [
        ANSWER_LINE.replace(b"(429)", b"(200)"),
        ANSWER_LINE.replace(b"GET /loki/api/v1/query_range?limit=10&query=x", b"POST /loki/api/v1/push"),
        b'2027-01-15T08:00:00Z level=info msg="executing query" query="{a=\\"b\\"} |= \\"too many outstanding requests\\""',
        b'level=error err="too many outstanding requests"',
    ],
)
def test_other_answers_pushes_and_what_is_searched_for_are_no_query_that_was_turned_away(line: bytes) -> None:
    assert refused_of([line]) == []


def test_the_sizes_of_both_queues_are_those_of_their_own_sections() -> None:
    text = b"frontend_worker:\n  max_outstanding_per_tenant: 1\nquery_scheduler:\n  x: 1\n  max_outstanding_requests_per_tenant: 32000\n"
    text += b"frontend:\n  max_outstanding_per_tenant: 2048\nlimits_config:\n  max_query_length: 30d\n"
    found = _limits(Answering(text))  # type: ignore[arg-type]
    assert (found.scheduler_queue, found.frontend_queue) == (32000, 2048)
