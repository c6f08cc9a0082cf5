from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes import CLASSES
from clusterprobe.systems.objects import PersistentVolumeClaim, StorageClass
from clusterprobe.systems.storage import DEFAULT_CLASS, claim_subject, default_classes, nature_of_class, sounds_local
from clusterprobe.verdict import Verdict


def probe_classes(
    verdict: Verdict,
    storage_classes: Readings[StorageClass],
    claims: Readings[PersistentVolumeClaim],
) -> None:
    """Is there exactly one default storage class, and is each class what it is called?

    Problem: A claim without a class stays Pending for ever, gets another class than its author meant, or gets NFS by the name of
    a local disk.
    Cause: No class is marked as the default one, or several are, of which the newest wins; or a class was made anew with another
    provisioner under the old name.
    Fix: Mark exactly one class as default, and name classes after what they are.
    Prevention: Keep the classes in Git, and name the class in every claim that cares.
    """
    classes, waiting = [one for _, one in verdict.examine(storage_classes)], verdict.enrich(claims)
    defaults = default_classes(classes)
    if classes and not defaults and storage_classes.complete:
        _report_none(verdict, classes, waiting)
    if len(defaults) > 1:
        _report_several(verdict, defaults)
    for one in classes:
        nature = nature_of_class(one)
        if nature.kind == "nfs" and sounds_local(one.metadata.name):
            _report_misleading(verdict, one, str(nature))
    rows = [[one.metadata.name, one.provisioner, nature_of_class(one).what, "yes" if one.is_default else ""] for one in classes]
    verdict.exhibit(Table(title="Storage classes", columns=["Class", "Provisioner", "What it really is", "Default"], rows=rows))


def _report_none(verdict: Verdict, classes: list[StorageClass], claims: Readings[PersistentVolumeClaim]) -> None:
    waiting = [one for one in claims.items if one.spec.storage_class_name is None and one.status.phase == "Pending"]
    names = ", ".join(str(claim_subject(one)) for one in waiting[:5])
    verdict.finding(
        Severity.WARNING,
        "NoDefaultClass",
        Subject(api_version=CLASSES.api_version, kind="StorageClassList"),
        problem="No storage class is the default one: a claim that names none stays Pending.",
        cause=f'None of {", ".join(one.metadata.name for one in classes)} has the annotation {DEFAULT_CLASS}: "true".'
        + (f" It is what {len(waiting)} claims wait for now: {names}." if waiting else ""),
        fix="Mark the one that claims are to get:\n"
        f"$ kubectl annotate storageclass {classes[0].metadata.name} {DEFAULT_CLASS}=true --overwrite",
        prevention="Keep the annotation in the values of the provisioner's chart (storageClass.defaultClass: true).",
    )


def _report_several(verdict: Verdict, defaults: list[StorageClass]) -> None:
    winner, *others = (one.metadata.name for one in defaults)
    verdict.finding(
        Severity.WARNING,
        "SeveralDefaultClasses",
        CLASSES.subject("", winner),
        problem=f"{len(defaults)} storage classes are marked as default: a claim that names none gets {winner}.",
        cause=f'{winner} is the newest of those with {DEFAULT_CLASS}: "true", and the newest wins over {", ".join(others)}.',
        fix="Leave the mark on one of them:\n"
        + "\n".join(f"$ kubectl annotate storageclass {one} {DEFAULT_CLASS}=false --overwrite" for one in others),
        prevention="Let only one provisioner's values set storageClass.defaultClass; a Kubernetes distribution often brings one already.",
        exhibits=[
            Table(
                title="Marked as default, the one that wins first",
                columns=["Class", "Provisioner", "Created"],
                rows=[[one.metadata.name, one.provisioner, one.metadata.creation_timestamp or ""] for one in defaults],
            )
        ],
    )


def _report_misleading(verdict: Verdict, one: StorageClass, nature: str) -> None:
    name = one.metadata.name
    verdict.finding(
        Severity.WARNING,
        "ClassNameMisleads",
        CLASSES.subject("", name),
        problem=f"The storage class `{name}` sounds like a disk of the node, and is NFS.",
        cause=f"It is {nature}: whoever asks for `{name}` gets a directory on the NFS server.",
        fix=f"A class's provisioner cannot be changed: make it anew with the local one (bound claims keep their volumes, so see "
        f"`storage/placement` for who has to move), or give the NFS class a name of its own:\n"
        f"$ kubectl get storageclass {name} -o yaml\n$ kubectl delete storageclass {name}",
        prevention="Name a class after what it is, and keep the classes in Git.",
    )
