"""What to do about pods that do not terminate: by the phase in which they hang."""

from __future__ import annotations

from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Step
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.pods.termination.model import Phase

_BLOCKED = 'ps -eo pid,stat,wchan:20,args | grep -E "^ *[0-9]+ +D"'
_MOUNTS = 'grep -E "nfs|cifs|ceph|fuse" /proc/mounts; ps -eo pid,stat,wchan:20,args | grep [u]mount'
_AS_A_POD = (
    "This starts a pod with the node's file system, which is to be deleted afterwards: kubectl prints its name. Where Pod Security refuses "
    "it, add a namespace that allows it (`-n kube-system`). A node without a shell, as of Talos or Bottlerocket, has tools of its own."
)


def release(phase: Phase, node: str, pod: Pod, exports: list[str], drivers: list[str], *, lost: bool) -> list[Step]:
    """The steps for one pod of those that hang on a node in the same phase; `lost`: its node is no longer there."""
    place = (pod.metadata.namespace, pod.metadata.name)
    held = _finalizers(pod) if pod.metadata.finalizers else []
    if lost:
        return [
            look("See whether the node was removed for good.", shell("kubectl get nodes")),
            *held,
            change(
                "Let the pod garbage collector delete the pod: it does so for nodes that no longer exist. Delete it by force only once the "
                "machine is off for certain: else two pods may write to the same volume."
            ),
        ]
    if phase is Phase.NODE:
        return [
            look("See why the node is not ready.", shell("kubectl describe node {}", node)),
            change("Bring the node back. Delete the Node object only once its machine is off for good: its pods are then deleted as well."),
        ]
    if phase is Phase.FINALIZERS:
        return held
    if phase is Phase.CLEANUP:
        return unmount(node, exports, drivers)
    look_at = [look("See what it waits for.", shell("kubectl -n {} describe pod {}", *place))]
    running = [one.name for one in pod.status.container_statuses or [] if one.state.running is not None]
    if phase is Phase.APPLICATION and running:
        logs = [shell("kubectl -n {} logs {} -c {} --tail=20", *place, one) for one in running]
        look_at.append(look("Read what its containers do after SIGTERM.", *logs))
        return [*look_at, *_killed_in_vain(node)]
    return [*look_at, change("Repair what its events name, the volume or the image: until the kubelet is done with that, the pod stays.")]


def _killed_in_vain(node: str) -> list[Step]:
    """After its grace period a container is killed: one that still runs waits in the kernel, or is not reached by its runtime."""
    return [
        change(
            f"See which processes wait in the kernel (state D), as for a file server that does not answer. {_AS_A_POD}",
            shell("kubectl debug node/{} -it --image=busybox -- chroot /host sh -c {}", node, _BLOCKED),
        ),
        change(
            f"Repair what they wait for. If none waits, restart the container runtime of {node}, or the node. Do not delete the pod by "
            "force while a container of it runs: a second one may then write to the same volume."
        ),
    ]


def _finalizers(pod: Pod) -> list[Step]:
    names = ", ".join(pod.metadata.finalizers)
    return [
        look(
            "See which finalizers hold the pod.",
            shell("kubectl -n {} get pod {} -o jsonpath='{.metadata.finalizers}'", pod.metadata.namespace, pod.metadata.name),
        ),
        change(
            f"Find the controller that sets {names}, and let it run again: it takes its finalizer away. One that is removed by hand "
            "skips what that controller was to clean up."
        ),
    ]


def unmount(node: str, exports: list[str], drivers: list[str]) -> list[Step]:
    """For an unmount that hangs: the node's side, and the server's. No grace period helps."""
    servers = sorted({one.partition(":")[0] for one in exports})
    steps = []
    if drivers:
        steps.append(
            look(
                f"See that {' and '.join(drivers)} is among the CSI drivers of {node}: without its pod, nothing unmounts its volumes.",
                shell("kubectl get csinode {} -o jsonpath='{.spec.drivers[*].name}'", node),
            )
        )
    steps.append(
        change(
            f"See what the unmount waits for. {_AS_A_POD}",
            shell("kubectl debug node/{} -it --image=busybox -- chroot /host sh -c {}", node, _MOUNTS),
        )
    )
    if servers:
        text = f"At the NFS server {', '.join(servers)}: repair what it waits for (load, locks, lost packets between it and {node})."
    else:
        text = f"Repair what the unmount waits for on {node}."
    return [*steps, change(f"{text} A shorter grace period only ends the application sooner.")]
