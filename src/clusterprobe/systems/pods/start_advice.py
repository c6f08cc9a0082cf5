"""What to do about a pod that does not start: by what keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from clusterprobe.fixes import IN_GIT, SOURCE, change, look, shell, snippet
from clusterprobe.model import Command, Step
from clusterprobe.systems.kubernetes.editing import RECREATE
from clusterprobe.systems.kubernetes.objects import ContainerProbe, Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.missing_objects import Missing
from clusterprobe.systems.pods.start_causes import Fault, Obstacle
from clusterprobe.systems.pods.start_diagnosis import Held
from clusterprobe.systems.pods.start_logs import row_of
from clusterprobe.systems.pods.start_volume_advice import of_attachment, of_local_folder, of_longhorn, of_pinned
from clusterprobe.systems.storage.claim_advice import keep_data

_THERE = f"where that is deployed ({IN_GIT})"  # which is not the pod
_PLAIN: dict[Fault, str] = {
    "node not ready": "Bring the node back (`nodes/ready`), or let the pod run on another.",
    "node pressure": "Free what the node is short of, or let the pod run on another node: the taint goes when the pressure does.",
    "node not set up": (
        "Let the agent run that takes the taint off: the network plugin's, the cloud's controller, or the driver's. Its pods and their "
        "logs say why it does not. Do not take it off by hand."
    ),
    "taint": f"Let the pod tolerate the taint, {SOURCE}, if it is meant to run there. Or take the taint off the node.",
    "selector": f"Correct the nodeSelector or node affinity, {SOURCE}, or give a node the label that it asks for.",
    "claim": "Let the PVC get its volume (`storage/claims`).",
    "claim deleted": (
        f"Let the deletion end: pods that mount the PVC hold it. Then create it again, {_THERE}: it gets a new volume, without data. What "
        "becomes of the old one, the reclaim policy of that PersistentVolume decides."
    ),
    "too many pods": "Add a node, or raise maxPods of the kubelet, if the node's network has addresses for them.",
    "cordoned": "Uncordon the node once its maintenance is done, or add a node.",
    "spread": f"Add a node to the zone or host that is short of pods, or relax topologySpreadConstraints {SOURCE}.",
    "spread label": f"Give the nodes the label that topologyKey names, or correct topologyKey, {SOURCE}.",
    "apart": f"Add a node, or relax the affinity or anti-affinity to other pods, {SOURCE}.",
    "volume limit": "Add a node, or let pods with volumes move to another.",
    "no scheduler": f"Let the scheduler run. Or correct spec.schedulerName, {SOURCE}.",
    "unschedulable": "Change what the scheduler's message names.",
    "attach": "Repair what the message names: the volume's driver, its permissions, or the volume itself.",
    "attach limit": (
        "Let the pod run on another node, or pods with volumes leave this one. Where it comes back, the driver tells the scheduler too "
        "high a limit: disks that others attach to the node count as well (in the driver for EBS `reservedVolumeAttachments`)."
    ),
    "attach zone": (
        f"Let the pod run in the zone of the disk (nodeSelector, affinity), {SOURCE}. A PersistentVolume that was made by hand needs a "
        "nodeAffinity of its zone, by which the scheduler knows. Else restore the disk from a snapshot in this zone."
    ),
    "attach refused": "Give the account or role of the driver's controller the permission that the message names.",
    "attacher": "Read the log of the driver's controller pod, container csi-attacher, and see that it runs.",
    "disk missing": (
        f"Restore the disk from a snapshot or backup, and correct the PersistentVolume's volumeHandle. Without one the data are lost: then "
        f"the PVC has to be made again, {_THERE}."
    ),
    "driver missing": (
        "Let the driver's DaemonSet run on that node: its nodeSelector, its tolerations, its own pods. After a restart of the kubelet a "
        "driver registers again only when its pod is restarted."
    ),
    "disk in use": (
        "See on the node what holds the disk (`lsblk`, `multipath -l`). Where it is multipathd, leave the driver's disks out of it by a "
        "blacklist in /etc/multipath.conf, and restart it. Do not format the disk by hand."
    ),
    "file system": (
        "Take a snapshot of the disk first. Then repair its file system (fsck, xfs_repair) while nothing has it mounted. Where the disk is "
        "of another type, correct fsType instead."
    ),
    "mount option": f"Correct mountOptions of the volume or its class, {_THERE}.",
    "share login": (
        "Correct the user, its domain and the password in the Secret that the volume or its class names (node-stage-secret), or give that "
        "user the right to the share on the file server."
    ),
    "share unreachable": "Repair the way from the node to the file server: its name, its address, a firewall before TCP 445.",
    "share path": f"Correct the name of the share and its folder in the volume (source), {_THERE}, or make it on the file server.",
    "nfs lock": f"Start rpc.statd on the node (nfs-common), or mount with nfsvers=4 or nolock (mountOptions), {_THERE}.",
    "nfs version": f"Correct nfsvers in mountOptions, {_THERE}, or let the file server speak that version.",
    "nfs stale": "Bring the folder back on the file server. Then the pods that still have it mounted have to be restarted.",
    "mount program": "Install the program that mounts this kind of volume on the node, such as nfs-common or cifs-utils.",
    "nfs refused": (
        f"Let the file server export the folder to the node's address. Or correct the path of the volume, {_THERE}: a server refuses a "
        "folder that it does not export in the same words."
    ),
    "nfs unreachable": "Repair the way from the node to the file server: its name, its address, the firewall between them.",
    "network login": (
        "Restart the network plugin's pod on that node, which writes its credentials there again. If it stays, see whether the plugin's "
        "ServiceAccount and ClusterRoleBinding are there, and the clock of the node."
    ),
    "nfs path": f"Make the folder on the file server, or correct the path of the volume, {_THERE}.",
    "host path": f"Make on the node what the volume's type asks for, or correct its path or type, {SOURCE}.",
    "no address": "Give the network plugin more addresses: a larger range for the node or the subnet, or fewer pods on the node.",
    "runtime handler": (
        f"Install that runtime on the node and name it in the container runtime's configuration, let the pod run on nodes that have it, or "
        f"correct runtimeClassName, {SOURCE}."
    ),
    "sandbox image": "Let the node reach the registry of its pause image, or set another in the container runtime's configuration.",
    "sandbox": "Repair on that node what the message names: its container runtime, its cgroups, its disk.",
    "network": "Repair the network plugin on that node: its pod, its configuration, its log.",
    "mount": "Repair what the message names.",
    "volumes wait": "Repair what its events say of the volume. Else see whether the volume's driver runs on that node, and its log.",
    "not registered": "Wait: the kubelet tries again. If it lasts, restart the kubelet of that node.",
    "pulling": "Wait, if the image is large. Else see whether the node reaches its registry, or take a smaller image or a mirror nearby.",
    "gate": "Repair what the message names: something outside the pod has to report that it is ready.",
    "unknown": "Read the kubelet's log on its node: what it does with this pod.",
}


def steps(held: Held) -> list[Step]:
    """First what it says itself, then what changes it."""
    pod = held.start.pod.metadata
    first = look("Read its state and its events.", shell("kubectl -n {} describe pod {}", pod.namespace, pod.name))
    if held.virtual:
        return [first, *_of_virtual()]
    found = [step for one in held.obstacles for step in _of(held, one)]
    if held.node and held.start.state != "unscheduled":
        found.insert(0, change("Bring its node back (`nodes/ready`), or let the workload's pod move to another."))
    if held.absent:
        found = [change(f"Create PVC {', '.join(held.absent)}, or correct the name, {SOURCE}."), *found]
    return [first, *(one for number, one in enumerate(found) if one not in found[:number])]


def _of_virtual() -> list[Step]:
    code = snippet(
        "affinity:\n  nodeAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n      nodeSelectorTerms:\n        - "
        "matchExpressions:\n            - key: {}\n              operator: NotIn\n              values: [{}]",
        "eks.amazonaws.com/compute-type", "fargate",
    )  # fmt: skip
    text = (
        f"Keep the DaemonSet away from such nodes by a node affinity of its template, {SOURCE}; charts have a value `affinity` for it. Of "
        "another virtual node, name the label `type` and its value instead. Until then the pod stays Pending, and nothing is lost by it."
    )
    return [change(text, code=code)]


def _of(held: Held, one: Obstacle) -> list[Step]:
    if made := _MADE.get(one.fault):
        return made(held, one)
    if one.fault == "claim" and held.absent and not held.pending:
        return []  # that it has to be created is said already
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
    pod, which = held.start.pod, ", ".join(map(str, sorted(held.start.pod.host_ports))) or "it wants"
    labels = pod.metadata.labels or {}
    service = "/".join(labels.get(f"svccontroller.k3s.cattle.io/svc{part}", "") for part in ("namespace", "name")).strip("/")
    if service:
        text = f"Give the Service {service} another port than {which}, or let only one Service with that port be a LoadBalancer: k3s makes "
        text += "these pods for it, which take the Service's ports on each node."
    elif held.holders == (workload_of(pod),):
        text = f"Let an update end the old pod first, {SOURCE}: {RECREATE}, or maxSurge 0. Two pods on a node cannot have one port."
    else:
        text = f"Give one of the two another hostPort than {which}, {SOURCE}, or remove one: two releases of a node agent want one port."
    return [look("See the pods on the nodes, and which of them is made for the same.", shell("kubectl get pods -A -o wide")), change(text)]


def _of_object(held: Held, one: Obstacle) -> list[Step]:
    if not one.missing:
        return [change(f"Create what the message names, or correct the reference to it, {SOURCE}.")]
    if _is_made_by_operator(held.start.pod, one.missing):
        return [change("Let the Operator make it, once it accepts the object that this pod is of (`prometheus/reconciled`).")]
    return [step for each in one.missing for step in create(each, held.start.pod.metadata.namespace)]


def _is_made_by_operator(pod: Pod, missing: Iterable[Missing]) -> bool:
    """Whether the Prometheus Operator makes what is missing: it names it like the StatefulSet, which it makes as well."""
    managed = (pod.metadata.labels or {}).get("app.kubernetes.io/managed-by") == "prometheus-operator"
    return managed and all(one.name.startswith(f"{workload_of(pod).name}-") for one in missing)


def create(missing: Missing, namespace: str) -> list[Step]:
    """Look for what a pod of this namespace misses, and create it."""
    namespace = missing.namespace or namespace
    made = (
        " If a SealedSecret, an ExternalSecret, a Certificate or a Job makes it, see why that does not." if missing.kind == "secret" else ""
    )
    if missing.key:  # describe shows the keys of a Secret, and none of its values
        seen = look("See which keys it has.", shell("kubectl -n {} describe {} {}", namespace, missing.kind, missing.name))
    else:
        seen = look("See what there is.", shell("kubectl -n {} get {}", namespace, f"{missing.kind}s"))
    return [seen, change(f"Create {missing}, or correct the reference to it, {SOURCE}.{made}")]


def _of_deleted_claim(held: Held, one: Obstacle) -> list[Step]:
    kept = [
        keep_data(volume, f"If the data of PVC {name} are needed, keep them before anything else: its deletion cannot be taken back.")
        for name, volume in held.going
        if volume
    ]
    return [*kept, change(_PLAIN[one.fault])]


def _of_provider_class(held: Held, one: Obstacle) -> list[Step]:
    there = shell("kubectl -n {} get secretproviderclasses.secrets-store.csi.x-k8s.io", held.start.pod.metadata.namespace)
    return [
        look("See which there are.", there),
        change(f"Create the SecretProviderClass {one.what} in the pod's namespace, or correct its name in the volume, {SOURCE}."),
    ]


def _of_queue(held: Held, _: Obstacle) -> list[Step]:
    namespace = held.start.pod.metadata.namespace
    return [
        look(
            "See what Kueue says of its workload, and of the queue.",
            shell("kubectl -n {} get workloads.kueue.x-k8s.io -o yaml", namespace),
            shell("kubectl -n {} get localqueues.kueue.x-k8s.io", namespace),
        ),
        change(
            "Wait, if others only come first. Else correct what its workload's condition names: a queue that does not exist or is stopped, "
            f"or more than the quota of its ClusterQueue. What the pod asks for and its queue are changed {SOURCE}."
        ),
    ]


def _of_gate(_: Held, one: Obstacle) -> list[Step]:
    gate = one.what or "that gate"
    return [change(f"Let the controller run that takes {gate} away, and read its log. If it was removed, leave the gate out, {SOURCE}.")]


def _of_provider(_: Held, one: Obstacle) -> list[Step]:
    return [
        look("See which of them run on that node.", shell("kubectl get daemonsets -A")),
        change(
            f"Install the provider {one.what}, whose DaemonSet has to run on that node, or correct it in the SecretProviderClass, {SOURCE}."
        ),
    ]


def _of_network(held: Held, one: Obstacle) -> list[Step]:
    there = shell("kubectl -n {} get network-attachment-definitions.k8s.cni.cncf.io", held.start.pod.metadata.namespace)
    return [
        look("See which there are.", there),
        change(
            f"Create the NetworkAttachmentDefinition {one.what}, or correct the pod's annotation k8s.v1.cni.cncf.io/networks, {SOURCE}: it "
            "looks in the pod's namespace where it names none."
        ),
    ]


def _of_cluster_name(_: Held, one: Obstacle) -> list[Step]:
    """A name is `service.namespace.svc…`, and its Service has an address that nodes can reach."""
    name, namespace = f"{one.what}.".split(".")[:2]
    return [
        look("See the Service's address.", shell("kubectl -n {} get service {}", namespace, name)),
        change(
            f"Let the volume name that cluster IP in place of {one.what}, {_THERE}. A PersistentVolume keeps its server: it has to be made "
            "again, with reclaim policy Retain first. Drivers that mount in a pod with the cluster's DNS take the name."
        ),
    ]


def _of_devices(held: Held, _: Obstacle) -> list[Step]:
    return [
        look(
            "See its claims, and what the nodes have.",
            shell("kubectl -n {} get resourceclaims", held.start.pod.metadata.namespace),
            shell("kubectl get resourceslices"),
        ),
        change(f"Let the device's driver run on the nodes that have it, add such a node, or let it ask for less, {SOURCE}."),
    ]


def _of_account(held: Held, one: Obstacle) -> list[Step]:
    return [
        look("See which ServiceAccounts there are.", shell("kubectl -n {} get serviceaccounts", held.start.pod.metadata.namespace)),
        change(f"Create the ServiceAccount {one.what or 'that the message names'}, or correct serviceAccountName, {SOURCE}."),
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
    if known := row_of(held.line):
        return [log, change(f"{known.helps} Change it {SOURCE}.")]
    if held.line and "statuscode: 5" in says:
        return [log, change("Repair what its log names: it answers its probe, and reports that it is not ready.")]
    return [log, change(_of_answer(one.fault, says, check.timeout_seconds if check else 0))]


def _of_answer(name: str, says: str, timeout_seconds: int) -> str:
    """What helps against what a check was answered."""
    seconds = f" of {timeout_seconds} s" if timeout_seconds else ""
    known = (
        (("statuscode: 404",), f"Correct the path of its {name}, {SOURCE}: it answers, and there is no such page."),
        (
            ("statuscode: 401", "statuscode: 403"),
            f"Let its {name} ask a page that needs no login, {SOURCE}: what it asks now wants credentials.",
        ),
        (("statuscode",), f"Repair what its {name} asks: it answers, and reports that it is not ready."),
        (("executable file not found", "no such file"), f"Correct the command of its {name}, {SOURCE}: the image has no such program."),
        (("response to https client",), f"Set the scheme of its {name} to HTTP, {SOURCE}: the port speaks no TLS."),
        (("malformed http",), f"Set the scheme of its {name} to HTTPS, {SOURCE}, or correct its port: what answers is no HTTP."),
        (("does not implement the grpc health",), f"Let the program serve grpc.health.v1.Health, or check it otherwise, {SOURCE}."),
        (
            ("connection refused",),
            f"Nothing listens where its {name} asks: correct the port, {SOURCE}, or find in its log why it does not listen yet.",
        ),
        (
            ("deadline exceeded", "timeout", "timed out"),
            f"Let it answer within the timeout{seconds} of its {name}, or raise timeoutSeconds, {SOURCE}.",
        ),
    )
    return next(
        (text for words, text in known if any(one in says for one in words)),
        f"Repair what its {name} asks, or correct the {name}, {SOURCE}.",
    )


_MADE: dict[Fault, Callable[[Held, Obstacle], list[Step]]] = {
    "resources": _of_resources,
    "queued": _of_queue,
    "gated": _of_gate,
    "host port": _of_host_port,
    "volume node": of_pinned,
    "claim deleted": _of_deleted_claim,
    "object missing": _of_object,
    "provider class": _of_provider_class,
    "provider missing": _of_provider,
    "network missing": _of_network,
    "cluster name": _of_cluster_name,
    "devices": _of_devices,
    "account missing": _of_account,
    "attached elsewhere": of_attachment,
    "volume not ready": of_longhorn,
    "local folder": of_local_folder,
    "group refused": _of_group,
    "init": _of_init,
    "startup probe": _of_check,
    "readiness probe": _of_check,
}
