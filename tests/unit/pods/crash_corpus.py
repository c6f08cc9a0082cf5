"""Statuses as the kubelet writes them, each with what it has to be taken for: a finding's reason, `NormalStartup`, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOW = "2026-01-01T12:00:00Z"
YOUNG, OLD = "2026-01-01T11:57:00Z", "2026-01-01T10:00:00Z"
URL = "http://loki.logging.svc:3100/ready"


def ended(
    code: int, reason: str = "Error", started: str = "2026-01-01T11:59:00Z", at: str = "2026-01-01T11:59:01Z", message: str = ""
) -> Any:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": at, "message": message}}


def waiting(reason: str, message: str = "") -> Any:
    return {"waiting": {"reason": reason, "message": message}}


def running(since: str) -> Any:
    return {"running": {"startedAt": since}}


LOOPING = waiting("CrashLoopBackOff", "back-off 40s restarting failed container")


@dataclass(frozen=True)
class Case:
    """`target` is how what it calls stands: ready (since when), not ready, missing."""

    label: str
    expected: str
    state: Any
    last: Any = field(default_factory=dict)
    restarts: int = 3
    command: tuple[str, ...] = ("/app/serve",)
    created: str = YOUNG
    ready: bool = False
    phase: str = "Running"
    policy: str = "Always"
    lines: tuple[str, ...] = ()
    target: str = "not ready"
    target_created: str = YOUNG
    init: bool = False
    owned: bool = False
    old_serves: bool = False
    more: dict[str, Any] = field(default_factory=dict)


CURL = ("curl", "-sf", URL)
SERVE = ("serve", "--config", "/etc/x.yaml")
REFUSED = ("dial tcp 10.96.0.9:3100: connect: connection refused",)

CORPUS = [
    # --- harmless, on evidence
    Case("curl that waits for a Service whose pod is not ready", "NormalStartup", LOOPING, ended(7), command=CURL),
    Case("curl that waits for a Service that does not exist yet", "NormalStartup", LOOPING, ended(6), command=CURL, target="missing"),
    Case("curl in a shell, refused with 503", "NormalStartup", LOOPING, ended(22), command=("sh", "-c", f"curl -f {URL}")),
    Case("curl between its end and the back-off", "NormalStartup", ended(7), ended(7), command=CURL),
    Case("a program that says that it is refused", "NormalStartup", LOOPING, ended(1), command=("app", f"--loki={URL}"), lines=REFUSED),
    Case("an init container that waits", "NormalStartup", LOOPING, ended(7), command=CURL, init=True, phase="Pending"),
    Case("its target answers only since its last try", "NormalStartup", LOOPING, ended(7), command=CURL, target="2026-01-01T11:59:30Z"),
    Case(
        "it is done by now",
        "NormalStartup",
        ended(0, "Completed"),
        ended(7),
        command=CURL,
        phase="Succeeded",
        policy="OnFailure",
        target="2026-01-01T11:58:00Z",
    ),
    # --- the same, but not harmless
    Case("curl that still fails although its target answers", "CrashLoop", LOOPING, ended(7), command=CURL, target="2026-01-01T11:50:00Z"),
    Case("curl that has waited for too long", "CrashLoop", LOOPING, ended(7), command=CURL, created=OLD),
    Case("curl whose target is broken for long", "CrashLoop", LOOPING, ended(7), command=CURL, target_created=OLD),
    Case("curl of a port that the Service does not have", "CrashLoop", LOOPING, ended(7), command=("curl", "http://loki.logging:9999/")),
    Case("curl of a host outside", "CrashLoop", LOOPING, ended(7), command=("curl", "https://api.example.com/")),
    Case("curl whose URL is in a variable", "CrashLoop", LOOPING, ended(7), command=("sh", "-c", "curl $URL")),
    Case("curl that cannot write its output", "CrashLoop", LOOPING, ended(23), command=CURL),
    Case(
        "a program with a target that fails for another reason",
        "CrashLoop",
        LOOPING,
        ended(1),
        command=("app", URL),
        lines=("KeyError: 'x'",),
    ),
    Case("a new revision that waits while the old one serves", "CrashLoop", LOOPING, ended(7), command=CURL, owned=True, old_serves=True),
    Case("curl that ran out of memory", "OomKilled", LOOPING, ended(137, "OOMKilled"), command=CURL),
    # --- never harmless
    Case("out of memory", "OomKilled", LOOPING, ended(137, "OOMKilled")),
    Case(
        "out of memory lately, and well",
        "OomKilled",
        running("2026-01-01T11:40:00Z"),
        ended(137, "OOMKilled", OLD, "2026-01-01T11:39:59Z"),
        restarts=1,
        ready=True,
    ),
    Case(
        "image that does not exist", "ImageError", waiting("ImagePullBackOff", 'Back-off pulling image "x:2"'), restarts=0, phase="Pending"
    ),
    Case("image that is being tried", "ImageError", waiting("ErrImagePull", "x:2: not found"), restarts=0, phase="Pending", command=CURL),
    Case(
        "image with an impossible name", "ImageError", waiting("InvalidImageName", "couldn't parse image name"), restarts=0, phase="Pending"
    ),
    Case(
        "Secret that is missing", "ConfigError", waiting("CreateContainerConfigError", 'secret "db" not found'), restarts=0, phase="Pending"
    ),
    Case(
        "program that is missing", "StartError", LOOPING, ended(128, "StartError", message='exec: "x": executable file not found in $PATH')
    ),
    Case("runtime that cannot create it", "StartError", waiting("RunContainerError", "permission denied"), restarts=2),
    Case("segmentation fault", "CrashLoop", LOOPING, ended(139)),
    Case(
        "killed by its liveness probe",
        "CrashLoop",
        running("2026-01-01T11:59:40Z"),
        ended(137, started="2026-01-01T11:58:40Z"),
        restarts=4,
        ready=True,
    ),
    Case("permission denied", "CrashLoop", LOOPING, ended(1), lines=("PermissionError: [Errno 13] Permission denied: '/app/logs/a'",)),
    Case("service that ends without an error", "CrashLoop", LOOPING, ended(0, "Completed")),
    Case("program that just crashed for the first time", "CrashLoop", ended(1), restarts=0),
    # --- well
    Case("running", "", running(OLD), restarts=0, ready=True),
    Case("being created", "", waiting("ContainerCreating"), restarts=0, phase="Pending"),
    Case("crashed long ago", "", running(OLD), ended(1, at=OLD), restarts=9, ready=True, created=OLD),
    Case("crashed a few times, and has outlived that", "", running("2026-01-01T11:58:00Z"), ended(1), restarts=3, ready=True),
    Case("one restart after a long life", "", running("2026-01-01T11:59:50Z"), ended(1, started=OLD), restarts=1),
    Case("out of memory long ago", "", running(OLD), ended(137, "OOMKilled", "2026-01-01T09:00:00Z", OLD), restarts=1, ready=True),
    Case("a Job's pod that is not started again", "", ended(1), restarts=0, policy="Never"),
    Case("a pod that has failed for good", "", ended(1), restarts=0, policy="Never", phase="Failed"),
    Case("an init container that is done", "", ended(0, "Completed"), restarts=0, init=True, phase="Running"),
    Case("a Job that is done", "", ended(0, "Completed"), restarts=0, policy="OnFailure", phase="Succeeded"),
]
