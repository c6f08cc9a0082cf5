"""The nodes: for each a mount namespace with folders of its own, a containerd, a kubelet and a kube-proxy."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from lab.build.modules import KUBERNETES
from lab.cluster.certificates import kubeconfig_of
from lab.cluster.images import ctr
from lab.cluster.nfs import write_mount_helpers
from lab.cluster.processes import is_started, start, stop
from lab.command import run, wait_until
from lab.layout import CERTIFICATES, DNS_SERVICE, MOUNT_NAMESPACES, POD_RANGE, Node

# What lies on a node's own disk: host paths such as these are that node's, as on a machine of its own.
OWN_FOLDERS = (
    "/var/lib/kubelet",
    "/var/lib/containerd",
    "/run/containerd",
    "/run/netns",  # of the pods
    "/var/lib/cni",
    "/etc/cni",
    "/var/log/pods",
    "/var/log/containers",
    "/run/promtail",
    "/opt/local-path-provisioner",
)

_CONTAINERD = """version = 2
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "lab/pause:1"
  restrict_oom_score_adj = true  # without CAP_SYS_RESOURCE a score can only be raised
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def prepare_mounts() -> None:
    """A mount namespace can be kept as a file on a private mount only."""
    MOUNT_NAMESPACES.mkdir(parents=True)
    run("mount", "--bind", MOUNT_NAMESPACES, MOUNT_NAMESPACES)
    run("mount", "--make-private", MOUNT_NAMESPACES)


def start_node(node: Node) -> None:
    _give_own_folders(node)
    _make_cgroups(node)
    _write_pod_network(node)
    (node.home / "containerd.toml").write_text(_CONTAINERD.format(socket=node.containerd_socket))
    start(f"{node.name}-containerd", "containerd", f"--config={node.home}/containerd.toml", node=node)
    wait_until(f"containerd on {node.name}", lambda: ctr(node, "version").returncode == 0, 30, every=0.1)
    start_kubelet(node)
    _start_kube_proxy(node)


def _give_own_folders(node: Node) -> None:
    node.mount_namespace.touch()
    script = ["mount --make-rshared /"]
    for folder in OWN_FOLDERS:
        Path(folder).mkdir(parents=True, exist_ok=True)
        own = node.home / "disk" / folder.lstrip("/")
        own.mkdir(parents=True, exist_ok=True)
        script += [f"mount --bind '{own}' {folder}", f"mount --make-rshared {folder}"]
    run("unshare", f"--mount={node.mount_namespace}", "--propagation", "private", "sh", "-c", " && ".join(script))


def _make_cgroups(node: Node) -> None:
    """A root cgroup for each node's pods, in every hierarchy (version 1), or in the one (version 2)."""
    root = Path("/sys/fs/cgroup")
    for hierarchy in [root] if (root / "cgroup.controllers").exists() else root.iterdir():
        with suppress(OSError):
            (hierarchy / node.cgroup).mkdir(exist_ok=True)
            for knob in ("cpuset.cpus", "cpuset.mems"):  # empty in a new cgroup, and then no process may enter it
                if (hierarchy / knob).exists():
                    (hierarchy / node.cgroup / knob).write_text((hierarchy / knob).read_text())


def _write_pod_network(node: Node) -> None:
    """Each pod is routed to, not bridged: answers between pods of one node would bypass the address translation."""
    folder = node.home / "disk/etc/cni/net.d"
    folder.mkdir(parents=True, exist_ok=True)
    addresses = {"type": "host-local", "ranges": [[{"subnet": node.pod_range}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [
        {"type": "ptp", "ipMasq": False, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    (folder / "10-lab.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "lab", "plugins": plugins}))


def start_kubelet(node: Node) -> None:
    path = node.home / "kubelet.json"
    path.write_text(json.dumps(_kubelet_configuration(node), indent=1))
    start(
        _kubelet_of(node),
        KUBERNETES.program("kubelet"),
        f"--config={path}",
        f"--kubeconfig={kubeconfig_of(node.name)}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        "--v=2",
        node=node,
        first_on_path=write_mount_helpers(node),
    )


def stop_kubelet(node: Node) -> None:
    """Its containers run on: they belong to containerd."""
    stop(_kubelet_of(node))


def is_kubelet_started(node: Node) -> bool:
    return is_started(_kubelet_of(node))


def _kubelet_of(node: Node) -> str:
    return f"{node.name}-kubelet"


def _kubelet_configuration(node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "healthzBindAddress": node.address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{CERTIFICATES}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{CERTIFICATES}/{node.name}.crt",
        "tlsPrivateKeyFile": f"{CERTIFICATES}/{node.name}.key",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,  # since 1.35 it refuses version 1 of cgroups, unless it is told not to
        "cgroupRoot": f"/{node.cgroup}",
        "containerRuntimeEndpoint": f"unix://{node.containerd_socket}",
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE],
        "failSwapOn": False,
        "resolvConf": "/etc/resolv.conf",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "nodeStatusUpdateFrequency": "4s",
        "syncFrequency": "5s",  # how soon an edited Secret reaches its pods
        "serializeImagePulls": False,
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    }


def _start_kube_proxy(node: Node) -> None:
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(kubeconfig_of("proxy"))},
        "hostnameOverride": node.name,
        "clusterCIDR": POD_RANGE,
        "bindAddress": node.address,
        "healthzBindAddress": "",
        "metricsBindAddress": "",
        "conntrack": {"maxPerCore": 0},
        "iptables": {"minSyncPeriod": "200ms"},
    }
    path = node.home / "kube-proxy.json"
    path.write_text(json.dumps(config, indent=1))
    start(f"{node.name}-kube-proxy", KUBERNETES.program("kube-proxy"), f"--config={path}", node=node)
