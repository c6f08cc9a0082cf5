"""What Loki loses of what it was sent, or turns away: by its own counters, by how much these gained lately, and by what its log says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.known_systems import LOKI
from clusterprobe.model import Subject
from clusterprobe.patterns import Pattern, ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.formats.exposition import samples_of
from clusterprobe.systems.formats.logfmt import cut_fields_of
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.logs import last_lines
from clusterprobe.systems.prometheus.query import query

START = "process_start_time_seconds"
FLUSHES = "loki_ingester_chunks_flush_failures_total"
DISK_FULL = "loki_ingester_wal_disk_full_failures_total"
REFUSED = "loki_discarded_samples_total"
COUNTERS = (FLUSHES, DISK_FULL, REFUSED)
LINES = 500
MAX_TEXT = 300
_WORDS: tuple[tuple[str, Pattern], ...] = (
    (FLUSHES, ours(r"failed to flush")),
    (DISK_FULL, ours(r"(?i)disk full")),
    (REFUSED, ours(r"(?i)write operation failed|rate limit exceeded|stream limit exceeded|entry too far behind|timestamp too old")),
)

Key = tuple[str, str]  # a counter, and the reason that it has beside
Place = tuple[str, str]  # namespace and name of a pod


class Lost(msgspec.Struct, frozen=True):
    """How much one counter counts, for one reason."""

    counter: str
    count: float
    reason: str = ""


class LokiLosses(msgspec.Struct, frozen=True):
    """What one replica counts since it `started` (epoch seconds); empty where it lost and refused nothing."""

    started: float
    lost: list[Lost]


@source(proxied("pods"))
def loki_losses(cluster: Cluster, loki_servers: Readings[Server], profile: Profile) -> Readings[LokiLosses]:
    """What every replica lost or refused since it started."""

    def read(endpoint: Endpoint, _: Server) -> LokiLosses:
        found = samples_of(endpoint, {START, *COUNTERS})
        started = next((one.value for one in found if one.name == START), 0.0)
        if not started:
            raise BadResponse(f"GET {endpoint.url}/metrics: there is no {START} in it")
        counts: dict[Key, float] = defaultdict(float)
        for one in found:
            if one.name in COUNTERS and one.value:
                counts[one.name, one.labels.get("reason", "")] += one.value
        return LokiLosses(started, [Lost(counter, count, reason) for (counter, reason), count in counts.items()])

    return read_each(cluster, profile, loki_servers, read)


class GainedBy(msgspec.Struct, frozen=True):
    """What one counter of a pod gained within the window, as a Prometheus scraped it; 0 is an answer."""

    namespace: str
    pod: str
    counter: str
    reason: str
    count: float


class LokiGains(msgspec.Struct, frozen=True):
    """What one Prometheus knows of all replicas; it may know none."""

    gains: list[GainedBy]


@source(proxied("pods"))
def loki_gains(
    cluster: Cluster, prometheus_servers: Readings[Server], loki_losses: Readings[LokiLosses], profile: Profile
) -> Readings[LokiGains]:
    """How much the counters gained within the window, from every Prometheus; where none counts anything, it is not asked."""
    if not any(one.lost for one in loki_losses.items):
        return Readings(absent="no Loki counts that it lost or refused anything")
    expression = gains_query(profile.thresholds.loki.window_minutes * 60)

    def read(endpoint: Endpoint, _: Server) -> LokiGains:
        return LokiGains([_gained(one.labels, one.value) for one in query(endpoint, expression)])

    return read_each(cluster, profile, prometheus_servers, read)


def _gained(labels: Mapping[str, str], count: float) -> GainedBy:
    return GainedBy(labels.get("namespace", ""), labels.get("pod", ""), labels.get("counter", ""), labels.get("reason", ""), count)


def gains_query(seconds: int) -> str:
    """`increase` takes the name of a counter away, so that it is kept beside."""
    each = (f'label_replace(increase({one}[{seconds}s]), "counter", "{one}", "", "")' for one in COUNTERS)
    return f"sum by (namespace, pod, counter, reason) ({' or '.join(each)})"


class LossWords(msgspec.Struct, frozen=True):
    """By counter, the last words of a replica's log on it within the window; a counter of which it says nothing is not there."""

    said: dict[str, str]


