"""A crash in words: what is at fault, and how what it calls stands."""

from __future__ import annotations

from clusterprobe.systems.pods.crash_causes import Fault, Kill, image_of, memory_limit, reads_its_log
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
    137: "killed (SIGKILL), and the kubelet does not name memory; a node that runs out of memory ends processes so, too",
    139: "a segmentation fault (SIGSEGV)",
    143: "asked to end (SIGTERM)",
}
_IMAGE: dict[Fault, str] = {
    "image platform": ": the registry has it, and not for the processor or system of the node",
    "image format": ": it is stored in an old format (manifest schema 1), which the node's container runtime does not take any more",
    "image damaged": ": a layer of it cannot be unpacked: it is damaged in the registry, or came through only in part",
    "image missing": ": the registry has no such image or tag",
    "pull secret missing": ": the registry refuses, since the pull secret does not exist",
    "image refused": ": the registry refuses: the pull secret is missing or wrong, or there is no such repository",
    "registry certificate": ": the node does not trust the registry's certificate",
    "registry without tls": ": the registry answers with plain HTTP, and the node asks it with HTTPS",
    "node full": ": the node's disk is full",
    "registry out of reach": ": the registry cannot be reached",
    "registry page": ": what answers for the registry is an HTML page, such as that of a proxy, a login or a mirror",
    "registry fails": ": the registry, or what stands before it, answers with an error of its own (5xx)",
    "kubelet limit": ": the kubelet of the node pulls no faster (registryPullQPS), and tries again",
    "registry limit": ": the registry's rate limit is used up",
    "image not loaded": ": it is not on the node, and imagePullPolicy Never forbids pulling it",
    "image name": ": the name is not valid",
    "image": "",
}
_CONFIGURATION: dict[Fault, str] = {
    "reference missing": "What its specification refers to does not exist",
    "root user": "It must not run as root, and nothing says that it runs as another user",
    "named user": "It must not run as root, and the image's user is a name, of which the kubelet cannot know whether it is root",
    "user zero": "It must not run as root (runAsNonRoot), and its runAsUser is 0, which is root",
    "not synced": "The kubelet has not yet read from the API server what it needs for it",
    "sub path": "The kubelet cannot prepare the folder of a subPath on its volume",
    "configuration": "The kubelet cannot configure it",
}
_START: dict[Fault, str] = {
    "mounted on a file": (
        " A folder is mounted where the image has a file, or the reverse. A subPath that names no key or file of its volume becomes a "
        "folder."
    ),
    "not shared": (
        " It asks for mount propagation (HostToContainer or Bidirectional) of that path, and the node has it mounted privately, as in "
        "Docker Desktop, WSL and nodes within containers."
    ),
    "mounted read only": " The place of that mount does not exist, and cannot be made: it is within a file system that is read-only.",
    "working directory": " Its working directory does not exist in the image, or its user may not enter it.",
    "profile missing": " The node does not have the security profile that it names.",
    "runtime hook": " A hook of the node's container runtime fails, as that of a GPU's driver does where the driver is not loaded.",
    "no command": " Neither the image nor the specification names a command.",
    "architecture": " The program is made for another processor than the node's, or is a script without its first line (`#!`).",
    "not executable": " The file is there, but may not be executed by the container's user.",
    "no program": " The image has no such program: the command or the image's tag is wrong.",
    "name reserved": " An earlier attempt to create it is not cleared away on the node.",
    "start": "",
}


def cause_of(one: Broken) -> str:
    """One or two sentences that name what is at fault."""
    crash, fault = one.crash, one.fault
    told = said(one.message or crash.waits)
    match one.code:
        case "ImageError":
            more = f" {said(one.message)}" if one.message else " No event that is still kept says why."
            return f"The image `{image_of(crash)}` cannot be pulled ({crash.waits}){_IMAGE[fault]}.{more}"
        case "ConfigError":
            return f"{_CONFIGURATION[fault]}: {told}."
        case "StartError" if fault == "no memory to start":
            limit = f" ({memory_limit(crash)})" if memory_limit(crash) else ""
            return f"Its memory limit{limit} is too low for its process even to be started: {told}."
        case "StartError":
            return f"Its process cannot be started: {told}.{_START[fault]}"
        case "OomKilled":
            limit = memory_limit(crash)
            bound = f"its memory limit of {limit}" if limit else "the memory of its node or pod (it has no limit of its own)"
            node = ", or because its node ran out of memory" if limit else ""
            return f"It was killed for using more than {bound}{node} (OOMKilled, exit code 137)."
    return _of_end(one)


