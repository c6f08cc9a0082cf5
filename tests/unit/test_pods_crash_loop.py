from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.crashes import CrashEvent, CrashEvents, CrashLog
from clusterprobe.systems.objects import Pod, Service
from clusterprobe.times import epoch
from probes.pods.probe_crash_loop import probe_crash_loop
from tests.factories import assert_blindness_is_no_health, blinded, judged, labelled, listing, outcome, reasons, refused
from tests.unit.crash_corpus import CORPUS, CURL, LOOPING, NOW, URL, Case, ended, running, waiting

READY = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T10:00:00Z"}]
NEW, OLD_REVISION = {"pod-template-hash": "new"}, {"pod-template-hash": "old"}


def pod_of(case: Case) -> Pod:
    container = {"name": "main", "image": "registry/app:2", "command": list(case.command), **case.more}
    status = {"name": "main", "ready": case.ready, "restartCount": case.restarts, "state": case.state, "lastState": case.last}
    serving = {"name": "web", "ready": True, "state": running("2026-01-01T10:00:00Z")}
    spec = {"containers": [{"name": "web"} if case.init else container], "restartPolicy": case.policy}
    statuses: dict[str, Any] = {"containerStatuses": [serving if case.init else status]}
    if case.init:
        spec["initContainers"], statuses["initContainerStatuses"] = [container], [status]
    metadata = {"creationTimestamp": case.created, "ownerReferences": owners("new") if case.owned else []}
    return labelled(
        Pod, "app", "tmp-curl", NEW if case.owned else {}, spec=spec, metadata=metadata, status={"phase": case.phase, **statuses}
    )


def owners(revision: str) -> list[dict[str, Any]]:
    return [{"kind": "ReplicaSet", "name": f"web-{revision}", "uid": revision, "controller": True}]


def old_pod() -> Pod:
    status = {
        "phase": "Running",
        "conditions": READY,
        "containerStatuses": [{"name": "web", "ready": True, "state": running("2026-01-01T10:00:00Z")}],
    }
    return labelled(
        Pod, "app", "web-old-1", OLD_REVISION, metadata={"ownerReferences": owners("old")}, spec={"containers": []}, status=status
    )


def target_pod(case: Case) -> Pod:
    since = [{"type": "Ready", "status": "True", "lastTransitionTime": case.target}] if case.target.startswith("2026") else []
    status = {"phase": "Running", "conditions": since, "containerStatuses": [{"name": "loki", "state": running(case.target_created)}]}
    return labelled(
        Pod,
        "logging",
        "loki-0",
        {"app": "loki"},
        metadata={"creationTimestamp": case.target_created},
        spec={"containers": []},
        status=status,
    )


def world(case: Case, **changes: Any) -> dict[str, Any]:
    there = case.target != "missing"
    service = labelled(Service, "logging", "loki", spec={"selector": {"app": "loki"}, "ports": [{"port": 3100}]})
    log = (Subject(kind="Pod", namespace="app", name="tmp-curl"), CrashLog("main", list(case.lines)))
    return {
        "pods": listing("Pod", [pod_of(case), *([target_pod(case)] if there else []), *([old_pod()] if case.old_serves else [])]),
        "services": listing("Service", [service] if there else []),
        "crash_logs": Readings((log,) if case.lines else (), absent="none crashes"),
        "crash_events": Readings(absent="none crashes"),
        "profile": Profile(),
        "clock": SimpleNamespace(now=epoch(NOW)),
        **changes,
    }


def case_named(label: str) -> Case:
    return next(one for one in CORPUS if one.label == label)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.label)
