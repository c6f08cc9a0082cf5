from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell, snippet
from clusterprobe.known_systems import BY_KEY
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.data_paths import data_volume
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.kubernetes.resources import CLAIMS
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.storage.claim_advice import replace
from clusterprobe.systems.storage.drivers import Kind, allowed
from clusterprobe.systems.storage.natures import Nature, Storage, claim_name, data_of
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

STORAGE_NOT_AS_EXPECTED = FindingKind(
    "StorageNotAsExpected",
    Severity.WARNING,
    "A system keeps its data on another kind of storage than the profile expects.",
    prevention="Name the class in the values instead of relying on the default one.",
)
FITTING: tuple[Kind, ...] = ("local", "block", "nfs", "shared", "object")
NAME = "app.kubernetes.io/name"


@dataclass(frozen=True, slots=True)
class Placed:
    """One claim of a system, or, where its data have none, what they lie on instead."""

    system: str
    subject: Subject
    class_name: str
    nature: Nature
    claim: PersistentVolumeClaim | None = None


@reports(STORAGE_NOT_AS_EXPECTED)
def probe_placement(
    verdict: Verdict,
    pods: Examined[Pod],
    system_pods: Needed[SystemPod],
    claims: Needed[PersistentVolumeClaim],
    volumes: Needed[PersistentVolume],
    storage_classes: Needed[StorageClass],
    profile: Profile,
) -> None:
    """Does every system keep its data on the kind of storage that the profile expects?

    Problem: A system's data are on storage that does not suit it: a database on NFS, or what has to last on something that goes
    away with the pod.
    Cause: The PVC's class, by whatever name, provisions another kind of storage than expected; or there is no PVC at all.
    Fix: Name a class of the expected kind in the system's values, and recreate the PVC, which deletes its data unless they are copied
    first; or accept it in the profile (`storage`).
    Prevention: Say in the profile what each system may be stored on, and let this probe check it after each change.
    """
    storage = Storage(claims, volumes, storage_classes, profile.storage_drivers)
    system_of = _systems(pods.readings, system_pods, profile)
    wanted = pods.keep(lambda on, pod: on in system_of and not pod.metadata.deletion_timestamp, _nobody(profile))
    placed: dict[tuple[str, Subject], Placed] = {}
    bare: dict[tuple[str, Subject], Placed] = {}
    for subject, pod in wanted:
        system = system_of[subject]
        found = list(_claims_of(pod, system, storage))
        placed |= {(one.system, one.subject): one for one in found}
        volume = data_volume(pod, system)
        if not found and volume is not None:
            nature = storage.of_mount(subject.namespace, subject.name, volume)
            bare[system, workload_of(pod)] = Placed(system, workload_of(pod), "", nature)
    # Parts of a system may well do without a claim, such as Loki's readers: it is the whole that must not.
    kept = {(one.system, one.subject.namespace) for one in placed.values()}
    alone = [one for one in bare.values() if (one.system, one.subject.namespace) not in kept]
    alone = [one for one in alone if not _is_part(one, bare.values(), verdict)]
    every = [*placed.values(), *(one for one in alone if not pods.readings.missing_reason(one.subject.namespace))]
    for one in every:
        _judge(verdict, one, list(profile.storage[one.system]), storage, pods.readings)
    verdict.exhibit(_table(every, profile))


def _table(every: list[Placed], profile: Profile) -> Table:
    rows = [[one.system, str(one.subject), one.class_name or "(none)", str(one.nature), _expected(one, profile)] for one in every]
    return Table(title="Storage per system", columns=["System", "Claim", "Class", "Actual storage", "As expected"], rows=rows)


def _is_part(one: Placed, bare: Iterable[Placed], verdict: Verdict) -> bool:
    """Whether it is one of several parts of a Loki, whose data can only be where all of them reach them, as in an object store."""
    parts = {each.subject for each in bare if each.system == one.system and each.subject.namespace == one.subject.namespace}
    if one.system != "loki" or len(parts) == 1:
        return False
    verdict.note(
        f"The {len(parts)} parts of the Loki in {one.subject.namespace} have no PVC: its data are elsewhere, as in an object store."
    )
    return True


