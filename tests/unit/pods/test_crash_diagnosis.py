"""What a crash is taken for, as data: one row for each."""

from typing import Any

import pytest

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.systems.kubernetes.objects import Service
from clusterprobe.systems.pods.crash_causes import Kill
from clusterprobe.systems.pods.crash_diagnosis import Broken, Diagnosis, Recovered, Starting, Unclear, World, diagnose
from clusterprobe.systems.pods.crashes import CrashEvent, CrashEvents, crashes_of
from clusterprobe.times import epoch
from tests.factories import labelled, listing, refused
from tests.unit.pods.crash_corpus import CURL, LOOPING, OLD, REFUSED, URL, YOUNG, Case, ended, running, waiting
from tests.unit.pods.crash_world import NEW, pod_of, world

MINUTE = 60.0
LOKI = Ref(RefKind.SERVICE, "logging", "loki")


def killed(at: str | None, container: str = "main", kind: str = "liveness") -> list[CrashEvent]:
    """A probe that fails, and a kill for it."""
    said = [("Unhealthy", f"{kind.capitalize()} probe failed: 500"), ("Killing", f"Container {container} failed {kind} probe")]
    return [CrashEvent(reason, message, 1, epoch(at)) for reason, message in said]


def diagnosed(case: Case, **changes: Any) -> Diagnosis | None:
    read = world(case, **changes)
    around = World(
        *(read[name] for name in ("pods", "services", "crash_logs", "crash_events")),
        now=read["clock"].now, startup_seconds=15 * MINUTE, memory_seconds=60 * MINUTE,
    )  # fmt: skip
    (crash,) = crashes_of(pod_of(case), read["clock"].now)
    return diagnose(crash, around)


def stuck(reason: str, message: str = "") -> Case:
    return Case("x", "", waiting(reason, message), restarts=0, phase="Pending")


def dead(code: int, *lines: str, **more: Any) -> Case:
    return Case("x", "", LOOPING, ended(code, **more), lines=lines)