_ENDS: dict[Fault, str] = {
    "unknown": "Its status does not say how it ended.",
    "start hook": "The kubelet kills it, for its postStart hook fails (exit code {code}): {message}.",
    "architecture": "Its program is made for another processor than the node's (exit code {code}): {line}.",
    "open files": "A limit on open files, or on inotify, is reached (exit code {code}): {line}.",
    "disk full": "Where it writes, no space is left (exit code {code}): {line}.",
    "port taken": "Another process has the address on which it listens (exit code {code}): {line}.",
    "port denied": "It may not listen on that port (exit code {code}): {line}.",
    "sqlite locked": "SQLite does not get the lock of its database file (exit code {code}): {line}. The file is on a network file "
    "system (NFS, SMB), where such locks fail or stay for ever, or another process has it open.",
    "locked": "Another process has locked its data (exit code {code}): {line}.",
    "lease lost": "It did not renew its lease at the API server in time, and ends itself (exit code {code}): {line}.",
    "api refuses": "The API server refuses what it asks for (exit code {code}): {line}.",
    "login refused": "What it calls refuses its login, or does not let that user do this (exit code {code}): {line}.",
    "two defaults": "Two of the data sources that are provisioned to it are marked as default (exit code {code}): {line}.",
    "dns loop": (
        "It would ask itself for ever, and so ends itself: what it forwards to leads back to it, such as the resolv.conf of its node where "
        "that names a stub of the node, 127.0.0.53 (exit code {code}): {line}."
    ),
    "database damaged": "A part of its database is damaged or missing, so that it does not open it (exit code {code}): {line}.",
    "configuration refused": "It does not take its configuration (exit code {code}): {line}.",
    "argument": "It does not know an argument that it is given (exit code {code}): {line}.",
    "read only": "It writes where the file system is read-only (exit code {code}): {line}.",
    "denied": "It was denied access (exit code {code}): {line}.",
    "exits with 0": "Its command ends without an error (exit code 0), and is started again: it is not a service, or ran in the background.",
    "not executable": "Its command may not be executed (exit code 126).{words}",
    "no program": "Its command does not exist in the image (exit code 127).{words}",
}


def _of_end(one: Broken) -> str:
    code = one.crash.ended.exit_code if one.crash.ended else 0
    words = f" Its last line: {said(one.line.strip())}." if one.line else ""
    if one.fault == "probe" and one.kill:
        replays = (
            " Its log shows that it was still reading its write-ahead log: until that is done, it is not ready."
            if reads_its_log(one.lines)
            else ""
        )
        return f"The kubelet kills it, for {answer_of(one.kill)} (exit code {code}).{replays}"
    if one.fault == "signal":
        return _of_signal(one, code, words)
    if told := _ENDS.get(one.fault):
        return told.format(code=code, message=said(one.message), line=said(one.line), words=words)
    silent = " Its log says nothing." if one.log_read else " Its log could not be read."
    return f"Its own process ends with exit code {code}.{words or silent}{_earlier(one)}"


def _of_signal(one: Broken, code: int, words: str) -> str:
    container = one.crash.container
    probe = container is not None and (container.liveness_probe or container.startup_probe)
    hint = " It has a liveness or startup probe, which may be why." if probe and code in (137, 143) else ""
    hint = _earlier(one) or hint
    return f"Its process was ended by a signal: {_SIGNALS[code]}, exit code {code}.{hint}{words}"


def _earlier(one: Broken) -> str:
    """A kill of an earlier end is no cause of the last one, and worth knowing."""
    if one.kill is None or not one.kill.earlier:
        return ""
    return f" Its events also say that the kubelet killed it for its {one.kill.probe} probe, but not that this was its last end."


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
