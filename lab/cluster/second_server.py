"""A second API server on the lab's etcd, under a prefix of its own: a cluster without nodes, in which there is nothing."""

from __future__ import annotations

import time

from lab.build.modules import KUBERNETES
from lab.cluster.control_plane import ETCD_URL
from lab.layout import CERTIFICATES
from lab.paths import KUBECONFIG

PORT = 16443


def command(host: str) -> list[str]:
    """What starts it, empty each time; it listens at this address of the machine, which its certificate has to name."""
    flags = {
        "etcd-servers": ETCD_URL,
        "etcd-prefix": f"/empty-{time.time_ns()}",
        "bind-address": host,
        "advertise-address": host,
        "secure-port": str(PORT),
        "service-cluster-ip-range": "10.97.0.0/16",
        "client-ca-file": f"{CERTIFICATES}/ca.crt",
        "tls-cert-file": f"{CERTIFICATES}/apiserver.crt",
        "tls-private-key-file": f"{CERTIFICATES}/apiserver.key",
        "service-account-key-file": f"{CERTIFICATES}/service-account.pub",
        "service-account-signing-key-file": f"{CERTIFICATES}/service-account.key",
        "service-account-issuer": "https://kubernetes.default.svc",
        "authorization-mode": "RBAC",
        "endpoint-reconciler-type": "none",
    }
    return [str(KUBERNETES.program("kube-apiserver")), *(f"--{name}={value}" for name, value in flags.items())]


def kubeconfig(host: str) -> str:
    """The administrator's: both clusters have one authority."""
    return KUBECONFIG.read_text().replace("127.0.0.1:6443", f"{host}:{PORT}")
