"""What a Prometheus' own log says of what it refuses, cannot send, or drops: read only where its metrics or its state name trouble."""

from __future__ import annotations

from typing import Literal

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.patterns import Pattern, ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.formats.logfmt import cut_fields_of
from clusterprobe.systems.kubernetes.logs import last_lines
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.pressure import Pressure
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.words import said

LINES = 500
SINCE_SECONDS = 86400  # of a configuration that is refused, the log may say so once only
MAX_TEXT = 600  # a receiver's answer says at its end what it is about

Topic = Literal["configuration", "remote write", "database", "samples"]
_TOPICS: tuple[tuple[Pattern, Topic], ...] = (
    (ours(r"(?i)error (?:re)?loading config|failed to apply configuration|couldn't load configuration"), "configuration"),
    (ours(r"(?i)non-recoverable error|failed to send batch"), "remote write"),
    (ours(r"Error on ingesting (?:out-of-order samples|samples)"), "samples"),
    (ours(r"(?i)compaction failed|compact|checkpoint|write-?ahead|\bWAL\b|head truncation|reloading blocks"), "database"),
)


class OwnError(msgspec.Struct, frozen=True):
    """The newest line on one thing: `about` is the remote or the pool of targets that it names; `text` is what it says."""

    topic: Topic
    text: str
    about: str = ""


@source(Call("get", "pods/log"))
def prometheus_own_errors(
    cluster: Cluster,
    prometheus_pressure: Readings[Pressure],
    prometheus_runtime: Readings[Runtime],
    pods: Readings[Pod],
    profile: Profile,
) -> Readings[list[OwnError]]:
    """The errors in the logs of the replicas that are in trouble, and of no others."""
    late = profile.thresholds.prometheus.remote_write_lag_seconds
    troubled = {subject: None for subject, one in prometheus_pressure if one.loses or max(one.behind.values(), default=0.0) >= late}
    troubled |= {subject: None for subject, one in prometheus_runtime if not one.reload_config_success}
    by_name = pods.by_name()
    wanted: Collector[Pod] = Collector()
    for subject in troubled:
        if pod := by_name.get((subject.namespace, subject.name)):
            wanted.add(subject, pod)

    def errors(_: Subject, pod: Pod) -> list[OwnError]:
        return errors_of(last_lines(cluster, pod, _main(pod), LINES, since_seconds=SINCE_SECONDS))

    read = cluster.each(wanted.readings(), errors)
    return Readings(read.values, read.unreadable, "no Prometheus is in trouble of which its log would tell")


def _main(pod: Pod) -> str:
    names = [one.name for one in pod.spec.containers]
    return next((one for one in names if "prometheus" in one and "reload" not in one), names[0] if names else "")


def errors_of(lines: list[str]) -> list[OwnError]:
    """The newest of each topic and what it is about, the newest first."""
    found: dict[tuple[Topic, str], OwnError] = {}
    for line in reversed(lines):
        if (one := _error_in(line)) is not None:
            found.setdefault((one.topic, one.about), one)
    return list(found.values())


def _error_in(line: str) -> OwnError | None:
    fields = cut_fields_of(line)
    if fields.get("level", "").lower() not in ("error", "warn"):
        return None
    message, text = fields.get("msg", ""), fields.get("err", "")
    topic = next((topic for pattern, topic in _TOPICS if pattern.search(message)), None)
    if topic is None:
        return None
    about = fields.get("scrape_pool", "") if topic == "samples" else fields.get("remote_name", "") if topic == "remote write" else ""
    return OwnError(topic, excerpt(text or message, MAX_TEXT), excerpt(about, 200))


def told(errors: list[OwnError], topic: Topic, about: str = "") -> str:
    """A sentence with what a log says last of something, if it says anything of just that; empty where it says nothing."""
    found = [one for one in errors if one.topic == topic]
    one = next((one for one in found if about and one.about == about), found[0] if found else None)
    where = f" of {one.about}" if one and one.about and topic == "samples" else ""
    return f" Its log says{where}: {said(one.text)}." if one else ""
