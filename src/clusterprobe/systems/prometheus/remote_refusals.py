"""Why the receiver of a remote write refuses samples for good, by what it answers, and what to change for just that.

Answers are those of Mimir, Cortex, Thanos' receiver, VictoriaMetrics, Prometheus itself and the clouds' managed ones. One that is not
in the table names no cause: it is shown as it is.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours


class Row(NamedTuple):
    """`answer` is searched in what Prometheus' log says of it."""

    answer: Pattern
    cause: str
    fix: str


TABLE = (
    Row(
        ours(r"(?i)duplicate[- ]timestamp|same timestamp|duplicate sample|new value for (?:a )?timestamp"),
        "It has another value of the same series and time already: two that write have the same labels, such as two replicas, or the same "
        "external labels in two clusters.",
        "Give each Prometheus external labels of its own (cluster, and one for the replica), or let the receiver choose one replica of "
        "each pair (its HA tracker, by the labels cluster and __replica__), at their source in Git.",
    ),
    Row(
        ours(r"(?i)out[- ]of[- ](?:order|bounds)|too[- ]old|too far in the (?:past|future)|timestamp-too-"),
        "The samples are older than what the receiver has of these series, or than it takes: they wait for too long, or two write the same "
        "series.",
        "See whether the remote write lagged at that time, or two write with the same external labels. Else let the receiver take samples "
        "out of order within a window.",
    ),
    Row(
        ours(r"(?i)max[- ]series|(?:series|metric) limit|active series|max-label|label names? per series|too many labels"),
        "A limit of the receiver is reached: of series, or of labels of a series. The answer names it.",
        "Send less (writeRelabelConfigs), drop the labels or metrics that make so many series, or raise that limit at the receiver.",
    ),
    Row(
        ours(r"(?i)label[- ](?:name|value)[- ](?:too[- ])?(?:long|invalid|length)|invalid (?:label|metric)"),
        "A name or value of a label is not valid at the receiver, or too long. The answer names the series.",
        "Correct the series at the target that exposes it, or drop it by writeRelabelConfigs.",
    ),
    Row(
        ours(r"HTTP status 40[13]\b"),
        "It refuses the credentials, or does not let them write (401, 403).",
        "Correct the credentials of that remote write, or what they may do at the receiver, at their source in Git.",
    ),
    Row(
        ours(r"HTTP status 40[45]\b"),
        "It takes nothing at this path (404, 405): the URL is not that of its push endpoint.",
        "Correct the URL of that remote write, at its source in Git: such as /api/v1/write, or /api/v1/push of Mimir.",
    ),
    Row(
        ours(r"HTTP status 413\b|(?i)too large|larger than max"),
        "What is sent at once is too large for it, or for a proxy before it (413).",
        "Raise the limit of the receiver, or of the proxy before it, or lower queueConfig.maxSamplesPerSend, at their source in Git.",
    ),
)


def row_of(says: str) -> Row | None:
    """What an answer means; None where it is not known."""
    return next((one for one in TABLE if one.answer.search(says)), None)
