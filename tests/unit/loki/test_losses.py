from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.loki.loss_words import limit_of, store_in
from clusterprobe.systems.loki.losses import (
    DISK_FULL,
    FLUSHES,
    REFUSED,
    GainedBy,
    LokiGains,
    LokiLosses,
    LossWords,
    Lost,
    gains_query,
    loki_gains,
    words_of,
)
from probes.loki.probe_losses import probe_losses
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons, refused, server

NOW = 1_800_000_000.0
POD, SERVER = server("loki", "logging", "loki", pod="loki-0")
PROMETHEUS, _ = server("prometheus", "monitoring", "main")


def platform(*lost: Lost, gained: list[GainedBy] | None = None, said: dict[str, str] | None = None, age: float = 86400) -> dict[str, Any]:
    known: Readings[Any] = Readings(absent="no Loki counts anything") if gained is None else single(PROMETHEUS, LokiGains(gained))
    return {
        "system_pods": Readings(absent="no system is known"),
        "loki_losses": single(POD, LokiLosses(NOW - age, list(lost))),
        "loki_gains": known,
        "loki_loss_words": single(POD, LossWords(said or {})),
        "profile": Profile(),
        "clock": Clock(NOW),
    }


def gain(counter: str, count: float, reason: str = "", pod: str = "loki-0") -> GainedBy:
    return GainedBy("logging", pod, counter, reason, count)


def found(*lost: Lost, **more: Any) -> Finding:
    (one,) = judged(probe_losses, **platform(*lost, **more)).findings
    return one


def test_one_that_loses_nothing_passes() -> None:
    assert outcome(judged(probe_losses, **platform())) == "pass"


@pytest.mark.parametrize(
    ("counter", "code", "severity"),
    [(FLUSHES, "ChunksNotStored", "error"), (DISK_FULL, "WriteAheadLogFull", "error"), (REFUSED, "LinesRefused", "warning")],
)
def test_what_a_prometheus_saw_lately_is_found(counter: str, code: str, severity: str) -> None:
    one = found(Lost(counter, 900.0), gained=[gain(counter, 12.0)])
    assert (one.reason, one.severity) == (code, severity)
    assert " 12 " in one.problem
    assert "in the last 10 min" in one.problem


@pytest.mark.parametrize(("count", "expected"), [(0.0, []), (0.9, []), (1.0, ["ChunksNotStored"])])
def test_what_is_over_is_a_note(count: float, expected: list[str]) -> None:
    verdict = judged(probe_losses, **platform(Lost(FLUSHES, 900.0), gained=[gain(FLUSHES, count)]))
    assert reasons(verdict) == expected
    assert bool(verdict.notes) is not bool(expected)


def test_a_process_that_is_young_needs_no_past() -> None:
    assert "in the last 10 min" in found(Lost(FLUSHES, 5.0), age=60, gained=[]).problem


def test_what_no_prometheus_scrapes_is_told_since_the_start_and_is_an_error_where_its_log_says_so_now() -> None:
    quiet = found(Lost(FLUSHES, 5.0), gained=[])
    assert "since it started 24 h ago (no Prometheus scrapes it)" in quiet.problem
    assert quiet.severity == "warning"
    assert found(Lost(FLUSHES, 5.0), gained=[], said={FLUSHES: "AccessDenied"}).severity == "error"


def test_the_gains_of_another_pod_say_nothing_of_this_one() -> None:
    assert "since it started" in found(Lost(FLUSHES, 5.0), gained=[gain(FLUSHES, 0.0, pod="loki-1")]).problem


@pytest.mark.parametrize(
    ("said", "cause", "fix"),
    [
        ("store put chunk: AccessDenied: status code: 403", "refuses Loki's credentials", "storage_config"),
        ("NoSuchBucket: the bucket does not exist", "The bucket does not exist", "Create the bucket"),
        ("write /data/chunks/x: no space left on device", "is full", "retention_period"),
        ("open /data/x: read-only file system", "may not write", "storage/volume-permissions"),
        ("dial tcp: lookup s3.example: no such host", "not reached", "egress"),
        ("api error NotImplemented: aws-chunked is not supported", "does not know a part of S3", "that fit each other"),
        ("something new", "Its store does not take them.", "Repair what its log names"),
    ],
)
def test_why_chunks_are_not_stored_is_read_from_its_log(said: str, cause: str, fix: str) -> None:
    one = found(Lost(FLUSHES, 9.0), gained=[gain(FLUSHES, 9.0)], said={FLUSHES: said})
    assert cause in one.cause
    assert f"“{said}”" in one.cause
    assert fix in one.fix
    assert "Loki/logging/loki" in [str(ref) for ref in one.breaks]


