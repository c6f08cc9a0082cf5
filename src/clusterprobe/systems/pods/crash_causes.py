"""What is at fault in a container that does not keep running: by its status, by what was said of it, by its own last lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.pods.crashes import Crash, CrashEvent
from clusterprobe.times import epoch

IMAGE = {
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
_CANNOT_START = {"StartError", "ContainerCannotRun", "RunContainerError"}
_SIGNALS = {129, 130, 132, 134, 135, 136, 137, 139, 143}  # 128 and the signal, of those that end a process
_PROBES: tuple[Literal["liveness", "startup"], ...] = ("liveness", "startup")
_ENDED_BY_KUBELET = {137, 143}  # SIGTERM, and SIGKILL after the grace period, of a process that does not handle them
_DEFAULT_GRACE_SECONDS = 30  # of a pod that names none
_SLACK_SECONDS = 10  # between the kubelet's event, whose time is in whole seconds, and the runtime's time of the end

Fault = Literal[
    "image platform",
    "image format",
    "image damaged",
    "image missing",
    "pull secret missing",
    "image refused",
    "registry certificate",
    "registry without tls",
    "registry out of reach",
    "registry page",
    "registry fails",
    "registry limit",
    "kubelet limit",
    "image not loaded",
    "image name",
    "node full",
    "image",
    "reference missing",
    "root user",
    "named user",
    "user zero",
    "sub path",
    "not synced",
    "configuration",
    "mounted on a file",
    "no memory to start",
    "not shared",
    "mounted read only",
    "working directory",
    "profile missing",
    "runtime hook",
    "no command",
    "architecture",
    "no program",
    "not executable",
    "name reserved",
    "start",
    "memory",
    "probe",
    "start hook",
    "open files",
    "disk full",
    "port taken",
    "port denied",
    "sqlite locked",
    "locked",
    "lease lost",
    "api refuses",
    "login refused",
    "argument",
    "two defaults",
    "dns loop",
    "database damaged",
    "configuration refused",
    "read only",
    "denied",
    "exits with 0",
    "signal",
    "exit",
    "unknown",
]
_Faults = tuple[tuple[Pattern, Fault], ...]
_IMAGE_FAULTS: _Faults = (
    (ours(r"no match for platform|no matching manifest for|does not match the specified platform"), "image platform"),
    (ours(r"no space left on device"), "node full"),
    (ours(r"manifest\.v1\+(?:prettyjws|json)|schema ?1\b"), "image format"),
    (ours(r"unexpected media type text/html|text/html"), "registry page"),
    (ours(r"pull QPS exceeded"), "kubelet limit"),
    (ours(r"status[^:]{0,60}(?:: | )5\d\d\b|unexpected status .{0,300}: 5\d\d\b"), "registry fails"),
    (ours(r"invalid tar header|failed to extract layer|unexpected commit digest|unpigz|invalid checksum"), "image damaged"),
    (ours(r"toomanyrequests|rate limit|\b429\b"), "registry limit"),
    (ours(r"HTTP response to HTTPS client"), "registry without tls"),
    (ours(r"x509:|certificate"), "registry certificate"),
    (ours(r"not found|manifest unknown|no such image|\b404\b"), "image missing"),
    (ours(r"(?i)unauthori[sz]ed|denied|authentication|\b40[13]\b|credentials"), "image refused"),
    (ours(r"no such host|timeout|timed out|connection|dial tcp|lookup|unreachable|EOF|deadline exceeded"), "registry out of reach"),
    (ours(r"never pull|Never"), "image not loaded"),
    (ours(r"invalid|Invalid|parse"), "image name"),
    (ours(r""), "image"),
)
_CONFIG_FAULTS: _Faults = (
    (ours(r"not found|couldn't find key|non-existent"), "reference missing"),
    (ours(r"non-numeric user"), "named user"),
    (ours(r"runAsUser breaks non-root"), "user zero"),
    (ours(r"runAsNonRoot|non-root"), "root user"),
    (ours(r"(?i)subpath"), "sub path"),
    (ours(r"failed to sync (?:secret|configmap) cache|services have not yet been read"), "not synced"),
    (ours(r""), "configuration"),
)
_START_FAULTS: _Faults = (
    (ours(r"(?i)error mounting .{0,1000}not a directory|trying to mount a directory onto a file"), "mounted on a file"),
    (ours(r"(?i)init was OOM-killed|memory limit (?:could be )?too low|minimum memory limit|memory\.limit_in_bytes"), "no memory to start"),
    (ours(r"not a shared (?:or slave )?mount"), "not shared"),
    (ours(r"error mounting .{0,1000}read-only file system"), "mounted read only"),
    (ours(r"chdir to cwd"), "working directory"),
    (ours(r"(?i)seccomp|apparmor"), "profile missing"),
    (ours(r"error running (?:\w+ )?hook|nvidia-container-cli"), "runtime hook"),
    (ours(r"no command specified"), "no command"),
    (ours(r"exec format error"), "architecture"),
    (ours(r"(?i)permission denied"), "not executable"),
    (ours(r"executable file not found|no such file"), "no program"),
    (ours(r"is reserved for"), "name reserved"),
    (ours(r""), "start"),
)


# What a process says of itself: the last line that tells one of these counts, and in it the first of them.
_TOLD: dict[Fault, Pattern] = {
    "architecture": ours(r"exec format error"),
    "open files": ours(r"(?i)too many open files|\bEMFILE\b|inotify.{0,120}no space left on device|number of (?:inotify|file) watch"),
    "disk full": ours(r"(?i)no space left on device|\bENOSPC\b|disk quota exceeded"),
    "port taken": ours(r"(?i)address already in use|\bEADDRINUSE\b"),
    "port denied": ours(
        r"(?i)bind(?:\(\)| to address| on address|ing)? .{0,40}[:,] ?\d{1,3}\b.{0,20}permission denied|"
        r"listen \w+ \S*:\d{1,3}: bind: permission denied|listen EACCES: permission denied \S*:\d{1,3}\b|"
        r"permission denied: .{0,40}could not bind to address \S*:\d{1,3}\b"
    ),
    "sqlite locked": ours(r"(?i)\bdatabase is locked\b|\bSQLITE_BUSY\b"),
    "locked": ours(
        r"(?i)lock.{0,80}resource temporarily unavailable|unable to lock \S+ error: 11\b|failed to obtain node locks?|"
        r"another (?:instance|process|server|postmaster).{0,60}(?:running|using|lock)"
    ),
    "lease lost": ours(r"(?i)leader ?election lost|lost (?:the )?(?:leader ?election|leader lease|lease)|failed to renew lease"),
    "api refuses": ours(r'is forbidden: User \\?"[^"\\]+\\?" cannot '),
    "login refused": ours(
        r"(?i)(?:password|SASL) authentication failed|access denied for user|\bNOAUTH\b|\bWRONGPASS\b|InsufficientPrivilege|"
        r"permission denied (?:for|to) (?:schema|table|relation|database|sequence|function|create|set)\b"
    ),
    "two defaults": ours(r"Only one datasource per organization can be marked as default"),
    "argument": ours(
        r"(?i)unknown (?:long |short |shorthand )?flag|flag provided but not defined|unrecogni[sz]ed (?:argument|option)s?\b|"
        r"no such option: "
    ),
    "read only": ours(r"(?i)\[Errno 30\]|read-only file system|\bEROFS\b"),
    "denied": ours(r"(?i)\[Errno 13\]|PermissionError|permission denied|EACCES|operation not permitted"),
    "dns loop": ours(r"plugin/loop: (?:Loop|Seen) "),
    "database damaged": ours(
        r"(?i)opening storage failed: .{0,300}(?:not sequential|unsequential|corrupt|invalid (?:block|magic)|ranges overlap|checksum)"
    ),
    # The last line may be a hint about another matter, so that one before it counts.
    "configuration refused": ours(
        r"(?i)\byaml: (?:unmarshal errors|line \d+)|\bfield \S+ not found in type \S+|cannot unmarshal !!\w+|CONFIG ERRORS? ?(?::|FOUND)|"
        r"\b(?:error|failed|failure|unable to|could ?n.t|could not|cannot) (?:to )?(?:load|pars|validat|read|decod)\w* (?:the )?config"
        r"(?:uration)?\b|\binvalid config(?:uration)?\b|\bconfig(?:uration)? (?:file )?is (?:invalid|not valid)"
    ),
}


@dataclass(frozen=True, slots=True)
class Kill:
    """A probe for which the kubelet kills a container, and what it last answered; empty if no event says that.

    `earlier`: it is another end than the last one that this belongs to, or that is not known.
    """

    probe: Literal["liveness", "startup"]
    answer: str = ""
    earlier: bool = False


def code_of(crash: Crash) -> str:
    """The finding's reason: by the status alone, so that it stays the same whatever else could be read."""
    if crash.phase == "stuck":
        return "ImageError" if crash.waits in IMAGE else "ConfigError" if crash.waits == "CreateContainerConfigError" else "StartError"
    if crash.out_of_memory:
        return "OomKilled"
    return "StartError" if crash.ended and crash.ended.reason in _CANNOT_START else "CrashLoop"


