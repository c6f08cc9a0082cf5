"""What is the matter with an object of a custom resource, by its conditions."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from clusterprobe.systems.custom_resources.kinds import ALWAYS, BUILT_IN
from clusterprobe.systems.custom_resources.objects import CustomKind, CustomObject, Named
from clusterprobe.systems.custom_resources.statuses import Stated
from clusterprobe.systems.kubernetes.missing import MissingObject, all_missing, resource_of
from clusterprobe.times import age, epoch

# True where all is well, and False where it is not.
GOOD = frozenset({"ACK.ResourceSynced", "Accepted", "Available", "Healthy", "Programmed", "Ready", "Reconciled", "ResolvedRefs", "Synced"})
GOOD_OF_PARTS = GOOD | {"Admitted"}
# The last two are those of operators that are made of a Helm chart.
BAD = frozenset(
    {
        *("ACK.Terminal", "Conflicted", "Degraded", "ErrorOccurred", "Failure", "NotReady", "ReconcileError", "Stalled"),
        *("Irreconcilable", "ReleaseFailed"),
    }
)
# The same of one group only, since elsewhere these words mean something else, or nothing.
GOOD_OF: Mapping[str, frozenset[str]] = {
    "apiextensions.crossplane.io": frozenset({"Established", "Offered"}),
    "apisix.apache.org": frozenset({"ResourcesAvailable"}),
    "apps.nvidia.com": frozenset({"NIM_SERVICE_READY"}),
    "argoproj.io": frozenset({"Configured", "DependenciesProvided", "Deployed", "SourcesProvided", "TriggersProvided"}),
    "autoscaling": frozenset({"AbleToScale", "ScalingActive"}),
    "catalog.cattle.io": frozenset({"Downloaded", "OCIDownloaded"}),
    "cilium.io": frozenset({"Valid"}),
    "cluster.open-cluster-management.io": frozenset({"ManagedClusterConditionAvailable"}),
    "coralogix.com": frozenset({"RemoteSynced"}),
    "collectors.grafana.com": frozenset({"Deployed"}),
    "grafana.integreatly.org": frozenset(
        {
            *("AlertGroupSynchronized", "ContactPointSynchronized", "DashboardSynchronized", "DatasourceSynchronized"),
            *("FolderSynchronized", "GrafanaReady", "NotificationPolicySynchronized"),
        }
    ),
    "kaito.sh": frozenset({"InferenceReady", "ResourceReady", "WorkspaceSucceeded"}),
    "kueue.x-k8s.io": frozenset({"Active"}),
    "monitoring.googleapis.com": frozenset({"ConfigurationCreateSuccess"}),
    "networking.gke.io": frozenset({"Attached"}),
    "olm.operatorframework.io": frozenset({"Installed", "Serving"}),
    "pkg.crossplane.io": frozenset({"Installed"}),
    "policies.kyverno.io": frozenset({"PolicyCached", "RBACPermissionsGranted", "WebhookConfigured"}),
    "policy": frozenset({"DisruptionAllowed"}),
    "postgresql.cnpg.io": frozenset({"ContinuousArchiving"}),
    "projectcontour.io": frozenset({"Valid"}),
    "rabbitmq.com": frozenset({"AllReplicasReady", "ClusterAvailable", "ReconcileSuccess"}),
    "ray.io": frozenset({"HeadPodReady"}),
    "secrets.doppler.com": frozenset({"secrets.doppler.com/SecretSyncReady"}),
    "secrets.infisical.com": frozenset({"secrets.infisical.com/ReadyToSyncSecrets"}),
}
BAD_OF: Mapping[str, frozenset[str]] = {
    "argoproj.io": frozenset({"InvalidSpec", "SpecError", "SubmissionError"}),
    "apps.nvidia.com": frozenset({"NIM_SERVICE_FAILED"}),
    "cilium.io": frozenset(
        {
            *("cilium.io/BGPReconcileError", "cilium.io/ConflictingClusterConfig", "cilium.io/MissingAuthSecret"),
            *("cilium.io/MissingPeerConfigs", "cilium.io/PoolConflict"),
        }
    ),
    "config.openshift.io": frozenset({"Failing"}),
    "datadoghq.com": frozenset({"DatadogAgentReconcileError", "Error"}),
    "grafana.integreatly.org": frozenset({"InvalidSpec", "NoMatchingFolder", "NoMatchingInstance", "NotificationPolicyLoopDetected"}),
    "helm.cattle.io": frozenset({"Failed"}),
    "k8s.keycloak.org": frozenset({"HasErrors"}),
    "kappctrl.k14s.io": frozenset({"DeleteFailed", "ReconcileFailed"}),
    "keda.sh": frozenset({"Fallback"}),
    "longhorn.io": frozenset({"Unavailable"}),
    "operators.coreos.com": frozenset({"CatalogSourcesUnhealthy", "ResolutionFailed"}),
    "packaging.carvel.dev": frozenset({"DeleteFailed", "ReconcileFailed"}),
    "ray.io": frozenset({"ReplicaFailure"}),
}
# Somebody wants it so.
INTENDED = frozenset({"Hibernated", "NoTraffic", "Paused", "ReconcilePaused", "Stopped", "Suspended"})
# The same, of a type that says something only with one of these reasons: an attempt to renew that failed, while the old is still valid; a
# backup that failed, while one that runs is no success yet.
ONLY_WITH: Mapping[tuple[str, str], frozenset[str]] = {
    ("cert-manager.io", "Issuing"): frozenset({"Denied", "Failed", "InvalidRequest"}),
    ("postgresql.cnpg.io", "LastBackupSucceeded"): frozenset({"LastBackupFailed"}),
}
# Reasons of one group that say that nothing is wrong: somebody scaled to zero; as many pods are up as the budget asks for, and no more;
# the queue behind it speaks for itself; somebody wants a catalog not to be served.
FINE_OF: Mapping[str, frozenset[str]] = {
    "autoscaling": frozenset({"ScaledToZero", "ScalingDisabled"}),
    "kueue.x-k8s.io": frozenset({"ClusterQueueIsInactive"}),
    "olm.operatorframework.io": frozenset({"UserSpecifiedUnavailable"}),
    "policy": frozenset({"InsufficientPods"}),
}
# Words that stand where others have a condition, by group and field: those that are bad.
BAD_WORDS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "acid.zalan.do": {"PostgresClusterStatus": frozenset({"CreateFailed", "Invalid", "SyncFailed", "UpdateFailed"})},
    "argoproj.io": {"phase": frozenset({"Degraded"})},
    "configsync.gke.io": {f"{stage}.errors": frozenset({"some"}) for stage in ("source", "rendering", "sync")},
    "ceph.rook.io": {"ceph.health": frozenset({"HEALTH_ERR", "HEALTH_WARN"}), "phase": frozenset({"Failure"})},
    **{
        f"{name}.k8s.elastic.co": {"health": frozenset({"red"})} for name in ("agent", "apm", "beat", "elasticsearch", "kibana", "logstash")
    },
    "dynatrace.com": {"phase": frozenset({"Error"})},
    "flagger.app": {"phase": frozenset({"Failed"})},
    "getambassador.io": {"state": frozenset({"Error"})},
    "grafana.integreatly.org": {"stageStatus": frozenset({"failed"})},
    "flink.apache.org": {"lifecycleState": frozenset({"FAILED"})},
    "helm.cattle.io": {"status": frozenset({"NoTargetProjectNamespaces", "UnableToCreateHelmRelease", "UnableToParseValues"})},
    "groupsnapshot.storage.k8s.io": {"readyToUse": frozenset({"false"})},
    "isindir.github.com": {
        "message": frozenset(
            {
                *("Decryption error", "Child secret is not owned by controller error", "Child secret update error"),
                *("New child secret creation error", "Setting controller ownership of the child secret error", "Unknown Error"),
            }
        )
    },
    "k3s.cattle.io": {"readyToUse": frozenset({"false"})},
    "k8s.nginx.org": {"state": frozenset({"Invalid", "Warning"})},
    "logging.banzaicloud.io": {"problems": frozenset({"some"})},
    "longhorn.io": {"robustness": frozenset({"degraded", "faulted"})},
    "machinelearning.seldon.io": {"state": frozenset({"Failed"})},
    "minio.min.io": {"healthStatus": frozenset({"red", "yellow"})},
    "mongodbcommunity.mongodb.com": {"phase": frozenset({"Failed"})},
    "monitoring.googleapis.com": {"endpointStatuses": frozenset({"down", "some down"})},
    "networking.gke.io": {"certificateStatus": frozenset({"ProvisioningFailed", "ProvisioningFailedPermanently", "RenewalFailed"})},
    "opensearch.opster.io": {"health": frozenset({"red"})},
    "operator.victoriametrics.com": {"updateStatus": frozenset({"failed"})},
    "operators.coreos.com": {"phase": frozenset({"Failed"})},
    "postgresql.cnpg.io": {"applied": frozenset({"false"})},
    "projectcontour.io": {"currentStatus": frozenset({"invalid"})},
    "psmdb.percona.com": {"state": frozenset({"error"})},
    "pxc.percona.com": {"state": frozenset({"error"})},
    "ray.io": {"applicationStatuses": frozenset({"DEPLOY_FAILED", "UNHEALTHY"})},
    "secrets.hashicorp.com": {"valid": frozenset({"false"})},
    "serving.kserve.io": {"modelStatus.transitionStatus": frozenset({"BlockedByFailedLoad", "InvalidSpec"})},
    "sloth.slok.dev": {"promOpRulesGenerated": frozenset({"false"})},
    "snapshot.storage.k8s.io": {"readyToUse": frozenset({"false"})},
    "velero.io": {
        "phase": frozenset({"FailedValidation", "Unavailable"}),
        "lastBackup": frozenset({"Failed", "FailedValidation", "PartiallyFailed"}),
    },
    "volsync.backube": {"latestMoverStatus.result": frozenset({"Failed"})},
}
# It still does its work.
MILD = frozenset({"HEALTH_WARN", "NoTargetProjectNamespaces", "PartiallyFailed", "Warning", "degraded", "some down", "yellow"})
MILD_CONDITIONS = frozenset(
    {
        *("AbleToScale", "ContinuousArchiving", "Degraded", "DisruptionAllowed", "Failing", "Fallback", "Issuing"),
        *("LastBackupSucceeded", "RBACPermissionsGranted", "ScalingActive"),
    }
)
# What controls these does not see what they say.
OF_ITSELF = frozenset({"horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"})
FLUX = ".toolkit.fluxcd.io"
PROGRESSING_WITH_RETRY = "ProgressingWithRetry"

State = Literal["well", "failing", "undecided", "passing", "suspended", "unreported", "outdated", "deleted", "of its owner", "owner unread"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The state of an object, with the conditions that say so, and for how many seconds it is so, where that is known.

    `retried`: its controller sets the condition again at each attempt, so that the time of it is that of the last one. `missing` are
    the objects that the messages miss, but for those that are there meanwhile. `heard` is what an event says beyond the conditions.
    """

    state: State
    conditions: list[Stated] = field(default_factory=list)
    seconds: float | None = None
    retried: bool = False
    missing: list[MissingObject] = field(default_factory=list)
    heard: str = ""


