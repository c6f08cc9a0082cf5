"""Pods, as far as probes use them."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import msgspec

from clusterprobe.systems.kubernetes.objects import arguments
from clusterprobe.systems.kubernetes.objects.meta import Condition, Metadata, Object

# The API server gives each pod a volume with its token, under a name of the pod's own, and mounts it in all of its containers. Without that
# name's end the containers of a workload are alike, and are kept once.
TOKEN, TOKEN_PATH = "kube-api-access", "/var/run/secrets/kubernetes.io/serviceaccount"


class NfsVolume(Object):
    server: str = ""
    path: str = ""


class ClaimVolume(Object):
    claim_name: str = ""


class HostPathVolume(Object):
    path: str = ""


class SecretVolume(Object):
    secret_name: str = ""


class ConfigMapVolume(Object):
    name: str = ""


class ProjectedSource(Object):
    config_map: ConfigMapVolume | None = None


class ProjectedVolume(Object):
    sources: list[ProjectedSource] | None = None


class EphemeralClaimSpec(Object):
    storage_class_name: str | None = None


class EphemeralClaim(Object):
    spec: EphemeralClaimSpec = EphemeralClaimSpec()


class EphemeralVolume(Object):
    """A generic ephemeral volume: a PVC that is made with the pod, belongs to it, and is deleted with it."""

    volume_claim_template: EphemeralClaim | None = None


class InlineCsiVolume(Object):
    driver: str = ""
    fs_type: str = ""


class Volume(Object):
    name: str
    nfs: NfsVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
    host_path: HostPathVolume | None = None
    secret: SecretVolume | None = None
    config_map: ConfigMapVolume | None = None
    empty_dir: dict[str, Any] | None = None
    csi: InlineCsiVolume | None = None
    ephemeral: EphemeralVolume | None = None
    projected: ProjectedVolume | None = None

    def __post_init__(self) -> None:
        if self.projected and self.name.startswith(f"{TOKEN}-"):
            msgspec.structs.force_setattr(self, "name", TOKEN)


class VolumeMount(Object):
    name: str
    mount_path: str = ""
    sub_path: str = ""
    sub_path_expr: str = ""
    read_only: bool = False

    def __post_init__(self) -> None:
        if self.mount_path == TOKEN_PATH and self.read_only and self.name.startswith(f"{TOKEN}-"):
            msgspec.structs.force_setattr(self, "name", TOKEN)


class ContainerPort(Object):
    container_port: int
    name: str = ""
    host_port: int = 0


class SecurityContext(Object):
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    fs_group: int | None = None
    supplemental_groups: list[int] | None = None
    read_only_root_filesystem: bool | None = None


class HttpGet(Object):
    path: str = "/"
    port: int | str = 0
    scheme: str = "HTTP"


class ContainerProbe(Object):
    """What the kubelet checks, and how patiently, with the API's defaults."""

    http_get: HttpGet | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


class Resources(Object):
    limits: dict[str, Any] | None = None
    requests: dict[str, Any] | None = None


class Container(Object):
    """Of its command line, the flags in `arguments.FLAGS` are kept, each in its place, what it `calls`, and which known `programs`
    it starts: nothing else.
    """

    name: str
    image: str = ""
    command: list[str] | None = None
    args: list[str] | None = None
    calls: list[str] | None = None
    programs: list[str] | None = None
    ports: list[ContainerPort] | None = None
    volume_mounts: list[VolumeMount] | None = None
    security_context: SecurityContext | None = None
    readiness_probe: ContainerProbe | None = None
    liveness_probe: ContainerProbe | None = None
    startup_probe: ContainerProbe | None = None
    resources: Resources | None = None
    restart_policy: str = ""  # of an init container that runs beside the others, `Always`

    def __post_init__(self) -> None:
        if self.command or self.args:
            kept = _kept(tuple(self.command or ()), tuple(self.args or ()), self.image)
            force = msgspec.structs.force_setattr
            force(self, "command", kept.command or None)
            force(self, "args", kept.args or None)
            # What a bundle holds was emptied before it was written, so that what was seen then is taken over.
            force(self, "calls", list(dict.fromkeys([*(self.calls or []), *kept.calls])))
            force(self, "programs", list(dict.fromkeys([*(self.programs or []), *kept.programs])) or None)

    def switched(self, name: str) -> bool:
        """Whether a flag of `arguments.SWITCHES` is given."""
        return any(one.startswith("-") and one.lstrip("-") == name for one in [*(self.command or []), *(self.args or [])])

    def flag(self, name: str) -> str:
        """The value of a flag of `arguments.FLAGS`, as `--name=value` or in two arguments; empty without it."""
        words = [*(self.command or []), *(self.args or [])]
        for place, one in enumerate(words):
            for word in one.split():
                given, equals, value = word.lstrip("-").partition("=")
                if word.startswith("-") and given == name:
                    return value if equals else next(iter(words[place + 1 : place + 2]), "")
        return ""


