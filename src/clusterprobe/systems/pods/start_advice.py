"""What to do about a pod that does not start: by what keeps it."""

from __future__ import annotations

from collections.abc import Callable

from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Command, Step
from clusterprobe.systems.kubernetes.objects import ContainerProbe
from clusterprobe.systems.pods.start_causes import Fault, Obstacle
from clusterprobe.systems.pods.start_diagnosis import Held

_PLAIN: dict[Fault, str] = {
    "node not ready": "Bring the node back (`nodes/ready`), or let the pod run on another.",
    "taint": f"Let the pod tolerate the taint, {SOURCE}, if it is meant to run there. Or take the taint off the node.",
    "selector": f"Correct the nodeSelector or node affinity, {SOURCE}, or give a node the label that it asks for.",
    "claim": "Let the PVC get its volume (`storage/claims`).",
    "too many pods": "Add a node, or raise maxPods of the kubelet, if the node's network has addresses for them.",
    "cordoned": "Uncordon the node once its maintenance is done, or add a node.",
    "spread": f"Add a node to the zone or host that is short of pods, or relax topologySpreadConstraints {SOURCE}.",
    "apart": f"Add a node, or relax the affinity or anti-affinity to other pods, {SOURCE}.",
    "volume limit": "Add a node, or let pods with volumes move to another.",
    "no scheduler": f"Let the scheduler run. Or correct spec.schedulerName, {SOURCE}.",
    "unschedulable": "Change what the scheduler's message names.",
    "attach": "Repair what the message names: the volume's driver, its permissions, or the volume itself.",
    "driver missing": (
        "Let the driver's DaemonSet run on that node: its nodeSelector, its tolerations, its own pods. After a restart of the kubelet a "
        "driver registers again only when its pod is restarted."
    ),
    "mount program": "Install the program that mounts this kind of volume on the node, such as nfs-common or cifs-utils.",
    "nfs refused": "Let the file server export the folder to the node's address.",
    "nfs unreachable": "Repair the way from the node to the file server: its name, its address, the firewall between them.",
    "nfs path": f"Make the folder on the file server, or correct the path of the volume, {SOURCE}.",
    "host path": f"Make on the node what the volume's type asks for, or correct its path or type, {SOURCE}.",
    "no address": "Give the network plugin more addresses: a larger range for the node or the subnet, or fewer pods on the node.",
    "network": "Repair the network plugin on that node: its pod, its configuration, its log.",
    "mount": "Repair what the message names.",
    "volumes wait": "Read the events of the volume and of its driver on that node.",
    "pulling": "Wait, if the image is large. Else see whether the node reaches its registry, or take a smaller image or a mirror nearby.",
    "gate": "Repair what the message names: something outside the pod has to report that it is ready.",
    "unknown": "Read the kubelet's log on its node: what it does with this pod.",
}


def steps(held: Held) -> list[Step]:
    """First what it says itself, then what changes it."""
    pod = held.start.pod.metadata
    first = look("Read its state and its events.", shell("kubectl -n {} describe pod {}", pod.namespace, pod.name))
    found = [step for one in held.obstacles for step in _of(held, one)]
    if held.node and held.start.state != "unscheduled":
        found.insert(0, change("Bring its node back (`nodes/ready`), or let the workload's pod move to another."))
    if held.absent:
        found = [change(f"Create PVC {', '.join(held.absent)}, or correct the name, {SOURCE}."), *found]
    return [first, *(one for number, one in enumerate(found) if one not in found[:number])]


def _of(held: Held, one: Obstacle) -> list[Step]:
    if made := _MADE.get(one.fault):
        return made(held, one)
    if one.fault == "unknown" and (held.pending or held.node):
        return [change(_PLAIN["claim"])] if held.pending else []
    return [change(_PLAIN[one.fault])]


def _of_resources(_: Held, one: Obstacle) -> list[Step]:
    what = one.what or "ephemeral-storage"
    more = " Such a resource is reported by its device plugin: see that this runs on the nodes that have it." if "/" in what else ""
    return [
        look("See what the nodes have.", _allocatable()),
        change(f"Let it request less {what}, {SOURCE}, or add a node that has as much free.{more}"),
    ]


def _allocatable() -> Command | None:
    return shell("kubectl get nodes -o custom-columns=NAME:.metadata.name,ALLOCATABLE:.status.allocatable")


def _of_host_port(held: Held, _: Obstacle) -> list[Step]:
    ports = sorted({port.host_port for one in held.start.pod.spec.containers for port in one.ports or [] if port.host_port})
    which = ", ".join(map(str, ports)) or "it wants"
    return [
        look("See the pods on the nodes, and which of them is made for the same.", shell("kubectl get pods -A -o wide")),
        change(f"Give one of the two another hostPort than {which}, {SOURCE}, or remove one: two releases of a node agent want one port."),
    ]


