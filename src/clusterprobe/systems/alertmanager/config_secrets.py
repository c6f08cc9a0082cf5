"""What is known of the Secret that an Alertmanager is configured from, without reading it.

Existence and ownership come from kube-state-metrics through Prometheus; keys only from Secrets that the profile names.
"""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.formats.queries import Not, Regex, any_of, matchers
from clusterprobe.systems.kubernetes.secrets import EMPTY_DIGEST, NamedSecret
from clusterprobe.systems.prometheus.query import query


class SecretSeries(msgspec.Struct, frozen=True):
    """What one Prometheus knows of Secrets, by namespace.

    `counts` are how many it lists, so that one that is missing among some can be told from none being listed at all;
    `listed` are the names that have to do with Alertmanager, `owners` their owners as `Kind/name`. By `namespace/name`:
    `created` (epoch seconds), how often they changed in the profile's window (`changes`) or a little before (`changes_before`),
    and when the StatefulSets of Alertmanagers were created.
    """

    counts: dict[str, int] = {}
    listed: dict[str, list[str]] = {}
    owners: dict[str, str] = {}
    created: dict[str, float] = {}
    changes: dict[str, float] = {}
    changes_before: dict[str, float] = {}
    stateful_sets: dict[str, float] = {}

    def names(self, namespace: str) -> list[str]:
        return self.listed.get(namespace, [])

    def owner(self, namespace: str, name: str) -> str:
        return self.owners.get(f"{namespace}/{name}", "")


@source(proxied("pods"))
def secret_series(
    cluster: Cluster, prometheus_servers: Readings[Server], alertmanagers: Readings[Alertmanager], profile: Profile
) -> Readings[SecretSeries]:
    """Which Secrets kube-state-metrics lists, as each Prometheus has it; it must be allowed to list them."""
    names = {name for one in alertmanagers.items for name in (one.input_secret, one.chart_secret)}
    chosen = any_of(sorted(names), Regex(".*alertmanager.*"))
    infos, owned = matchers({"secret": chosen}), matchers({"secret": chosen, "owner_kind": Not("")})

    def read(endpoint: Endpoint, _: Server) -> SecretSeries:
        counts: dict[str, int] = {}
        for one in query(endpoint, "count by (namespace, exported_namespace) (kube_secret_info)"):
            counts[_namespace(one.labels)] = int(one.value)
        listed: dict[str, list[str]] = {}
        for one in query(endpoint, f"group by (namespace, exported_namespace, secret) (kube_secret_info{infos})"):
            listed.setdefault(_namespace(one.labels), []).append(one.labels.get("secret", ""))
        owners = {
            f"{_namespace(one.labels)}/{one.labels.get('secret', '')}": f"{one.labels.get('owner_kind')}/{one.labels.get('owner_name')}"
            for one in query(endpoint, f"kube_secret_owner{owned}")
        }
        return SecretSeries(
            counts, listed, owners, **_histories(endpoint, infos, profile.thresholds.alertmanager.generated_secret_minutes * 60)
        )

    return read_each(cluster, profile, prometheus_servers, read)


SLACK_SECONDS = 60  # a scrape, between which and the next one of two changes that belong together may be seen


def _histories(endpoint: Endpoint, infos: str, seconds: float) -> dict[str, dict[str, float]]:
    """When Secrets and StatefulSets were made, and how often Secrets changed since."""
    version = f"kube_secret_metadata_resource_version{infos}"
    alertmanagers = matchers({"statefulset": Regex("alertmanager-.*")})
    wanted = {
        "created": ("secret", f"kube_secret_created{infos}"),
        "changes": ("secret", f"changes({version}[{seconds:.0f}s])"),
        "changes_before": ("secret", f"changes({version}[{seconds + min(seconds, SLACK_SECONDS):.0f}s])"),
        "stateful_sets": ("statefulset", f"kube_statefulset_created{alertmanagers}"),
    }
    found: dict[str, dict[str, float]] = {}
    for name, (label, expression) in wanted.items():
        values = found.setdefault(name, {})
        for one in query(endpoint, expression):
            key = f"{_namespace(one.labels)}/{one.labels.get(label, '')}"
            values[key] = max(one.value, values.get(key, 0))
    return found


def _namespace(labels: dict[str, str]) -> str:
    """The Secret's own namespace: without `honorLabels` it is the exported one."""
    return labels.get("exported_namespace") or labels.get("namespace", "")


CONFIG_KEY = "alertmanager.yaml"


class ConfigSecret(msgspec.Struct, frozen=True):
    """What is known of the Secret that an Alertmanager is configured from, and of the chart's own beside it.

    Each of the three facts is None where nothing that was read tells. `proof` says what told whether it exists.
    `candidates` are other Secrets of the namespace that may be the intended one.
    """

    name: str
    exists: bool | None = None
    has_key: bool | None = None
    chart_secret_exists: bool | None = None
    proof: str = ""
    owner: str = ""
    candidates: list[str] = []


@source()
def alertmanager_secrets(
    alertmanagers: Readings[Alertmanager], secret_series: Readings[SecretSeries], named_secrets: Readings[NamedSecret]
) -> Readings[ConfigSecret]:
    """What is known of each Alertmanager's Secret without reading Secrets, except those that the profile names."""
    # Where a Prometheus cannot be asked, facts are just unknown; a Secret that the profile names was asked for.
    found: Collector[ConfigSecret] = Collector(unreadable=[*alertmanagers.unreadable, *named_secrets.unreadable])
    named = named_secrets.by_name()
    for subject, one in alertmanagers:
        found.add(subject, _config_secret(one, secret_series, named))
    return found.readings(alertmanagers.absent)


def _config_secret(one: Alertmanager, seen: Readings[SecretSeries], named: dict[tuple[str, str], NamedSecret]) -> ConfigSecret:
    namespace, name = one.metadata.namespace, one.input_secret
    exists, proof = _exists(namespace, name, seen, named)
    read = named.get((namespace, name))
    names = {secret for series in seen.items for secret in series.names(namespace)}
    names |= {key[1] for key, secret in named.items() if key[0] == namespace and CONFIG_KEY in secret.digests}
    ours = {name, one.chart_secret}
    return ConfigSecret(
        name=name,
        exists=exists,
        has_key=None if read is None or not read.exists else read.digests.get(CONFIG_KEY, EMPTY_DIGEST) != EMPTY_DIGEST,
        chart_secret_exists=_exists(namespace, one.chart_secret, seen, named)[0],
        proof=proof,
        owner=next((owner for series in seen.items if (owner := series.owner(namespace, name))), read.owner if read else ""),
        candidates=sorted(secret for secret in names - ours if not secret.startswith(f"{one.chart_secret}-")),
    )


def _exists(namespace: str, name: str, seen: Readings[SecretSeries], named: dict[tuple[str, str], NamedSecret]) -> tuple[bool | None, str]:
    read = named.get((namespace, name))
    if read is not None:
        return read.exists, "the Secret was read by name, as the profile says"
    if any(name in series.names(namespace) for series in seen.items):
        return True, "kube-state-metrics lists it"
    # One that could not be asked may list it: another may not have seen it yet.
    if seen.complete and any(series.names(namespace) or series.counts.get(namespace) for series in seen.items):
        return False, f"kube-state-metrics lists the Secrets of {namespace}, and this one is not among them"
    return None, ""
