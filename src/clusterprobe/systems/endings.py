"""Why a container does not keep running, in words: by its status, by what was said of it, by its own last lines."""

from __future__ import annotations

import re

from clusterprobe.systems.crashes import Crash, CrashEvent

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
_SIGNALS = {
    129: "hung up (SIGHUP)",
    130: "interrupted (SIGINT)",
    132: "an illegal instruction: built for another processor (SIGILL)",
    134: "aborted by itself (SIGABRT)",
    135: "a bus error (SIGBUS)",
    136: "an arithmetic error (SIGFPE)",
    137: "killed (SIGKILL), and not for memory as far as the kubelet knows",
    139: "a segmentation fault (SIGSEGV)",
    143: "told to end (SIGTERM)",
}
_DENIED = re.compile(r"(?i)\[Errno 13\]|PermissionError|permission denied|EACCES|operation not permitted")
_IMAGE_CAUSES = (
    (r"not found|manifest unknown|no such image|404", "the registry has no such image or tag"),
    (r"unauthori[sz]ed|denied|authentication|403|401|credentials", "the registry refuses: the pull secret is missing or wrong"),
    (r"no such host|timeout|timed out|connection|dial tcp|lookup|unreachable|EOF|certificate", "the registry cannot be reached"),
    (r"toomanyrequests|rate limit|429", "the registry's rate limit is used up"),
    (r"never pull|Never", "it is not on the node, and imagePullPolicy Never forbids pulling it"),
    (r"invalid|parse", "the name is not valid"),
)


def code_of(crash: Crash) -> str:
    """The finding's reason: by the status alone, so that it stays the same whatever else could be read."""
    if crash.phase == "stuck":
        return "ImageError" if crash.waits in IMAGE else "ConfigError" if crash.waits == "CreateContainerConfigError" else "StartError"
    if crash.out_of_memory:
        return "OomKilled"
    return "StartError" if crash.ended and crash.ended.reason in _CANNOT_START else "CrashLoop"


def cause_of(crash: Crash, lines: list[str], events: list[CrashEvent]) -> str:
    """One or two sentences that name what is at fault."""
    match code_of(crash):
        case "ImageError":
            return _of_image(crash)
        case "ConfigError":
            return f"What its specification refers to is not there: {crash.message or crash.waits}."
        case "StartError":
            return f"Its process cannot be started: {crash.message or crash.waits}.{_start_hint(crash.message)}"
        case "OomKilled":
            limit = _memory_limit(crash)
            bound = f"its memory limit of {limit}" if limit else "the memory of its node or pod (it has no limit of its own)"
            return f"It was killed for using more than {bound} (OOMKilled, exit code 137)."
    return _of_end(crash, lines, events)


def _of_image(crash: Crash) -> str:
    image = crash.container.image if crash.container else crash.status.image
    text = f"{crash.waits} {crash.message}"
    why = next((cause for pattern, cause in _IMAGE_CAUSES if re.search(pattern, text)), "")
    return f"The image `{image}` cannot be had ({crash.waits}){': ' + why if why else ''}. {crash.message}".strip()


def _start_hint(message: str) -> str:
    if "permission denied" in message.lower():
        return " The file is there, but may not be executed by the container's user."
    if re.search(r"executable file not found|no such file", message):
        return " The image has no such program: the command or the image's tag is wrong."
    return ""


def _memory_limit(crash: Crash) -> str:
    resources = crash.container.resources if crash.container else None
    return str((resources.limits or {}).get("memory", "")) if resources else ""


def _of_end(crash: Crash, lines: list[str], events: list[CrashEvent]) -> str:
    ended = crash.ended
    if ended is None:
        return "Its status does not tell how it ended."
    killed = killed_by_probe(events)
    if killed:
        return f"The kubelet kills it, for {killed} (exit code {ended.exit_code})."
    denied = next((line for line in reversed(lines) if _DENIED.search(line)), "")
    if denied and ended.exit_code:
        return f"It may not do what it wants to (exit code {ended.exit_code}): `{denied.strip()}`."
    return _of_code(crash, ended.exit_code, lines)


def _of_code(crash: Crash, code: int, lines: list[str]) -> str:
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    said = f" Its last words: `{last}`." if last else ""
    if code == 0:
        return "Its command ends without an error (exit code 0), and is started again: it is no service, or ran in the background."
    if code == 126:
        return f"Its command may not be executed (exit code 126).{said}"
    if code == 127:
        return f"Its command does not exist in the image (exit code 127).{said}"
    if code in _SIGNALS:
        probe = crash.container is not None and (crash.container.liveness_probe or crash.container.startup_probe)
        hint = " It has a liveness or startup probe, which may be why." if probe and code in (137, 143) else ""
        return f"Its process was ended by a signal: {_SIGNALS[code]}, exit code {code}.{hint}{said}"
    return f"Its own process ends with exit code {code}.{said or ' It leaves no word in its log.'}"


def killed_by_probe(events: list[CrashEvent]) -> str:
    """Which probe the kubelet gave as the reason, with what it answered; empty if it did not."""
    for kind in ("liveness", "startup"):
        if any(one.reason == "Killing" and f"failed {kind} probe" in one.message for one in events):
            failed = [one.message for one in events if one.reason == "Unhealthy" and one.message.lower().startswith(kind)]
            return failed[-1] if failed else f"its {kind} probe failed"
    return ""
