"""Whether the Thanos sidecar of a Prometheus uploads its blocks: what its own metrics say. One without a bucket uploads none."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.errors import BadResponse
from clusterprobe.known_systems import PROMETHEUS
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.exposition import samples_of
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Container, Pod
from clusterprobe.systems.prometheus.runtime import START

SIDECAR = "thanos-sidecar"  # the container, as the Prometheus Operator and the charts call it
PORT = 10902
STALE_SECONDS = 3 * 3600.0  # a block is cut every two hours, and uploaded at once
_UPLOADED, _FAILED = "thanos_shipper_uploads_total", "thanos_shipper_upload_failures_total"
_LAST = "thanos_objstore_bucket_last_successful_upload_time"
_OWN = {_UPLOADED, _FAILED, "thanos_build_info", "thanos_sidecar_prometheus_up"}  # one of these has every sidecar


class Uploads(msgspec.Struct, frozen=True, kw_only=True):
    """What a sidecar says since its start (`started`, epoch seconds); `last` is its last upload, 0 where there was none, None if unsaid."""

    started: float
    uploaded: float = 0.0
    failed: float = 0.0
    last: float | None = None
    container: str = SIDECAR

    def stalled_since(self, now: float) -> float | None:
        """Since when no block has been uploaded although that was tried; None where that is not so."""
        since = max(self.last or 0.0, self.started)
        return since if self.failed and now - since >= STALE_SECONDS and not (self.last is None and self.uploaded) else None


@source(proxied("pods"))
def thanos_uploads(cluster: Cluster, pods: Readings[Pod], system_pods: Readings[SystemPod]) -> Readings[Uploads]:
    """What the Thanos sidecar of each Prometheus says of its uploads."""
    beside = {subject: one.beside("thanos") for subject, one in system_pods if one.system is PROMETHEUS}
    found: Collector[tuple[Pod, Container]] = Collector(unreadable=list(pods.unreadable))
    for subject, pod in pods:
        sidecar = pod.container(SIDECAR) or beside.get(subject)
        if sidecar is None or pod.status.phase in ("Succeeded", "Failed"):
            continue
        if pod.running:
            found.add(subject, (pod, sidecar))
        else:
            found.fail(subject, f"its pod is {pod.standing}, so its Thanos sidecar cannot be asked")
    return cluster.each(found.readings("no pod has a Thanos sidecar"), lambda _, one: _read(cluster, *one))


def _read(cluster: Cluster, pod: Pod, sidecar: Container) -> Uploads:
    port = next((one.container_port for one in sidecar.ports or [] if one.name == "http"), PORT)
    endpoint = cluster.pod(pod.metadata.namespace, pod.metadata.name, pod.status.pod_ip, port)
    now = samples_of(endpoint, {START, _LAST, *_OWN})
    seen = {one.name for one in now}
    if START not in seen or not seen & _OWN:
        raise BadResponse(f"GET {endpoint.url}/metrics: it is not what a Thanos sidecar shows, or not when that started")
    totals = {wanted: sum(one.value for one in now if one.name == wanted) for wanted in (START, _UPLOADED, _FAILED)}
    last = max((one.value for one in now if one.name == _LAST), default=None)
    return Uploads(started=totals[START], uploaded=totals[_UPLOADED], failed=totals[_FAILED], last=last, container=sidecar.name)
