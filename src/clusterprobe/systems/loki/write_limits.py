"""Which limit of Loki refused lines, as its answer to the agent says, and what helps against that one."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.patterns import Pattern, ours


@dataclass(frozen=True, slots=True)
class Limit:
    """A setting by which Loki refuses lines; `helps` is what to do about this one."""

    setting: str
    says: Pattern
    helps: str
    value: Pattern | None = None

    def of(self, answer: str) -> str:
        """The value that the answer names; empty where it names none."""
        found = self.value.search(answer) if self.value else None
        return str(found[1]).strip() if found else ""


_OR_TENANT = "in Loki's limits_config, or for one tenant in its overrides"
_PLAIN = ours(r"limit: '?(\d[^,;)']*)")

# The most special first: what names a stream's own rate also says "rate limit".
LIMITS = (
    Limit(
        "per_stream_rate_limit",
        ours(r"(?i)per stream rate limit exceeded"),
        f"Let the program that writes this stream write less, or give its pods a label of few values that splits it; or raise "
        f"per_stream_rate_limit and per_stream_rate_limit_burst {_OR_TENANT}.",
        _PLAIN,
    ),
    Limit(
        "ingestion_rate_mb",
        ours(r"(?i)ingestion rate limit exceeded"),
        f"Raise ingestion_rate_mb, and ingestion_burst_size_mb with it, {_OR_TENANT}.",
        _PLAIN,
    ),
    Limit(
        "max_global_streams_per_user",
        ours(r"(?i)maximum active stream limit exceeded"),
        "Take labels with many values out of the agent's configuration; only where the streams are meant so, raise "
        f"max_global_streams_per_user {_OR_TENANT}.",
    ),
    Limit(
        "max_line_size",
        ours(r"(?i)max entry size '?\d+'? bytes exceeded"),
        f"Let the program write shorter lines; or raise max_line_size, or set max_line_size_truncate, {_OR_TENANT}.",
        ours(r"(?i)max entry size '?(\d+)'? bytes"),
    ),
    Limit(
        "reject_old_samples_max_age",
        ours(r"(?i)timestamp too old"),
        "Let the agent take no time out of the line that is older than that, and skip files of before; or raise "
        f"reject_old_samples_max_age {_OR_TENANT}.",
    ),
    Limit(
        "creation_grace_period",
        ours(r"(?i)timestamp too new"),
        "Correct the clock of the node or the time that the agent takes out of the line: it is in the future.",
    ),
    Limit(
        "ingester.max_chunk_age",
        ours(r"(?i)entry too far behind"),
        "Within one stream, Loki takes lines up to half of ingester.max_chunk_age older than the newest. Find out what delays these lines, "
        "or give those of different speeds different labels.",
    ),
    Limit(
        "unordered_writes",
        ours(r"(?i)entry out of order"),
        f"Set `unordered_writes: true` {_OR_TENANT}: without it, Loki takes a stream's lines in the order of their times only.",
    ),
    Limit(
        "max_label_names_per_series",
        ours(r"(?i)has \d+ label names"),
        f"Let the agent set fewer labels; or raise max_label_names_per_series {_OR_TENANT}.",
        ours(r"(?i)label names; limit (\d+)"),
    ),
    Limit(
        "max_label_value_length",
        ours(r"(?i)label value too long"),
        "Make no label of what can be long: take it out of the agent's configuration.",
    ),
    Limit(
        "max_structured_metadata_size",
        ours(r"(?i)structured metadata too large"),
        f"Let the agent attach less structured metadata; or raise max_structured_metadata_size {_OR_TENANT}.",
        _PLAIN,
    ),
)


def limit_in(answer: str) -> Limit | None:
    """The limit that Loki's answer names; none where it names one that is not known, or none."""
    return next((one for one in LIMITS if one.says.search(answer)), None)
