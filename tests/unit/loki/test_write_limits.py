from collections import Counter

import pytest

from clusterprobe.model import Subject
from clusterprobe.systems.log_agents.loss_words import why_lost
from clusterprobe.systems.log_agents.losses import Lost, Trouble
from clusterprobe.systems.loki.write_limits import limit_in

RATE = "429 Too Many Requests (429): Ingestion rate limit exceeded for user a (limit: 4194304 bytes/sec) while attempting to ingest"
STREAM = "429 (429): Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{a=\"b\"}' totaling 1MB"
STREAMS = '429 (429): maximum active stream limit exceeded when trying to create stream {a="b"}, reduce the number of active streams'
LINE = (
    "400 Bad Request (400): max entry size '262144' bytes exceeded for stream '{a=\"b\"}' while adding an entry with length '300000' bytes"
)
OLD = "400 (400): entry for stream '{a=\"b\"}' has timestamp too old: 2026-01-01T00:00:00Z, oldest acceptable timestamp is: 2026-01-08"
BEHIND = "400 (400): entry with timestamp 2026-11-22 ignored, reason: 'entry too far behind, oldest acceptable timestamp is: 2026-11-22',"
ORDER = "400 (400): entry with timestamp 2026-11-22 ignored, reason: 'entry out of order' for stream: {a=\"b\"}"


@pytest.mark.parametrize(
    ("answer", "setting", "value"),
    [
        (RATE, "ingestion_rate_mb", "4194304 bytes/sec"),
        (STREAM, "per_stream_rate_limit", "3MB/sec"),
        (STREAMS, "max_global_streams_per_user", ""),
        (LINE, "max_line_size", "262144"),
        (OLD, "reject_old_samples_max_age", ""),
        (BEHIND, "ingester.max_chunk_age", ""),
        (ORDER, "unordered_writes", ""),
        ("400 (400): entry for stream 'x' has timestamp too new: 2030", "creation_grace_period", ""),
        ("400 (400): entry for stream 'x' has 20 label names; limit 15", "max_label_names_per_series", "15"),
    ],
)
def test_the_limit_is_named_with_the_value_that_the_answer_has(answer: str, setting: str, value: str) -> None:
    limit = limit_in(answer)
    assert limit is not None
    assert (limit.setting, limit.of(answer)) == (setting, value)


@pytest.mark.parametrize("answer", ["", "500 Internal Server Error", "400 (400): at least one label pair is required per stream"])
def test_what_names_no_known_limit_is_none(answer: str) -> None:
    assert limit_in(answer) is None


def why(reason: str, said: list[str]) -> tuple[str, str]:
    return why_lost(Trouble("promtail", [Lost(Subject(kind="Pod", name="promtail-x"), Counter({reason: 3}), "lately", True)], said))


def test_only_the_limits_that_were_named_are_advised_about() -> None:
    cause, helps = why("rate_limited", [STREAM])
    assert "Loki refuses them by per_stream_rate_limit (limit “3MB/sec”)" in cause
    assert "per_stream_rate_limit_burst" in helps
    assert "ingestion_rate_mb" not in cause + helps


def test_two_limits_are_both_named() -> None:
    cause, _ = why("ingester_error", [OLD, BEHIND])
    assert "by reject_old_samples_max_age, ingester.max_chunk_age." in cause


def test_without_an_answer_the_agents_reason_stands() -> None:
    cause, helps = why("rate_limited", [])
    assert "Loki's rate limits (ingestion_rate_mb, per_stream_rate_limit)" in cause
    assert "Or write less." in helps
