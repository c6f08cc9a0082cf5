"""Why a Prometheus does not keep up, and what helps: its limits, its disk, or what it is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterprobe.fixes import SOURCE, change, look, patch, shell
from clusterprobe.model import Step, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.systems.formats.quantities import amount
from clusterprobe.systems.inventory.recognition import recognise
from clusterprobe.systems.kubernetes.objects import Container, Pod
from clusterprobe.systems.kubernetes.resources import CLAIMS
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.prometheus.object_advice import IN_PROMETHEUS, set_spec
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, Prometheus, Rule, database_path
from clusterprobe.systems.prometheus.openshift import openshift_setting
from clusterprobe.systems.prometheus.pressure import Head, Pressure, SlowRules
from clusterprobe.systems.prometheus.rule_groups import RuleGroup
from clusterprobe.systems.storage.natures import Nature, Storage, claim_name, mounted_at
from clusterprobe.thresholds import Thresholds
from clusterprobe.words import said


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replica runs: with which limits (None: none, or not known), on which node, and on which disk.

    `custom` is the Operator's object that it is made of, where that was read.
    """

    subject: Subject
    pod: Pod | None = None
    cpu: float | None = None
    memory: float | None = None
    disk: Nature | None = None
    claim: str = ""
    custom: Prometheus | None = None

    @property
    def of_operator(self) -> bool:
        """Whether the Operator made it, so that it undoes what is changed on its StatefulSet."""
        found = recognise(self.pod) if self.pod is not None else None
        return found is not None and found.custom

    @property
    def rests_on(self) -> list[Ref]:
        return [Ref.of(CLAIMS.subject(self.subject.namespace, self.claim))] if self.claim else []


def place_of(subject: Subject, pod: Pod | None, storage: Storage, customs: Mapping[tuple[str, str], Prometheus]) -> Place:
    if pod is None:
        return Place(subject)
    made = recognise(pod)
    custom = customs.get((subject.namespace, made.name)) if made is not None and made.custom else None
    main = _container(pod)
    limits = main.resources if main else None
    known = (limits.limits if limits else None) or {}
    volume = mounted_at(pod, database_path(pod))
    disk = storage.of_mount(pod.metadata.namespace, pod.metadata.name, volume) if volume else None
    claim = claim_name(volume) if volume else ""
    return Place(subject, pod, amount(known.get("cpu")), amount(known.get("memory")), disk, claim, custom)


def _container(pod: Pod) -> Container | None:
    containers = pod.spec.containers
    return next((one for one in containers if one.name in ("prometheus", "prometheus-server")), next(iter(containers), None))


def throttled(one: Pressure, place: Place, thresholds: Thresholds, *, late: bool = False) -> str:
    """How its CPU limit holds it back, in words; empty if it does not, or that is not known.

    A start is always busy, and the kernel's count covers it: for a young process only the use since its first scrape counts. If
    it is `late` with its scrapes, it is so with those of itself: then its average since the start has to do.
    """
    if place.cpu is None:
        return ""
    young = one.window < thresholds.prometheus.window_minutes * 60
    used = one.lifelong if one.cpu is None and late else one.cpu
    if used is not None and used >= thresholds.prometheus.cpu_limit_fraction * place.cpu:
        share = f", and was held back in {one.throttled:.0%} of the kernel's periods" if one.throttled else ""
        return f"it uses {used * 1000:.0f}m of CPU, and its limit is {place.cpu * 1000:.0f}m{share}"
    if one.throttled is not None and one.throttled >= thresholds.prometheus.cpu_throttled_fraction and (late or not young):
        return f"its CPU limit of {place.cpu * 1000:.0f}m held it back in {one.throttled:.0%} of the kernel's periods"
    return ""


def full(one: Pressure, place: Place, thresholds: Thresholds) -> str:
    """How its memory limit is reached, in words; empty if it is not, or that is not known."""
    if not place.memory or one.memory < thresholds.prometheus.memory_limit_fraction * place.memory:
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
        return f"The database is on {place.disk}, which Prometheus does not support: every scrape waits for its writes."
    return f"Neither a CPU limit nor the kind of its disk explains it: {_seen(one, place)}."


def _seen(one: Pressure, place: Place) -> str:
    limit = f"with a limit of {place.cpu * 1000:.0f}m" if place.cpu else "with no known limit"
    cpu = f"it uses {one.cpu * 1000:.0f}m of CPU {limit}" if one.cpu is not None else f"how much CPU it uses is not known, {limit}"
    node = f"; its node {place.pod.spec.node_name} may be too busy" if place.pod else ""
    return f"{cpu}; its database is on {place.disk or 'a disk that is not known'}{node}"


