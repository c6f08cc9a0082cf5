"""What log agents say in their own metrics, by program: where the page is, and which series count what.

- Promtail: https://grafana.com/docs/loki/latest/send-data/promtail/
- Fluent Bit: https://docs.fluentbit.io/manual/administration/monitoring
- Vector: https://vector.dev/docs/reference/configuration/sources/internal_metrics/
- OpenTelemetry collector: https://opentelemetry.io/docs/collector/internal-telemetry/
- Fluentd: https://github.com/fluent/fluent-plugin-prometheus
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.formats.queries import matchers
from clusterprobe.words import number

LOKI = "loki"


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of what is lost. Why is in its label `by`, or it is `reason`; only series with the label `where` count."""

    name: str
    reason: str = ""
    by: str = "reason"
    where: tuple[str, str] | None = None

    def increase(self, window: str) -> str:
        """The query for its increase by agent and reason; only pods that were scraped at least twice within the window are in it."""
        chosen = matchers(dict([self.where])) if self.where else ""
        if not self.reason:
            return f"sum by (namespace, pod, {self.by}) (increase({self.name}{chosen}[{window}]))"
        summed = f"sum by (namespace, pod) (increase({self.name}{chosen}[{window}]))"
        return f'label_replace({summed}, "reason", "{self.reason}", "", "")'

    def counts(self, one: Metric) -> bool:
        return one.name == self.name and (self.where is None or one.labels.get(self.where[0]) == self.where[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An agent's metrics. One of `proof` is always on the page; without it, that no loss is counted says nothing.

    `failing` counts attempts to send that failed, whatever became of them; `paused` is 1 where an input waits; `queues` are pairs of
    how much waits and how much may. An output is named by the label `output`, what it is by `kind`. Where an agent sends to Loki only,
    `kind` is `loki` itself. Some programs name an output after what it is, as `named` reads it. One of `scrapes` is more than 0 where
    it scrapes metrics, too.
    `turned_on` says how the page comes to be there, for a program that shows it only if it is told to.
    """

    paths: tuple[str, ...] = ("/metrics",)
    proof: tuple[str, ...]
    lost: tuple[Counter, ...]
    sent: tuple[str, ...]
    failing: tuple[str, ...] = ()
    filtered: tuple[Counter, ...] = ()
    paused: str = ""
    queues: tuple[tuple[str, str], ...] = ()
    files: tuple[str, str] | None = None
    started: tuple[str, ...] = ("process_start_time_seconds",)
    version: str = ""
    output: str = ""
    kind: str = ""
    named: Pattern | None = None
    scrapes: tuple[str, ...] = ()
    turned_on: str = ""

    @property
    def names(self) -> set[str]:
        """The series that are read of the page."""
        counters = [one.name for one in (*self.lost, *self.filtered)]
        pairs = [name for pair in (*self.queues, *([self.files] if self.files else [])) for name in pair]
        single = [one for one in (self.paused, self.version) if one]
        return {*self.proof, *counters, *self.sent, *self.failing, *pairs, *self.started, *self.scrapes, *single}


_STAGES = (Counter("logentry_dropped_lines_total"),)
_FLOW = Page(
    proof=("process_start_time_seconds",),
    lost=(
        Counter("loki_write_dropped_entries_total"),
        Counter("prometheus_remote_storage_samples_failed_total", reason="failed_samples"),
    ),
    sent=("loki_write_sent_entries_total",),
    failing=("loki_write_batch_retries_total",),
    filtered=_STAGES,
    files=("loki_source_file_file_bytes_total", "loki_source_file_read_bytes_total"),
    output="component_id",
    named=ours(r"([a-z]+)\..+"),  # such as loki.write.default, and prometheus.remote_write.default
    scrapes=("prometheus_scrape_targets_gauge", "agent_prometheus_scrape_targets_gauge"),
)
_SIGNALS = {"log_records": "log record", "spans": "span", "metric_points": "metric point"}
_ENDS = ("", "_total")  # as the collector's version and its Prometheus reader have it


def _otel(stem: str) -> tuple[str, ...]:
    return tuple(f"otelcol_{stem}_{signal}{end}" for signal in _SIGNALS for end in _ENDS)


_OTEL_LOST = tuple(
    Counter(f"otelcol_exporter_{what}_{signal}{end}", reason=f"{what}_{signal}")
    for what in ("send_failed", "enqueue_failed")
    for signal in _SIGNALS
    for end in _ENDS
)

PAGES = {
    "promtail": Page(
        proof=("process_start_time_seconds",),
        lost=(Counter("promtail_dropped_entries_total"),),
        sent=("promtail_sent_entries_total",),
        failing=("promtail_batch_retries_total",),
        filtered=_STAGES,
        files=("promtail_file_bytes_total", "promtail_read_bytes_total"),
        version="promtail_build_info",
        output="host",
        kind=LOKI,
    ),
    "alloy": _FLOW,
    "grafana-agent": _FLOW,
    "fluent-bit": Page(
        paths=("/api/v2/metrics/prometheus", "/api/v1/metrics/prometheus"),  # the older one is all that is there before 2.0
        proof=("fluentbit_output_proc_records_total",),
        lost=(Counter("fluentbit_output_dropped_records_total", reason="dropped"),),
        sent=("fluentbit_output_proc_records_total",),
        failing=("fluentbit_output_retries_total", "fluentbit_output_errors_total"),
        filtered=(Counter("fluentbit_filter_drop_records_total", reason="filter"),),
        paused="fluentbit_input_ingestion_paused",
        started=("fluentbit_process_start_time_seconds", "process_start_time_seconds"),
        version="fluentbit_build_info",
        output="name",
        named=ours(r"([a-z_]+)\.\d+"),  # unless its user gave it an `Alias`
        turned_on="turn its HTTP server on (`HTTP_Server On`, `HTTP_Listen 0.0.0.0` in [SERVICE])",
    ),
    "vector": Page(
        proof=("vector_component_received_events_total", "vector_component_sent_events_total"),
        lost=(Counter("vector_component_discarded_events_total", reason="discarded", where=("intentional", "false")),),
        sent=("vector_component_sent_events_total",),
        failing=("vector_component_errors_total",),
        filtered=(Counter("vector_component_discarded_events_total", reason="filter", where=("intentional", "true")),),
        queues=(
            ("vector_buffer_byte_size", "vector_buffer_max_byte_size"),
            ("vector_buffer_events", "vector_buffer_max_event_size"),
            ("vector_buffer_size_bytes", "vector_buffer_max_size_bytes"),
            ("vector_buffer_size_events", "vector_buffer_max_size_events"),
        ),
        version="vector_build_info",
        output="component_id",
        kind="component_type",
        turned_on="give it a source `internal_metrics` and a sink `prometheus_exporter` for it",
    ),
    "opentelemetry-collector": Page(
        proof=(
            *("otelcol_process_uptime", "otelcol_process_uptime_total", "otelcol_process_uptime_seconds"),
            *("otelcol_process_uptime_seconds_total", "otelcol_exporter_queue_capacity", *_otel("exporter_sent")),
        ),
        lost=_OTEL_LOST,
        sent=_otel("exporter_sent"),
        failing=(*_otel("receiver_refused"), *_otel("processor_refused")),
        queues=(("otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity"),),
        output="exporter",
        named=ours(r"([a-z0-9_]+)(?:/.+)?"),
        turned_on="let its telemetry listen on the pod's address (service.telemetry.metrics), port 8888",
    ),
    "fluentd": Page(
        proof=("fluentd_output_status_num_errors",),
        lost=(),  # it counts failed attempts only: what it gave up is in its log
        sent=("fluentd_output_status_emit_records",),
        failing=("fluentd_output_status_num_errors",),
        output="plugin_id",
        kind="type",
        turned_on="give it sources of type `prometheus` and `prometheus_output_monitor` (fluent-plugin-prometheus)",
    ),
}
"""By program, as `System.key` has it."""


def increases(programs: Iterable[str], window: str) -> str:
    """The query for what the agents of these programs lost lately; empty where none of them counts that."""
    lost = dict.fromkeys(one for program in sorted(set(programs)) for one in PAGES[program].lost)
    return " or ".join(one.increase(window) for one in lost)


@dataclass(frozen=True, slots=True)
class Loss:
    """Why an agent lost something, as its counter says: what it counts, and what helps."""

    noun: str
    why: str
    helps: str


_RAISE = "or for one tenant in its overrides."
_LOSSES = {
    "rate_limited": Loss(
        "line",
        "Loki's rate limits (ingestion_rate_mb, per_stream_rate_limit) refuse them",
        f"Raise ingestion_rate_mb or per_stream_rate_limit in Loki's limits_config, {_RAISE}",
    ),
    "stream_limited": Loss(
        "line",
        "there are more streams than allowed (max_streams, max_global_streams_per_user)",
        "Take labels with many values out of the agent's configuration, or raise max_global_streams_per_user in Loki.",
    ),
    "line_too_long": Loss(
        "line",
        "they are longer than the agent's own max_line_size",
        "Raise the agent's own max_line_size, or let the program write shorter lines.",
    ),
    "ingester_error": Loss(
        "line",
        "Loki refused them for good (too old, too long, out of order), or was out of reach until the retries were used up",
        f"Raise the limit that Loki's answer names, in its limits_config {_RAISE}",
    ),
    "dropped": Loss(
        "record",
        "the receiver refused them for good, or was out of reach until the retries (Retry_Limit) were used up",
        "Repair what the receiver's answer names. Where it is only out of reach at times, raise `Retry_Limit` of the output, and give it "
        "`storage.type filesystem`.",
    ),
    "discarded": Loss(
        "event",
        "the receiver refused them for good, or a transform failed on them",
        "Repair what the log of the agent names: the receiver's answer, or the transform's error.",
    ),
    "failed_samples": Loss("sample", "the receiver of its remote write refused them for good", "Repair what the receiver's answer names."),
    "lost_by_its_log": Loss("batch", "its log says that it gave them up", "Repair what the receiver's answer names."),
}


def loss_of(reason: str) -> Loss:
    """What a reason means; one that is not known is only named."""
    for signal, noun in _SIGNALS.items():
        if reason == f"send_failed_{signal}":
            why = "the receiver refused them for good, or was out of reach until the retries were used up (max_elapsed_time)"
            return Loss(noun, why, "Repair what the receiver's answer names.")
        if reason == f"enqueue_failed_{signal}":
            why = "the exporter's sending_queue is full: it sends slower than data come in"
            return Loss(noun, why, "Repair what the receiver's answer names; where it takes all, raise sending_queue.num_consumers.")
    return _LOSSES.get(reason, Loss("line", "see the log of the agent", "Repair what the log of the agent names."))


def amount(counts: Mapping[str, int]) -> str:
    """How much was lost, by what is counted: `12 lines`, `9000 log records and 3 spans`."""
    by_noun: dict[str, int] = {}
    for reason, count in counts.items():
        noun = loss_of(reason).noun
        by_noun[noun] = by_noun.get(noun, 0) + count
    each = [
        number(count, noun, "batches" if noun == "batch" else "")
        for noun, count in sorted(by_noun.items(), key=lambda pair: -pair[1])
        if count
    ]
    return " and ".join(each)


def values_of(metrics: Iterable[Metric], names: Iterable[str]) -> Iterator[float]:
    """The values of the series with one of these names."""
    wanted = set(names)
    return (one.value for one in metrics if one.name in wanted)
