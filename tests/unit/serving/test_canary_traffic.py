"""What is measured of a canary: its requests in Prometheus, and its error lines in Loki."""

from typing import Any

import msgspec
import pytest

from clusterprobe.errors import BadResponse
from clusterprobe.profile import Profile
from clusterprobe.systems.serving.canary.traffic import PodTraffic, _lines, _traffic, window_seconds
from tests.canary_factories import CANARY, NOW, canaries


@pytest.mark.parametrize(
    ("age", "seconds"), [(-9, 15), (0, 15), (15, 15), (59, 45), (60, 60), (119, 60), (599, 540), (600, 600), (3600, 600)]
)
def test_both_are_looked_at_since_the_canarys_newest_revision(age: int, seconds: int) -> None:
    assert window_seconds(canaries().items[0], Profile(), NOW - 3600 + age) == seconds


class Answers:
    """Stands for an endpoint: gives the answers one after the other, and keeps what it was asked."""

    url = "http://x"

    def __init__(self, *results: Any) -> None:
        self._results = iter(results)
        self.asked: list[str] = []

    def json(self, path: str, kind: Any, query: dict[str, Any], **_: Any) -> Any:
        return msgspec.json.decode(self.get(path, query).body, type=kind)

    def get(self, path: str, query: dict[str, Any], **_: Any) -> Any:
        self.asked.append(query["query"])
        found = next(self._results)
        kind = "streams" if found and "stream" in found[0] else "vector"
        answer = {"status": "success", "data": {"resultType": kind, "result": found}}
        return type("Answer", (), {"body": msgspec.json.encode(answer), "status": 200, "headers": {}})()


def series(name: str, value: str, **labels: str) -> dict[str, Any]:
    own = {"__name__": name, "pod": f"{CANARY}-ccccc", "job": "fastapi", "handler": "/predict", **labels}
    return {"metric": own, "value": [NOW, value]}


def measured(before: list[Any], within: list[Any], *, still: bool = True) -> list[PodTraffic]:
    now = [{"metric": {"pod": f"{CANARY}-ccccc"}, "value": [NOW, "1"]}] if still else []
    return _traffic(Answers(before, within, now), canaries().items[0], Profile(), NOW)  # type: ignore[arg-type]


def test_a_pod_whose_series_have_ended_is_measured_no_more() -> None:
    within = [series("http_requests_total", "20", status="2xx")]
    assert [[one.current for one in measured([], within, still=still)] for still in (True, False)] == [[True], [False]]


def test_counters_count_what_was_added_and_a_new_one_began_at_nothing() -> None:
    before = [series("http_requests_total", "100", status="2xx")]
    now = [
        series("http_requests_total", "150", status="2xx"),
        series("http_requests_total", "7", status="503"),
        series("http_requests_total", "3", status="4xx"),
    ]
    (one,) = measured(before, now)
    assert (one.requests, one.server_errors, one.client_errors) == (60, 7, 3)


def test_a_counter_that_began_anew_counts_from_nothing() -> None:
    (one,) = measured([series("http_requests_total", "100", status="2xx")], [series("http_requests_total", "20", status="2xx")])
    assert one.requests == 20


def test_what_machines_ask_does_not_count() -> None:
    (one,) = measured([], [series("http_requests_total", "20", status="2xx", handler="/health")])
    assert one.requests == 0


def test_two_monitors_of_a_pod_count_once() -> None:
    now = [series("http_requests_total", "20", status="2xx"), series("http_requests_total", "19", status="2xx", job="other")]
    assert [one.requests for one in measured([], now)] == [20]


def test_buckets_are_summed_over_paths_whatever_way_their_bounds_are_written() -> None:
    name = "http_request_duration_seconds_bucket"
    now = [
        series(name, "5", le="1.0"),
        series(name, "6", le="+Inf"),
        series(name, "2", le="1", handler="/other"),
        series(name, "2", le="+Inf", handler="/other"),
    ]
    (one,) = measured([], now)
    assert one.buckets == {"1": 7.0, "+Inf": 8.0}


def test_other_metrics_and_status_labels_can_be_named() -> None:
    serving = {"request_metrics": ["my_requests_total"], "status_labels": ["outcome"]}
    profile = Profile.model_validate({"serving": serving})
    endpoint = Answers([], [series("my_requests_total", "4", outcome="500")], [])
    (one,) = _traffic(endpoint, canaries().items[0], profile, NOW)  # type: ignore[arg-type]
    assert (one.requests, one.server_errors) == (4, 4)
    assert "my_requests_total" in endpoint.asked[0]


def test_a_count_that_is_no_number_is_unreadable() -> None:
    with pytest.raises(BadResponse):
        measured([], [series("http_requests_total", "+Inf", status="2xx")])


def test_error_lines_are_counted_pod_by_pod_with_a_few_of_them() -> None:
    name = f"{CANARY}-ccccc"
    counts = {"metric": {"pod": name}, "value": [NOW, "30"]}
    errors = {"metric": {"pod": name}, "value": [NOW, "5"]}
    stranger = {"metric": {"pod": "other-66-x"}, "value": [NOW, "5"]}
    examples = {"stream": {"pod": name}, "values": [["1", f"line {number}"] for number in range(5)]}
    endpoint = Answers([counts, stranger], [errors], [examples])
    (one,) = _lines(endpoint, canaries().items[0], Profile(), NOW)  # type: ignore[arg-type]
    assert (one.pod, one.lines, one.errors, one.examples) == (name, 30, 5, ["line 0", "line 1", "line 2"])
    assert '{namespace="fastapi-dev"} |~ `' in endpoint.asked[1]


def test_without_errors_no_line_is_asked_for() -> None:
    endpoint = Answers([{"metric": {"pod": f"{CANARY}-ccccc"}, "value": [NOW, "30"]}], [])
    _lines(endpoint, canaries().items[0], Profile(), NOW)  # type: ignore[arg-type]
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ('{"level":"error","message":"x"}', True),
        ('{"level": "ERROR"}', True),
        ("time=x level=error msg=y", True),
        ('level="critical"', True),
        ('{"level":"info","message":"no error"}', False),
        ("error budget is fine", False),
    ],
)
def test_lines_of_level_error_are_told(line: str, counts: bool) -> None:
    import re

    assert bool(re.search(Profile().serving.error_lines, line)) is counts
