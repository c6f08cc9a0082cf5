"""What Loki lost or turned away, in words: what it means, and what helps against what its log says."""

from __future__ import annotations

from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.loki.write_limits import LIMITS, Limit, limit_in

# By the reason of a refusal, the setting that refuses; those that are their own names are not here.
_SETTINGS = {
    "rate_limited": "ingestion_rate_mb",
    "per_stream_rate_limit": "per_stream_rate_limit",
    "stream_limit": "max_global_streams_per_user",
    "line_too_long": "max_line_size",
    "greater_than_max_sample_age": "reject_old_samples_max_age",
    "too_far_in_future": "creation_grace_period",
    "too_far_behind": "ingester.max_chunk_age",
    "out_of_order": "unordered_writes",
    "structured_metadata_too_large": "max_structured_metadata_size",
    "label_value_too_long": "max_label_value_length",
}


class Store(NamedTuple):
    """Why chunks do not reach the store, by what Loki says: `helps` is what to do about just that."""

    says: Pattern
    why: str
    helps: str


STORES = (
    Store(
        ours(r"(?i)access ?denied|\b40[13]\b|forbidden|unauthorized|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|NoCredential"),
        "The object store refuses Loki's credentials",
        "Correct the credentials of storage_config, or the role of Loki's ServiceAccount: it needs to list the bucket, and to read, write "
        "and delete its objects.",
    ),
    Store(
        ours(r"(?i)NotImplemented|not (?:implemented|supported)|ContentSHA256Mismatch|MissingContentLength"),
        "The object store does not know a part of S3 that Loki uses",
        "Run versions of the store and of Loki that fit each other: newer clients of S3 send checksums and lengths in another way.",
    ),
    Store(
        ours(r"(?i)NoSuchBucket|bucket (?:does not|doesn't) exist|ContainerNotFound|\b404\b"),
        "The bucket does not exist",
        "Create the bucket, or correct its name and region in storage_config.",
    ),
    Store(
        ours(r"(?i)no space left|disk full|quota"),
        "Its volume or store is full",
        "Give it more space, or keep lines for less time: limits_config.retention_period, with the compactor's retention_enabled.",
    ),
    Store(
        ours(r"(?i)read-only file system|permission denied"),
        "It may not write where its chunks are stored",
        "Let the user that Loki runs as write to the volume (`storage/volume-permissions`), or correct the path.",
    ),
    Store(
        ours(r"(?i)no such host|timeout|timed out|deadline exceeded|connection refused|connection reset|EOF|no route to host|x509"),
        "The object store is not reached, or not in time",
        "Repair the way to the store: its address in storage_config, DNS, the egress policy, the proxy, its certificate.",
    ),
)


def store_in(said: str) -> Store | None:
    """What keeps chunks from the store, as Loki says it; None where it names nothing that is known."""
    return next((one for one in STORES if one.says.search(said)), None)


def limit_of(reasons: list[str], said: str) -> Limit | None:
    """The limit that refuses most: by the reason that is counted, else by what the log says."""
    names = [_SETTINGS.get(one, one) for one in reasons]
    return next((one for name in names for one in LIMITS if one.setting == name), None) or limit_in(said)