@functools.lru_cache(maxsize=4096)
def _kept(command: tuple[str, ...], args: tuple[str, ...], image: str) -> _Kept:
    """The same for the thousand pods of one workload."""
    line = [*command, *args]
    started = arguments.programs(line) or ([] if command else arguments.started_by(image, line))
    return _Kept(arguments.kept([*command]), arguments.kept([*args]), arguments.calls(line), started)


class _Kept(NamedTuple):
    """What is kept of a command line."""

    command: list[str]
    args: list[str]
    calls: list[str]
    programs: list[str]


class PullSecret(Object):
    name: str = ""


class SchedulingGate(Object):
    name: str = ""


class PodSpec(Object):
    containers: list[Container]
    init_containers: list[Container] | None = None
    node_name: str = ""
    volumes: list[Volume] | None = None
    security_context: SecurityContext | None = None
    termination_grace_period_seconds: int | None = None
    restart_policy: str = "Always"
    image_pull_secrets: list[PullSecret] | None = None
    scheduling_gates: list[SchedulingGate] | None = None


class Terminated(Object):
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


class Waiting(Object):
    reason: str = ""
    message: str = ""


class Running(Object):
    started_at: str | None = None


class ContainerState(Object):
    terminated: Terminated | None = None
    waiting: Waiting | None = None
    running: Running | None = None

    @property
    def started(self) -> str | None:
        """When a container that runs began, as the kubelet writes it."""
        return self.running.started_at if self.running else None


class LinuxUser(Object):
    uid: int
    gid: int = 0
    supplemental_groups: list[int] | None = None


class ContainerUser(Object):
    """As whom the runtime really started a container's first process; told since Kubernetes 1.33."""

    linux: LinuxUser | None = None


class ContainerStatus(Object):
    name: str
    ready: bool = False
    restart_count: int = 0
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    last_state: ContainerState = msgspec.field(default_factory=ContainerState)
    user: ContainerUser | None = None


class PodStatus(Object):
    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    host_ip: str = msgspec.field(default="", name="hostIP")
    start_time: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Object):
    """`on_silent_node` is no field of the API: what is seen of the node's other pods."""

    metadata: Metadata
    spec: PodSpec
    status: PodStatus = msgspec.field(default_factory=PodStatus)
    on_silent_node: bool = False

    @property
    def ready(self) -> bool:
        for one in self.status.conditions or []:  # noqa: SIM110 - it is asked of every pod again and again
            if one.type == "Ready" and one.status == "True":
                return True
        return False

    @property
    def running(self) -> bool:
        """Whether it can be asked: running, with an address, on a node that reports, and not being deleted."""
        there = self.status.phase == "Running" and bool(self.status.pod_ip) and not self.metadata.deletion_timestamp
        return there and not self.cut_off

    @property
    def standing(self) -> str:
        """Where it does not run, why not, as what a pod is."""
        if self.cut_off:
            return "on a node that does not report"
        return "being deleted" if self.metadata.deletion_timestamp else self.status.phase or "in no phase"

    @property
    def host_ports(self) -> set[int]:
        """The ports of its node that it asks for."""
        return {port.host_port for one in self.spec.containers for port in one.ports or [] if port.host_port}

    @property
    def cut_off(self) -> bool:
        """Whether its node does not report: the kubelet's last word is that its containers are ready, and yet it is marked as not ready.

        Of a pod whose containers were not ready then, others on the node tell.
        """
        if self.on_silent_node:
            return True
        if self.ready:  # as most are
            return False
        conditions = {one.type: one for one in self.status.conditions or []}
        ready, containers = conditions.get("Ready"), conditions.get("ContainersReady")
        if ready is None or containers is None or ready.reason == "ReadinessGatesNotReady":
            return False
        return ready.status == "False" and containers.status == "True"

    @property
    def claims(self) -> list[str]:
        """The names of the claims that it mounts."""
        return [one.persistent_volume_claim.claim_name for one in self.spec.volumes or [] if one.persistent_volume_claim]

    def container(self, name: str) -> Container | None:
        """Its container, or init container, of that name."""
        return next((one for one in [*(self.spec.init_containers or []), *self.spec.containers] if one.name == name), None)

    def label(self, key: str) -> str:
        return self.metadata.labels.get(key, "")
