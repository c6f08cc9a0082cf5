"""How a Prometheus' database is moved to a disk that it supports, as text with commands to copy."""

from __future__ import annotations

from clusterprobe.model import Subject
from clusterprobe.systems.prometheus import PROMETHEUSES, Prometheus
from clusterprobe.systems.storage import Storage


def move_of_custom(subject: Subject, custom: Prometheus, claims: list[str], wanted: str, storage: Storage) -> str:
    """For one of the Operator, through its object: what is done to its StatefulSet, the Operator undoes."""
    target, first = _local_class(storage, wanted)
    place, name, kind = subject.namespace, subject.name, PROMETHEUSES.name
    replicas = custom.spec.replicas or 1
    template = f'"storage":{{"volumeClaimTemplate":{{"spec":{{"storageClassName":"{target}"}}}}}}'
    delete = f"$ kubectl -n {place} delete pvc {' '.join(claims)}\n" if claims else ""
    return (
        f"{first}The history in the claim is lost with it: copy out what has to be kept. Scaling the StatefulSet does not help: the "
        f"Operator undoes it. Through the Helm values (under Argo CD in Git only):\n"
        f"    prometheus.prometheusSpec.storageSpec.volumeClaimTemplate.spec.storageClassName: {target}\n"
        f"    prometheus.prometheusSpec.replicas: 0   (and {replicas} again once the claim is deleted)\n"
        f"Where Git is not the source:\n"
        f'$ kubectl -n {place} patch {kind} {name} --type merge -p \'{{"spec":{{"replicas":0,{template}}}}}\'\n'
        f"$ kubectl -n {place} wait --for=delete pod -l operator.prometheus.io/name={name} --timeout=15m\n"
        f"{delete}"
        f'$ kubectl -n {place} patch {kind} {name} --type merge -p \'{{"spec":{{"replicas":{replicas}}}}}\''
    )


def move_of_workload(workload: Subject, storage: Storage) -> str:
    """For one without the Operator."""
    target, first = _local_class(storage, "")
    return (
        f"{first}The history is lost with the old volume: copy out what has to be kept. Set the class in what deploys it (in the chart "
        f"prometheus-community/prometheus: server.persistentVolume.storageClass: {target}), delete the claim, and let it be made anew:\n"
        f"$ kubectl -n {workload.namespace} get {workload.kind.lower()} {workload.name} -o yaml\n"
        f"$ kubectl -n {workload.namespace} get pvc"
    )


def _local_class(storage: Storage, wanted: str) -> tuple[str, str]:
    """The class to move to, and what to do first if there is none that is really local."""
    local = storage.truly("local")
    if local:
        return (wanted if wanted in local else local[0]), ""
    return "LOCAL-CLASS", (
        "No class here is known to be really local: make one first (provisioner rancher.io/local-path, volumeBindingMode "
        "WaitForFirstConsumer). A class's provisioner cannot be changed: one that only sounds local is deleted and made anew.\n"
    )
