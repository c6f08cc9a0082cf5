from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import BadResponse, NotFound, Unreachable
from clusterprobe.systems.inventory.recognition import recognise
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.log_agents.drops import _error, increase_of
from clusterprobe.systems.log_agents.states import namespace_of, read_agent
from clusterprobe.systems.loki.pod_log_times import _times, parse_times
from tests.factories import labelled

METRICS = b"""# TYPE promtail_dropped_entries_total counter
process_start_time_seconds 1.7e+09
promtail_build_info{version="3.5.0"} 1
promtail_dropped_entries_total{host="loki:3100",reason="ingester_error",tenant=""} 3
promtail_dropped_entries_total{host="loki:3100",reason="ingester_error",tenant="b"} 4
promtail_dropped_entries_total{host="loki:3100",reason="rate_limited",tenant=""} 0
promtail_sent_entries_total{host="loki:3100"} 16
promtail_file_bytes_total{path="/var/log/pods/dev_a-1_u/a/0.log"} 3902
promtail_read_bytes_total{path="/var/log/pods/dev_a-1_u/a/0.log"} 3900
promtail_file_bytes_total{path="/var/log/pods/dev_b-1_u/b/0.log"} 10
promtail_read_bytes_total{path="/var/log/pods/dev_b-1_u/b/0.log"} 20
logentry_dropped_lines_total{reason="drop_stage"} 5
"""
CONFIG = b"""<pre>
positions:
  sync_period: 10s
  filename: /positions/worker2.yaml
  ignore_invalid_yaml: false
scrape_configs:
- job_name: x
  filename: planted
"""


class Answering:
    url = "http://agent"

    def __init__(self, metrics: bytes = METRICS, config: bytes | Exception = CONFIG) -> None:
        self.answers = {"/metrics": metrics, "/config": config}

    def get(self, path: str, query: Any = None, **options: Any) -> Answer:
        body = self.answers[path]
        if isinstance(body, Exception):
            raise body
        return Answer(200, {}, body, 0.0)


def pod(program: str = "promtail") -> Pod:
    return labelled(
        Pod, "logging", "agent-1", {"app.kubernetes.io/name": program}, spec={"nodeName": "worker2", "containers": [{"name": program}]}
    )


def read(program: str = "promtail", **answers: Any) -> Any:
    return read_agent(Answering(**answers), recognise(pod(program)))  # type: ignore[arg-type]


def test_an_agent_tells_what_it_dropped_reads_and_has_still_to_read() -> None:
    found = read()
    assert found.dropped == {"ingester_error": 7}
    assert (found.sent, found.filtered, found.backlog_bytes, found.version, found.node) == (16, 5, 2, "3.5.0", "worker2")
    assert found.reads == {"dev": 2}
    assert found.started == 1.7e9


def test_of_the_effective_configuration_only_the_file_of_the_positions_is_kept() -> None:
    found = read()
    assert found.positions == "/positions/worker2.yaml"
    assert "planted" not in repr(found)


@pytest.mark.parametrize("config", [Unreachable("switched off"), b"<html>login</html>", b"positions:\n\nserver:\n  filename: x\n"])
def test_a_configuration_that_is_not_to_be_had_leaves_the_file_open(config: Any) -> None:
    assert read(config=config).positions == ""


@pytest.mark.parametrize("metrics", [b"<html>login</html>", b"# TYPE a counter\na 1\n"])
def test_what_is_no_agents_page_is_unreadable(metrics: bytes) -> None:
    with pytest.raises(BadResponse):
        read(metrics=metrics)


def test_alloy_is_read_by_its_own_names() -> None:
    metrics = b'# TYPE x counter\nprocess_start_time_seconds 1\nloki_write_dropped_entries_total{reason="rate_limited"} 2\n'
    assert read("alloy", metrics=metrics).dropped == {"rate_limited": 2}


@pytest.mark.parametrize("path", ["/var/log/syslog", "", "/var/log/pods/odd/0.log"])
def test_other_files_belong_to_no_namespace(path: str) -> None:
    assert namespace_of(path) == ""


def test_the_increase_is_asked_for_over_the_window() -> None:
    assert "increase(promtail_dropped_entries_total[90s])" in increase_of(1.5)


def test_times_of_whole_lines_are_read_and_no_text_kept() -> None:
    assert parse_times(b"2026-11-22T16:48:05.5Z a\n2026-11-22T16:48:06Z planted\n", "log") == [1795366085.5, 1795366086.0]
    assert parse_times(b"", "log") == []


def test_a_last_line_may_be_cut_off_at_the_limit_and_nowhere_else() -> None:
    line = b"2026-11-22T16:48:06Z " + b"x" * 1000 + b"\n"
    assert len(parse_times(line * 9 + b"2026-11-22T16:48:07Z c", "log")) == 9
    with pytest.raises(BadResponse, match="ends within a line"):
        parse_times(line * 2 + b"2026-11-22T16:48:07Z c", "log")


@pytest.mark.parametrize("body", [b"<html>\nlogin</html>\n", b"unable to retrieve container logs", b"{}\n"])
def test_a_log_without_times_is_unreadable(body: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_times(body, "log")


def times_with(error: Exception) -> list[float]:
    def get(*_: Any, **__: Any) -> Answer:
        raise error

    return _times(SimpleNamespace(api=SimpleNamespace(get=get), deadline=None), pod(), "a", 60)  # type: ignore[arg-type]


def test_a_pod_that_went_since_it_was_listed_has_nothing_to_be_missed() -> None:
    assert times_with(NotFound('GET /api/v1/…/log: HTTP 404: pods "agent-1" not found')) == []


def test_any_other_404_is_unreadable() -> None:
    with pytest.raises(NotFound):
        times_with(NotFound("GET /api/v1/…/log: HTTP 404"))


GIVEN_UP = (
    'level=error caller=client.go:430 msg="final error sending batch" status=400 error="HTTP status 400: Max entry size \'100\' bytes'
)


@pytest.mark.parametrize("line", [GIVEN_UP, GIVEN_UP + '"'])
def test_what_loki_answered_is_read_even_out_of_a_line_that_was_cut_short(line: str) -> None:
    assert _error(line) == "HTTP status 400: Max entry size '100' bytes"
