"""A Prometheus whose volume is full: a disk of its own, so small and so full that its write-ahead log meets the end of it."""

from __future__ import annotations

from lab import api
from lab.cluster.disks import disk_path, fill_disk, make_disk, remove_disk
from lab.command import wait_until
from lab.platform import prometheus, prometheus_operator
from lab.platform.effects import PATIENCE_SECONDS, samples, wait_for_pod_gone
from lab.platform.manifests import Environment, document
from lab.stages import Stage
from lab.stages.termination import SLOW_NODE

_NAME = "archive"
_POD = f"prometheus-{_NAME}-0"
_CLAIM = f"prometheus-{_NAME}-db-{_POD}"
_VOLUME = "disk-archive"
_NODE = SLOW_NODE
_SIZE = "32Mi"
_FAILURES = "prometheus_tsdb_wal_writes_failed_total"
_MEASURED_SECONDS = 240  # a kubelet measures its volumes once a minute, and Prometheus asks it every ten seconds
# Its log grows by some kilobytes a scrape, at once and without allocating ahead (tsdb/wlog: the last page is flushed after each).
_LEFT_KILOBYTES = 8
_FULL_BYTES = 1_000_000


def stage_full(environment: Environment) -> None:
    """As in life: a second Prometheus for a few series on a small disk, where somebody leaves a copy of the database while it runs."""
    make_disk(_NODE, _NAME, 32, 2000)
    api.create("/api/v1/persistentvolumes", _volume(environment))
    api.create(_prometheuses(environment), _prometheus(environment))
    api.create(_monitors(environment), _monitor(environment))
    wait_until("it to keep what it scrapes", lambda: _read(environment, "prometheus_tsdb_head_series") > 0, 2 * PATIENCE_SECONDS, every=1)
    fill_disk(_NODE, _NAME, _LEFT_KILOBYTES)
    wait_until("writes to fail", lambda: _read(environment, _FAILURES) >= 1, PATIENCE_SECONDS, every=1)
    query = f'kubelet_volume_stats_available_bytes{{persistentvolumeclaim="{_CLAIM}"}} < {_FULL_BYTES}'
    wait_until("the volume to be measured as full", lambda: prometheus.has_series(environment, query), _MEASURED_SECONDS, every=2)


def clear_full(environment: Environment) -> None:
    api.delete(f"{_monitors(environment)}/{_NAME}")
    api.delete(f"{_prometheuses(environment)}/{_NAME}")
    wait_for_pod_gone(environment.namespace, _POD, 2 * PATIENCE_SECONDS)
    claim = f"/api/v1/namespaces/{environment.namespace}/persistentvolumeclaims/{_CLAIM}"
    api.delete(claim)
    wait_until("the claim to be gone", lambda: api.find(claim) is None, PATIENCE_SECONDS)
    api.delete(f"/api/v1/persistentvolumes/{_VOLUME}")
    remove_disk(_NODE, _NAME)


def _read(environment: Environment, name: str) -> float:
    return sum(samples(environment.namespace, _POD, 9090, f"{name} "))


def _prometheuses(environment: Environment) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.namespace}/prometheuses"


def _monitors(environment: Environment) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.namespace}/podmonitors"


def _prometheus(environment: Environment) -> api.Object:
    """As small as one is, of the image and with the account of the environment's own; it keeps more than its disk has."""
    own = document("prometheus", "Prometheus", environment.prometheus, environment)["spec"]
    taken = ("image", "version", "serviceAccountName", "securityContext")
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": _SIZE}}}
    spec = {
        **{name: own[name] for name in taken},
        "replicas": 1,
        "scrapeInterval": "5s",
        "retentionSize": "100MiB",
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "podMonitorSelector": {"matchLabels": {"prometheus": _NAME}},
        "storage": {"volumeClaimTemplate": {"spec": claim}},
    }
    return _object("Prometheus", environment, spec)


def _monitor(environment: Environment) -> api.Object:
    """It scrapes itself."""
    selector = {"matchLabels": {"operator.prometheus.io/name": _NAME}}
    return _object("PodMonitor", environment, {"selector": selector, "podMetricsEndpoints": [{"port": "web"}]})


def _object(kind: str, environment: Environment, spec: api.Object) -> api.Object:
    metadata = {"name": _NAME, "namespace": environment.namespace, "labels": {"prometheus": _NAME}}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _volume(environment: Environment) -> api.Object:
    on_node = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [_NODE.name]}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": _VOLUME},
        "spec": {
            "capacity": {"storage": _SIZE},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": disk_path(_NAME)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [on_node]}},
            "claimRef": {"namespace": environment.namespace, "name": _CLAIM},
        },
    }


STAGES = (
    Stage(
        "prometheus-disk-full",
        "the disk of a Prometheus is full: what it scrapes is not kept",
        stage_full,
        clear_full,
        touches=("the disk archive of worker2",),
    ),
)