@pytest.mark.parametrize(
    ("case", "code", "fault"),
    [
        (stuck("ErrImagePull", "x:2: not found"), "ImageError", "image missing"),
        (stuck("ErrImagePull", "pull access denied"), "ImageError", "image refused"),
        (stuck("ErrImagePull", "dial tcp: i/o timeout"), "ImageError", "registry out of reach"),
        (stuck("ErrImagePull", "toomanyrequests"), "ImageError", "registry limit"),
        (stuck("ErrImagePull", "no match for platform in manifest: not found"), "ImageError", "image platform"),
        (stuck("ErrImagePull", "Head https://r/v2/: x509: signed by unknown authority"), "ImageError", "registry certificate"),
        (
            stuck("ErrImagePull", "Head https://r/v2/: http: server gave HTTP response to HTTPS client"),
            "ImageError",
            "registry without tls",
        ),
        (stuck("ErrImagePull", "failed to extract layer: no space left on device"), "ImageError", "node full"),
        (stuck("ErrImagePull", "unexpected status from HEAD request: 401 Unauthorized"), "ImageError", "image refused"),
        (stuck("ErrImagePull", "sha256:40340142: unexpected media type"), "ImageError", "image"),
        (stuck("ErrImagePull", "unexpected media type text/html for sha256:40340142: not found"), "ImageError", "registry page"),
        (
            stuck("ErrImagePull", "unexpected status from HEAD request to https://r/v2/x/manifests/2: 503 Service Unavailable"),
            "ImageError",
            "registry fails",
        ),
        (
            stuck("ErrImagePull", "media type application/vnd.docker.distribution.manifest.v1+prettyjws is no longer supported"),
            "ImageError",
            "image format",
        ),
        (stuck("ErrImagePull", "failed to extract layer sha256:40340142: archive/tar: invalid tar header"), "ImageError", "image damaged"),
        (stuck("ErrImagePull", "pull QPS exceeded"), "ImageError", "kubelet limit"),
        (stuck("RunContainerError", "container init was OOM-killed (memory limit too low?)"), "StartError", "no memory to start"),
        (stuck("CreateContainerError", 'path "/" is mounted on "/" but it is not a shared or slave mount'), "StartError", "not shared"),
        (stuck("ImagePullBackOff", 'Back-off pulling image "x:2": ErrImagePull: x:2: not found'), "ImageError", "image missing"),
        (stuck("ErrImageNeverPull"), "ImageError", "image not loaded"),
        (stuck("InvalidImageName"), "ImageError", "image name"),
        (stuck("ImagePullBackOff", "Back-off"), "ImageError", "image"),
        (stuck("CreateContainerConfigError", 'secret "db" not found'), "ConfigError", "reference missing"),
        (stuck("CreateContainerConfigError", "container has runAsNonRoot"), "ConfigError", "root user"),
        (stuck("CreateContainerConfigError", "runAsNonRoot and image has non-numeric user (app)"), "ConfigError", "named user"),
        (stuck("CreateContainerConfigError", "container's runAsUser breaks non-root policy"), "ConfigError", "user zero"),
        (stuck("CreateContainerConfigError", "failed to sync secret cache: timed out"), "ConfigError", "not synced"),
        (stuck("CreateContainerConfigError", "failed to prepare subPath"), "ConfigError", "sub path"),
        (stuck("CreateContainerConfigError", "other"), "ConfigError", "configuration"),
        (stuck("RunContainerError", "permission denied"), "StartError", "not executable"),
        (stuck("RunContainerError", "executable file not found"), "StartError", "no program"),
        (stuck("CreateContainerError", "name is reserved for"), "StartError", "name reserved"),
        (stuck("CreateContainerError", "other"), "StartError", "start"),
        (stuck("RunContainerError", 'error mounting "/a" to rootfs at "/b": not a directory'), "StartError", "mounted on a file"),
        (stuck("RunContainerError", 'error mounting "/a": mkdirat /b: read-only file system'), "StartError", "mounted read only"),
        (stuck("RunContainerError", 'chdir to cwd ("/app") set in config.json failed: no such file'), "StartError", "working directory"),
        (stuck("CreateContainerError", "cannot load seccomp profile: no such file or directory"), "StartError", "profile missing"),
        (stuck("RunContainerError", "error running hook #0: exit status 1"), "StartError", "runtime hook"),
        (stuck("CreateContainerError", "no command specified"), "StartError", "no command"),
        (stuck("RunContainerError", "exec /app: exec format error"), "StartError", "architecture"),
        (dead(128, reason="StartError", message="no such file"), "StartError", "no program"),
        (dead(137, reason="OOMKilled"), "OomKilled", "memory"),
        (dead(0), "CrashLoop", "exits with 0"),
        (dead(1, "PermissionError", "[Errno 30] Read-only file system"), "CrashLoop", "read only"),
        (dead(1, "too many open files", "PermissionError"), "CrashLoop", "denied"),  # the last that tells
        (dead(1, "failed to create fsnotify watcher: too many open files"), "CrashLoop", "open files"),
        (dead(1, "inotify_add_watch(/x): no space left on device"), "CrashLoop", "open files"),
        (dead(1, "opening storage failed: open /data/lock: no space left on device"), "CrashLoop", "disk full"),
        (dead(1, "listen tcp 0.0.0.0:9100: bind: address already in use"), "CrashLoop", "port taken"),
        (dead(1, "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)"), "CrashLoop", "port denied"),
        (dead(1, "listen tcp :443: bind: permission denied"), "CrashLoop", "port denied"),
        (dead(1, "(13)Permission denied: AH00072: make_sock: could not bind to address [::]:80"), "CrashLoop", "port denied"),
        (dead(1, "listen unix /run/x.sock: bind: permission denied"), "CrashLoop", "denied"),
        (dead(1, "opening storage failed: lock DB directory: resource temporarily unavailable"), "CrashLoop", "locked"),
        (dead(1, "[InnoDB] Unable to lock ./ibdata1 error: 11"), "CrashLoop", "locked"),
        (dead(1, "migration failed (id = create migration_log table): database is locked"), "CrashLoop", "sqlite locked"),
        (dead(1, "problem running manager: leader election lost"), "CrashLoop", "lease lost"),
        (dead(1, 'pods is forbidden: User "system:serviceaccount:a:b" cannot list resource "pods"'), "CrashLoop", "api refuses"),
        (dead(1, "psycopg2.errors.InsufficientPrivilege: permission denied for schema public"), "CrashLoop", "login refused"),
        (dead(1, 'FATAL: password authentication failed for user "mlflow"'), "CrashLoop", "login refused"),
        (dead(1, "Error parsing command line arguments: unknown long flag '--alertmanager.timeout'"), "CrashLoop", "argument"),
        (dead(1, "PermissionError: '/x'"), "CrashLoop", "denied"),
        (dead(1, '[FATAL] plugin/loop: Loop (127.0.0.1:34614 -> :53) detected for zone "."'), "CrashLoop", "dns loop"),
        (dead(1, "opening storage failed: get segment range: segments are not sequential"), "CrashLoop", "database damaged"),
        (dead(1, "opening storage failed: found unsequential head chunk files /data/chunks_head/3"), "CrashLoop", "database damaged"),
        (
            dead(1, "yaml: unmarshal errors:", "  line 4: field a not found in type b.C", "Use `-x` flag if"),
            "CrashLoop",
            "configuration refused",
        ),
        (dead(1, "error loading config: open /etc/x.yaml: permission denied"), "CrashLoop", "denied"),
        (dead(255, "exec /app/serve: exec format error"), "CrashLoop", "architecture"),
        (dead(126), "CrashLoop", "not executable"),
        (dead(127), "CrashLoop", "no program"),
        (dead(139), "CrashLoop", "signal"),
        (dead(3), "CrashLoop", "exit"),
        (Case("x", "", LOOPING), "CrashLoop", "unknown"),
    ],
)
def test_each_fault_is_told_by_status_and_log(case: Case, code: str, fault: str) -> None:
    found = diagnosed(case)
    assert isinstance(found, Broken)
    assert (found.code, found.fault, found.wait) == (code, fault, None)


