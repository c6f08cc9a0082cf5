"""What to do about a pod that does not start for want of a volume: by what keeps that."""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, change, look, patch, shell
from clusterprobe.model import Step
from clusterprobe.systems.kubernetes.editing import RECREATE
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.start_causes import Obstacle
from clusterprobe.systems.pods.start_diagnosis import Held
from clusterprobe.words import listed


def of_attachment(held: Held, _: Obstacle) -> list[Step]:
    seen = look("See which node has it, by the PersistentVolume that the message names.", shell("kubectl get volumeattachments"))
    owner = workload_of(held.start.pod)
    if held.mates:
        wanted = patch({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
        text = (
            f"Let an update end the old pod first: {RECREATE}, {SOURCE}; in Grafana's chart it is deploymentStrategy.type. As "
            "long as one pod mounts the volume, none is up during an update. Until that is deployed, on the Deployment itself."
        )
        return [seen, change(text, shell("kubectl -n {} patch deployment {} -p {}", owner.namespace, owner.name, wanted))]
    return [
        seen,
        change(
            f"Let the other pod terminate: a Deployment with such a volume needs {RECREATE}. Where the other node is lost, its "
            f"pod has to be gone before the volume is detached (`nodes/ready`, `pods/termination`). Change the strategy {SOURCE}."
        ),
    ]


def of_pinned(held: Held, _: Obstacle) -> list[Step]:
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
    if labels := [label for one in held.pinned for label in one.labels]:
        found.append(change(f"Add a node with {listed(labels, 3)} that has room for the pod, or make room on one that has it."))
    elif not any(one.lost for one in held.pinned):
        found.append(change("Let the node that has the volume take the pod: its taints, its free resources, and the pod's own selectors."))
    return found


def of_longhorn(_: Held, one: Obstacle) -> list[Step]:
    return [
        look("See its state, its robustness and its replicas.", shell("kubectl get volumes.longhorn.io,replicas.longhorn.io -A")),
        change(
            f"Bring a replica of Longhorn's volume {one.what or 'that the message names'} back: its node, its disk, the pods of Longhorn "
            "there. One that is faulted although its disk is well is salvaged in Longhorn (Salvage). Without any replica restore a backup."
        ),
    ]


def of_local_folder(held: Held, one: Obstacle) -> list[Step]:
    node = held.start.pod.spec.node_name
    volumes = [look("See the volume.", shell("kubectl get pv {} -o yaml", each.volume)) for each in held.pinned]
    return [
        *volumes,
        change(
            f"Bring {one.what or 'that path'} back on node {node}: mount its disk there again. If the node was installed anew, its data "
            "are lost: the PVC has to be made again by what made it, and restored from a backup. A folder that is only made anew is empty."
        ),
    ]
