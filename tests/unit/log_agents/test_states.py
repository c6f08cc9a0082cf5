from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import BadResponse, NotFound, Unreachable
from clusterprobe.systems.inventory.recognition import recognise
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.log_agents.metrics import PAGES, amount, increases
from clusterprobe.systems.log_agents.states import namespace_of, read_agent
from clusterprobe.systems.log_agents.wordings import words_of
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
        body = self.answers.get(path, NotFound(f"GET http://agent{path}: HTTP 404"))
        if isinstance(body, Exception):
            raise body
        return Answer(200, {}, body, 0.0)

    def at(self, path: str) -> "Answering":
        """The same page under another path only."""
        self.answers = {path: self.answers["/metrics"]}
        return self


def pod(program: str = "promtail") -> Pod:
    return labelled(
        Pod,
        "logging",
        "agent-1",
        {"app.kubernetes.io/name": program},
        spec={"nodeName": "worker2", "containers": [{"name": program, "image": f"timberio/{program}:1"}]},
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
    assert increases(["promtail"], "90s") == "sum by (namespace, pod, reason) (increase(promtail_dropped_entries_total[90s]))"


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
    def log(*_: Any, **__: Any) -> Answer:
        raise error

    return _times(SimpleNamespace(log=log), pod(), "a", 60)  # type: ignore[arg-type]


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
    assert [(one.lost, one.answer) for one in words_of("promtail", [line])] == [(True, "HTTP status 400: Max entry size '100' bytes")]


# --- other agents -----------------------------------------------------------------------------------------------------

FLUENT_BIT = b"""# TYPE fluentbit_output_proc_records_total counter
fluentbit_output_proc_records_total{name="loki.0"} 900 1724
fluentbit_output_proc_records_total{name="archive"} 900 1724
fluentbit_output_dropped_records_total{name="loki.0"} 12 1724
fluentbit_output_retries_total{name="loki.0"} 4 1724
fluentbit_input_ingestion_paused{name="tail.0"} 1
fluentbit_process_start_time_seconds{hostname="x"} 1700000000
fluentbit_build_info{version="3.1.9"} 1
"""
VECTOR = b"""# TYPE vector_component_sent_events_total counter
vector_component_received_events_total{component_id="logs",component_kind="source",component_type="kubernetes_logs"} 50 1
vector_component_sent_events_total{component_id="logs",component_kind="source",component_type="kubernetes_logs"} 50 1
vector_component_sent_events_total{component_id="out",component_kind="sink",component_type="loki"} 40 1
vector_component_discarded_events_total{component_id="out",component_kind="sink",component_type="loki",intentional="false"} 7 1
vector_component_discarded_events_total{component_id="f",component_kind="transform",component_type="filter",intentional="true"} 3 1
vector_component_errors_total{component_id="out",component_kind="sink",component_type="loki"} 2 1
vector_buffer_byte_size{component_id="out"} 95
vector_buffer_max_byte_size{component_id="out"} 100
"""
OTEL = b"""# TYPE otelcol_exporter_sent_log_records_total counter
otelcol_process_uptime_seconds_total{service_name="x"} 10
otelcol_exporter_sent_log_records_total{exporter="loki/prod"} 5
otelcol_exporter_send_failed_log_records_total{exporter="loki/prod"} 9
otelcol_exporter_send_failed_spans_total{exporter="otlp"} 2
otelcol_exporter_enqueue_failed_log_records{exporter="loki/prod"} 3
otelcol_exporter_queue_size{exporter="loki/prod"} 10
otelcol_exporter_queue_capacity{exporter="loki/prod"} 1000
"""
FLUENTD = b"""# TYPE fluentd_output_status_num_errors gauge
fluentd_output_status_num_errors{plugin_id="out_loki",type="loki"} 6
fluentd_output_status_emit_records{plugin_id="out_loki",type="loki"} 60
"""


@pytest.mark.parametrize(
    ("program", "metrics", "dropped", "failing", "outputs"),
    [
        ("fluent-bit", FLUENT_BIT, {"dropped": 12}, 4, [("archive", ""), ("loki.0", "loki")]),
        ("vector", VECTOR, {"discarded": 7}, 2, [("out", "loki")]),
        (
            "opentelemetry-collector",
            OTEL,
            {"enqueue_failed_log_records": 3, "send_failed_log_records": 9, "send_failed_spans": 2},
            0,
            [("loki/prod", "loki"), ("otlp", "otlp")],
        ),
        ("fluentd", FLUENTD, {}, 6, [("out_loki", "loki")]),
    ],
)
def test_each_agent_is_read_by_its_own_names(
    program: str, metrics: bytes, dropped: dict[str, int], failing: int, outputs: list[tuple[str, str]]
) -> None:
    page = Answering(metrics).at(PAGES[program].paths[0])
    found = read_agent(page, recognise(pod(program)))  # type: ignore[arg-type]
    assert (found.dropped, found.failing) == (dropped, failing)
    assert [(one.name, one.kind) for one in found.outputs] == outputs
    assert (found.counts_files, found.reads) == (False, {})


def test_an_older_fluent_bit_is_asked_at_its_older_page() -> None:
    found = read_agent(Answering(FLUENT_BIT).at("/api/v1/metrics/prometheus"), recognise(pod("fluent-bit")))  # type: ignore[arg-type]
    assert (found.started, found.version, found.paused) == (1.7e9, "3.1.9", ["tail.0"])


def test_only_a_full_queue_is_one_and_what_filters_drop_is_no_loss() -> None:
    found = read("vector", metrics=VECTOR)
    assert [(one.name, one.size, one.capacity) for one in found.full] == [("out", 95.0, 100.0)]
    assert found.filtered == 3
    assert read("opentelemetry-collector", metrics=OTEL).full == []


@pytest.mark.parametrize("program", ["fluent-bit", "vector", "opentelemetry-collector", "fluentd"])
def test_a_page_without_the_series_that_is_always_there_proves_no_health(program: str) -> None:
    page = Answering(b"# TYPE go_goroutines gauge\ngo_goroutines 9\n").at(PAGES[program].paths[-1])
    with pytest.raises(BadResponse, match="there is no"):
        read_agent(page, recognise(pod(program)))  # type: ignore[arg-type]


ALLOY = b"""# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
loki_write_sent_entries_total{component_id="loki.write.default"} 5
prometheus_remote_storage_samples_total{component_id="prometheus.remote_write.cloud"} 90
prometheus_remote_storage_samples_failed_total{component_id="prometheus.remote_write.cloud"} 7
prometheus_scrape_targets_gauge{component_id="prometheus.scrape.pods"} 12
"""


def test_an_alloy_that_scrapes_says_so_and_loses_samples_as_well() -> None:
    found = read("alloy", metrics=ALLOY)
    assert (found.scrapes, found.dropped, found.sent) == (True, {"failed_samples": 7}, 5)
    assert [(one.name, one.kind) for one in found.outputs] == [
        ("loki.write.default", "loki"),
        ("prometheus.remote_write.cloud", "prometheus"),
    ]
    assert amount(found.dropped) == "7 samples"
    for quiet in (ALLOY.partition(b"prometheus_")[0], ALLOY.replace(b'pods"} 12', b'pods"} 0')):
        assert not read("alloy", metrics=quiet).scrapes


def test_each_program_is_asked_for_its_own_losses_only() -> None:
    assert increases(["fluentd"], "60s") == ""
    assert increases(["vector"], "60s") == (
        'label_replace(sum by (namespace, pod) (increase(vector_component_discarded_events_total{intentional="false"}[60s])), '
        '"reason", "discarded", "", "")'
    )


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({"rate_limited": 1}, "1 line"),
        ({"dropped": 2}, "2 records"),
        ({"send_failed_spans": 3, "send_failed_log_records": 9}, "9 log records and 3 spans"),
    ],
)
def test_what_was_lost_is_said_as_it_is_counted(counts: dict[str, int], text: str) -> None:
    assert amount(counts) == text