def usual(group: str, one: CustomObject) -> list[Stated]:
    """What it says that is judged: its conditions of the types that are, and the words that stand where others have conditions."""
    conditions = [each for each in one.conditions if _is_bad(group, each) or _is_good(group, each)]
    return [*conditions, *(each for each in one.words if each.type in BAD_WORDS.get(group, ()))]


def _is_good(group: str, one: Stated) -> bool:
    known = one.type in (GOOD_OF_PARTS if one.of else GOOD) or one.type in GOOD_OF.get(group, ())
    return known or one.reason in ONLY_WITH.get((group, one.type), ())


def _is_bad(group: str, one: Stated) -> bool:
    return one.type in BAD or one.type in BAD_OF.get(group, ())


def reports_on(kind: CustomKind) -> list[CustomObject]:
    """The objects of a kind that can be judged: they say something that is, or ought to."""
    return [one for one in kind.objects if usual(kind.group, one) or kind.resource in ALWAYS]


def is_mild(one: Stated) -> bool:
    """Whether what this says is that something is lost, and the work still done."""
    return one.type in MILD_CONDITIONS or (one.word and one.status in MILD)


class Families:
    """The objects of all kinds by their UIDs, so that what one controls is judged by that one.

    `doubtful` are the kinds of which not all objects could be read.
    """

    def __init__(self, kinds: Iterable[CustomKind], doubtful: Container[str] = ()) -> None:
        self._kinds: set[tuple[str, str]] = set()
        self._whole: set[str] = set()  # the resources whose objects are all known
        self._objects: dict[str, tuple[str, CustomObject]] = {}  # with their groups
        self._places: set[tuple[str, str, str]] = set()
        for kind in kinds:
            self._kinds.add((kind.group, kind.kind))
            if kind.kind not in doubtful:
                self._whole.add(kind.resource)
            self._objects |= {one.uid: (kind.group, one) for one in kind.objects if one.uid}
            self._places |= {(kind.kind, one.namespace, one.name) for one in kind.objects}

    def missed_by(self, group: str, one: CustomObject, messages: Iterable[str]) -> list[MissingObject]:
        """The objects that what is said of it misses, or its spec names, and that are not there."""
        said = all_missing((each, one.namespace) for each in messages)
        named = [MissingObject(each.kind, each.namespace, each.name) for each in one.needs if self._would_know(group, each)]
        return [missing for missing in dict.fromkeys((*said, *named)) if missing not in self._places]

    def _would_know(self, group: str, named: Named) -> bool:
        """Whether what an object of this group names would be known if it were there."""
        resource = resource_of(named.kind, named.group)
        own = resource.partition(".")[2]
        return resource in self._whole and (bool(named.group) or own == group or (own.endswith(FLUX) and group.endswith(FLUX)))

    def owner_state(self, one: CustomObject) -> Literal["none", "speaks", "silent", "unread"]:
        """Whether the object that controls this one speaks for it, is not known to, or could not be read."""
        owner = one.owner
        if owner is None or owner.group in BUILT_IN:
            return "none"
        if found := self._objects.get(owner.uid):
            return "speaks" if usual(*found) else "silent"
        return "none" if (owner.group, owner.kind) in self._kinds else "unread"