def _of_pinned(held: Held, _: Obstacle) -> list[Step]:
    found = []
    for one in held.pinned:
        found.append(look("See where the volume is.", shell("kubectl get pv {} -o yaml", one.volume)))
        if one.lost:
            found.append(
                change(
                    f"Bring {', '.join(one.lost)} back, with its disk: the data of PVC {one.claim} are there. If they are lost or not "
                    "needed, the PVC has to be made again by what made it, and then has no data."
                )
            )
    if not any(one.lost for one in held.pinned):
        found.append(change("Let the node that has the volume take the pod: its taints, its free resources, and the pod's own selectors."))
    return found


def _of_object(held: Held, one: Obstacle) -> list[Step]:
    namespace, missing = held.start.pod.metadata.namespace, one.missing
    if missing is None:
        return [change(f"Create what the message names, or correct the reference to it, {SOURCE}.")]
    made = " If a SealedSecret or an ExternalSecret makes it, see why that does not." if missing.kind == "secret" else ""
    if missing.key:
        seen = look("See which keys it has.", shell("kubectl -n {} describe {} {}", namespace, missing.kind, missing.name))
    else:
        seen = look("See what there is.", shell("kubectl -n {} get {}", namespace, f"{missing.kind}s"))
    return [seen, change(f"Create {missing}, or correct the reference to it, {SOURCE}.{made}")]


def _of_account(held: Held, one: Obstacle) -> list[Step]:
    return [
        look("See which ServiceAccounts there are.", shell("kubectl -n {} get serviceaccounts", held.start.pod.metadata.namespace)),
        change(f"Create the ServiceAccount {one.what or 'that the message names'}, or correct serviceAccountName, {SOURCE}."),
    ]


def _of_attachment(_: Held, __: Obstacle) -> list[Step]:
    return [
        look("See which node has it, by the PersistentVolume that the message names.", shell("kubectl get volumeattachments")),
        change(
            "Let the other pod terminate: a Deployment with such a volume needs `strategy: Recreate`. Where the other node is lost, its "
            f"pod has to be gone before the volume is detached (`nodes/ready`, `pods/termination`). Change the strategy {SOURCE}."
        ),
    ]


def _of_group(held: Held, _: Obstacle) -> list[Step]:
    context = held.start.pod.spec.security_context
    group = context.fs_group if context else None
    who = f"group {group}" if group is not None else "the pod's fsGroup"
    return [
        change(
            f"Give the files on the volume to {who} on the file server, since one that squashes root keeps the kubelet from it. Then take "
            "fsGroup out of the pod's securityContext, or set fsGroupChangePolicy to OnRootMismatch, so that the kubelet does not try, "
            f"{SOURCE}."
        )
    ]


def _of_init(held: Held, _: Obstacle) -> list[Step]:
    pod = held.start.pod.metadata
    seen = look("Read what it waits for.", shell("kubectl -n {} logs {} -c {} --tail=20", pod.namespace, pod.name, held.start.container))
    if any(one.state in ("missing", "wrong port") for one in held.calls):
        return [seen, change(f"Correct the name or port that it calls, {SOURCE}, or create that Service.")]
    return [seen, change("Repair what it waits for, or correct what it calls.")]


def _of_check(held: Held, one: Obstacle) -> list[Step]:
    """By what the probe answered: a refusal, a status, or no answer in time."""
    start, says = held.start, one.says.lower()
    container = start.pod.container(start.container)
    check: ContainerProbe | None = None
    if container:
        check = container.startup_probe if one.fault == "startup probe" else container.readiness_probe
    pod = start.pod.metadata
    log = look("Read what the container says.", shell("kubectl -n {} logs {} -c {} --tail=50", pod.namespace, pod.name, start.container))
    name = one.fault
    if "statuscode: 404" in says:
        text = f"Correct the path of its {name}, {SOURCE}: it answers, and there is no such page."
    elif "statuscode" in says:
        text = f"Repair what its {name} asks: it answers, and reports that it is not ready."
    elif "connection refused" in says:
        text = f"Nothing listens where its {name} asks: correct the port, {SOURCE}, or find in its log why it does not listen yet."
    elif "deadline exceeded" in says or "timeout" in says or "timed out" in says:
        seconds = f" {check.timeout_seconds} s" if check else ""
        text = f"Let it answer within the timeout of its {name}{seconds and ' of' + seconds}, or raise timeoutSeconds, {SOURCE}."
    else:
        text = f"Repair what its {name} asks, or correct the {name}, {SOURCE}."
    return [log, change(text)]


_MADE: dict[Fault, Callable[[Held, Obstacle], list[Step]]] = {
    "resources": _of_resources,
    "host port": _of_host_port,
    "volume node": _of_pinned,
    "object missing": _of_object,
    "account missing": _of_account,
    "attached elsewhere": _of_attachment,
    "group refused": _of_group,
    "init": _of_init,
    "startup probe": _of_check,
    "readiness probe": _of_check,
}
