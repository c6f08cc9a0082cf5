"""Stacks: each Prometheus with its replicas and shards, and where two of them do the same work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterprobe.environment_names import SHARED, parts
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import LabelSelector, Metadata
from clusterprobe.systems.prometheus.objects import Customs, Monitor, Rule, key_of, pool_origin, stack_of
from clusterprobe.systems.prometheus.selection import BY_KIND, Selected, Taking, asked
from clusterprobe.systems.prometheus.sources import Target

Scraped = dict[tuple[str, str], Target]  # by scrape pool and URL
_SCRAPING = {"prometheus", "prometheus-agent"}
_SCRAPING_PARTS = {"vmagent", "vmsingle"}  # of VictoriaMetrics, whose other parts scrape nothing


def stack_namespaces(pods: Iterable[SystemPod]) -> set[str]:
    """The namespaces that hold a Prometheus, or what scrapes as it does."""
    return {
        one.pod.metadata.namespace for one in pods if one.key in _SCRAPING or (one.key == "victoriametrics" and one.part in _SCRAPING_PARTS)
    }


def name_of(replica: Subject) -> Subject | None:
    """The stack that a replica belongs to, as its object; None for one at an address without a namespace."""
    return stack_of(replica) if replica.namespace else None


def scraped_by(targets: Iterable[tuple[Subject, list[Target]]]) -> dict[Subject, Scraped]:
    """What each stack scrapes. Replicas scrape the same targets, and shards each a part of them: counted once, by pool and URL."""
    found: dict[Subject, Scraped] = defaultdict(dict)
    for replica, listed in targets:
        if (stack := name_of(replica)) is not None:
            found[stack] |= {(one.scrape_pool, one.scrape_url): one for one in listed}
    return found


# --- two that scrape the same -------------------------------------------------------------------------------------------

# Of each cluster there is one, which every stack has to scrape for itself.
_OF_THE_CLUSTER = frozenset({"", "default", "kube-system", "kube-public", "kube-node-lease"})
_EXPORTERS = ours(r"(?:node-exporter|kube-state-metrics)")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two stacks that scrape the same targets through the same monitors or jobs, as (pool, URL).

    `labels` are those of these monitors that both selectors ask for, as `release: monitoring`. `of_first` and `of_second` are the
    targets that certainly belong to one of them: their monitor, or without one they themselves, are in its namespace. `blind` says that
    by what they were selected could not be read.
    """

    first: Subject
    second: Subject
    targets: Mapping[tuple[str, str], Target]
    labels: tuple[str, ...]
    of_first: frozenset[tuple[str, str]]
    of_second: frozenset[tuple[str, str]]
    blind: bool
    deliberate: str = ""

    @property
    def accident(self) -> bool:
        """Whether something proves that it is not meant so: a label that both ask for, or that each takes what is the other's."""
        return bool(self.labels) or bool(self.of_first and self.of_second)


def overlaps(
    scraped: Mapping[Subject, Scraped],
    customs: Customs,
    monitors: Mapping[tuple[str, str, str], Monitor],
) -> Iterator[Overlap]:
    """Each pair of stacks of different namespaces that scrape the same through the same. Two in one namespace are one team's own matter."""
    stacks = sorted(scraped, key=lambda one: (one.namespace, one.name))
    for index, first in enumerate(stacks):
        for second in stacks[index + 1 :]:
            common = {key: one for key, one in scraped[first].items() if key in scraped[second] and _is_ones_own(key, one)}
            if common and first.namespace != second.namespace:
                yield _overlap(first, second, common, scraped, customs, monitors)


def _is_ones_own(key: tuple[str, str], target: Target) -> bool:
    """Whether it is something that need not be scraped twice. What a monitor stands for always is: each stack has monitors of its own."""
    if pool_origin(key[0]) is not None:
        return True
    service = target.discovered.service or target.labels.get("job", "")
    return target.namespace not in _OF_THE_CLUSTER and not _EXPORTERS.search(service)


