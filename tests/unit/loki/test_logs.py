import pytest

from clusterprobe.errors import BadResponse
from clusterprobe.systems.formats.logfmt import fields_of
from clusterprobe.systems.loki import own_log as loki_logs
from clusterprobe.systems.loki.own_log import REFUSAL, Refusal, is_log_query, parse_line, parse_log, still_asked

AT = "2026-11-22T16:48:05.405207847Z "
# As Loki 3.5.0 wrote them.
ASKED = (
    AT + "level=info ts=2026-11-22T16:48:05.405207847Z caller=roundtrip.go:379 org_id=fake traceID=794888ed975fdb36 "
    r'msg="executing query" type=instant query="{namespace=\"fastapi-dev\"}" query_hash=2253223823'
)
METRIC = ASKED.replace(r"{namespace=\"fastapi-dev\"}", r"count_over_time({namespace=\"fastapi-dev\"}[1m])")
OWN_SEARCH = ASKED.replace("type=instant", "type=range").replace(r"\"fastapi-dev\"}", rf"\"logging\"}} |= `type=instant` |= `{REFUSAL}`")
SAID = (
    AT + r'level=warn caller=retry.go:107 org_id=team query="{app=\"x\"}" msg="received an error" '
    f'code=400 err="{REFUSAL}, please change your query to a range query type"'
)


def test_a_log_query_on_the_instant_endpoint_is_read_with_its_query_tenant_and_time() -> None:
    found = parse_line(ASKED)
    assert found == Refusal(pytest.approx(1795366085.4052), '{namespace="fastapi-dev"}', "fake", "", said=False)


def test_the_refusal_itself_is_read_as_said() -> None:
    found = parse_line(SAID)
    assert found is not None
    assert (found.said, found.query, found.tenant) == (True, '{app="x"}', "team")


def test_a_line_of_json_is_read_as_well() -> None:
    found = parse_line(
        AT + '{"level":"info","msg":"executing query","type":"instant","query":"{a=\\"b\\"}","org_id":"t","source":"grafana"}'
    )
    assert found is not None
    assert (found.query, found.tenant, found.client) == ('{a="b"}', "t", "source grafana")


@pytest.mark.parametrize(
    "line",
    [
        METRIC,
        OWN_SEARCH,
        ASKED.replace("type=instant", "type=range"),
        AT + f'level=info msg="executing query" type=range query="{{a=\\"b\\"}} |= \\"{REFUSAL}\\""',
        AT + f'level=info caller=metrics.go:237 query="{{a=\\"b\\"}} |= \\"{REFUSAL}\\"" range_type=instant status=200',
        AT + 'level=warn msg="parse error at line 1, col 25: syntax error: unexpected $end" type=instant',
        AT + 'level=debug caller=logging.go:135 msg="GET /loki/api/v1/query?query=x (400) 1ms" # instant',
        AT + "{not json instant",
        "",
    ],
)
def test_look_alikes_prove_nothing(line: str) -> None:
    assert parse_line(line) is None


def test_secrets_in_a_query_are_redacted() -> None:
    found = parse_line(ASKED.replace("fastapi-dev", "x").replace(r'\"}"', r'\"} |= `password=hunter2hunter2`"'))
    assert found is not None
    assert "hunter2" not in found.query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('{a="b"}', True),
        ('  ({a="b"} |= "x")', True),
        ('# why\n{a="b"}', True),
        ('rate({a="b"}[5m])', False),
        ('(sum(rate({a="b"}[5m])))', False),
        ('1 + rate({a="b"}[5m])', False),
        ("vector(1)", False),
        ("", False),
    ],
)
def test_log_queries_are_told_from_metric_queries_by_how_they_begin(query: str, expected: bool) -> None:
    assert is_log_query(query) is expected


def test_what_is_quoted_inside_a_value_is_no_key() -> None:
    assert fields_of(r'a=1 b="x type=instant \"q\" c=2" d=') == {"a": "1", "b": 'x type=instant "q" c=2', "d": ""}


def test_a_log_tells_its_span_and_whether_it_informs() -> None:
    body = "\n".join([AT + "level=info msg=start", ASKED.replace("16:48:05.4", "16:49:05.4"), ""]).encode()
    log = parse_log("logging", "loki", body)
    assert (log.lines, log.full, log.informs, len(log.refusals)) == (2, False, True, 1)
    assert log.last - log.first == pytest.approx(60)


def test_a_log_as_long_as_was_asked_for_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loki_logs, "MAX_LINES", 2)
    assert parse_log("logging", "loki", f"{ASKED}\n{ASKED}\n".encode()).full
    assert not parse_log("logging", "loki", f"{ASKED}\n".encode()).full


def test_an_empty_log_informs_of_nothing() -> None:
    log = parse_log("logging", "loki", b"")
    assert (log.lines, log.informs) == (0, False)


@pytest.mark.parametrize("body", [b"<html>login</html>", b'{"kind":"Status"}'])
def test_what_is_no_log_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_log("logging", "loki", body)


@pytest.mark.parametrize(
    ("times", "now", "expected"),
    [
        ([100.0], 160.0, True),
        ([100.0], 160.1, False),
        ([0.0, 2.0, 4.0], 64.0, True),
        ([0.0, 2.0, 4.0], 64.1, False),
        ([0.0, 300.0], 900.0, True),
        ([0.0, 300.0], 900.1, False),
    ],
)
def test_a_query_goes_on_within_the_threshold_or_twice_its_usual_interval(times: list[float], now: float, expected: bool) -> None:
    assert still_asked([Refusal(one) for one in times], now, 60) is expected
