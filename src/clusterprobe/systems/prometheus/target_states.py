"""What a target's state means: which of those that do not answer are at fault, and which only begin or end."""

from __future__ import annotations

from collections import Counter

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.sources import DOWN_WINDOW_SECONDS, Down, Target
from clusterprobe.times import ago, duration_seconds, epoch

SCRAPES_TO_WAIT = 3  # before a target that was never scraped is no longer taken for a new one
SLACK_SECONDS = 30  # service discovery, the reloader and clocks that differ


class Judge:
    """Tells apart what is broken from what has only just begun or is going away."""

    def __init__(
        self, targets: Readings[list[Target]], down: Readings[Down], runtime: Readings[Runtime], pods: Readings[Pod], now: float
    ) -> None:
        self._targets = dict(targets)
        self._twins: dict[Subject, Counter[frozenset[tuple[str, str]]]] = {}
        self._down = {subject: {frozenset(one.items()) for one in value.targets} for subject, value in down}
        # What keeps no series is not asked for those of the past: of its targets only the last scrape is known.
        self._blind = bool(down.unreadable)
        self._runtime, self._now = dict(runtime), now
        self._pods, self._by_name = pods, pods.by_name()

    def share(self, target: Target) -> float:
        """How much of the time that a scrape may take its last one took; 0 if that is not known."""
        limit = duration_seconds(target.scrape_timeout) or duration_seconds(target.scrape_interval)
        return target.last_scrape_duration / limit if limit else 0.0

    def ending(self, target: Target) -> str:
        """Why a target is about to go away; empty if it is not."""
        pod = self._pod(target)
        if pod is None:
            gone = target.discovered.pod and not self._pods.missing_reason(target.discovered.namespace)
            return "its pod no longer exists" if gone else ""
        if pod.metadata.deletion_timestamp:
            return "its pod is being deleted, which `pods/termination` watches"
        return "its pod has ended" if pod.status.phase in ("Succeeded", "Failed") else ""

    def unclear(self, subject: Subject, target: Target) -> str:
        """Why it cannot be told yet whether a target that is not up is at fault; empty if it can."""
        if target.discovered.pod and self._pod(target) is None:
            return f"its pod could not be read: {self._pods.missing_reason(target.discovered.namespace)}"
        started = self._started(target)
        if target.health == "unknown":
            since, interval = self._since(subject, target), duration_seconds(target.scrape_interval) or 60.0
            if since is None:
                return "since when it is a target is not known"
            young = self._now - since <= SCRAPES_TO_WAIT * interval + SLACK_SECONDS
            return f"it was not scraped yet, which is normal {ago(self._now - since)} after it appeared" if young else ""
        if subject not in self._down and self._blind and self._told(subject, target):
            return "whether it answered before is not known"
        pod = self._pod(target)
        if pod is not None and not pod.ready and started is not None and self._now - started < DOWN_WINDOW_SECONDS:
            return f"its pod was started {ago(self._now - started)} ago and is not ready yet"
        return ""

    def for_long(self, subject: Subject, target: Target) -> bool:
        """Whether not one of a target's last scrapes succeeded; where `up` does not tell, the last one has to do."""
        if not self._told(subject, target) or self.knows_the_last_only(subject):
            return True
        labels = frozenset(target.labels.items())
        return labels in self._down.get(subject, set())

    def knows_the_last_only(self, subject: Subject) -> bool:
        """Whether of its targets only the last scrape is known, as it keeps no series."""
        return subject not in self._down and not self._blind

    def age(self, subject: Subject, target: Target) -> str:
        since = self._since(subject, target)
        return "all the time" if since is None else ago(self._now - since)

    def _told(self, subject: Subject, target: Target) -> bool:
        """Whether `up` tells of this target: several scrapes fall into the window, and it has the series to itself."""
        interval = duration_seconds(target.scrape_interval) or 60.0
        often = (SCRAPES_TO_WAIT + 1) * interval <= DOWN_WINDOW_SECONDS
        return often and not self._has_twin(subject, target)

    def _has_twin(self, subject: Subject, target: Target) -> bool:
        """Whether another target carries the same labels, as when two monitors take one port: both write the same `up`."""
        if subject not in self._twins:
            self._twins[subject] = Counter(frozenset(one.labels.items()) for one in self._targets.get(subject, []))
        return self._twins[subject][frozenset(target.labels.items())] > 1

    def _pod(self, target: Target) -> Pod | None:
        return self._by_name.get((target.discovered.namespace, target.discovered.pod))

    def _started(self, target: Target) -> float | None:
        pod = self._pod(target)
        return epoch(pod.status.start_time) if pod else None

    def _since(self, subject: Subject, target: Target) -> float | None:
        """Since when, at the earliest, something is a target: its pod, the configuration and Prometheus have to be there."""
        runtime = self._runtime.get(subject)
        if runtime is None:
            return None
        times = [epoch(runtime.start_time), epoch(runtime.last_config_time), self._started(target)]
        return max((one for one in times if one is not None), default=None)
