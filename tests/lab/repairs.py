"""What the fix of each stage leaves to be done elsewhere than by its commands. What is not named here is repaired by these alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import yaml

from lab.platform.storage import NFS_CLASS

GIT = "the repository that Argo CD reads"
SOURCE = "what deploys the workload"
SEALED = "the plain value of a SealedSecret"
FILE_SERVER = "the NFS server"
CLIENT = "a client's own source"
ISSUER = "who issues certificates"

WHERE = {
    "alertmanager-missing-secret": SEALED,
    "alertmanager-empty-secret": SEALED,
    "receiver-without-name": SEALED,
    "undefined-receiver": SEALED,
    "slack-refuses": SEALED,
    "slack-unreachable": SEALED,
    "generated-secret-put-back": SEALED,
    "generated-secret-edited": SEALED,
    "generated-secret-deleted": SEALED,
    "generated-secret-lost": SEALED,
    "sealed-for-other-namespace": SEALED,
    "alertmanager-sealed-for-other-namespace": SEALED,
    "sealed-key-lost": "the copy of the sealing key",
    "argocd-sync-failed": GIT,
    "argocd-hook-failed": GIT,
    "argocd-degraded": GIT,
    "argocd-comparison-error": GIT,
    "argocd-out-of-sync": "Argo CD, of which the lab has no command line",
    "argocd-sync-window": GIT,
    "datasource-of-other-environment": SOURCE,
    "dashboard-instant-log-query": CLIENT,
    "ingress-without-endpoints": SOURCE,
    "ingress-wrong-service-port": SOURCE,
    "ingress-class-missing": SOURCE,
    "tls-secret-missing": ISSUER,
    "tls-expired": ISSUER,
    "tls-expiring": ISSUER,
    "tls-wrong-names": ISSUER,
    "positions-shared": SOURCE,
    "node-without-agent": SOURCE,
    "promtail-lines-dropped": SOURCE,
    "promtail-drops-namespace": SOURCE,
    "loki-instant-query": CLIENT,
    "loki-wide-query": CLIENT,
    "loki-range-too-long": CLIENT,
    "ruler-without-alertmanager": SOURCE,
    "ruler-rule-broken": SOURCE,
    "mlflow-database-down": SOURCE,
    "mlflow-host-refused": SOURCE,
    "slow-rule-group": SOURCE,
    "tmp-curl-wrong-port": SOURCE,
    "out-of-memory": SOURCE,
    "image-missing": SOURCE,
    "serving-unhealthy": SOURCE,
    "nfs-unmount-hang": FILE_SERVER,
    "volume-permission-denied": SOURCE,
    "account-missing": SOURCE,
    "secret-to-mount-missing": SOURCE,
    "pod-too-large": SOURCE,
    "init-waits": SOURCE,
    "claim-without-class": SOURCE,
    "pods-rejected": SOURCE,
    "cron-job-fails": SOURCE,
    "node-not-ready": "the node",
    "loki-rate-limited": SOURCE,
    "loki-log-full": SOURCE,
    "loki-store-full": SOURCE,
    "target-wrong-scheme": SOURCE,
    "samples-dropped": SOURCE,
    "rule-fails": SOURCE,
    "configuration-refused": SOURCE,
    "gateway-expired": ISSUER,
    "gateway-not-granted": SOURCE,
    "gateway-without-backend": SOURCE,
    "critical-muted": SEALED,
    "critical-inhibited": SEALED,
    "critical-to-null": SEALED,
    "prometheus-disk-full": SOURCE,
}

# Whose fix disturbs the others of its round, and by what.
ALONE: dict[str, str] = {}

# A fix may offer several ways: its first is taken. These words begin another one.
OTHERWISE = ("Or ", "Otherwise", "Only where", "If another")


@dataclass(frozen=True)
class Edit:
    """What a fix says to change in a file that one of its own commands writes."""

    file: str
    of: Callable[[str], str]


def _archiving(text: str) -> str:
    found = yaml.safe_load(text)
    found["parameters"]["archiveOnDelete"] = "true"
    found["parameters"].pop("onDelete", None)
    return yaml.safe_dump(found)


EDITS = {"claims-delete-data": Edit(f"{NFS_CLASS}.yaml", _archiving)}