_BACK_OFF = ours(r'Back-off pulling image "[^"]*"(?:: )?')
_NO_PULL_SECRET = ours(r"Unable to retrieve some image pull secrets \(([^()]+)\)")


def message_of(crash: Crash, events: list[CrashEvent]) -> str:
    """What the kubelet says of it; where its status only says that it backs off from pulling, what the event of the last try says."""
    told = _BACK_OFF.sub("", crash.message)
    if told or code_of(crash) != "ImageError":
        return told
    tried = [one for one in events if one.reason == "Failed" and f'pull image "{image_of(crash)}"' in one.message]
    return max(tried, key=lambda one: one.last or 0.0).message if tried else ""


def absent_pull_secrets(events: list[CrashEvent]) -> list[str]:
    """The pull secrets that the kubelet did not find."""
    found = [match[1] for one in events if (match := _NO_PULL_SECRET.search(one.message))]
    return sorted({name.strip() for names in found for name in names.split(",")})


def fault_of(crash: Crash, message: str, lines: list[str], kill: Kill | None, events: list[CrashEvent]) -> Fault:
    """What is at fault, as far as status, events and last lines tell."""
    match code_of(crash):
        case "ImageError":
            fault = _first(_IMAGE_FAULTS, f"{crash.waits} {message}")
            return "pull secret missing" if fault == "image refused" and absent_pull_secrets(events) else fault
        case "ConfigError":
            return _first(_CONFIG_FAULTS, crash.message)
        case "StartError":
            return _first(_START_FAULTS, crash.message)
        case "OomKilled":
            return "memory"
    return "start hook" if hook_failure(crash, events) else _fault_of_end(crash, lines, kill)


