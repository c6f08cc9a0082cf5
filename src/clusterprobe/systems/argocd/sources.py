"""Argo CD's Applications: what Git says, what runs, and how far the one has become the other."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.errors import BadResponse
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.events import events_of
from clusterprobe.systems.kubernetes.objects import Condition, Metadata, Namespace, Object
from clusterprobe.times import epoch

GROUP = "argoproj.io"
APPLICATIONS = Resource("v1alpha1", "applications", "Application", GROUP)
MAX_EVENTS = 500
MAX_EVENTS_OF = 30  # Applications whose events are read in one run
HERE = ("https://kubernetes.default.svc", "in-cluster")  # how Argo CD calls the cluster that it runs in
FAILED = ("Failed", "Error")


class ApplicationSource(Object):
    repository: str = msgspec.field(default="", name="repoURL")
    path: str = ""
    chart: str = ""
    target_revision: str = ""


class Destination(Object):
    server: str = ""
    name: str = ""
    namespace: str = ""


class Automated(Object):
    prune: bool = False
    self_heal: bool = False
    enabled: bool | None = None  # since Argo CD 3.1: false switches it off


class SyncPolicy(Object):
    automated: Automated | None = None


class ApplicationSpec(Object):
    source: ApplicationSource | None = None
    sources: list[ApplicationSource] | None = None
    project: str = ""
    destination: Destination = msgspec.field(default_factory=Destination)
    sync_policy: SyncPolicy | None = None


class Health(Object):
    status: str = ""
    message: str = ""
    last_transition_time: str | None = None


class ManagedResource(Object):
    """An object that an Application manages. `health` is only told if Argo CD writes it here, which version 3 does not by default."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    status: str = ""
    requires_pruning: bool = False
    health: Health | None = None

    @property
    def reference(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


class SyncState(Object):
    """The last comparison: with which commits, and whether what runs is like them."""

    status: str = ""
    revision: str = ""
    revisions: list[str] | None = None


class ResourceResult(Object):
    """What became of one object in a synchronisation; of a hook only `hook_phase` tells."""

    kind: str = ""
    name: str = ""
    namespace: str = ""
    status: str = ""
    message: str = ""
    hook_type: str = ""
    hook_phase: str = ""

    @property
    def failed(self) -> bool:
        return self.status == "SyncFailed" or self.hook_phase in FAILED

    @property
    def place(self) -> str:
        """Its kind and name, and the namespace of what has one."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class SyncResult(Object):
    revision: str = ""
    revisions: list[str] | None = None
    resources: list[ResourceResult] | None = None


class OperationState(Object):
    phase: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    retry_count: int = 0
    sync_result: SyncResult | None = None

    @property
    def results(self) -> list[ResourceResult]:
        return (self.sync_result.resources if self.sync_result else None) or []


class InitiatedBy(Object):
    automated: bool = False


class Past(Object):
    """A synchronisation that succeeded; `initiated_by` is absent in what older versions of Argo CD wrote."""

    revision: str = ""
    revisions: list[str] | None = None
    deployed_at: str | None = None
    initiated_by: InitiatedBy | None = None


class ApplicationStatus(Object):
    sync: SyncState = msgspec.field(default_factory=SyncState)
    health: Health = msgspec.field(default_factory=Health)
    resources: list[ManagedResource] | None = None
    conditions: list[Condition] | None = None
    history: list[Past] | None = None
    operation_state: OperationState | None = None
    reconciled_at: str | None = None
    controller_namespace: str = ""


class Application(Object):
    metadata: Metadata
    spec: ApplicationSpec = msgspec.field(default_factory=ApplicationSpec)
    status: ApplicationStatus = msgspec.field(default_factory=ApplicationStatus)

    @property
    def automated(self) -> Automated | None:
        """The policy by which it synchronises by itself; None where it is done by hand."""
        policy = self.spec.sync_policy.automated if self.spec.sync_policy else None
        return None if policy is None or policy.enabled is False else policy

    @property
    def running(self) -> OperationState | None:
        """The synchronisation that is going on."""
        state = self.status.operation_state
        return state if state and state.phase in ("Running", "Terminating") else None

    @property
    def resources(self) -> list[ManagedResource]:
        return self.status.resources or []

    @property
    def sources(self) -> list[ApplicationSource]:
        return self.spec.sources or ([self.spec.source] if self.spec.source else [])

    @property
    def compared_with(self) -> list[str]:
        """The newest commits that Argo CD knows, one a source."""
        return revisions_of(self.status.sync)

    @property
    def attempted(self) -> list[str]:
        """The commits of the last synchronisation, whatever became of it."""
        state = self.status.operation_state
        return revisions_of(state.sync_result) if state and state.sync_result else []

    @property
    def deployed(self) -> list[str]:
        """The commits that what runs is like: the newest where it is Synced, else those of the last one that succeeded."""
        if self.status.sync.status == "Synced":
            return self.compared_with
        return revisions_of(self.status.history[-1]) if self.status.history else []

    @property
    def is_here(self) -> bool:
        """Whether it deploys to the cluster that Argo CD runs in."""
        return self.spec.destination.server in HERE or self.spec.destination.name in HERE

    def reconciled_after(self, moment: float) -> bool:
        """Whether Argo CD has looked at it, with its Git repository, after this moment (epoch seconds)."""
        reconciled = epoch(self.status.reconciled_at)
        return reconciled is not None and reconciled > moment


def revisions_of(one: SyncState | SyncResult | Past) -> list[str]:
    return one.revisions or ([one.revision] if one.revision else [])


_COMMIT = ours(r"[0-9a-f]{40}")


def short(revisions: list[str]) -> str:
    """Commits as people write them: seven digits; the versions of charts stay as they are."""
    return " + ".join(one[:7] if _COMMIT.fullmatch(one) else one for one in revisions) or "none"


@source(Call("list", "applications", GROUP))
def applications(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Application]:
    """Every Application of Argo CD with its status; no parameters of charts."""
    return list_custom(cluster, served, namespaces, APPLICATIONS, Application)


# --- since when it is out of sync -------------------------------------------------------------------------------------


class Drift(msgspec.Struct, frozen=True):
    """Since when an Application is out of sync (epoch seconds), as its events tell.

    `since` is None where none of them is about that; then it is so at least since the `oldest` event that is left. `turns` is how
    often it has become so.
    """

    since: float | None = None
    oldest: float | None = None
    turns: int = 0

    @property
    def at_least_since(self) -> float | None:
        return self.since if self.since is not None else self.oldest


@source(Call("list", "events"))
def application_drifts(cluster: Cluster, applications: Readings[Application]) -> Readings[Drift]:
    """Since when each Application that is out of sync is so, at most of 30: its status does not tell."""
    wanted: Collector[Application] = Collector(unreadable=list(applications.unreadable))
    for subject, one in applications:
        if one.status.sync.status != "OutOfSync":
            continue
        if len(wanted.values) < MAX_EVENTS_OF:
            wanted.add(subject, one)
        else:
            wanted.fail(subject, f"only the events of the first {MAX_EVENTS_OF} Applications that are out of sync are read")
    read = cluster.each(wanted.readings(), lambda subject, _: _drift(cluster, subject))
    return Readings(read.values, read.unreadable, "no Application is out of sync")


def _drift(cluster: Cluster, subject: Subject) -> Drift:
    events = events_of(cluster, subject, MAX_EVENTS)
    if len(events) >= MAX_EVENTS:
        raise BadResponse(f"list events: there are {MAX_EVENTS} or more of the Application {subject.namespace}/{subject.name}")
    changes = [event for event in events if event.message.startswith("Updated sync status:")]
    turns = [event for event in changes if event.message.endswith("-> OutOfSync")]
    began = [event.last for event in turns if event.last is not None]
    every = [moment for event in events if (moment := epoch(event.first_timestamp) or event.last) is not None]
    return Drift(max(began, default=None), min(every, default=None), sum(event.count or 1 for event in turns))