def _overlap(
    first: Subject,
    second: Subject,
    common: Scraped,
    scraped: Mapping[Subject, Scraped],
    customs: Customs,
    monitors: Mapping[tuple[str, str, str], Monitor],
) -> Overlap:
    homes = {key: origin[1] if (origin := pool_origin(key[0], first)) else one.namespace for key, one in common.items()}
    labels: dict[str, None] = {}
    blind = False
    mine, theirs = customs.get(key_of(first)), customs.get(key_of(second))
    for pool in dict.fromkeys(pool for pool, _ in common):
        origin = pool_origin(pool, first)
        if origin is None:
            continue
        monitor = monitors.get((origin[0].kind, origin[1], origin[2]))
        if mine is None or theirs is None or monitor is None:
            blind = True
            continue
        kind = BY_KIND[origin[0].kind]
        labels |= dict.fromkeys(labels_of_both(kind.labels_of(mine), kind.labels_of(theirs), monitor.metadata.labels))
    of_first = frozenset(key for key, home in homes.items() if home == first.namespace)
    of_second = frozenset(key for key, home in homes.items() if home == second.namespace)
    return Overlap(first, second, common, tuple(labels), of_first, of_second, blind, _deliberate(first, second, common, scraped))


def labels_of_both(mine: LabelSelector | None, theirs: LabelSelector | None, labels: Mapping[str, str]) -> list[str]:
    """By which labels of an object, as `release: monitoring`, two selectors take it that ask for the same; none where they differ."""
    same = set(asked(mine)) == set(asked(theirs))
    return [f"{key}: {value}" for key, value in sorted(set(asked(mine))) if labels.get(key) == value] if same else []


def _deliberate(first: Subject, second: Subject, common: Scraped, scraped: Mapping[Subject, Scraped]) -> str:
    """Why one of two that scrape the same may well be a central one, which is to scrape what teams scrape for themselves."""
    for central, other in ((first, second), (second, first)):
        if set(parts(central.namespace)) & SHARED:
            return f"{central.namespace}/{central.name} is for all by its namespace's name"
        own = [key for key, one in scraped[other].items() if one.namespace not in _OF_THE_CLUSTER and one.namespace != other.namespace]
        if own and all(key in common for key in own):
            return f"{central.namespace}/{central.name} scrapes all that {other.namespace}/{other.name} scrapes"
    return ""


# --- two that select the same -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TakenTwice:
    """Two Prometheus objects (or agents), and the objects that both select, by kind; `labels` are those of them that both ask for.

    `unclear` says why of some that both may select it is not known.
    """

    first: Taking
    second: Taking
    objects: list[tuple[str, Subject]]
    labels: tuple[str, ...]
    unclear: str

    def takes_of_other(self, taker: Taking, kind: Selected) -> bool:
        """Whether one of the two takes objects of a kind in the other's namespace."""
        whose = self.second if taker is self.first else self.first
        return any(of == kind.resource.kind and one.namespace == whose.subject.namespace for of, one in self.objects)

    @property
    def accident(self) -> bool:
        """Whether a label that both ask for proves that it is not meant so, or that each takes what is in the other's namespace."""
        homes = {one.namespace for _, one in self.objects}
        return bool(self.objects) and (bool(self.labels) or {self.first.subject.namespace, self.second.subject.namespace} <= homes)


def taken_twice(
    every: list[Taking],
    objects: Iterable[tuple[Selected, Readings[Monitor] | Readings[Rule]]],
    labels: Mapping[str, dict[str, str]],
) -> Iterator[TakenTwice]:
    """Each pair of different namespaces, with what both select. Two in one namespace are one team's own matter."""
    read = [(kind, subject, one.metadata) for kind, readings in objects for subject, one in readings]
    for index, first in enumerate(every):
        for second in every[index + 1 :]:
            if first.subject.namespace != second.subject.namespace:
                yield _taken_twice(first, second, read, labels)


def _taken_twice(
    first: Taking, second: Taking, read: Iterable[tuple[Selected, Subject, Metadata]], labels: Mapping[str, dict[str, str]]
) -> TakenTwice:
    both: list[tuple[str, Subject]] = []
    shared: dict[str, None] = {}
    unclear = ""
    for kind, subject, metadata in read:
        answers = [one.takes(kind, metadata, labels.get(subject.namespace)) for one in (first, second)]
        if all(answers):
            both.append((kind.resource.kind, subject))
            selectors = kind.labels_of(first.prometheus), kind.labels_of(second.prometheus)
            shared |= dict.fromkeys(labels_of_both(*selectors, metadata.labels))
        elif False not in answers:
            unclear = unclear or first.blind or second.blind or "the labels of namespaces are not known"
    return TakenTwice(first, second, both, tuple(shared), unclear)


def known_stacks(replicas: Readings[Any], customs: Iterable[Subject] = ()) -> set[str]:
    """The namespaces of each Prometheus that there is, whether it could be asked or not: of what was read of replicas, and of objects."""
    asked_ones = (*(subject for subject, _ in replicas), *(one.subject for one in replicas.unreadable))
    return {one.namespace for one in (*asked_ones, *customs) if one.namespace}
