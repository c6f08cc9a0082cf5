"""A crash in words: what is at fault, and how what it calls stands."""

from __future__ import annotations

from clusterprobe.systems.pods.crash_causes import Fault, Kill, image_of, memory_limit
from clusterprobe.systems.pods.crash_diagnosis import Broken, Unclear
from clusterprobe.systems.pods.startup_waits import Standing, Wait
from clusterprobe.times import ago
from clusterprobe.words import listed, said

_SIGNALS = {
    129: "hung up (SIGHUP)",
    130: "interrupted (SIGINT)",
    132: "an illegal instruction: built for another processor (SIGILL)",
    134: "aborted by itself (SIGABRT)",
    135: "a bus error (SIGBUS)",
    136: "an arithmetic error (SIGFPE)",
    137: "killed (SIGKILL), and not for memory as far as the kubelet knows",
    139: "a segmentation fault (SIGSEGV)",
    143: "asked to end (SIGTERM)",
}
_IMAGE: dict[Fault, str] = {
    "image missing": ": the registry has no such image or tag",
    "image refused": ": the registry refuses: the pull secret is missing or wrong",
    "registry out of reach": ": the registry cannot be reached",
    "registry limit": ": the registry's rate limit is used up",
    "image not loaded": ": it is not on the node, and imagePullPolicy Never forbids pulling it",
    "image name": ": the name is not valid",
    "image": "",
}
_CONFIGURATION: dict[Fault, str] = {
    "reference missing": "What its specification refers to does not exist",
    "root user": "It must not run as root, and nothing says that it runs as another user",
    "sub path": "The kubelet cannot prepare the folder of a subPath on its volume",
    "configuration": "The kubelet cannot configure it",
}
_START: dict[Fault, str] = {
    "not executable": " The file is there, but may not be executed by the container's user.",
    "no program": " The image has no such program: the command or the image's tag is wrong.",
    "name reserved": " An earlier attempt to create it is not cleared away on the node.",
    "start": "",
}


def cause_of(one: Broken) -> str:
    """One or two sentences that name what is at fault."""
    crash, fault = one.crash, one.fault
    told = said(crash.message or crash.waits)
    match one.code:
        case "ImageError":
            more = f" {said(crash.message)}" if crash.message else ""
            return f"The image `{image_of(crash)}` cannot be had ({crash.waits}){_IMAGE[fault]}.{more}"
        case "ConfigError":
            return f"{_CONFIGURATION[fault]}: {told}."
        case "StartError":
            return f"Its process cannot be started: {told}.{_START[fault]}"
        case "OomKilled":
            limit = memory_limit(crash)
            bound = f"its memory limit of {limit}" if limit else "the memory of its node or pod (it has no limit of its own)"
            return f"It was killed for using more than {bound} (OOMKilled, exit code 137)."
    return _of_end(one)


def _of_end(one: Broken) -> str:
    code = one.crash.ended.exit_code if one.crash.ended else 0
    words = f" Its last words: {said(one.line.strip())}." if one.line else ""
    match one.fault:
        case "unknown":
            return "Its status does not say how it ended."
        case "probe" if one.kill:
            return f"The kubelet kills it, for {answer_of(one.kill)} (exit code {code})."
        case "read only":
            return f"It writes where the file system is read-only (exit code {code}): {said(one.line)}."
        case "denied":
            return f"It was denied access (exit code {code}): {said(one.line)}."
        case "exits with 0":
            return "Its command ends without an error (exit code 0), and is started again: it is not a service, or ran in the background."
        case "not executable":
            return f"Its command may not be executed (exit code 126).{words}"
        case "no program":
            return f"Its command does not exist in the image (exit code 127).{words}"
        case "signal":
            return _of_signal(one, code, words)
    return f"Its own process ends with exit code {code}.{words or ' Its log says nothing.'}"


def _of_signal(one: Broken, code: int, words: str) -> str:
    container = one.crash.container
    probe = container is not None and (container.liveness_probe or container.startup_probe)
    hint = " It has a liveness or startup probe, which may be why." if probe and code in (137, 143) else ""
    return f"Its process was ended by a signal: {_SIGNALS[code]}, exit code {code}.{hint}{words}"


def answer_of(kill: Kill) -> str:
    """What the probe that kills answered."""
    return said(kill.answer) if kill.answer else f"its {kill.probe} probe failed"


# --- what it calls ----------------------------------------------------------------------------------------------------


def excuse_of(wait: Wait | None) -> str:
    """Whether what it calls excuses it, and why; empty if that is no matter."""
    if wait is None:
        return ""
    if wait.standing is None:
        return "its command does not name what it calls"
    what, time = stands(wait.standing), ago(wait.seconds)
    return {
        "unread": f"whether what it waits for is ready is not known: {what}",
        "wrong port": what,
        "overdue": f"it waits for something that does not come: {what}, for {time}",
        "young": f"{what}, and both are young ({time})",
        "elsewhere": what,
        "back": f"{what} has been ready for {time}, and it is healthy now",
        "just ready": f"{what} became ready only after its last try, {time} ago",
        "long ready": f"{what} has been ready for {time}, and it still crashes",
    }[wait.excuse]


def stands(one: Standing) -> str:
    """How what a container calls stands, as the object of a sentence."""
    where = f"Service {one.service.namespace}/{one.service.name}" if one.service else ""
    match one.state:
        case "services unread":
            return f"{where}: {one.why}" if where else one.why
        case "pods unread":
            return f"the pods of {where}: {one.why}"
        case "no service":
            return f"{one.target.host} is not a Service of this cluster"
        case "missing":
            return f"{where} does not exist yet"
        case "wrong port":
            return f"{where} has no port {one.target.port}, only {', '.join(map(str, one.ports))}"
        case "no selector":
            return f"{where} selects no pods"
        case "not ready":
            return f"{where} has no ready pod" + (f" ({listed(one.pods, 3)})" if one.pods else " at all")
    return where


def unclear(one: Unclear) -> str:
    """What is unchecked of a container, as it continues `could not check <pod>:`."""
    container = one.crash.status.name
    missing = {
        "log": f"its log could not be read: {one.why}",
        "pods": f"not all pods beside it are known: {one.why}",
        "target": excuse_of(one.wait),
    }[one.lacks]
    if one.seconds is not None:
        return f"whether its container {container} crashed harmlessly {ago(one.seconds)} ago is not known: {missing}"
    return f"why its container {container} crashes is not known: {missing}"