def failing(group: str, one: CustomObject) -> list[Stated]:
    """What it says by which it fails, however long it has."""
    return [each for each in usual(group, one) if _verdict(group, each) == "failing"]


def diagnose(kind: CustomKind, one: CustomObject, families: Families, *, heard: str = "", now: float, patience_seconds: float) -> Diagnosis:
    """Its state. `heard` is what the events tell of it."""
    old = _since(one.created, now)
    deleted = _since(one.deleted, now)
    if deleted is not None:
        return Diagnosis("deleted" if deleted >= patience_seconds else "passing", seconds=deleted)
    conditions = usual(kind.group, one)
    if not conditions:
        return Diagnosis("unreported" if old is None or old >= patience_seconds else "passing", seconds=old)
    wrong = [each for each in conditions if _verdict(kind.group, each) != "well"]
    if not wrong:
        return Diagnosis("outdated" if _is_outdated(one, conditions) else "suspended" if one.suspended else "well")
    if one.suspended or all(each.reason in INTENDED for each in wrong) or _is_paused(one):
        return Diagnosis("suspended", wrong)
    match "none" if kind.resource in OF_ITSELF else families.owner_state(one):
        case "speaks":
            return Diagnosis("of its owner", wrong)
        case "unread":
            return Diagnosis("owner unread", wrong)
    found = _judged(kind, one, wrong, old, now, patience_seconds)
    heard = heard if found.state == "failing" else ""
    messages = [*(each.message for each in found.conditions), heard]
    return replace(found, missing=families.missed_by(kind.group, one, messages), heard=heard)


