from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.managers import manager_of
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.kubernetes.resources import CLASSES
from clusterprobe.systems.storage.natures import DEFAULT_CLASS, Nature, claim_subject, default_classes, nature_of_class, sounds_local
from clusterprobe.systems.storage.provisioner_advice import cause, steps
from clusterprobe.systems.storage.provisioners import Rivals, rivals
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

BETA_DEFAULT_CLASS = "storageclass.beta.kubernetes.io/is-default-class"  # of before, and still obeyed
PROVISIONER_CHARTS = ("nfs-subdir-external-provisioner", "local-path-provisioner")
NO_DEFAULT_CLASS = FindingKind(
    "NoDefaultClass",
    Severity.WARNING,
    "No storage class is the default one.",
    prevention="Keep the annotation in the values of the provisioner's chart (storageClass.defaultClass: true).",
)
SEVERAL_DEFAULT_CLASSES = FindingKind(
    "SeveralDefaultClasses",
    Severity.WARNING,
    "More than one storage class is the default one.",
    prevention=("Let only one provisioner's values set storageClass.defaultClass; a Kubernetes distribution often brings one already."),
)
CLASS_NAME_MISLEADS = FindingKind(
    "ClassNameMisleads",
    Severity.WARNING,
    "A storage class is named like a disk of the node, and is NFS or another shared file system.",
    prevention="Name a class after what it is, and keep the classes in Git.",
)
PROVISIONERS_ALIKE = FindingKind(
    "ProvisionersAlike",
    Severity.WARNING,
    "Two provisioners of different exports make the volumes of the same class.",
    prevention="Give each release of a provisioner its own storageClass.provisionerName and storageClass.name.",
)


@reports(NO_DEFAULT_CLASS, SEVERAL_DEFAULT_CLASSES, CLASS_NAME_MISLEADS, PROVISIONERS_ALIKE)
def probe_classes(
    verdict: Verdict,
    storage_classes: Examined[StorageClass],
    claims: Enriching[PersistentVolumeClaim],
    volumes: Enriching[PersistentVolume],
    pods: Enriching[Pod],
    profile: Profile,
) -> None:
    """Is there exactly one default storage class, is each class what it is called, and made by one provisioner?

    Problem: A PVC without a class stays Pending for ever, gets another class than its author meant, gets NFS by the name of
    a local disk, or a folder on another server than its class is for.
    Cause: No class is marked as the default one, or several are, of which the newest wins; or a class was recreated with another
    provisioner under the old name; or two provisioners run under one name.
    Fix: Mark exactly one class as default, and name classes after what they are.
    Prevention: Keep the classes in Git, and name the class in every PVC that needs one.
    """
    classes = [one for _, one in storage_classes]
    defaults = default_classes(classes)
    if classes and not defaults and storage_classes.readings.complete:
        _report_none(verdict, classes, claims)
    if len(defaults) > 1:
        _report_several(verdict, defaults)
    for one in classes:
        nature = nature_of_class(one, profile.storage_drivers)
        if nature.kind in ("nfs", "shared", "object") and sounds_local(one.metadata.name):
            _report_misleading(verdict, one, nature)
    for pair in rivals(classes, volumes.items, pods.items):
        _report_rivals(verdict, pair)
    natures = {one.metadata.name: nature_of_class(one, profile.storage_drivers).what for one in classes}
    rows = [[one.metadata.name, one.provisioner, natures[one.metadata.name], "yes" if one.is_default else ""] for one in classes]
    verdict.exhibit(Table(title="Storage classes", columns=["Class", "Provisioner", "Actual storage", "Default"], rows=rows))


def _report_none(verdict: Verdict, classes: list[StorageClass], claims: Readings[PersistentVolumeClaim]) -> None:
    waiting = [one for one in claims.items if one.spec.storage_class_name is None and one.status.phase == "Pending"]
    names = listed([str(claim_subject(one)) for one in waiting], 5)
    verdict.report(
        NO_DEFAULT_CLASS,
        Subject(api_version=CLASSES.api_version, kind="StorageClassList"),
        problem="No storage class is the default one: a PVC that names none stays Pending.",
        cause=f'None of {", ".join(one.metadata.name for one in classes)} has the annotation {DEFAULT_CLASS}: "true".'
        + (f" {number(len(waiting), 'PVC waits', 'PVCs wait')} for it now: {names}." if waiting else ""),
        fix=_mark(classes),
    )


