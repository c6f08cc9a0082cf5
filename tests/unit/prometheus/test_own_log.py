import pytest

from clusterprobe.systems.prometheus.own_log import OwnError, Topic, errors_of, told

NEW = "time=2026-01-01T12:00:00Z level=ERROR source=main.go:1 "
OLD = "ts=2026-01-01T12:00:00Z caller=main.go:1 level=error component=tsdb "


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            NEW + r'msg="Error reloading config" err="found multiple scrape configs with job name \"node\""',
            OwnError("configuration", 'found multiple scrape configs with job name "node"'),
        ),
        (
            NEW + 'msg="non-recoverable error" component=remote remote_name=d4 err="HTTP status 400: out of order sample"',
            OwnError("remote write", "HTTP status 400: out of order sample", "d4"),
        ),
        (
            NEW.replace("ERROR", "WARN") + 'msg="Failed to send batch, retrying" remote_name=d4 err="dial tcp: no such host"',
            OwnError("remote write", "dial tcp: no such host", "d4"),
        ),
        (OLD + 'msg="compaction failed" err="no space left on device"', OwnError("database", "no space left on device")),
        (
            NEW.replace("ERROR", "WARN") + 'msg="Error on ingesting out-of-order samples" scrape_pool=podMonitor/a/b/0 num_dropped=7',
            OwnError("samples", "Error on ingesting out-of-order samples", "podMonitor/a/b/0"),
        ),
        (NEW + 'msg="compaction failed" err="cut short', OwnError("database", "cut short")),
    ],
)
def test_each_line_is_told_by_what_it_says(line: str, expected: OwnError) -> None:
    assert errors_of([line]) == [expected]


@pytest.mark.parametrize("line", ['level=info msg="compaction failed" err="x"', NEW + 'msg="something else" err="x"', "no logfmt", ""])
def test_other_lines_say_nothing(line: str) -> None:
    assert errors_of([line]) == []


def test_the_newest_of_each_remote_counts() -> None:
    lines = [NEW + f'msg="non-recoverable error" remote_name={name} err="{text}"' for name, text in (("a", "1"), ("b", "2"), ("a", "3"))]
    assert [(one.about, one.text) for one in errors_of(lines)] == [("a", "3"), ("b", "2")]


@pytest.mark.parametrize(
    ("topic", "about", "sentence"),
    [
        ("remote write", "b", " Its log says: “2”."),
        ("remote write", "unknown", " Its log says: “1”."),
        ("samples", "", " Its log says of pool: “3”."),
        ("database", "", ""),
    ],
)
def test_what_is_told_of_a_log(topic: Topic, about: str, sentence: str) -> None:
    errors = [OwnError("remote write", "1", "a"), OwnError("remote write", "2", "b"), OwnError("samples", "3", "pool")]
    assert told(errors, topic, about) == sentence