def test_a_labelled_status_is_taken_for_what_it_is(case: Case) -> None:
    verdict = judged(probe_crash_loop, **world(case))
    assert reasons(verdict) == ([case.expected] if case.expected else [])
    assert verdict.unread == []
    severities = {one.severity for one in verdict.findings}
    assert severities <= ({Severity.INFO} if case.expected == "NormalStartup" else {Severity.ERROR, Severity.WARNING})


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.label)
def test_what_cannot_be_read_never_excuses_and_never_accuses(case: Case) -> None:
    assert_blindness_is_no_health(probe_crash_loop, world(case))
    for name, blind in blinded(world(case)):
        after = judged(probe_crash_loop, **blind)
        if case.expected not in ("", "NormalStartup"):
            assert "NormalStartup" not in reasons(after), name
            assert outcome(after) != "pass" or case.label == "out of memory lately, and well", name


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 20
    assert len({one.label for one in CORPUS}) == len(CORPUS)


def test_a_normal_phenomenon_passes_and_says_what_it_waits_for() -> None:
    verdict = judged(probe_crash_loop, **world(case_named("curl that waits for a Service whose pod is not ready")))
    assert outcome(verdict) == "pass"
    assert "Service logging/loki has no ready pod (loki-0)" in verdict.findings[0].cause
    assert "a normal phenomenon" in verdict.findings[0].problem


def test_a_name_excuses_nothing() -> None:
    (finding,) = judged(probe_crash_loop, **world(Case("tmp-curl", "", LOOPING, ended(1)))).findings
    assert (finding.reason, finding.subject.name) == ("CrashLoop", "tmp-curl")


def test_it_says_that_the_target_answers_and_for_how_long() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("curl that still fails although its target answers"))).findings
    assert "Service logging/loki has been ready for 10 min, and it still crashes" in finding.cause


def test_the_wrong_port_is_named() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("curl of a port that the Service does not have"))).findings
    assert "Service logging/loki has no port 9999, only 3100" in finding.cause


@pytest.mark.parametrize(("created", "expected"), [("2026-01-01T11:45:00Z", "NormalStartup"), ("2026-01-01T11:44:59Z", "CrashLoop")])
def test_it_may_wait_for_fifteen_minutes(created: str, expected: str) -> None:
    assert reasons(judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(7), command=CURL, created=created)))) == [expected]


@pytest.mark.parametrize(("since", "expected"), [("2026-01-01T11:58:45Z", "CrashLoop"), ("2026-01-01T11:58:46Z", "NormalStartup")])
def test_a_target_is_given_a_moment_to_be_reached(since: str, expected: str) -> None:
    assert reasons(judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(7), command=CURL, target=since)))) == [expected]


def test_a_broken_revision_says_that_the_old_one_hides_it_and_how_to_go_back() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("a new revision that waits while the old one serves"))).findings
    assert "Pods of another revision (old) still serve" in finding.problem
    assert "kubectl -n app rollout undo deployment web" in finding.fix


def test_out_of_memory_names_the_limit() -> None:
    case = Case("x", "", LOOPING, ended(137, "OOMKilled"), more={"resources": {"limits": {"memory": "64Mi"}}})
    assert "memory limit of 64Mi" in judged(probe_crash_loop, **world(case)).findings[0].cause


def test_having_run_out_of_memory_is_a_warning_for_an_hour() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("out of memory lately, and well"))).findings
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("x:2: not found", "no such image or tag"),
        ("pull access denied, insufficient_scope: authorization failed", "the registry refuses"),
        ("dial tcp: lookup registry: no such host", "cannot be reached"),
        ("toomanyrequests: rate limit", "rate limit"),
    ],
)
def test_an_image_error_says_why(message: str, cause: str) -> None:
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", waiting("ErrImagePull", message), restarts=0, phase="Pending"))).findings
    assert cause in finding.cause
    assert "registry/app:2" in finding.cause


def test_a_missing_secret_is_named_and_would_explain_it() -> None:
    finding = judged(probe_crash_loop, **world(case_named("Secret that is missing"))).findings[0]
    assert 'secret "db" not found' in finding.cause
    assert finding.rests_on == [f"Secret/{finding.subject.namespace}/db"]
    assert finding.breaks == [f"{finding.subject.kind}/{finding.subject.namespace}/{finding.subject.name}"]


