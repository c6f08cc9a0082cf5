"""What is at fault in a container that does not keep running: by its status, by what was said of it, by its own last lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.pods.crashes import Crash, CrashEvent

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

Fault = Literal[
    "image missing",
    "image refused",
    "registry out of reach",
    "registry limit",
    "image not loaded",
    "image name",
    "image",
    "reference missing",
    "root user",
    "sub path",
    "configuration",
    "no program",
    "not executable",
    "name reserved",
    "start",
    "memory",
    "probe",
    "read only",
    "denied",
    "exits with 0",
    "signal",
    "exit",
    "unknown",
]
_Faults = tuple[tuple[Pattern, Fault], ...]
_IMAGE_FAULTS: _Faults = (
    (ours(r"not found|manifest unknown|no such image|404"), "image missing"),
    (ours(r"unauthori[sz]ed|denied|authentication|403|401|credentials"), "image refused"),
    (ours(r"no such host|timeout|timed out|connection|dial tcp|lookup|unreachable|EOF|certificate"), "registry out of reach"),
    (ours(r"toomanyrequests|rate limit|429"), "registry limit"),
    (ours(r"never pull|Never"), "image not loaded"),
    (ours(r"invalid|Invalid|parse"), "image name"),
    (ours(r""), "image"),
)
_CONFIG_FAULTS: _Faults = (
    (ours(r"not found|couldn't find key|non-existent"), "reference missing"),
    (ours(r"runAsNonRoot|non-root"), "root user"),
    (ours(r"(?i)subpath"), "sub path"),
    (ours(r""), "configuration"),
)
_START_FAULTS: _Faults = (
    (ours(r"(?i)permission denied"), "not executable"),
    (ours(r"executable file not found|no such file"), "no program"),
    (ours(r"is reserved for"), "name reserved"),
    (ours(r""), "start"),
)


# What a process says of itself, the first of them that it says.
_TOLD: dict[Fault, Pattern] = {
    "read only": ours(r"(?i)\[Errno 30\]|read-only file system|\bEROFS\b"),
    "denied": ours(r"(?i)\[Errno 13\]|PermissionError|permission denied|EACCES|operation not permitted"),
}


@dataclass(frozen=True, slots=True)
class Kill:
    """A probe for which the kubelet kills a container, and what it last answered; empty if no event says that."""

    probe: Literal["liveness", "startup"]
    answer: str = ""


def code_of(crash: Crash) -> str:
    """The finding's reason: by the status alone, so that it stays the same whatever else could be read."""
    if crash.phase == "stuck":
        return "ImageError" if crash.waits in IMAGE else "ConfigError" if crash.waits == "CreateContainerConfigError" else "StartError"
    if crash.out_of_memory:
        return "OomKilled"
    return "StartError" if crash.ended and crash.ended.reason in _CANNOT_START else "CrashLoop"


def fault_of(crash: Crash, lines: list[str], kill: Kill | None) -> Fault:
    """What is at fault, as far as status, events and last lines tell."""
    match code_of(crash):
        case "ImageError":
            return _first(_IMAGE_FAULTS, f"{crash.waits} {crash.message}")
        case "ConfigError":
            return _first(_CONFIG_FAULTS, crash.message)
        case "StartError":
            return _first(_START_FAULTS, crash.message)
        case "OomKilled":
            return "memory"
    return _fault_of_end(crash, lines, kill)


def _first(faults: _Faults, message: str) -> Fault:
    return next(fault for pattern, fault in faults if pattern.search(message))


def _fault_of_end(crash: Crash, lines: list[str], kill: Kill | None) -> Fault:
    if crash.ended is None:
        return "unknown"
    code = crash.ended.exit_code
    if kill:
        return "probe"
    if code == 0:
        return "exits with 0"
    told = next((fault for fault, pattern in _TOLD.items() if any(pattern.search(line) for line in lines)), None)
    by_code: dict[int, Fault] = {126: "not executable", 127: "no program"}
    return told or by_code.get(code, "signal" if code in _SIGNALS else "exit")


def telling_line(fault: Fault, lines: list[str]) -> str:
    """The last line that tells of the fault, or of a fault of which lines tell nothing the last one that says anything; may be empty."""
    pattern = _TOLD.get(fault)
    return next((line for line in reversed(lines) if (pattern.search(line) if pattern else line.strip())), "")


def kill_of(events: list[CrashEvent]) -> Kill | None:
    """The probe that the kubelet gave as the reason; None if it did not."""
    for kind in _PROBES:
        if any(one.reason == "Killing" and f"failed {kind} probe" in one.message for one in events):
            failed = [one.message for one in events if one.reason == "Unhealthy" and one.message.lower().startswith(kind)]
            return Kill(kind, failed[-1] if failed else "")
    return None


def image_of(crash: Crash) -> str:
    return crash.container.image if crash.container else crash.status.image


def memory_limit(crash: Crash) -> str:
    """The container's own limit as it is written; empty where it has none."""
    resources = crash.container.resources if crash.container else None
    return str((resources.limits or {}).get("memory", "")) if resources else ""
