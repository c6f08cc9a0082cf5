"""A cluster in which there is nothing: a second API server on the lab's etcd, under a prefix of its own."""

import subprocess
import time
from pathlib import Path

import pytest

from lab.build.modules import KUBERNETES
from lab.cluster.control_plane import ETCD_URL
from lab.layout import CERTIFICATES
from lab.paths import KUBECONFIG
from tests.lab.running import clusterprobe

PORT = 16443


@pytest.fixture
def empty_cluster(tmp_path: Path):
    """A kubeconfig for it."""
    flags = {
        "etcd-servers": ETCD_URL,
        "etcd-prefix": f"/empty-{time.time_ns()}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
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
    config = tmp_path / "config"
    config.write_text(KUBECONFIG.read_text().replace(":6443", f":{PORT}"))
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            deadline = time.monotonic() + 60
            ready = ["kubectl", "--kubeconfig", str(config), "get", "--raw", "/readyz"]
            while subprocess.run(ready, capture_output=True, check=False).returncode:
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-2000:]
                time.sleep(0.5)
            yield config
        finally:
            server.terminate()


def test_an_empty_cluster_is_incomplete_and_not_healthy(empty_cluster: Path, tmp_path: Path) -> None:
    done = clusterprobe(tmp_path / "out", kubeconfig=empty_cluster)
    assert (done.status, done.results["verdict"]) == (2, "incomplete"), done.said
    assert done.verdicts("pass") == {}
    assert done.found("info", "warning", "error", "critical") == set()
    assert (
        "there is no" in done.probe("prometheus/cross-scrape")["reason"]
        or "the API has no" in done.probe("prometheus/cross-scrape")["reason"]
    )
