"""What is known of the Secrets that SealedSecrets are to become, without reading them.

Existence and ownership come from kube-state-metrics through Prometheus, or from a Secret that the profile names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.alertmanager.config_secrets import SecretSeries
from clusterprobe.systems.formats.queries import any_of, matchers
from clusterprobe.systems.kubernetes.secrets import NamedSecret
from clusterprobe.systems.prometheus.query import query
from clusterprobe.systems.sealed_secrets.sources import SealedSecret

NAMES_A_QUERY = 100
KIND = "SealedSecret"
NOBODY = ""


class UnsealedSeries(msgspec.Struct, frozen=True):
    """What one Prometheus knows of these Secrets, by `namespace/name`: that they are listed, and by whom they are owned.

    An owner is `Kind/name`, or empty for a Secret that has none.
    """

    listed: list[str] = []
    owners: dict[str, str] = {}


@source(proxied("pods"))
def unsealed_series(
    cluster: Cluster, prometheus_servers: Readings[Server], sealed_secrets: Readings[SealedSecret], profile: Profile
) -> Readings[UnsealedSeries]:
    """Which Secrets of SealedSecrets kube-state-metrics lists, and their owners; nothing is asked where there are none."""
    if not sealed_secrets.values:
        return Readings((), sealed_secrets.unreadable, sealed_secrets.absent)
    places = [one.place for one in sealed_secrets.items]
    return read_each(cluster, profile, prometheus_servers, lambda endpoint, _: series_of(endpoint, places))


def series_of(endpoint: Endpoint, places: Iterable[tuple[str, str]]) -> UnsealedSeries:
    """What one Prometheus knows of the Secrets at these places (namespace, name)."""
    wanted = {"/".join(place) for place in places}
    listed: set[str] = set()
    owners: dict[str, str] = {}
    for chosen in _batches(sorted({place.partition("/")[2] for place in wanted})):
        by = "namespace, exported_namespace, secret"
        listed |= {_place(one.labels) for one in query(endpoint, f"group by ({by}) (kube_secret_info{chosen})")}
        for one in query(endpoint, f"group by ({by}, owner_kind, owner_name) (kube_secret_owner{chosen})"):
            kind, name = one.labels.get("owner_kind", ""), one.labels.get("owner_name", "")
            owners[_place(one.labels)] = f"{kind}/{name}" if kind else NOBODY
    return UnsealedSeries(sorted(listed & wanted), {place: owner for place, owner in owners.items() if place in wanted})


def _batches(names: list[str]) -> Iterator[str]:
    """Selectors of some names each: a query is part of a URL, which must not grow without end."""
    for start in range(0, len(names), NAMES_A_QUERY):
        yield matchers({"secret": any_of(names[start : start + NAMES_A_QUERY])})


def _place(labels: dict[str, str]) -> str:
    """The Secret's own namespace and name: without `honorLabels` the namespace is the exported one."""
    return f"{labels.get('exported_namespace') or labels.get('namespace', '')}/{labels.get('secret', '')}"


class Unsealed(msgspec.Struct, frozen=True):
    """What is known of the Secret of one SealedSecret.

    `exists` and `owned` (by this SealedSecret) are None where nothing that was read tells; `proof` says what told, or why
    nothing did. `direct`: the Secret itself was asked for. `owner`: who owns it instead. `shared`: the controller may write
    to it without owning it.
    """

    exists: bool | None = None
    owned: bool | None = None
    proof: str = ""
    direct: bool = False
    owner: str = ""
    shared: bool = False


@source()
def unsealed_secrets(
    sealed_secrets: Readings[SealedSecret],
    unsealed_series: Readings[UnsealedSeries],
    secret_series: Readings[SecretSeries],
    named_secrets: Readings[NamedSecret],
) -> Readings[Unsealed]:
    """What is known of each SealedSecret's Secret; what nothing tells is unknown by itself, with what would tell it."""
    found: Collector[Unsealed] = Collector(unreadable=list(sealed_secrets.unreadable))
    named = named_secrets.by_name()
    for subject, one in sealed_secrets:
        read = named.get(one.place)
        refusal = _refusal(named_secrets, one)
        if read is not None:
            found.add(subject, _as_read(one, read))
        elif refusal:
            found.add(subject, Unsealed(proof=refusal))
        else:
            found.add(subject, _as_listed(one, unsealed_series, secret_series))
    return found.readings(sealed_secrets.absent)


def _refusal(named: Readings[NamedSecret], one: SealedSecret) -> str:
    namespace, name = one.place
    reasons = (each.reason for each in named.unreadable if each.subject.namespace in ("", namespace) and each.subject.name in ("", name))
    source_itself = (each.reason for each in named.unreadable if each.subject.kind == "source")
    return next(reasons, "") or next(source_itself, "")


def _as_read(one: SealedSecret, read: NamedSecret) -> Unsealed:
    proof = "the Secret was read by name, as the profile says"
    if not read.exists:
        return Unsealed(exists=False, owned=False, proof=proof, direct=True)
    owned = bool(read.owner_uid) and read.owner_uid == one.metadata.uid
    return Unsealed(exists=True, owned=owned, proof=proof, direct=True, owner=read.owner, shared=read.patched or _without_owner(one))


def _without_owner(one: SealedSecret) -> bool:
    return one.template.annotations.sealed_without_owner == "true"


def _as_listed(one: SealedSecret, series: Readings[UnsealedSeries], counts: Readings[SecretSeries]) -> Unsealed:
    namespace, name = one.place
    place = f"{namespace}/{name}"
    listing = [each for each in series.items if place in each.listed]
    if listing:
        owners = [each.owners[place] for each in listing if place in each.owners]
        return _owned(one, owners, series)
    lists = any(each.counts.get(namespace) for each in counts.items)
    blind = [each.reason for each in (*series.unreadable, *counts.unreadable)]
    if lists and not blind:
        proof = f"kube-state-metrics lists the Secrets of {namespace}, and this one is not among them"
        return Unsealed(exists=False, owned=False, proof=proof)
    return Unsealed(proof=_unknown(namespace, place, blind))


def _owned(one: SealedSecret, owners: list[str], series: Readings[UnsealedSeries]) -> Unsealed:
    proof = "kube-state-metrics lists it"
    own = f"{KIND}/{one.metadata.name}"
    if own not in owners and (not owners or not series.complete):  # one that could not be asked may have seen it since
        why = series.unreadable[0].reason if series.unreadable else "there is no kube_secret_owner of it"
        return Unsealed(exists=True, proof=f"{proof}, but who owns it is not known: {why}")
    if own in owners:
        return Unsealed(exists=True, owned=True, proof=proof)
    owner = min(owners)
    shared = owner == NOBODY  # it may be patched, which its annotation would tell
    return Unsealed(exists=True, owned=False, proof=proof, owner=owner, shared=shared)


def _unknown(namespace: str, place: str, blind: Iterable[str]) -> str:
    why = next(iter(blind), "") or f"no Prometheus that was asked has series of kube-state-metrics about the Secrets of {namespace}"
    return (
        f"whether the Secret {place} exists is not known: {why}. Let kube-state-metrics list Secrets there (`secrets` among its "
        f"--resources, list and watch in its role), or name {place} under `secrets:` in the profile and allow `get` of just that one"
    )