def test_a_liveness_probe_that_kills_is_named_with_its_answer() -> None:
    events = CrashEvents(
        [
            CrashEvent("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
            CrashEvent("Killing", "Container main failed liveness probe, will be restarted"),
        ]
    )
    read = Readings(((Subject(kind="Pod", namespace="app", name="tmp-curl"), events),))
    (finding,) = judged(probe_crash_loop, **world(case_named("killed by its liveness probe"), crash_events=read)).findings
    assert "Liveness probe failed: HTTP probe failed with statuscode: 500" in finding.cause


def test_a_permission_error_is_quoted() -> None:
    (finding,) = judged(probe_crash_loop, **world(case_named("permission denied"))).findings
    assert "Permission denied: '/app/logs/a'" in finding.cause


@pytest.mark.parametrize(
    ("code", "word"), [(126, "may not be executed"), (127, "does not exist"), (139, "SIGSEGV"), (143, "SIGTERM"), (3, "code 3")]
)
def test_an_exit_code_is_put_into_words(code: int, word: str) -> None:
    assert word in judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(code)))).findings[0].cause


def test_the_last_lines_are_shown() -> None:
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", LOOPING, ended(1), lines=("Traceback", "KeyError: 'x'")))).findings
    assert "KeyError: 'x'" in finding.cause
    assert any(getattr(one, "text", "") == "Traceback\nKeyError: 'x'" for one in finding.exhibits)


def test_the_replicas_of_a_workload_are_one_finding() -> None:
    one = pod_of(Case("x", "", LOOPING, ended(1), owned=True))
    two = labelled(
        Pod,
        "app",
        "web-new-2",
        NEW,
        metadata={"ownerReferences": owners("new")},
        spec={"containers": [{"name": "main"}]},
        status={"phase": "Running", "containerStatuses": [{"name": "main", "restartCount": 1, "state": LOOPING, "lastState": ended(1)}]},
    )
    (finding,) = judged(probe_crash_loop, **world(Case("x", "", LOOPING), pods=listing("Pod", [one, two]))).findings
    assert (finding.subject.kind, finding.subject.name) == ("Deployment", "web")
    assert "tmp-curl, web-new-2" in finding.problem


def test_a_log_that_cannot_be_read_leaves_it_open_whether_it_only_waits() -> None:
    case = Case("x", "", LOOPING, ended(1), command=("app", URL))
    unread: Readings[Any] = Readings((), (refused("Pod", "app"),))
    verdict = judged(probe_crash_loop, **world(case, crash_logs=unread))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_pods_that_are_not_all_known_leave_it_open_as_well() -> None:
    case = Case("x", "", LOOPING, ended(7), command=CURL)
    some = world(case)["pods"]
    partly = Readings(some.values, (refused("PodList", "logging"),))
    assert outcome(judged(probe_crash_loop, **world(case, pods=partly))) == "inconclusive"


@pytest.mark.parametrize(("phase", "statuses"), [("Unknown", [{"name": "main"}]), ("", []), ("Running", [])])
def test_a_pod_whose_containers_are_not_told_is_unchecked(phase: str, statuses: list[Any]) -> None:
    pod = labelled(Pod, "app", "x", spec={"containers": []}, status={"phase": phase, "containerStatuses": statuses})
    assert outcome(judged(probe_crash_loop, **world(Case("x", "", LOOPING), pods=listing("Pod", [pod])))) == "inconclusive"


def test_a_pod_that_is_going_is_left_alone() -> None:
    case = Case("x", "", LOOPING, ended(1))
    going = labelled(
        Pod,
        "app",
        "x",
        metadata={"deletionTimestamp": NOW},
        spec={"containers": []},
        status={"phase": "Running", "containerStatuses": [{"name": "main", "state": LOOPING, "lastState": ended(1)}]},
    )
    assert outcome(judged(probe_crash_loop, **world(case, pods=listing("Pod", [going])))) == "pass"
