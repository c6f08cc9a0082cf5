"""Why a Prometheus does not keep up, and what helps: its limits, its disk, or what it is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.model import Subject, Table
from clusterprobe.profile import Thresholds
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Container, Pod
from clusterprobe.systems.pressure import Head, Pressure, RuleGroup, SlowRules
from clusterprobe.systems.prometheus import PROMETHEUSES, Rule, database_path
from clusterprobe.systems.quantities import amount
from clusterprobe.systems.storage import Nature, Storage, claim_name, mounted_at


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replica runs: with which limits (None: none, or not known), on which node, and on which disk."""

    subject: Subject
    pod: Pod | None = None
    cpu: float | None = None
    memory: float | None = None
    disk: Nature | None = None
    claim: str = ""

    @property
    def custom(self) -> str:
        """The name of the Operator's object that it belongs to; empty for another."""
        kind, _, name = self.subject.owner.partition("/")
        return name if kind == "Prometheus" and self.pod is not None and self.pod.label("operator.prometheus.io/name") == name else ""

    @property
    def rests_on(self) -> list[str]:
        return [f"PersistentVolumeClaim/{self.subject.namespace}/{self.claim}"] if self.claim else []


def place_of(subject: Subject, pod: Pod | None, storage: Storage) -> Place:
    if pod is None:
        return Place(subject)
    limits = _container(pod).resources
    known = (limits.limits if limits else None) or {}
    volume = mounted_at(pod, database_path(pod))
    disk = storage.of_mount(pod.metadata.namespace, pod.metadata.name, volume) if volume else None
    return Place(subject, pod, amount(known.get("cpu")), amount(known.get("memory")), disk, claim_name(volume) if volume else "")


def _container(pod: Pod) -> Container:
    return next((one for one in pod.spec.containers if one.name in ("prometheus", "prometheus-server")), pod.spec.containers[0])


def throttled(one: Pressure, place: Place, thresholds: Thresholds, *, late: bool = False) -> str:
    """How its CPU limit holds it back, in words; empty if it does not, or that is not known.

    A start is always busy, and the kernel's count covers it: for a young process only the use since its first scrape counts. If
    it is `late` with its scrapes, it is so with those of itself: then its average since the start has to do.
    """
    if place.cpu is None:
        return ""
    young = one.window < thresholds.pressure_window_minutes * 60
    used = one.lifelong if one.cpu is None and late else one.cpu
    if used is not None and used >= thresholds.cpu_limit_fraction * place.cpu:
        share = f", and was held back in {one.throttled:.0%} of the kernel's periods" if one.throttled else ""
        return f"it uses {used * 1000:.0f}m of CPU, and its limit is {place.cpu * 1000:.0f}m{share}"
    if one.throttled is not None and one.throttled >= thresholds.cpu_throttled_fraction and (late or not young):
        return f"its CPU limit of {place.cpu * 1000:.0f}m held it back in {one.throttled:.0%} of the kernel's periods"
    return ""


def full(one: Pressure, place: Place, thresholds: Thresholds) -> str:
    """How its memory limit is reached, in words; empty if it is not, or that is not known."""
    if not place.memory or one.memory < thresholds.memory_limit_fraction * place.memory:
        return ""
    return f"it holds {one.memory / 2**20:.0f} MiB, and its memory limit is {place.memory / 2**20:.0f} MiB"


def cause_of(one: Pressure, place: Place, thresholds: Thresholds, *, late: bool) -> str:
    """What explains that it falls behind: the CPU limit, memory, the disk, or none of them, and what was seen of each."""
    cpu, memory = throttled(one, place, thresholds, late=late), full(one, place, thresholds)
    if cpu:
        return f"The CPU limit of its container: {cpu}."
    if memory:
        return f"The memory limit: {memory}, so that the garbage collector takes the time."
    if place.disk is not None and place.disk.kind == "nfs":
        return f"The database lies on {place.disk}, which Prometheus does not support: every scrape waits for what is written there."
    return f"Neither a CPU limit nor the kind of its disk explains it: {_seen(one, place)}."


def _seen(one: Pressure, place: Place) -> str:
    limit = f"with a limit of {place.cpu * 1000:.0f}m" if place.cpu else "with no known limit"
    cpu = f"it uses {one.cpu * 1000:.0f}m of CPU {limit}" if one.cpu is not None else f"how much CPU it uses is not known, {limit}"
    node = f"; its node {place.pod.spec.node_name} may be too busy" if place.pod else ""
    return f"{cpu}; its database lies on {place.disk or 'a disk that is not known'}{node}"


def fix_of(one: Pressure, place: Place, head: Head | None, thresholds: Thresholds, *, late: bool) -> str:
    """What to do about what `cause_of` names."""
    cpu = throttled(one, place, thresholds, late=late)
    if cpu or full(one, place, thresholds):
        return raise_limits(place, head, cpu=bool(cpu))
    if place.disk is not None and place.disk.kind == "nfs":
        return f"Move the database to a disk of the node (local-path); the finding of prometheus/storage has the commands. {fewer(head)}"
    node = place.pod.spec.node_name if place.pod else "NODE"
    return f"See how busy its node and its disk are. {fewer(head)}\n$ kubectl describe node {node}\n$ kubectl top node {node}"


def raise_limits(place: Place, head: Head | None, *, cpu: bool) -> str:
    what, value = ("cpu", "null") if cpu else ("memory", f'"{2 * (place.memory or 2**30) / 2**20:.0f}Mi"')
    better = "remove the CPU limit, or at least double it" if cpu else "raise the memory limit"
    text = f"In the values (under Argo CD in Git only), {better}: prometheus.prometheusSpec.resources.limits.{what}. {fewer(head)}\n"
    if place.custom:
        patch = f'{{"spec":{{"resources":{{"limits":{{"{what}":{value}}}}}}}}}'
        return (
            f"{text}Where Git is not the source:\n"
            f"$ kubectl -n {place.subject.namespace} patch {PROMETHEUSES.name} {place.custom} --type merge -p '{patch}'"
        )
    return f"{text}$ kubectl -n {place.subject.namespace} get pod {place.subject.name} -o jsonpath='{{.spec.containers[*].resources}}'"


def fewer(head: Head | None) -> str:
    """That fewer series help, and which metric has most."""
    if head is None or not head.metrics:
        return "Fewer series help as well: see /api/v1/status/tsdb."
    name, count = head.metrics[0]
    share = f", {count / head.series:.0%} of all" if head.series else ""
    return f"Fewer series help as well: {name} has most ({count}{share}); drop it with metricRelabelings if nobody needs it."


def top_series(head: Head | None) -> list[Table]:
    if head is None:
        return []
    rows = [[name, str(count)] for name, count in head.metrics]
    return [Table(title=f"The metrics with most of its {head.series} series", columns=["Metric", "Series"], rows=rows)]


def origin_of(group: RuleGroup, rules: Readings[Rule]) -> str:
    """The PrometheusRule that a group comes from: the Operator names the file after its namespace, name and UID."""
    for subject, rule in rules:
        if rule.metadata.uid and group.file.endswith(f"/{subject.namespace}-{subject.name}-{rule.metadata.uid}.yaml"):
            return f"PrometheusRule {subject.namespace}/{subject.name}"
    return f"the file {group.file.rsplit('/', 1)[-1]}"


def slowest_rules(group: RuleGroup, slow: SlowRules | None) -> list[list[str]]:
    """The rules of a group that took longest, as rows."""
    own = [one for one in (slow.rules if slow else []) if (one.file, one.group) == (group.file, group.name)]
    return [[one.name, f"{one.seconds:.2f} s", one.query] for one in own[:5]]