def _nobody(profile: Profile) -> str:
    return f"no pod is recognised as one of {', '.join(profile.storage)}"


def _systems(pods: Readings[Pod], known: Readings[SystemPod], profile: Profile) -> dict[Subject, str]:
    """Which of the profile's systems each pod runs: a known one, or one of the user's own, by the usual label."""
    found = {place: one.key for place, one in known.by_name().items()}
    own = {subject: "" if pod.label(NAME) in BY_KEY else pod.label(NAME) for subject, pod in pods}
    named = {subject: found.get((subject.namespace, subject.name), name) for subject, name in own.items()}
    return {subject: name for subject, name in named.items() if name in profile.storage}


def _claims_of(pod: Pod, system: str, storage: Storage) -> list[Placed]:
    namespace = pod.metadata.namespace
    found = []
    for volume in pod.spec.volumes or []:
        name = claim_name(volume)
        if name:
            claim = storage.claim(namespace, name)
            nature = storage.of_mount(namespace, pod.metadata.name, volume)
            found.append(Placed(system, CLAIMS.subject(namespace, name), storage.class_of(claim) if claim else "", nature, claim))
    return found


def _expected(one: Placed, profile: Profile) -> str:
    return "not known" if not one.nature.known else "yes" if allowed(profile.storage[one.system], one.nature.kind) else "no"


def _judge(verdict: Verdict, one: Placed, kinds: list[str], storage: Storage, pods: Readings[Pod]) -> None:
    if not one.nature.known:
        if not all(allowed(kinds, each) for each in ("local", "block", "nfs", "shared")):
            verdict.unchecked(one.subject, f"what the data of {one.system} are stored on is not known: {one.nature.what}")
        return
    if allowed(kinds, one.nature.kind):
        return
    namespace = one.subject.namespace
    verdict.report(
        STORAGE_NOT_AS_EXPECTED,
        one.subject,
        problem=f"In {namespace}, {one.system} stores its data on {one.nature.kind} storage; "
        f"the profile expects {' or '.join(kinds) or 'none'}.",
        cause=f"{one.subject} (class `{one.class_name or 'none'}`) is {one.nature}.",
        fix=_fix(one, kinds, storage, pods),
        rests_on=[Ref.of(one.subject) if one.subject.kind == CLAIMS.kind else data_of(one.subject)],
    )


def _fix(one: Placed, kinds: list[str], storage: Storage, pods: Readings[Pod]) -> list[Step]:
    namespace = one.subject.namespace
    if one.system == "prometheus" and one.nature.kind in ("nfs", "shared", "object"):
        return [
            change(
                "Move its database as `prometheus/storage` says. "
                "Prometheus supports neither NFS nor another shared file system, so there is nothing to accept."
            )
        ]
    fitting = [name for kind in FITTING if allowed(kinds, kind) for name in storage.truly(kind)]
    which = f"one of {listed(fitting, 5)}" if fitting else "none of today's classes is of that kind"
    steps = [
        change(f"Name a class of the expected kind for {one.system}, {SOURCE}: {which}."),
    ]
    if one.claim is not None:
        users = [pod for pod in pods.items if pod.metadata.namespace == namespace and _mounts(pod, one.subject.name)]
        steps = [
            look("See what it is bound to.", shell("kubectl -n {} get pvc {} -o wide", namespace, one.subject.name)),
            *steps,
            replace(one.claim, storage.volume_of(one.claim), users),
        ]
    template = "storage:\n  {}: [{}" + ", {}" * len(kinds) + "]"
    code = snippet(template, one.system, *kinds, one.nature.kind)
    return [*steps, change("Or, if it is meant to be so, accept it in the profile:", code=code)]


def _mounts(pod: Pod, claim: str) -> bool:
    return any(claim_name(volume) == claim for volume in pod.spec.volumes or [])