# The last end is at 11:59:01, and the grace period is 30 s: a kill begins it, so that it is some time before it.
@pytest.mark.parametrize(
    ("code", "events", "fault"),
    [
        (137, killed("2026-01-01T11:58:31Z"), "probe"),
        (0, killed("2026-01-01T11:59:00Z"), "probe"),  # it handles SIGTERM
        (3, killed("2026-01-01T11:58:21Z"), "probe"),
        (3, killed("2026-01-01T11:58:20Z"), "exit"),
        (3, killed("2026-01-01T11:59:12Z"), "exit"),
        (137, killed("2026-01-01T11:20:00Z"), "signal"),
        (0, killed("2026-01-01T11:20:00Z"), "exits with 0"),
        (137, killed(None), "probe"),
        (3, killed(None), "exit"),
        (137, killed("2026-01-01T11:58:31Z", container="sidecar"), "signal"),
    ],
)
def test_a_kill_counts_for_the_end_that_it_belongs_to(code: int, events: list[CrashEvent], fault: str) -> None:
    read = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), CrashEvents(events)),))
    found = diagnosed(dead(code), crash_events=read)
    assert isinstance(found, Broken)
    assert found.fault == fault


def of_pod(events: list[CrashEvent]) -> Readings[CrashEvents]:
    return Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), CrashEvents(events)),))


HOOK = 'Exec lifecycle hook ([/init.sh]) for Container "main" in Pod "tmp-curl" failed - error: exited with 1'


