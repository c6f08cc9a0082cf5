from dataclasses import dataclass

from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes import CLAIMS
from clusterprobe.systems.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.storage import Nature, Storage, claim_name, data_volume
from clusterprobe.systems.workloads import workload_of
from clusterprobe.verdict import Verdict

NAME = "app.kubernetes.io/name"


@dataclass(frozen=True, slots=True)
class Placed:
    """One claim of a system, or, where its data have none, what they lie on instead."""

    system: str
    subject: Subject
    class_name: str
    nature: Nature


def probe_placement(
    verdict: Verdict,
    pods: Readings[Pod],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    storage_classes: Readings[StorageClass],
    profile: Profile,
) -> None:
    """Does every system keep its data on the kind of storage that the profile expects?

    Problem: A system's data lie on storage that does not suit it: a database on NFS, or what has to last on something that goes
    away with the pod.
    Cause: The claim's class, by whatever name, provisions another kind of storage than expected; or there is no claim at all.
    Fix: Name a class of the expected kind in the system's values, and make the claim anew; or accept it in the profile (`storage`).
    Prevention: Say in the profile what each system may lie on, and let this probe check it after each change.
    """
    storage = Storage(verdict.need(claims), verdict.need(volumes), verdict.need(storage_classes))
    wanted = pods.keep(lambda _, pod: pod.label(NAME) in profile.storage and not pod.metadata.deletion_timestamp, _nobody(profile))
    placed: dict[tuple[str, Subject], Placed] = {}
    bare: dict[tuple[str, Subject], Placed] = {}
    for subject, pod in verdict.examine(wanted):
        found = list(_claims_of(pod, storage))
        placed |= {(one.system, one.subject): one for one in found}
        volume = data_volume(pod)
        if not found and volume is not None:
            nature = storage.of_mount(subject.namespace, subject.name, volume)
            bare[pod.label(NAME), workload_of(pod)] = Placed(pod.label(NAME), workload_of(pod), "", nature)
    # Parts of a system may well do without a claim, such as Loki's readers: it is the whole that must not.
    kept = {(one.system, one.subject.namespace) for one in placed.values()}
    alone = [one for one in bare.values() if (one.system, one.subject.namespace) not in kept]
    every = [*placed.values(), *(one for one in alone if not pods.missing_reason(one.subject.namespace))]
    for one in every:
        _judge(verdict, one, list(profile.storage[one.system]))
    rows = [[one.system, str(one.subject), one.class_name or "(none)", str(one.nature), _expected(one, profile)] for one in every]
    verdict.exhibit(Table(title="Storage per system", columns=["System", "Claim", "Class", "What it really is", "As expected"], rows=rows))


def _nobody(profile: Profile) -> str:
    return f"no pod is labelled as one of {', '.join(profile.storage)}"


def _claims_of(pod: Pod, storage: Storage) -> list[Placed]:
    namespace, system = pod.metadata.namespace, pod.label(NAME)
    found = []
    for volume in pod.spec.volumes or []:
        name = claim_name(volume)
        if name:
            claim = storage.claim(namespace, name)
            nature = storage.of_mount(namespace, pod.metadata.name, volume)
            found.append(Placed(system, CLAIMS.subject(namespace, name), storage.class_of(claim) if claim else "", nature))
    return found


def _expected(one: Placed, profile: Profile) -> str:
    return "cannot be told" if not one.nature.known else "yes" if one.nature.kind in profile.storage[one.system] else "no"


def _judge(verdict: Verdict, one: Placed, allowed: list[str]) -> None:
    if not one.nature.known:
        if {"local", "nfs", "network"} - set(allowed):
            verdict.unchecked(one.subject, f"what the data of {one.system} lie on: {one.nature.what}")
        return
    if one.nature.kind in allowed:
        return
    namespace, accept = one.subject.namespace, ", ".join([*allowed, one.nature.kind])
    if one.system == "prometheus" and one.nature.kind == "nfs":
        also = "`prometheus/storage` tells how to move its database; NFS is not supported, so there is nothing to accept.\n"
    else:
        also = f"If it is meant to be so, say so in the profile:\n    storage: {{{one.system}: [{accept}]}}\n"
    verdict.finding(
        Severity.WARNING,
        "StorageNotAsExpected",
        one.subject,
        problem=f"The data of {one.system} in {namespace} lie on {one.nature.kind} storage; expected is {' or '.join(allowed) or 'none'}.",
        cause=f"{one.subject} (class `{one.class_name or 'none'}`) is {one.nature}.",
        fix=f"Name a class of the expected kind in the values of {one.system}, and make the claim anew (its data are lost with it). {also}"
        f"$ kubectl -n {namespace} get pvc -o wide",
        prevention="Name the class in the values instead of relying on the default one.",
    )