@pytest.mark.parametrize(
    ("reason", "said", "setting"),
    [
        ("rate_limited", "", "ingestion_rate_mb"),
        ("stream_limit", "", "max_global_streams_per_user"),
        ("max_label_names_per_series", "", "max_label_names_per_series"),
        ("new", "entry too far behind", "ingester.max_chunk_age"),
    ],
)
def test_the_limit_that_refuses_is_named(reason: str, said: str, setting: str) -> None:
    one = found(Lost(REFUSED, 9.0, reason), gained=[gain(REFUSED, 9.0, reason)], said={REFUSED: said} if said else {})
    assert f"for the reason {reason}, by its limit {setting}" in one.cause
    assert [str(ref) for ref in one.rests_on] == ["Logs/logging"]


def test_a_reason_that_is_not_known_is_named_as_it_is() -> None:
    assert limit_of(["new"], "") is None
    assert found(Lost(REFUSED, 9.0, "new"), gained=[gain(REFUSED, 9.0, "new")]).cause == "It refuses them for the reason new."
    assert store_in("") is None


def test_the_replicas_of_one_loki_are_one_finding() -> None:
    both = Readings(
        tuple((server("loki", "logging", "loki", pod=f"loki-{one}")[0], LokiLosses(NOW - 9e4, [Lost(FLUSHES, 5.0)])) for one in (0, 1))
    )
    gained = [gain(FLUSHES, 2.0), gain(FLUSHES, 3.0, pod="loki-1")]
    (one,) = judged(probe_losses, **{**platform(gained=gained), "loki_losses": both}).findings
    assert one.problem.startswith("logging/loki-0 and 1 more could not store chunks: 5 attempts failed")


def test_without_a_loki_it_does_not_apply() -> None:
    nothing: Readings[Any] = Readings(absent="there is no Loki")
    assert outcome(judged(probe_losses, **{**platform(), "loki_losses": nothing})) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_losses, platform())
    assert_blindness_is_no_health(probe_losses, platform(Lost(FLUSHES, 9.0), gained=[gain(FLUSHES, 9.0)]))


def test_where_gains_were_not_read_it_is_unchecked() -> None:
    blind: Readings[Any] = Readings((), (refused("Pod"),))
    assert outcome(judged(probe_losses, **{**platform(Lost(FLUSHES, 9.0), age=60), "loki_gains": blind})) != "pass"


@pytest.mark.parametrize(("said", "expected"), [({}, "inconclusive"), ({FLUSHES: "AccessDenied"}, "findings")])
def test_a_total_is_no_trouble_while_the_prometheus_that_may_know_is_not_read(said: dict[str, str], expected: str) -> None:
    blind: Readings[Any] = Readings((), (refused("Pod"),))
    verdict = judged(probe_losses, **{**platform(Lost(FLUSHES, 9.0), said=said), "loki_gains": blind})
    assert outcome(verdict) == expected
    assert len(verdict.unread) == 1


# --- what is read ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('level=error msg="failed to flush" err="AccessDenied"', {FLUSHES: "AccessDenied"}),
        ('level=error msg="Error writing to WAL, disk full, no further messages will be logged"', {DISK_FULL: "Error writing to WAL, disk full, no further messages will be logged"}),
        ('level=warn msg="write operation failed" details="Ingestion rate limit exceeded" org_id=a', {REFUSED: "Ingestion rate limit exceeded"}),
        ('level=error msg="failed to flush" err="cut short', {FLUSHES: "cut short"}),
        ('level=info msg="all is well"', {}),
        ("no logfmt", {}),
    ],
)  # fmt: skip
def test_what_its_log_says(line: str, expected: dict[str, str]) -> None:
    assert words_of([line]) == expected


def test_the_newest_line_counts() -> None:
    assert words_of(['msg="failed to flush" err="old"', 'msg="failed to flush" err="new"']) == {FLUSHES: "new"}


def test_the_question_keeps_the_counters_apart() -> None:
    text = gains_query(600)
    assert text.startswith("sum by (namespace, pod, counter, reason) (")
    assert all(f'label_replace(increase({one}[600s]), "counter", "{one}", "", "")' in text for one in (FLUSHES, DISK_FULL, REFUSED))


def test_where_nothing_is_counted_no_prometheus_is_asked() -> None:
    quiet = single(POD, LokiLosses(NOW, []))
    asked: Any = loki_gains(None, single(PROMETHEUS, None), quiet, Profile())  # type: ignore[arg-type]
    assert asked.absent == "no Loki counts that it lost or refused anything"
