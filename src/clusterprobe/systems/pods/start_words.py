"""A pod that does not start, in words: how far it has got, and what keeps it."""

from __future__ import annotations

from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.crash_words import stands
from clusterprobe.systems.pods.start_causes import Fault, Obstacle
from clusterprobe.systems.pods.start_diagnosis import Held
from clusterprobe.systems.pods.start_logs import row_of
from clusterprobe.systems.pods.starts import State
from clusterprobe.words import listed, said

STATES: dict[State, str] = {
    "unscheduled": "Pending, without a node",
    "gated": "held by a scheduling gate",
    "creating": "assigned to a node, and its containers are not created",
    "initialising": "in an init container that does not end",
    "unready": "running, and not ready",
}
_MEANS: dict[Fault, str] = {
    "resources": "No node has as much free as the pod requests",
    "node not ready": "A node is not ready",
    "node pressure": "A node is short of disk, memory or processes",
    "node not set up": "A node is not set up: its network or its cloud's controller has not taken off the taint with which it began",
    "taint": "A node has a taint that the pod does not tolerate",
    "selector": "A node does not have the labels that the pod's nodeSelector or node affinity asks for",
    "volume node": "A volume of the pod is only on other nodes",
    "host port": "Another pod has the same hostPort on the node",
    "claim": "A PVC of the pod has no volume",
    "claim deleted": "A PVC of the pod is being deleted",
    "devices": "No node has the devices that a ResourceClaim of the pod asks for",
    "too many pods": "A node has as many pods as its kubelet allows",
    "cordoned": "A node is cordoned",
    "spread": "The pod's topologySpreadConstraints leave the node out",
    "spread label": "A node does not have the label by which topologySpreadConstraints spreads the pods (topologyKey)",
    "apart": "The pod's affinity to other pods leaves the node out",
    "volume limit": "A node has as many volumes as its driver allows",
    "object missing": "What the pod mounts does not exist",
    "account missing": "Its ServiceAccount does not exist",
    "attached elsewhere": "The volume is still attached to another node, or another pod uses it",
    "provider class": "The SecretProviderClass that the pod mounts does not exist",
    "provider missing": "The provider that the volume names for the Secrets Store does not run on the node",
    "network missing": "The network (NetworkAttachmentDefinition) that an annotation of the pod names does not exist",
    "attach limit": "The node has as many volumes attached as it can have, and the scheduler was not told so",
    "attach zone": "The disk of the volume is in another zone than the node",
    "attach refused": "The cloud refuses the driver, which may not attach the disk",
    "attacher": "The controller of the volume's CSI driver (external-attacher) does not attach it in time",
    "disk missing": "The disk of the volume no longer exists where the driver looks for it",
    "attach": "A volume cannot be attached to the node",
    "group refused": "The kubelet may not change the group of the volume's files to the pod's fsGroup",
    "driver missing": "The volume's CSI driver does not run on the node",
    "disk in use": "Another program of the node holds the volume's disk, as multipathd does that takes each new disk for a path of its own",
    "file system": "The file system on the volume's disk is damaged, or of another type than the volume says",
    "mount option": "The volume's mountOptions have one that is not known",
    "share login": "The file server of the share (SMB) refuses the user or the password, or does not let that user in",
    "share unreachable": "The node does not reach the file server of the share (SMB, TCP 445)",
    "share path": "The file server has no such share, or the share no such folder",
    "nfs lock": "The node does not run rpc.statd, which NFS before version 4 needs for its locks",
    "nfs version": "The file server does not speak the version of NFS that is asked for",
    "nfs stale": "The folder was removed, or exported again, on the file server while it was mounted",
    "mount program": "The node lacks the program that mounts this kind of volume",
    "nfs refused": "The file server refuses the node",
    "nfs unreachable": "The node does not reach the file server",
    "cluster name": "The volume names its file server by a Service's name, and the node itself does not know the cluster's names",
    "nfs path": "The folder does not exist on the file server",
    "host path": "The path on the node is not what the volume's type asks for",
    "no address": "The network plugin has no address left",
    "network login": "The API server refuses the credentials with which the network plugin of the node asks it",
    "network": "The node cannot set up the pod's network",
    "runtime handler": "The node's container runtime does not have the handler that the pod's RuntimeClass names",
    "sandbox image": "The node cannot pull the image of the pod's sandbox (pause)",
    "sandbox": "The node's container runtime cannot make the pod's sandbox",
    "mount": "The kubelet cannot mount a volume",
    "volumes wait": "The kubelet waits for a volume",
    "not registered": "The kubelet has not loaded what the pod mounts, which does not say that it is missing",
    "volume not ready": "Longhorn does not attach the volume: its replicas are gone, failed or being rebuilt, as its own object says",
    "local folder": "The folder or disk of a local volume is not on the node any more, or not mounted there",
    "pulling": "The node is still pulling the image",
    "startup probe": "Its startup probe fails",
    "readiness probe": "Its readiness probe fails",
    "gate": "A readiness gate is not met",
}


