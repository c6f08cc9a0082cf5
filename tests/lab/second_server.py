"""A second API server on the lab's etcd, under a prefix of its own: a cluster without nodes, in which there is nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.build.modules import KUBERNETES
from lab.cluster.control_plane import ETCD_URL
from lab.layout import CERTIFICATES
from lab.paths import KUBECONFIG

PORT = 16443


@contextmanager
def second_server(folder: Path, host: str = "127.0.0.1") -> Iterator[Path]:
    """Yields the file of a kubeconfig for it, whose server is that host's."""
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
    command = [str(KUBERNETES.program("kube-apiserver")), *(f"--{name}={value}" for name, value in flags.items())]
    config = folder / "config"
    config.write_text(KUBECONFIG.read_text().replace("127.0.0.1:6443", f"{host}:{PORT}"))
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            deadline = time.monotonic() + 60
            ready = ["kubectl", "--kubeconfig", str(config), "get", "--raw", "/readyz"]
            while subprocess.run(ready, capture_output=True, check=False).returncode:
                assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
                time.sleep(0.5)
            yield config
        finally:
            server.terminate()
