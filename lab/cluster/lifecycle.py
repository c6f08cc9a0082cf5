"""Starts the bare cluster, and removes every trace of it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from lab import api
from lab.cluster.certificates import issue_all
from lab.cluster.control_plane import start_control_plane
from lab.cluster.network import start_network, stop_network
from lab.cluster.nodes import prepare_mounts, start_node
from lab.cluster.processes import stop_all
from lab.command import run, wait_until
from lab.layout import MASTER, MOUNT_NAMESPACES, NODES
from lab.paths import STATE

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def start_cluster() -> None:
    """Everything up to Ready nodes; nothing runs on them yet."""
    STATE.mkdir(parents=True)
    start_network()
    prepare_mounts()
    issue_all()
    start_control_plane()
    for node in NODES:
        start_node(node)
    wait_until("all nodes Ready", lambda: ready_nodes() == len(NODES), 120)
    taint = {"key": _CONTROL_PLANE, "effect": "NoSchedule"}
    change = {"metadata": {"labels": {_CONTROL_PLANE: ""}}, "spec": {"taints": [taint]}}
    api.patch(f"/api/v1/nodes/{MASTER.name}", change)


def ready_nodes() -> int:
    conditions = [condition for node in api.items("/api/v1/nodes") for condition in node["status"].get("conditions", [])]
    return sum(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def stop_cluster() -> None:
    """Works on a half-started cluster, too. Folders go last: a mount under one could be a volume with data."""
    stop_all()
    for namespace in MOUNT_NAMESPACES.glob("*"):
        run("umount", namespace, check=False)  # the last holder of the node's mount namespace
    for mount in _mounts():
        run("umount", "--lazy", mount, check=False)
    stop_network()
    _remove_cgroups()
    if not _mounts():
        shutil.rmtree(STATE, ignore_errors=True)


def leftovers() -> list[str]:
    """What a stopped cluster left behind; nothing, if all is well."""
    links = [line.split(":")[1].strip() for line in run("ip", "-o", "link").stdout.splitlines()]
    known_links = {"lab0", *(node.link for node in NODES)}
    namespaces = [node.network_namespace for node in NODES if Path("/run/netns", node.network_namespace).exists()]
    found = [link for link in links if link.split("@")[0] in known_links]
    return [*found, *namespaces, *_mounts(), *map(str, _cgroups()), *([str(STATE)] if STATE.exists() else [])]


def _mounts() -> list[str]:
    """Mounts under the state folder, the innermost first."""
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{STATE}/")), key=len, reverse=True)


def _cgroups() -> list[Path]:
    """The cgroups of the lab's nodes, the innermost first."""
    names = [node.cgroup for node in NODES]
    roots = [path for pattern in ("*", "*/*") for path in Path("/sys/fs/cgroup").glob(pattern) if path.name in names]
    found = {folder for root in roots for folder in [root, *root.glob("**/")] if folder.is_dir()}
    return sorted(found, key=lambda folder: len(folder.parts), reverse=True)


def _remove_cgroups() -> None:
    for folder in _cgroups():
        with suppress(OSError):
            folder.rmdir()