def _where(one: StorageClass) -> str:
    """Where the mark has to be set to stay."""
    manager = manager_of(one.metadata)
    return manager.lasting("storageClass.defaultClass" if manager.chart in PROVISIONER_CHARTS else "")


def _mark(classes: list[StorageClass]) -> list[Step]:
    """Which class it should be, only an operator knows, unless there is just one."""
    if len(classes) == 1:
        name = classes[0].metadata.name
        return [
            change(
                f"Mark {name}, the only class, as the default. {_where(classes[0])}",
                shell("kubectl annotate storageclass {} {} --overwrite", name, f"{DEFAULT_CLASS}=true"),
            )
        ]
    return [
        look("See what each class provisions.", shell("kubectl get storageclass")),
        change(f'Give the one that PVCs without a class are to get the annotation {DEFAULT_CLASS}: "true", {SOURCE}.'),
    ]


def _unmarked(one: StorageClass) -> list[tuple[str, str]]:
    """The class and the annotation that takes its mark away, for each of the two that mark it."""
    given = {DEFAULT_CLASS: one.metadata.annotations.default_class, BETA_DEFAULT_CLASS: one.metadata.annotations.beta_default_class}
    return [(one.metadata.name, f"{key}=false") for key, value in given.items() if value == "true"]


def _report_several(verdict: Verdict, defaults: list[StorageClass]) -> None:
    winner, *others = (one.metadata.name for one in defaults)
    verdict.report(
        SEVERAL_DEFAULT_CLASSES,
        CLASSES.subject("", winner),
        problem=f"{len(defaults)} storage classes are marked as default: a PVC that names none gets {winner}.",
        cause=f'{winner} is the newest of those with {DEFAULT_CLASS} (or {BETA_DEFAULT_CLASS}): "true", and the newest wins over '
        f"{', '.join(others)}.",
        fix=[
            change(
                f"Leave the mark on {winner}, which PVCs get today, and take it from the others. What sets a mark sets it again: k3s and "
                "other distributions at each start (k3s: --disable local-storage), a chart at each sync (storageClass.defaultClass).",
                *(shell("kubectl annotate storageclass {} {} --overwrite", *mark) for one in defaults[1:] for mark in _unmarked(one)),
            ),
            change(f"If another one is to be the default, take the mark from {winner} instead."),
        ],
        exhibits=[
            Table(
                title="Marked as default, the one that wins first",
                columns=["Class", "Provisioner", "Created"],
                rows=[[one.metadata.name, one.provisioner, one.metadata.creation_timestamp or ""] for one in defaults],
            )
        ],
    )


def _report_misleading(verdict: Verdict, one: StorageClass, nature: Nature) -> None:
    name, nfs = one.metadata.name, nature.kind == "nfs"
    verdict.report(
        CLASS_NAME_MISLEADS,
        CLASSES.subject("", name),
        problem=f"The storage class `{name}` sounds like a disk of the node, and is {'NFS' if nfs else nature.what}.",
        cause=f"It is {nature}: whoever asks for `{name}` gets {'a directory on the NFS server' if nfs else 'storage over the network'}.",
        fix=[
            look("See who asks for the class.", shell("kubectl get pvc --all-namespaces")),
            change(
                "Create the class under a name of its own, in the values of its provisioner (storageClass.name), and name that in the "
                f"PVCs that want {'NFS' if nfs else 'it'}. Delete `{name}` only when nothing asks for it any more; PVCs "
                "that are Bound keep their volumes. For who has to move see `storage/placement`."
            ),
        ],
    )


def _report_rivals(verdict: Verdict, one: Rivals) -> None:
    verdict.report(
        PROVISIONERS_ALIKE,
        CLASSES.subject("", one.classes[0]),
        problem=f"Several provisioners make the volumes of {one.provisioner}, on different exports: where a PVC is stored is up to chance.",
        cause=cause(one),
        fix=steps(one),
    )