def cause_of(held: Held) -> str:
    """Sentences that name what keeps it, with the words of whoever said so."""
    if held.virtual:
        return _of_virtual(held)
    found = [_of_node(held)] if held.node else []
    found += [_sentence(held, one) for one in held.obstacles]
    if held.start.state == "unscheduled" and held.start.message:
        found.insert(0, f"The scheduler says {said(held.start.message)}.")
    found += _of_log(held)
    found += [*_of_claims(held), *([f"The autoscaler adds no node for it: {said(held.no_node)}."] if held.no_node else [])]
    return " ".join(one for one in found if one) or _unknown(held)


def _of_virtual(held: Held) -> str:
    """What the scheduler says of such a node (too many pods, no free port) is only how it shows."""
    several = len(held.virtual) > 1
    where = f"{'one of ' if several else ''}{listed(held.virtual, 3)}"
    told = f" The scheduler says {said(held.start.message)}." if held.start.message else ""
    return f"Its DaemonSet made it for {where}: a virtual node, such as one of AWS Fargate, takes no pods of DaemonSets.{told}"


def _of_node(held: Held) -> str:
    node = held.node
    if held.node_lost:
        return f"Its node {node} is not in the cluster."
    return f"Its node {node} is not ready."


def _sentence(held: Held, one: Obstacle) -> str:
    pod = held.start.pod
    match one.fault:
        case "unknown" | "unschedulable":
            return ""
        case "no scheduler":
            return "No scheduler has said anything of it: the scheduler does not run, or spec.schedulerName names none that does."
        case "init":
            return _of_init(held)
        case "queued" | "gated":
            return _of_gates(pod, one)
        case "resources":
            return f"{_MEANS['resources']}: {one.what or 'storage'}{_requested(pod, one.what)}."
        case "host port":
            return f"{_MEANS['host port']}{_host_ports(pod)}.{_holders(held)}"
        case "volume node":
            return _of_pinned(held)
        case "attached elsewhere" if held.mates:
            return f"{_of_mates(held)}: {said(one.says)}."
    told = _MEANS[one.fault]
    if held.start.state == "unscheduled":
        return f"{told}: {said(one.says)}." if len(held.obstacles) > 1 else f"{told}."
    return f"{told}: {said(one.says)}." if one.says else f"{told}."


def _of_gates(pod: Pod, one: Obstacle) -> str:
    gates = f"Its spec.schedulingGates has {one.what}" if one.what else "It has a scheduling gate"
    if one.fault == "queued":
        queue = pod.label("kueue.x-k8s.io/queue-name")
        return (
            f"{gates}: Kueue has not admitted it{f' from the queue {queue}' if queue else ''}, so that the scheduler does not look at it."
        )
    return f"{gates}: the scheduler does not look at it until another program has taken that away, which has not happened."


def _requested(pod: Pod, resource: str) -> str:
    asked = [
        f"container {one.name} requests {(one.resources.requests or {})[resource]}"
        for one in pod.spec.containers
        if one.resources and resource in (one.resources.requests or {})
    ]
    return f" ({listed(asked, 3)})" if asked else ""


def _host_ports(pod: Pod) -> str:
    ports = sorted(pod.host_ports)
    return f" ({', '.join(map(str, ports))})" if ports else ""


def _holders(held: Held) -> str:
    """Which pods have a port that it asks for."""
    own = workload_of(held.start.pod)
    names = ["its own workload" if one == own else str(one) for one in held.holders]
    return f" Pods of {listed(names, 3)} have such a port." if names else ""


def _of_pinned(held: Held) -> str:
    if not held.pinned:
        return f"{_MEANS['volume node']}."
    told = []
    for one in held.pinned:
        if one.labels:
            told.append(f"PersistentVolume {one.volume} of PVC {one.claim} is only for nodes with {listed(one.labels, 3)}.")
            continue
        gone = f", and {listed(one.lost, 3)} {'is' if len(one.lost) == 1 else 'are'} not in the cluster" if one.lost else ""
        told.append(f"PersistentVolume {one.volume} of PVC {one.claim} is only on {listed(one.nodes, 3)}{gone}.")
    return " ".join(told)


def _of_mates(held: Held) -> str:
    """An update that waits for itself."""
    names = listed(held.mates, 3)
    return (
        f"Its volume is attached where Pod {names} of the same {workload_of(held.start.pod).kind} runs. That is not ended before the new "
        "pod is ready, which waits for the volume"
    )


def _of_init(held: Held) -> str:
    runs = f"Its init container {held.start.container} runs, and the others wait until it ends."
    if not held.calls:
        return f"{runs} Its command does not name what it waits for."
    return f"{runs} What it calls: {listed([stands(one) for one in held.calls], 3)}."


def _of_claims(held: Held) -> list[str]:
    told = [f"PVC {one} does not exist." for one in held.absent]
    if held.start.state == "creating" or any(one.fault == "claim" for one in held.obstacles):
        told += [f"PVC {one} is Pending (`storage/claims`)." for one in held.pending]
    return told


def _of_log(held: Held) -> list[str]:
    """What the container itself says, and what is known of that."""
    known = row_of(held.line)
    return [f"Its log says {said(held.line)}.", *([known.why] if known else [])] if held.line else []


def _unknown(held: Held) -> str:
    message = f" Its condition says {said(held.start.message)}." if held.start.message else ""
    return f"No event of it that is still kept says why.{message}"
