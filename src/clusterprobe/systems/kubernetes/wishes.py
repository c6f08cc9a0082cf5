"""Findings that an object's own annotations ask to have accepted. Whether they are is for the profile to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Metadata
from clusterprobe.words import one_line, visible_line

MOST_CODES = 20  # of one object
MOST_CHARACTERS = 200  # of why, and by whom

# The kinds of namespaces' objects that sources list with their metadata, so that a run of all probes sees their annotations.
READ = frozenset(
    {
        *("Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service", "Ingress", "PersistentVolumeClaim"),
        *("Prometheus", "PrometheusAgent", "ThanosRuler", "Alertmanager", "AlertmanagerConfig", "PrometheusRule"),
        *("ServiceMonitor", "PodMonitor", "Probe", "ScrapeConfig", "Application", "SealedSecret"),
        *("VMAgent", "VMAlert", "VMSingle", "VMRule", "VMServiceScrape", "VMPodScrape", "VMProbe", "VMScrapeConfig", "VMStaticScrape"),
        "VMNodeScrape",
    }
)

Key = tuple[str, str, str]
"""An object: kind, namespace, name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the annotations of an object say: codes of findings, until which day, why, and whose decision that is; all as written there."""

    subject: Subject
    codes: tuple[str, ...]
    until: str
    why: str
    owner: str

    @property
    def group(self) -> tuple[Any, ...]:
        """The same for all pods of a workload that have the annotations of its template."""
        return self.subject.namespace, self.subject.owner or str(self.subject), self.codes, self.until, self.why, self.owner


def wishes(objects: Iterable[Readings[Any]]) -> dict[Key, Wish]:
    """What the objects that were read ask for, by object."""
    found = {}
    for readings in objects:
        for subject, value in readings:
            metadata = getattr(value, "metadata", None)
            if isinstance(metadata, Metadata) and metadata.annotations_ is not None and (wish := _wish(subject, metadata)):
                found[subject.kind, subject.namespace, subject.name] = wish
    return found


def _wish(subject: Subject, metadata: Metadata) -> Wish | None:
    said = metadata.annotations
    codes = said.accept.replace(",", " ").split()
    if not codes:
        return None
    short = (_short(one) for one in codes[:MOST_CODES])
    return Wish(subject, tuple(dict.fromkeys(short)), _short(said.accept_until), _short(said.accept_why), _short(said.accept_owner))


def _short(text: str) -> str:
    line = visible_line(one_line(text))
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