@pytest.mark.parametrize(
    ("code", "message", "at", "fault"),
    [
        (137, HOOK, "2026-01-01T11:58:40Z", "start hook"),
        (137, "PostStartHook failed", "2026-01-01T11:58:40Z", "start hook"),
        (137, HOOK.replace("main", "sidecar"), "2026-01-01T11:58:40Z", "signal"),
        (137, HOOK, "2026-01-01T11:20:00Z", "signal"),
        (3, HOOK, "2026-01-01T11:58:40Z", "exit"),
    ],
)
def test_a_hook_that_fails_is_why_a_container_is_killed(code: int, message: str, at: str, fault: str) -> None:
    found = diagnosed(dead(code), crash_events=of_pod([CrashEvent("FailedPostStartHook", message, 1, epoch(at))]))
    assert isinstance(found, Broken)
    assert (found.fault, found.message) == (fault, message if fault == "start hook" else "")


def test_why_an_image_cannot_be_pulled_is_in_the_event_of_the_last_try() -> None:
    events = [
        CrashEvent("Failed", 'Failed to pull image "registry/app:2": dial tcp: i/o timeout', 3, 100.0),
        CrashEvent("Failed", 'Failed to pull image "registry/app:2": registry/app:2: not found', 3, 900.0),
        CrashEvent("Failed", 'Failed to pull image "registry/other:1": 401 Unauthorized', 3, 950.0),
        CrashEvent("Failed", "Error: ErrImagePull", 9, 990.0),
    ]
    found = diagnosed(stuck("ImagePullBackOff", 'Back-off pulling image "registry/app:2"'), crash_events=of_pod(events))
    assert isinstance(found, Broken)
    assert (found.fault, found.message) == ("image missing", events[1].message)


@pytest.mark.parametrize(
    ("message", "fault", "secrets"),
    [("pull access denied", "pull secret missing", ["regcred", "two"]), ("x:2: not found", "image missing", [])],
)
def test_a_pull_secret_that_does_not_exist_is_why_a_registry_refuses(message: str, fault: str, secrets: list[str]) -> None:
    said = "Unable to retrieve some image pull secrets (regcred, two); attempting to pull the image may not succeed."
    found = diagnosed(stuck("ErrImagePull", message), crash_events=of_pod([CrashEvent("FailedToRetrieveImagePullSecret", said, 1, 9.0)]))
    assert isinstance(found, Broken)
    assert (found.fault, found.pull_secrets) == (fault, secrets)


def test_of_two_kills_the_one_of_the_last_end_counts() -> None:
    events = [*killed("2026-01-01T11:20:00Z"), *killed("2026-01-01T11:58:50Z", kind="startup")]
    found = diagnosed(dead(137), crash_events=Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), CrashEvents(events)),)))
    assert isinstance(found, Broken)
    assert found.kill == Kill("startup", "Startup probe failed: 500")


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ((), ""),
        (("first", "last", " "), "last"),
        (("PermissionError: '/x'", "bye"), "PermissionError: '/x'"),
        (("failed parsing config: x.yaml", "  field a not found in type b.C", "a hint"), "  field a not found in type b.C"),
    ],
)
def test_the_line_that_tells_it_is_kept(lines: tuple[str, ...], line: str) -> None:
    found = diagnosed(dead(1, *lines))
    assert isinstance(found, Broken)
    assert found.line == line


def curl(**more: Any) -> Case:
    return Case("x", "", LOOPING, ended(7), **{"command": CURL, **more})


@pytest.mark.parametrize(
    ("case", "kind", "excuse", "seconds", "service"),
    [
        (curl(), Starting, "young", 3 * MINUTE, None),
        (curl(target="missing"), Starting, "young", 3 * MINUTE, None),
        (curl(target="2026-01-01T11:59:30Z"), Starting, "just ready", MINUTE, None),
        (curl(created=OLD), Broken, "overdue", 120 * MINUTE, LOKI),
        (curl(created=OLD, target="missing"), Broken, "overdue", 120 * MINUTE, None),
        (curl(target_created=OLD), Broken, "overdue", 120 * MINUTE, LOKI),
        (curl(target="2026-01-01T11:50:00Z"), Broken, "long ready", 10 * MINUTE, None),
        (curl(command=("curl", "http://loki.logging:9999/")), Broken, "wrong port", 0.0, None),
        (curl(command=("curl", "https://example.com/")), Broken, "elsewhere", 0.0, None),
        (curl(command=("sh", "-c", "curl $URL")), Broken, "unnamed", 0.0, None),
    ],
)
def test_what_it_calls_excuses_it_only_while_both_are_young(
    case: Case, kind: type, excuse: str, seconds: float, service: Ref | None
) -> None:
    found = diagnosed(case)
    assert isinstance(found, Broken | Starting)
    assert found.wait is not None
    assert (type(found), found.wait.excuse, found.wait.seconds, found.wait.service) == (kind, excuse, seconds, service)


