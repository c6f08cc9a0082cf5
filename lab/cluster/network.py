"""The nodes' network: a bridge, a network namespace each, and a route to each node's range of pod addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.command import run
from lab.errors import LabError
from lab.layout import BRIDGE, GATEWAY, NODES, Node


def start_network() -> None:
    if run("ip", "link", "show", BRIDGE, check=False).returncode == 0:
        raise LabError(f"the bridge {BRIDGE} exists: another lab runs on this machine (with another LAB_DIR?)")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    for node in NODES:
        _connect(node)


def stop_network() -> None:
    for node in NODES:
        run("ip", "link", "del", node.link, check=False)
        run("ip", "netns", "del", node.network_namespace, check=False)
    run("ip", "link", "del", BRIDGE, check=False)


@contextmanager
def cut_off(node: Node) -> Iterator[None]:
    """As if the node's cable were pulled: nothing reaches it, and nothing is refused. Its addresses and routes stay."""
    run("ip", "link", "set", node.link, "nomaster")
    try:
        yield
    finally:
        run("ip", "link", "set", node.link, "master", BRIDGE)


def _connect(node: Node) -> None:
    run("ip", "netns", "add", node.network_namespace)
    run("ip", "link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", node.network_namespace)
    run("ip", "link", "set", node.link, "master", BRIDGE, "up")
    run("ip", "route", "add", node.pod_range, "via", node.address)
    inside = ("ip", "netns", "exec", node.network_namespace)
    run(*inside, "ip", "link", "set", "lo", "up")
    run(*inside, "ip", "addr", "add", f"{node.address}/24", "dev", "eth0")
    run(*inside, "ip", "link", "set", "eth0", "up")
    run(*inside, "ip", "route", "add", "default", "via", GATEWAY)
    run(*inside, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    for other in NODES:
        if other != node:
            run(*inside, "ip", "route", "add", other.pod_range, "via", other.address)