def _judged(kind: CustomKind, one: CustomObject, wrong: list[Stated], old: float | None, now: float, patience: float) -> Diagnosis:
    failing = [each for each in wrong if _verdict(kind.group, each) == "failing"]
    retried = bool(failing) and (kind.group.endswith(FLUX) or any(_tries_again(each) for each in one.conditions))
    said = failing or wrong
    moments = [seconds for each in said if (seconds := _since(each.last_transition_time, now)) is not None]
    seconds = max(moments, default=None)
    if seconds is not None and old is not None:
        seconds = min(seconds, old)  # some write 1970 until they have looked at it
    waited = old if retried or seconds is None else seconds
    late = waited is None or waited >= patience
    return Diagnosis(("failing" if failing else "undecided") if late else "passing", said, seconds, retried)


def _verdict(group: str, one: Stated) -> Literal["well", "failing", "undecided"]:
    if one.word:
        return "failing" if one.status in BAD_WORDS[group][one.type] else "well"
    if one.reason in FINE_OF.get(group, ()):
        return "well"
    good, bad = ("False", "True") if _is_bad(group, one) else ("True", "False")
    if one.status == bad:
        return "failing"
    # What is bad and not known is not held against it: it is the other conditions that say whether it works.
    return "well" if one.status == good or _is_bad(group, one) else "undecided"


def _tries_again(one: Stated) -> bool:
    return one.status == "True" and (one.type == "Stalled" or (one.type == "Reconciling" and one.reason == PROGRESSING_WITH_RETRY))


def _is_paused(one: CustomObject) -> bool:
    return any(each.type == "Paused" and each.status == "True" for each in one.conditions)


def _is_outdated(one: CustomObject, conditions: list[Stated]) -> bool:
    """Whether what it says is of a generation before the present one; many controllers do not say of which."""
    observed = one.observed_generation or max((each.observed_generation for each in conditions), default=0)
    return 0 < observed < one.generation


def _since(moment: str | None, now: float) -> float | None:
    return age(epoch(moment), now)