def fix_of(one: Pressure, place: Place, head: Head | None, thresholds: Thresholds, *, late: bool) -> list[Step]:
    """What to do about what `cause_of` names."""
    cpu = throttled(one, place, thresholds, late=late)
    if cpu or full(one, place, thresholds):
        return raise_limits(place, head, cpu=bool(cpu))
    if place.disk is not None and place.disk.kind == "nfs":
        return [move_away(), change(fewer(head))]
    nodes = [place.pod.spec.node_name] if place.pod and place.pod.spec.node_name else []
    return [
        look("See how busy its node and its disk are.", *(shell("kubectl describe node {}", node) for node in nodes)),
        change(fewer(head)),
    ]


def move_away() -> Step:
    return change("Move the database to a disk that Prometheus supports: the finding of prometheus/storage has the steps.")


def raise_limits(place: Place, head: Head | None, *, cpu: bool) -> list[Step]:
    """The CPU limit away, or the memory limit doubled: by command where what has the limit was read."""
    limits: dict[str, str | None] = {"cpu": None} if cpu else {"memory": f"{2 * (place.memory or 2**30) / 2**20:.0f}Mi"}
    better = "Remove the CPU limit, or at least double it" if cpu else "Raise the memory limit"
    shown = "jsonpath={.spec.containers[*].resources}"
    namespace, name = place.subject.namespace, place.subject.name
    return [
        look("See what it is given.", *([shell("kubectl -n {} get pod {} -o {}", namespace, name, shown)] if place.pod else [])),
        _set_limits(place, better, limits),
        change(fewer(head)),
    ]


def _set_limits(place: Place, better: str, limits: dict[str, str | None]) -> Step:
    after = "Its pods are replaced one after the other; one that is alone neither scrapes nor alerts until it is back."
    if place.custom is not None:
        metadata = place.custom.metadata
        config_map, name, section = openshift_setting(metadata)
        return set_spec(
            f"{better}.",
            *(PROMETHEUSES, metadata, {"resources": {"limits": limits}}),
            key=IN_PROMETHEUS,
            instead=f"Set {section}.resources in the key config.yaml of the ConfigMap {config_map}/{name}.",
            after=after,
        )
    workload = workload_of(place.pod) if place.pod and not place.of_operator else None
    if workload is None or workload.kind not in ("Deployment", "StatefulSet") or place.pod is None:
        return change(f"{better} {SOURCE}. {after}")
    main = _container(place.pod)
    containers = [{"name": main.name if main else "", "resources": {"limits": limits}}]
    return change(
        f"{better} of {workload}, {SOURCE}. {after}",
        shell(
            "kubectl -n {} patch {} -p {}",
            *(workload.namespace, f"{workload.kind.lower()}/{workload.name}"),
            patch({"spec": {"template": {"spec": {"containers": containers}}}}),
        ),
    )


def fewer(head: Head | None) -> str:
    """That fewer series help, and which metric has most."""
    if head is None or not head.metrics:
        return "Fewer series help as well: /api/v1/status/tsdb names the metrics with most."
    name, count = head.metrics[0]
    share = f", {count / head.series:.0%} of all" if head.series else ""
    return f"Fewer series help as well: {said(name)} has most ({count}{share}); drop it with metricRelabelings if it is not needed."


def top_series(head: Head | None) -> list[Table]:
    if head is None:
        return []
    rows = [[name, str(count)] for name, count in head.metrics]
    return [Table(title=f"The metrics with most of its {head.series} series", columns=["Metric", "Series"], rows=rows)]


def origin_of(group: RuleGroup, rules: Readings[Rule]) -> Subject | None:
    """The PrometheusRule that a group comes from: the Operator names the file after its namespace, name and UID."""
    for subject, rule in rules:
        if rule.metadata.uid and group.file.endswith(f"/{subject.namespace}-{subject.name}-{rule.metadata.uid}.yaml"):
            return subject
    return None


def slowest_rules(group: RuleGroup, slow: SlowRules | None) -> list[list[str]]:
    """The rules of a group that took longest, as rows."""
    own = [one for one in (slow.rules if slow else []) if (one.file, one.group) == (group.file, group.name)]
    return [[one.name, f"{one.seconds:.2f} s", one.query] for one in own[:5]]
