"""The suite as it runs in a pod: a service account's token, pod IPs and Service names, no proxy, no kubeconfig.

It runs in a worker's network, with the files at the places where a pod has them; only the image is missing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clusterprobe.permissions import rules
from clusterprobe.sources import all_sources
from lab import api
from lab.layout import node_named
from lab.paths import STATE
from tests.lab.running import PROFILE

NAME, NAMESPACE = "clusterprobe-in-cluster", "kube-system"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
def account(tmp_path: Path):
    """A folder as a pod has it under /var/run/secrets, for an account with just these permissions."""
    metadata = {"name": NAME}
    api.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": rules(all_sources().values(), "in-cluster", secrets=True),
    }
    api.create(f"{RBAC}/clusterroles", role)
    binding = {
        **role,
        "kind": "ClusterRoleBinding",
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }
    del binding["rules"]
    api.create(f"{RBAC}/clusterrolebindings", binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = api.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}/token", request)["status"]["token"]
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text(token)
    (folder / "namespace").write_text(NAMESPACE)
    (folder / "ca.crt").write_bytes((STATE / "pki" / "ca.crt").read_bytes())
    yield folder
    api.delete(f"{RBAC}/clusterrolebindings/{NAME}")
    api.delete(f"{RBAC}/clusterroles/{NAME}")
    api.delete(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}")


def test_a_run_inside_the_cluster_needs_no_proxy_and_sees_the_same(account: Path, tmp_path: Path) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 10.96.0.10\nsearch kube-system.svc.cluster.local svc.cluster.local cluster.local\n")
    target = "/var/run/secrets/kubernetes.io/serviceaccount"
    script = (
        f"mkdir -p {target} && mount --bind {account} {target} && mount --bind {resolver} /etc/resolv.conf && "
        f"exec {sys.executable} -c 'from clusterprobe.cli import main; main()' run --profile {PROFILE} --output {tmp_path / 'out'}"
    )
    network = f"--net=/run/netns/{node_named('worker1').network_namespace}"
    environment = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "HOME")}
    done = subprocess.run(
        ["nsenter", network, "unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        env={**environment, "HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["cluster"]["route"] == "in-cluster"
    assert results["cluster"]["user"] == f"system:serviceaccount:{NAMESPACE}:{NAME}"
    assert {one["verdict"] for one in results["probes"]} == {"pass", "not_applicable"}