def _first(faults: _Faults, message: str) -> Fault:
    return next(fault for pattern, fault in faults if pattern.search(message))


def _fault_of_end(crash: Crash, lines: list[str], kill: Kill | None) -> Fault:
    if crash.ended is None:
        return "unknown"
    code = crash.ended.exit_code
    if kill and not kill.earlier:
        return "probe"
    if code == 0:
        return "exits with 0"
    told = next((fault for line in reversed(lines) for fault, pattern in _TOLD.items() if pattern.search(line)), None)
    by_code: dict[int, Fault] = {126: "not executable", 127: "no program"}
    return told or by_code.get(code, "signal" if code in _SIGNALS else "exit")


def telling_line(fault: Fault, lines: list[str]) -> str:
    """The last line that tells of the fault, or of a fault of which lines tell nothing the last one that says anything; may be empty."""
    pattern = _TOLD.get(fault)
    return next((line for line in reversed(lines) if (pattern.search(line) if pattern else line.strip())), "")


def kill_of(crash: Crash, events: list[CrashEvent]) -> Kill | None:
    """The probe that the kubelet gave as the reason; None if it did not. The kill of the last end comes before an earlier one."""
    found: list[Kill] = []
    for kind in _PROBES:
        words = f"container {crash.status.name} failed {kind} probe"
        killed = [one for one in events if one.reason == "Killing" and words in one.message.lower()]
        if killed:
            failed = [one for one in events if one.reason == "Unhealthy" and one.message.lower().startswith(kind)]
            answer = max(failed, key=lambda one: one.last or 0.0).message if failed else ""
            found.append(Kill(kind, answer, earlier=not any(_belongs(crash, one) for one in killed)))
    return next(iter(sorted(found, key=lambda one: one.earlier)), None)


def hook_failure(crash: Crash, events: list[CrashEvent]) -> str:
    """What the kubelet says of the postStart hook for whose failure it killed the container; empty where it did not."""
    if crash.ended is None or crash.ended.exit_code not in _ENDED_BY_KUBELET:
        return ""
    failed = [one for one in events if one.reason == "FailedPostStartHook" and _of_container(crash, one) and _belongs(crash, one)]
    return max(failed, key=lambda one: one.last or 0.0).message if failed else ""


def _of_container(crash: Crash, event: CrashEvent) -> bool:
    """Whether a message names this container, or none."""
    named = _FOR_CONTAINER.search(event.message)
    return len(crash.pod.spec.containers) == 1 if named is None else named[1] == crash.status.name


_FOR_CONTAINER = ours(r'for Container "([^"]+)"')


def _belongs(crash: Crash, event: CrashEvent) -> bool:
    """Whether a kill is the one of the last end: it begins that, and the container may take its grace period.

    Where a time is not known, the exit code tells. One that handles SIGTERM ends with any, so that it is not known of those.
    """
    finished = epoch(crash.ended.finished_at) if crash.ended else None
    if finished is None or event.last is None:
        return crash.ended is not None and crash.ended.exit_code in _ENDED_BY_KUBELET
    grace = crash.pod.spec.termination_grace_period_seconds
    grace = _DEFAULT_GRACE_SECONDS if grace is None else grace
    return finished - grace - _SLACK_SECONDS <= event.last <= finished + _SLACK_SECONDS


def image_of(crash: Crash) -> str:
    return crash.container.image if crash.container else crash.status.image


_REPLAYS = ours(r"WAL segment loaded|WAL checkpoint loaded|[Rr]eplaying (?:WAL|on-disk)")


def reads_its_log(lines: list[str]) -> bool:
    """Whether a Prometheus was still reading its write-ahead log when it ended: its last line that says something of that."""
    return bool(lines) and bool(_REPLAYS.search(lines[-1]))


def made_by_operator(crash: Crash) -> bool:
    """Whether the Prometheus Operator makes the container, whose fields are those of its object, and not of the pod."""
    return (crash.pod.metadata.labels or {}).get("app.kubernetes.io/managed-by") == "prometheus-operator"


def memory_limit(crash: Crash) -> str:
    """The container's own limit as it is written; empty where it has none."""
    resources = crash.container.resources if crash.container else None
    return str((resources.limits or {}).get("memory", "")) if resources else ""