@pytest.mark.parametrize(
    "case",
    [
        curl(owned=True, old_serves=True),  # of a new revision the old one shows that what it calls is there
        Case("x", "", LOOPING, ended(23), command=CURL),  # by its exit code it reached what it calls
        Case("x", "", LOOPING, ended(1), command=("app", URL), lines=("KeyError",)),
    ],
)
def test_what_it_calls_does_not_matter_where_it_does_not_say_so(case: Case) -> None:
    found = diagnosed(case)
    assert isinstance(found, Broken)
    assert found.wait is None


UNREAD: Readings[Any] = Readings((), (refused("List", "", "no rights"),))


@pytest.mark.parametrize(
    ("case", "changes", "lacks"),
    [
        (Case("x", "", LOOPING, ended(1), command=("app", URL)), {"crash_logs": UNREAD}, "log"),
        (curl(), {"services": UNREAD}, "target"),
        (curl(target="missing"), {"pods": UNREAD}, "pods"),
    ],
)
def test_what_was_not_read_leaves_it_open(case: Case, changes: dict[str, Any], lacks: str) -> None:
    found = diagnosed(case, **changes)
    assert isinstance(found, Unclear)
    assert (found.lacks, found.seconds) == (lacks, None)


def well(code: int, at: str, reason: str = "Error", **more: Any) -> Case:
    return Case("x", "", running("2026-01-01T11:50:00Z"), ended(code, reason, OLD, at), ready=True, **more)


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        (well(137, "2026-01-01T11:00:00Z", "OOMKilled"), Broken),
        (well(137, "2026-01-01T10:59:59Z", "OOMKilled"), type(None)),
        (well(1, "2026-01-01T11:45:00Z"), Recovered),
        (well(1, "2026-01-01T11:44:59Z"), type(None)),
        (well(0, "2026-01-01T11:49:00Z"), type(None)),
        (well(7, "2026-01-01T11:49:00Z", command=CURL, target=YOUNG), Starting),
        (well(7, "2026-01-01T11:49:00Z", command=("curl", "https://example.com/")), Recovered),
    ],
)
def test_what_is_well_again_counts_for_a_while(case: Case, kind: type) -> None:
    assert type(diagnosed(case)) is kind


def test_whether_it_only_waited_is_open_where_what_it_calls_was_not_read() -> None:
    found = diagnosed(well(7, "2026-01-01T11:49:00Z", command=CURL), services=UNREAD)
    assert isinstance(found, Unclear)
    assert (found.lacks, found.seconds) == ("target", 11 * MINUTE)


@pytest.mark.parametrize("lines", [REFUSED, ("all is well", *REFUSED)])
def test_a_log_that_says_that_it_was_refused_is_an_excuse(lines: tuple[str, ...]) -> None:
    assert isinstance(diagnosed(Case("x", "", LOOPING, ended(1), command=("app", URL), lines=lines)), Starting)


@pytest.mark.parametrize(("selector", "silenced"), [(NEW, ["Service/app/web"]), ({"app": "other"}, [])])
def test_it_silences_the_services_that_lead_to_it_alone(selector: dict[str, str], silenced: list[str]) -> None:
    service = labelled(Service, "app", "web", spec={"selector": selector})
    found = diagnosed(Case("x", "", LOOPING, ended(1), owned=True), services=listing("Service", [service]))
    assert isinstance(found, Broken)
    assert [str(one) for one in found.silenced] == silenced
