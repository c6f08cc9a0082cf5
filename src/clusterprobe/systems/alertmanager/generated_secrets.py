"""What is known of the Secret that the Operator writes for an Alertmanager, and of the one that it is written from.

Whether and since when it is there, and how often it changed, comes from kube-state-metrics through Prometheus; who wrote it and
what it means only where the profile names it under `secrets:`.
"""

from __future__ import annotations

import msgspec

from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.alertmanager.config_secrets import CONFIG_KEY, SecretSeries
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.secrets import NamedSecret
from clusterprobe.times import epoch

# As which the Operator writes: by its user agent, or, in old versions, the name of its program.
OPERATORS = frozenset({"PrometheusOperator", "prometheus-operator", "operator"})


class Side(msgspec.Struct, frozen=True):
    """One of the two Secrets: what is None or empty is not known. Times are epoch seconds.

    `changes` says how often it changed within the profile's window, `changes_before` the same with a little more before it.
    `strangers` are programs that wrote its data and are not the Operator; `meaning` is a digest.
    """

    name: str
    exists: bool | None = None
    proof: str = ""
    created: float | None = None
    changes: float | None = None
    changes_before: float | None = None
    written: float | None = None
    strangers: list[str] = []
    meaning: str = ""


class GeneratedSecret(msgspec.Struct, frozen=True):
    """The generated Secret and its source, and since when there is what cannot be without it (`older`, in words)."""

    generated: Side
    source: Side
    older_since: float | None = None
    older: str = ""


@source()
def generated_secrets(
    alertmanagers: Readings[Alertmanager],
    secret_series: Readings[SecretSeries],
    named_secrets: Readings[NamedSecret],
    pods: Readings[Pod],
) -> Readings[GeneratedSecret]:
    """What is known of every Alertmanager's generated Secret and of its source."""
    # What another Prometheus saw may be less: it may have begun to scrape after a change, or lag behind.
    unreadable = [*alertmanagers.unreadable, *named_secrets.unreadable, *secret_series.unreadable]
    found: Collector[GeneratedSecret] = Collector(unreadable=unreadable)
    named, seen = named_secrets.by_name(), secret_series.items
    for subject, one in alertmanagers:
        older_since, older = _older(one, seen, pods)
        sides = [_side(one.metadata.namespace, name, secret_series, named) for name in (one.generated_secret, one.input_secret)]
        found.add(subject, GeneratedSecret(sides[0], sides[1], older_since, older))
    return found.readings(alertmanagers.absent)


def _side(namespace: str, name: str, seen: Readings[SecretSeries], named: dict[tuple[str, str], NamedSecret]) -> Side:
    read, side = named.get((namespace, name)), _listed(namespace, name, seen)
    if read is None:
        return side
    proof = "it was read by name, as the profile says"
    if not read.exists:
        return Side(name=name, exists=False, proof=proof)
    meanings = [read.meanings[one] for one in (CONFIG_KEY, f"{CONFIG_KEY}.gz") if one in read.meanings] or list(read.meanings.values())
    return msgspec.structs.replace(
        side,
        exists=True,
        proof=proof,
        created=read.created,
        written=max((one.time for one in read.writers), default=None),
        strangers=sorted({one.manager for one in read.writers} - OPERATORS),
        meaning=meanings[0] if meanings else "",
    )


def _listed(namespace: str, name: str, seen: Readings[SecretSeries]) -> Side:
    """What kube-state-metrics tells. That it is not there, or never changed, takes every Prometheus that may know."""
    key = f"{namespace}/{name}"
    listing = [one for one in seen.items if one.counts.get(namespace) or one.names(namespace)]
    there = [one for one in listing if name in one.names(namespace)]
    known = bool(there) or (bool(listing) and seen.complete)
    before = max((one.changes_before[key] for one in there if key in one.changes_before), default=None)
    return Side(
        name=name,
        exists=bool(there) if known else None,
        proof=f"kube-state-metrics lists the Secrets of {namespace}" if known else "",
        created=max((one.created[key] for one in there if key in one.created), default=None),
        changes=max((one.changes[key] for one in there if key in one.changes), default=None),
        changes_before=before if before or seen.complete else None,
    )


def _older(one: Alertmanager, seen: list[SecretSeries], pods: Readings[Pod]) -> tuple[float | None, str]:
    """What was there when, and could not have been without the Secret: the Operator writes it first."""
    namespace, name = one.metadata.namespace, one.chart_secret  # the StatefulSet has the same name
    times = [
        (series.stateful_sets[f"{namespace}/{name}"], f"StatefulSet {namespace}/{name}")
        for series in seen
        if f"{namespace}/{name}" in series.stateful_sets
    ]
    for pod in pods.items:
        started = epoch(pod.status.start_time)
        if pod.metadata.namespace == namespace and pod.ready and _mounts(pod, one.generated_secret) and started is not None:
            times.append((started, f"pod {namespace}/{pod.metadata.name}, which mounts it"))
    return min(times, default=(None, ""), key=lambda pair: pair[0] or 0)


def _mounts(pod: Pod, secret: str) -> bool:
    return any(volume.secret is not None and volume.secret.secret_name == secret for volume in pod.spec.volumes or [])
