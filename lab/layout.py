"""The cluster's fixed names and addresses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.paths import STATE

BRIDGE = "lab0"
GATEWAY = "10.88.0.1"  # the bridge, in the host's network namespace: the API server listens there
GIT_PORT = 18095  # there, while the team's repository is served by HTTP
GIT_URL = f"http://{GATEWAY}:{GIT_PORT}/cgi-bin/git/repository"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
POD_RANGE = "10.244.0.0/16"
CERTIFICATES = STATE / "pki"
LOGS = STATE / "logs"
PROCESS_IDS = STATE / "pids"
MOUNT_NAMESPACES = STATE / "mounts"


@dataclass(frozen=True)
class Node:
    """One node: a network namespace and a mount namespace of its own, with a containerd, a kubelet and a kube-proxy."""

    name: str
    index: int

    @property
    def address(self) -> str:
        return f"10.88.0.{11 + self.index}"

    @property
    def pod_range(self) -> str:
        return f"10.244.{self.index}.0/24"

    @property
    def network_namespace(self) -> str:
        return f"lab-{self.name}"

    @property
    def link(self) -> str:
        return f"v-{self.name}"

    @property
    def mount_namespace(self) -> Path:
        return MOUNT_NAMESPACES / self.name

    @property
    def home(self) -> Path:
        return STATE / "nodes" / self.name

    @property
    def containerd_socket(self) -> Path:
        return self.home / "containerd.sock"

    @property
    def cgroup(self) -> str:
        return f"lab-{self.name}"


NODES = tuple(Node(name, index) for index, name in enumerate(("master", "worker1", "worker2")))
MASTER, *WORKERS = NODES


def node_named(name: str) -> Node:
    return next(node for node in NODES if node.name == name)