@source(Call("get", "pods/log"))
def loki_loss_words(
    cluster: Cluster, loki_losses: Readings[LokiLosses], system_pods: Readings[SystemPod], profile: Profile
) -> Readings[LossWords]:
    """What the logs of the replicas say that lost or refused something, and of no others."""
    losing = {(subject.namespace, subject.name) for subject, one in loki_losses if one.lost}
    wanted: Collector[SystemPod] = Collector()
    for subject, one in of_system(system_pods, LOKI):
        if (subject.namespace, subject.name) in losing:
            wanted.add(subject, one)
    seconds = profile.thresholds.loki.window_minutes * 60

    def words(_: Subject, one: SystemPod) -> LossWords:
        return LossWords(words_of(last_lines(cluster, one.pod, one.container, LINES, since_seconds=seconds)))

    return cluster.each(wanted.readings("no Loki counts that it lost or refused anything"), words)


def words_of(lines: list[str]) -> dict[str, str]:
    """By counter, what the newest line on it says."""
    found: dict[str, str] = {}
    for line in reversed(lines):
        fields = cut_fields_of(line)
        said = " ".join(fields.get(one, "") for one in ("msg", "err", "error", "details"))
        for counter, pattern in _WORDS:
            if pattern.search(said):
                told = next((fields[one] for one in ("details", "err", "error", "msg") if fields.get(one)), "")
                found.setdefault(counter, excerpt(told, MAX_TEXT))
    return found


# --- lately, or long ago ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Trouble:
    """What the replicas of one Loki count on one counter.

    `by_reason` is how much, `since` in which time, and `lately` whether that is within the window. `said` is what a log says of it.
    """

    counter: str
    by_reason: dict[str, float] = field(default_factory=dict)
    replicas: list[Subject] = field(default_factory=list)
    lately: bool = False
    started: float = 0.0
    said: str = ""

    @property
    def count(self) -> float:
        return sum(self.by_reason.values())


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of all replicas; `window` is in seconds, `now` when it was read."""

    gains: Readings[LokiGains]
    words: Readings[LossWords]
    window: float
    now: float

    def lately(self) -> dict[Place, dict[Key, float]]:
        """What each replica gained within the window; all that a Prometheus scrapes are in it, with 0 if need be."""
        found: dict[Place, dict[Key, float]] = {}
        for one in (each for known in self.gains.items for each in known.gains):
            seen = found.setdefault((one.namespace, one.pod), {})
            seen[one.counter, one.reason] = max(one.count, seen.get((one.counter, one.reason), 0.0))
        return found


def troubles(losses: list[tuple[Subject, LokiLosses]], evidence: Evidence) -> tuple[list[Trouble], list[Trouble]]:
    """By counter what the replicas of one Loki lost or refused: what counts now, and what they only did before the window."""
    lately, words = evidence.lately(), evidence.words.by_name()
    now: dict[str, Trouble] = {}
    before: dict[str, Trouble] = {}
    for subject, one in losses:
        place = (subject.namespace, subject.name)
        told = words[place].said if place in words else {}
        young = evidence.now - one.started < evidence.window
        for each in one.lost:
            gained = each.count if young else lately[place].get((each.counter, each.reason), 0.0) if place in lately else None
            if gained is None and not evidence.gains.complete and each.counter not in told:
                continue  # a Prometheus that could not be read may know that it is long over, which its being unread says
            over = gained is not None and gained < 1
            found = (before if over else now).setdefault(each.counter, Trouble(each.counter))
            found.by_reason[each.reason] = found.by_reason.get(each.reason, 0.0) + (each.count if gained is None or over else gained)
            found.lately |= gained is not None and not over
            found.started = min(one.started, found.started or one.started)
            found.replicas += [subject] if subject not in found.replicas else []
            found.said = found.said or told.get(each.counter, "")
    return list(now.values()), list(before.values())
