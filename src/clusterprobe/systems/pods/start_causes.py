"""Why a pod is not ready yet: by what the scheduler and the kubelet say of it, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.pods.missing_objects import Missing, all_missing
from clusterprobe.systems.pods.starts import Start, StartEvent

Fault = Literal[
    # what the scheduler says
    "resources",
    "node not ready",
    "node pressure",
    "node not set up",
    "taint",
    "selector",
    "volume node",
    "host port",
    "claim",
    "claim deleted",
    "devices",
    "too many pods",
    "cordoned",
    "spread",
    "spread label",
    "apart",
    "volume limit",
    "no scheduler",
    "unschedulable",
    "queued",
    "gated",
    # what the kubelet says
    "object missing",
    "account missing",
    "provider class",
    "provider missing",
    "network missing",
    "attached elsewhere",
    "attach limit",
    "attach zone",
    "attach refused",
    "attacher",
    "disk missing",
    "attach",
    "group refused",
    "driver missing",
    "disk in use",
    "file system",
    "mount program",
    "mount option",
    "share login",
    "share unreachable",
    "share path",
    "nfs lock",
    "nfs version",
    "nfs stale",
    "nfs refused",
    "nfs unreachable",
    "cluster name",
    "nfs path",
    "host path",
    "no address",
    "network login",
    "network",
    "runtime handler",
    "sandbox image",
    "sandbox",
    "mount",
    "volumes wait",
    "not registered",
    "volume not ready",
    "local folder",
    "pulling",
    # while it runs
    "init",
    "startup probe",
    "readiness probe",
    "gate",
    "unknown",
]
_Faults = tuple[tuple[Pattern, Fault], ...]
_SCHEDULER: _Faults = (
    (ours(r"[Ii]nsufficient ([^\s,]+)|enough free storage"), "resources"),
    (ours(r"taints?(?:\(s\))? \{node\.kubernetes\.io/(?:not-ready|unreachable)"), "node not ready"),
    (ours(r"taints?(?:\(s\))? \{node\.kubernetes\.io/\w+-pressure"), "node pressure"),
    (ours(r"taints?(?:\(s\))? \{(?:\S+/uninitialized|node\.kubernetes\.io/network-unavailable|\S+/agent-not-ready)"), "node not set up"),
    (ours(r"were unschedulable|\{node\.kubernetes\.io/unschedulable"), "cordoned"),
    (ours(r"\btaint"), "taint"),
    (ours(r"volume node affinity conflict|no available volume zone"), "volume node"),
    (ours(r'persistentvolumeclaim "[^"]+" is being deleted'), "claim deleted"),
    (ours(r"(?i)persistentvolumeclaim|persistent volumes? to bind|ephemeral volume|persistentvolume |VolumeBinding"), "claim"),
    (ours(r"cannot allocate all claims|resourceclaim not available"), "devices"),
    (ours(r"max volume count"), "volume limit"),
    (ours(r"free ports"), "host port"),
    (ours(r"Too many pods"), "too many pods"),
    (ours(r"topology spread constraints \(missing required label\)"), "spread label"),
    (ours(r"topology spread"), "spread"),
    (ours(r"pods? (?:anti-)?affinity"), "apart"),
    (ours(r"affinity/selector|node selector|node affinity|match(?:ed)? (?:the )?requested node"), "selector"),
    (ours(r""), "unschedulable"),
)
_KUBELET: _Faults = (
    (ours(r"""(?i)(?:secret|configmap)s? "[^"]+" not found|non-existent (?:secret|config) key|couldn't find key"""), "object missing"),
    (ours(r'(?i)serviceaccounts? "[^"]+" not found'), "account missing"),
    (ours(r'SecretProviderClass\S* "[^"]+" not found'), "provider class"),
    (ours(r'(?i)provider not found: provider "[^"]+"'), "provider missing"),
    (ours(r"(?i)cannot find a network-attachment-definition"), "network missing"),
    (ours(r"is not ready for workloads"), "volume not ready"),
    (ours(r'NewMounter initialization failed.{0,200}path "[^"]+" does not exist|special device /\S+ does not exist'), "local folder"),
    (ours(r'object "[^"]*"/"[^"]*" not registered'), "not registered"),
    (ours(r"(?i)apparently in use by the system"), "disk in use"),
    (ours(r"mount error\(13\)|STATUS_LOGON_FAILURE|NT_STATUS_ACCESS_DENIED"), "share login"),
    (ours(r"mount error\((?:11[0-5]|101)\)"), "share unreachable"),
    (ours(r"mount error\(2\)"), "share path"),
    (
        ours(r"(?i)Multi-Attach|already (?:exclusively )?attached|already (?:being )?used by|currently attached to"),
        "attached elsewhere",
    ),
    (
        ours(
            r"(?i)attachment ?limit|attach limit|maximum number of data disks|maximum_persistent_disks|no available device names|"
            r"max(?:imum)? number of (?:attached )?(?:volumes|disks)|free SCSI slots"
        ),
        "attach limit",
    ),
    (ours(r"(?i)ZoneMismatch|not in the same (?:availability )?zone|in (?:a )?different (?:availability )?zones?"), "attach zone"),
    (
        ours(
            r"(?i)Attach\b.{0,400}(?:UnauthorizedOperation|AuthorizationFailed|not authorized to perform|does not have authorization|"
            r"AccessDenied|PERMISSION_DENIED|Error 403)"
        ),
        "attach refused",
    ),
    (ours(r"waiting for external-attacher"), "attacher"),
    (ours(r"(?i)could not find volume|InvalidVolume\.NotFound|volume \S+ does not exist"), "disk missing"),
    (ours(r"(?i)applyFSGroup|fsGroup|\blchown|\bchown"), "group refused"),
    (ours(r"not found in the list of registered CSI drivers|CSINode \S+ does not contain driver"), "driver missing"),
    (ours(r"(?i)bad superblock on /dev|'fsck' found errors|RUN fsck MANUALLY|structure needs cleaning"), "file system"),
    (ours(r"rpc\.statd is not running"), "nfs lock"),
    (ours(r"(?i)protocol not supported|requested NFS version"), "nfs version"),
    (ours(r"(?i)stale (?:NFS )?file handle"), "nfs stale"),
    (ours(r"(?i)helper program|executable file not found|unknown filesystem type"), "mount program"),
    (ours(r"(?i)incorrect mount option|bad option"), "mount option"),
    (ours(r"(?i)access denied by server|mount\S*: permission denied|operation not permitted"), "nfs refused"),
    (ours(r"(?i)failed to resolve server \S+\.svc\b"), "cluster name"),
    (
        ours(r"(?i)connection (?:timed out|refused)|no route to host|failed to resolve (?:server|\W)|name or service not known"),
        "nfs unreachable",
    ),
    (ours(r"(?i)reason given by server: no such file|mount\S*: .{0,300}no such file"), "nfs path"),
    (ours(r"hostPath type check failed"), "host path"),
    (
        ours(r"(?i)no (?:available )?(?:ip )?address(?:es)? (?:available|left)|failed to (?:assign|allocate)\b.{0,60}\bIP|no IP addresses"),
        "no address",
    ),
    (ours(r'no runtime for "[^"]+" is configured|RuntimeHandler "[^"]+" not supported'), "runtime handler"),
    (ours(r"failed to (?:get|pull) (?:sandbox )?image|failed pulling image"), "sandbox image"),
    (ours(r'(?i)plugin type="[^"]+".{0,200}(?:\bUnauthorized\b|is forbidden: User|: Forbidden\b)'), "network login"),
    (ours(r"(?i)set ?up network|network for (?:pod|sandbox)|\bcni\b|plugin type="), "network"),
)
# What events are about, where their messages do not say more.
_REASONS: dict[str, Fault] = {
    "FailedMount": "mount",
    "FailedMapVolume": "mount",
    "FailedAttachVolume": "attach",
    "FailedCreatePodSandBox": "sandbox",
    "FailedPodSandBoxStatus": "network",
    "NetworkNotReady": "network",
}
_WAITS = ours(r"(?i)^(?:Unable to (?:attach or )?mount volumes|.{0,200}timed out waiting for the condition)")
_KEY = ours(r'volume "([^"]+)".{0,80}non-existent (secret|config) key: (\S+)')
_ACCOUNT = ours(r'(?i)serviceaccounts? "([^"]+)" not found')
_RESOURCE = ours(r"[Ii]nsufficient ([^\s,]+)")
# What a message names of which something is missing: a class, a provider, a network, a Service, a plugin.
_NAMED: dict[Fault, Pattern] = {
    "account missing": _ACCOUNT,
    "provider class": ours(r'SecretProviderClass\S* "([^"]+)" not found'),
    "provider missing": ours(r'(?i)provider not found: provider "([^"]+)"'),
    "network missing": ours(r"(?i)network-attachment-definition \(([^()]+)\)"),
    "cluster name": ours(r"(?i)failed to resolve server ([^\s:,]+)"),
    "network login": ours(r'plugin type="([^"]+)"'),
    "volume not ready": ours(r"volume (\S+) is not ready for workloads"),
    "local folder": ours(r'(?:path "|special device )([^"\s]+)"? does not exist'),
}
# What only says that something is waited for, or nothing of what there is.
_IDLE = ("volumes wait", "not registered")
_CHECKS: tuple[tuple[str, Fault], ...] = (("startup probe", "startup probe"), ("readiness probe", "readiness probe"))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that keeps a pod from starting, in the words of who says it.

    `what` is the resource, account, class or other thing that the message names, `missing` what is mounted and does not exist.
    """

    fault: Fault
    says: str = ""
    what: str = ""
    missing: tuple[Missing, ...] = ()


def obstacles_of(start: Start, events: list[StartEvent]) -> list[Obstacle]:
    """What keeps a pod from starting, the first of them the one to begin with; never empty."""
    match start.state:
        case "gated":
            return [_of_gates(start)]
        case "unscheduled":
            return _of_its_nodes(start.pod, scheduling_obstacles(start.message))
        case "creating":
            return [_of_creating(start.pod, events)]
        case "initialising":
            return [Obstacle("init")]
    return [_of_unready(start, events)]


# --- a scheduling gate --------------------------------------------------------------------------------------------------

_KUEUE = "kueue.x-k8s.io/"


def _of_gates(start: Start) -> Obstacle:
    """Kueue holds a pod back until its queue has room; who takes another gate away is not known."""
    gates = [one.name for one in start.pod.spec.scheduling_gates or []]
    queued = bool(gates) and all(one.startswith(_KUEUE) for one in gates)
    return Obstacle("queued" if queued else "gated", start.message, ", ".join(gates))


# --- the scheduler ------------------------------------------------------------------------------------------------------


def scheduling_obstacles(message: str) -> list[Obstacle]:
    """Each reason that the scheduler gives.

    >>> [one.fault for one in scheduling_obstacles("0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}.")]
    ['resources', 'taint']
    """
    if not message:
        return [Obstacle("no scheduler")]
    reasons = message.partition(" preemption:")[0].partition("are available: ")
    found: list[str] = []
    for part in (reasons[2] or reasons[0]).rstrip(". ").split(", "):
        if found and not part[:1].isdigit():
            found[-1] += f", {part}"
        else:
            found.append(part)
    return [_scheduling(one) for one in found]


def _of_its_nodes(pod: Pod, found: list[Obstacle]) -> list[Obstacle]:
    """A DaemonSet makes each pod for one node: that the others do not match is as it should be."""
    of_a_node = any(one.controller and one.kind == "DaemonSet" for one in pod.metadata.owner_references)
    return ([one for one in found if one.fault != "selector"] if of_a_node else []) or found


def _scheduling(reason: str) -> Obstacle:
    fault = next(fault for pattern, fault in _SCHEDULER if pattern.search(reason))
    resource = _RESOURCE.search(reason)
    return Obstacle(fault, reason, resource[1] if resource else "")


# --- the kubelet --------------------------------------------------------------------------------------------------------


def _of_creating(pod: Pod, events: list[StartEvent]) -> Obstacle:
    """The newest event that names a cause; else the newest that does not; else an image that is still on its way."""
    told = sorted((one for one in events if one.reason in _REASONS and not _overcome(one, events)), key=_when, reverse=True)
    obstacles = [_kubelet(pod, one) for one in told]
    named = [one for one in obstacles if one.fault not in ("mount", "attach", "network", "sandbox", *_IDLE)]
    known = named or [one for one in obstacles if one.fault not in _IDLE] or obstacles
    if known:
        return known[0]
    pulls = [one for one in sorted(events, key=_when) if one.reason in ("Pulling", "Pulled", "Failed", "BackOff")]
    if pulls and pulls[-1].reason == "Pulling":
        return Obstacle("pulling", pulls[-1].message)
    return Obstacle("unknown")


def _overcome(event: StartEvent, events: list[StartEvent]) -> bool:
    """Whether a volume was attached after that it could not be."""
    return event.reason == "FailedAttachVolume" and any(
        one.reason == "SuccessfulAttachVolume" and _when(one) > _when(event) for one in events
    )


def _when(event: StartEvent) -> float:
    return event.last or 0.0


def _kubelet(pod: Pod, event: StartEvent) -> Obstacle:
    message = event.message
    if _WAITS.search(message) and not _KUBELET[0][0].search(message):
        return Obstacle("volumes wait", message)
    fault = next((fault for pattern, fault in _KUBELET if pattern.search(message)), _REASONS[event.reason])
    named = _NAMED.get(fault)
    what = named.search(message) if named else None
    return Obstacle(fault, message, what[1] if what else "", _missing(pod, message))


def _missing(pod: Pod, message: str) -> tuple[Missing, ...]:
    """What is missing; of a key the kubelet names only the volume, so the pod says of which Secret or ConfigMap."""
    if not (found := _KEY.search(message)):
        return tuple(all_missing(message))
    volume = next((one for one in pod.spec.volumes or [] if one.name == found[1]), None)
    if volume and volume.secret and found[2] == "secret":
        return (Missing(kind="secret", name=volume.secret.secret_name, key=found[3]),)
    if volume and volume.config_map and found[2] == "config":
        return (Missing(kind="configmap", name=volume.config_map.name, key=found[3]),)
    return ()


# --- a container that is not ready --------------------------------------------------------------------------------------


def _of_unready(start: Start, events: list[StartEvent]) -> Obstacle:
    if not start.container:
        return Obstacle("gate", start.message)
    for event in sorted(events, key=_when, reverse=True):
        for words, fault in _CHECKS:
            if event.reason == "Unhealthy" and event.message.lower().startswith(words):
                return Obstacle(fault, event.message)
    return Obstacle("unknown", start.message)
