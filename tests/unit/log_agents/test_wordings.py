import pytest

from clusterprobe.systems.log_agents.drops import errors_of
from clusterprobe.systems.log_agents.loss_words import answer_in
from clusterprobe.systems.log_agents.wordings import WORDINGS, words_of

FB = "[2026/11/22 21:24:10] [error] [output:loki:loki.0] loki.logging:3100, HTTP status=400 Not retrying."
FB_401 = "[2026/11/22 21:24:10] [error] [output:loki:loki.0] loki.logging:3100, HTTP status=401"
FB_AGAIN = "[2026/11/22 21:24:11] [ warn] [engine] failed to flush chunk '1-2.flb', retry in 9 seconds: task_id=1, output=loki.0 (out_id=0)"
FB_DNS = "[2026/11/22 21:24:11] [ warn] [net] getaddrinfo(host='loki-wrong', err=4): Domain name not found"
VECTOR = (
    "2026-11-22T21:24:10Z ERROR sink{component_id=loki}:request{request_id=7}: vector_common::internal_event::service: Service call failed. "
    'No retries or retries exhausted. error=Some(ServerError { code: 400 }) request_id=7 error_type="request_failed" stage="sending"'
)
VECTOR_AGAIN = (
    "2026-11-22T21:24:10Z  WARN sink{component_id=loki}:request{request_id=7}: vector::sinks::util::retries: Retrying after error. "
    "error=Failed to make HTTP(S) request: error trying to connect: dns error internal_log_rate_limit=true"
)
OTEL = (
    '2026-11-22T21:24:10Z\terror\tinternal/queue_sender.go:128\tExporting failed. Dropping data.\t{"kind": "exporter", "name": "otlphttp", '
    '"error": "not retryable error: Permanent error: HTTP Status Code 404, Message=\\"nothing\\"", "dropped_items": 5}'
)
OTEL_AGAIN = '2026-11-22T21:24:10Z\tinfo\tx\tExporting failed. Will retry the request after interval.\t{"error": "connection refused"}'
FLUENTD = (
    '[error]: #0 failed to flush the buffer, and hit limit for retries. dropping all chunks in the buffer queue. error="503 unavailable"'
)
FLUENTD_AGAIN = (
    '[warn]: #0 [l] failed to flush the buffer. retry_times=3 error_class=Errno::ECONNREFUSED error="Connection refused - connect(2)"'
)


@pytest.mark.parametrize(
    ("program", "lines", "lost", "answer"),
    [
        ("promtail", ['msg="error sending batch, will retry" status=-1 error="dial tcp: lookup x: no such host"'], False, "no such host"),
        ("fluent-bit", [FB, "entry too far behind"], True, "loki.logging:3100, HTTP status=400 Not retrying. entry too far behind"),
        ("fluent-bit", [FB, FB_AGAIN], True, "HTTP status=400"),
        ("fluent-bit", [FB_401, "no org id"], False, "no org id"),
        ("fluent-bit", [FB_DNS], False, "getaddrinfo(host='loki-wrong', err=4): Domain name not found"),
        ("vector", [VECTOR], True, "Some(ServerError { code: 400 })"),
        ("vector", [VECTOR_AGAIN], False, "dns error"),
        ("opentelemetry-collector", [OTEL], True, 'HTTP Status Code 404, Message="nothing"'),
        ("opentelemetry-collector", [OTEL_AGAIN], False, "connection refused"),
        ("fluentd", [FLUENTD], True, "503 unavailable"),
        ("fluentd", [FLUENTD_AGAIN], False, "Connection refused - connect(2)"),
    ],
)
def test_a_line_says_whether_it_is_lost_and_what_was_answered(program: str, lines: list[str], lost: bool, answer: str) -> None:
    found = words_of(program, lines)[0]
    assert found.lost is lost
    assert answer in found.answer


@pytest.mark.parametrize("program", list(WORDINGS))
def test_other_lines_say_nothing(program: str) -> None:
    assert words_of(program, ["", "level=info msg=started", "[info] HTTP status=204", '{"level":"info"}']) == []


def test_what_is_lost_and_what_is_sent_again_are_counted_apart_each_answer_once() -> None:
    found = errors_of(words_of("fluent-bit", [FB, "entry too far behind", FB, "entry too far behind", FB_AGAIN, FB_DNS]))
    assert (found.given_up, found.retried) == (2, 2)
    assert len(found.said) == 1
    assert found.waits == ["getaddrinfo(host='loki-wrong', err=4): Domain name not found"]


RING = "Loki's ring has fewer live ingesters than its replication_factor asks for, or still counts some that no longer exist"
BODY = "what it sends at once is larger than the receiver, or a proxy before it, takes (413)"
ELSEWHERE = "the receiver, or a proxy before it, answers with another address, such as that of https or of a login"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("HTTP status=401 no org id", "the receiver serves several tenants, and the agent names none"),
        ("server returned HTTP status 401 Unauthorized", "the receiver does not take its credentials, or it sends none"),
        ("HTTP Status Code 404", "nothing takes lines at the path that it sends to"),
        ("lookup loki-wrong on 10.96.0.10:53: no such host", "the name of the host that it sends to is not known"),
        ("dial tcp 10.0.0.1:3100: connect: connection refused", "nothing listens where it sends to"),
        ("x509: certificate signed by unknown authority", "the two do not agree on TLS, or on a certificate"),
        ("429 Too Many Requests", "the receiver takes less than it sends"),
        ("context deadline exceeded", "the receiver cannot be reached, or does not answer in time"),
        ("HTTP status=500 ingester is shutting down", "the receiver itself fails"),
        ("HTTP status=500 empty ring", RING),
        ("500 (500): at least 2 live replicas required, could only find 1 - unhealthy instances: 10.0.0.3:9095", RING),
        ("429 rpc error: code = ResourceExhausted desc = rate limited", "the receiver takes less than it sends"),
        (
            "(500): rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5229930 vs. 4194304)",
            "what it sends at once is larger than a gRPC message may be within Loki",
        ),
        ("server returned HTTP status 413 Request Entity Too Large (413): <html>", BODY),
        ("[output:loki:loki.0] loki:80, HTTP status=413", BODY),
        (
            "(400): error at least one label pair is required per stream",
            "its lines come without any label, and Loki takes no stream without one",
        ),
        ("server returned HTTP status 308 Permanent Redirect (308)", ELSEWHERE),
        ("HTTP status=301", ELSEWHERE),
    ],
)
def test_what_an_answer_means_is_told_by_its_words(text: str, why: str) -> None:
    found = answer_in(text)
    assert found is not None
    assert found.why == why


def test_words_that_are_not_known_mean_nothing() -> None:
    assert answer_in("the flux capacitor is cold") is None
