import json
from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import BadResponse, Unreadable
from clusterprobe.systems.formats.exposition import parse_line, samples_of
from clusterprobe.systems.loki.sources import Build, _labels, _search


class Answering:
    """An endpoint that answers each path with a body, or raises."""

    url = "http://loki"

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, []

    def get(self, path: str, query: Any = None, **options: Any) -> Answer:
        self.asked.append((path, query))
        answer = self.answers[path.rsplit("/", 1)[-1]]
        if isinstance(answer, Exception):
            raise answer
        return Answer(200, {}, answer if isinstance(answer, bytes) else json.dumps(answer).encode(), 0.0)


def lines(*values: Any, kind: str = "streams", **more: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": [{"stream": {}, "values": list(values)}]}, **more}


def search(answer: Any) -> Any:
    endpoint = Answering(query_range=answer)
    found = _search(endpoint, "dev", '{namespace="dev"}', 1, 2)
    assert endpoint.asked[0][1] == {"query": '{namespace="dev"}', "start": 1, "end": 2, "limit": 5, "direction": "backward"}
    return found


def test_lines_are_counted_and_the_newest_time_kept_but_no_line() -> None:
    found = search(lines(["1795366982000000000", "planted"], ["1795366981000000000", "x", {"meta": "data"}]))
    assert (found.lines, found.newest, found.error) == (2, 1795366982.0, "")
    assert "planted" not in repr(found)


def test_an_answer_without_lines_is_empty_and_no_error() -> None:
    found = search({"status": "success", "data": {"resultType": "streams", "result": []}})
    assert (found.lines, found.error) == (0, "")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        b"<html>login</html>",
        lines(kind="matrix"),
        {**lines(), "status": "error"},
        lines(warnings=["partial"]),
        lines([]),
        lines(["not a time", "x"]),
        lines([5, "x"]),
        Unreadable("refused"),
    ],
)
def test_an_odd_answer_says_so_and_is_never_empty(answer: Any) -> None:
    assert search(answer).error


def test_a_loki_without_any_stream_has_no_labels() -> None:
    assert _labels(Answering(labels={"status": "success"}), 1, 2) == []
    with pytest.raises(BadResponse):
        _labels(Answering(labels={"status": "error"}), 1, 2)


@pytest.mark.parametrize(("version", "expected"), [("3.2.0", True), ("4.0", True), ("3.1.9", False), ("2.9.17", False), ("main-abc", None)])
def test_versions_tell_whether_they_refuse(version: str, expected: bool | None) -> None:
    assert Build(version).refuses_instant_log_queries is expected


METRICS = b'# HELP a_total x\n# TYPE a_total counter\na_total{route="x",note="a\\"}b"} 3\na_total_more 9\nb 1.5e+09 1700000000000\n'


def test_series_are_read_by_name_with_their_labels() -> None:
    found = samples_of(Answering(metrics=METRICS), {"a_total", "b"})
    assert [(one.name, one.labels, one.value) for one in found] == [("a_total", {"route": "x", "note": 'a"}b'}, 3.0), ("b", {}, 1.5e9)]


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>login</html>", METRICS[:-3]])
def test_a_page_that_is_no_metrics_or_half_of_them_is_unreadable(body: bytes) -> None:
    with pytest.raises(BadResponse):
        samples_of(Answering(metrics=body), {"a_total"})


@pytest.mark.parametrize("line", ['a{b="c"', "a", "a x", "a{b=c} 1", 'a{b="c"}'])
def test_a_line_that_is_no_series_is_unreadable(line: str) -> None:
    with pytest.raises(BadResponse):
        parse_line(line)
