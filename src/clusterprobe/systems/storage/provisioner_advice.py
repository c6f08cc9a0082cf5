"""Two provisioners that answer to one name, in words: what comes of it, and what to change."""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Step
from clusterprobe.systems.storage.provisioners import Rivals
from clusterprobe.words import listed, number

_WHERE = "kubectl get pv -o custom-columns=NAME:.metadata.name,CLASS:.spec.storageClassName,SERVER:.spec.nfs.server,PATH:.spec.nfs.path"


def cause(one: Rivals) -> str:
    """Who runs, and where the volumes are."""
    who = listed([f"{workload} for {export}" for workload, export in one.workloads], 4, between=" and ")
    where = listed([f"{number(count, 'volume')} on {export}" for export, count in one.volumes], 4, between=" and ")
    return (
        f"{who} run, and volumes of its {'class' if len(one.classes) == 1 else 'classes'} {listed(one.classes, 4)} are on the exports of "
        f"both: {where}. By one name (PROVISIONER_NAME) each takes every PVC of these classes, and the first one "
        "wins; or one of them had that name before."
    )


def steps(one: Rivals) -> list[Step]:
    """A name for each, and the classes that go with it."""
    return [
        look(
            "See under which name each runs.",
            *(shell("kubectl -n {} describe {} {}", each.namespace, each.kind.lower(), each.name) for each, _ in one.workloads[:4]),
        ),
        look("See which volume is on which export.", shell(_WHERE)),
        change(
            f"Give each a name of its own (in its chart storageClass.provisionerName), and a class of its own with that name, {SOURCE}. "
            "The provisioner of a class that is there cannot be changed: the class has to be made again, which leaves its volumes as they "
            "are. PVCs whose volume is on the wrong export keep it: their data have to be copied into new ones."
        ),
    ]
