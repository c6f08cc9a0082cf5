from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import Unreadable
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.serving.health import Health, health_of
from clusterprobe.systems.serving.sources import Replica, model_replicas
from probes.serving.probe_health import probe_health
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, recognised, refused

START = "2027-01-15T08:00:00Z"
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
LATER = Clock(NOW + 3600)
HTTP = {"httpGet": {"path": "/health", "port": "http"}}
OK = Health(status=200, kind="json", said='{"status":"ok"}', well=True)
ILL = Health(status=500, kind="json", said='{"detail":"no model is loaded"}')


def pod(name: str = "fastapi-66-a", *, ready: bool = True, labels: dict[str, str] | None = None, **changes: Any) -> Pod:
    status: dict[str, Any] = {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "startTime": START,
        "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": changes.pop("changed", "2027-01-15T08:20:00Z")}],
        "containerStatuses": [{"name": "fastapi", "state": {"running": {"startedAt": START}}}],
        **changes.pop("status", {}),
    }
    container = {
        "name": "fastapi",
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": HTTP,
        **changes.pop("container", {}),
    }
    metadata = {
        "ownerReferences": [{"kind": "ReplicaSet", "name": "fastapi-66", "uid": "1", "controller": True}],
        **changes.pop("metadata", {}),
    }
    own = {"app.kubernetes.io/name": "fastapi", "pod-template-hash": "66"} if labels is None else labels
    return labelled(Pod, "fastapi-dev", name, own, metadata=metadata, spec={"containers": [container]}, status=status)


def found(*pods: Pod, profile: Profile | None = None) -> Readings[Replica]:
    listed, wanted = listing("Pod", pods), profile or Profile()
    return model_replicas(listed, recognised(listed, wanted), wanted)


def platform(*pairs: tuple[Pod, Health | None], profile: Profile | None = None, **changes: Any) -> dict[str, Any]:
    replicas = found(*(one for one, _ in pairs), profile=profile)
    answers = {one.metadata.name: answer for one, answer in pairs}
    values = tuple((subject, answers[subject.name]) for subject, _ in replicas if answers[subject.name] is not None)
    return {"model_replicas": replicas, "model_health": Readings(values), "clock": LATER, **changes}


def named(path: str) -> Profile:
    return Profile.model_validate({"serving": {"models": [{"selector": {"app.kubernetes.io/name": "fastapi"}, "health_path": path}]}})


def test_replicas_that_say_that_they_are_well_pass() -> None:
    verdict = judged(probe_health, **platform((pod("a"), OK), (pod("b"), OK)))
    assert (outcome(verdict), verdict.examined, verdict.notes) == ("pass", 2, [])
    assert verdict.exhibits[0].rows[0] == ["fastapi-dev/a", "/health", "readiness probe", "yes", '200 {"status":"ok"}']


def test_one_that_answers_500_and_is_not_ready_is_an_error_with_its_own_words() -> None:
    verdict = judged(probe_health, **platform((pod("a", ready=False), ILL), (pod("b"), OK)))
    (finding,) = verdict.findings
    assert (finding.reason, finding.severity, str(finding.subject)) == ("Unhealthy", "error", "Deployment fastapi-dev/fastapi")
    assert "no model is loaded" in finding.cause
    assert "Pod a answers on /health" in finding.cause
    assert "1 of its 2 replicas is Ready" in finding.problem
    assert "$ kubectl -n fastapi-dev logs a" in finding.fix
    assert finding.breaks == []


def test_where_no_replica_is_left_it_breaks_the_workload() -> None:
    (finding,) = judged(probe_health, **platform((pod("a", ready=False), ILL), (pod("b", ready=False), ILL))).findings
    assert finding.breaks == ["Deployment/fastapi-dev/fastapi"]
    assert "no client is answered" in finding.problem


def test_what_fails_may_be_restarted_and_what_is_not_there_not() -> None:
    restart = "$ kubectl -n fastapi-dev rollout restart deployment/fastapi"
    (fails,) = judged(probe_health, **platform((pod("a", ready=False), ILL))).findings
    assert restart in fails.fix
    (gone,) = judged(probe_health, **platform((pod("a", ready=False), Health(status=404, kind="json")))).findings
    assert restart not in gone.fix


def test_a_path_that_is_not_there_is_named() -> None:
    (finding,) = judged(probe_health, **platform((pod(ready=False), Health(status=404, kind="json")))).findings
    assert (finding.reason, finding.severity) == ("HealthNotFound", "error")
    assert "/health" in finding.cause


def test_a_200_that_says_error_is_believed() -> None:
    said = Health(status=200, kind="json", said='{"status":"unhealthy"}', well=False)
    assert reasons(judged(probe_health, **platform((pod(), said)))) == ["SaysUnhealthy"]


@pytest.mark.parametrize(
    "answer", [ILL, Health(status=404, kind="text"), Health(status=302, kind="redirect"), Health(status=200, kind="html")]
)
def test_what_contradicts_the_kubelet_is_unchecked(answer: Health) -> None:
    verdict = judged(probe_health, **platform((pod(), answer)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


@pytest.mark.parametrize(
    ("answer", "word"), [(Health(status=302, kind="redirect", said="/login"), "redirect"), (Health(status=200, kind="html"), "HTML page")]
)
def test_the_wrong_kind_of_answer_is_named_and_unchecked(answer: Health, word: str) -> None:
    verdict = judged(probe_health, **platform((pod(ready=False), answer)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert word in verdict.unread[0].reason


def test_a_path_of_the_profile_is_judged_although_the_readiness_probe_passes() -> None:
    verdict = judged(probe_health, **platform((pod(), ILL), profile=named("/deep")))
    (finding,) = verdict.findings
    assert (finding.reason, finding.severity) == ("Unhealthy", "error")
    assert "/deep (said by its profile)" in finding.cause


def test_a_path_of_the_profile_that_is_not_there_is_a_warning() -> None:
    (finding,) = judged(probe_health, **platform((pod(), Health(status=404, kind="json")), profile=named("/deep"))).findings
    assert (finding.reason, finding.severity) == ("HealthNotFound", "warning")


@pytest.mark.parametrize(("age", "expected"), [(119, "inconclusive"), (120, "findings")])
def test_a_replica_that_has_just_been_started_is_given_time(age: int, expected: str) -> None:
    starting = pod(ready=False, changed=START)
    assert outcome(judged(probe_health, **platform((starting, ILL), clock=Clock(NOW + age)))) == expected


def test_one_that_was_ready_before_is_given_none() -> None:
    verdict = judged(probe_health, **platform((pod(ready=False, changed="2027-01-15T08:00:30Z"), ILL), clock=Clock(NOW + 60)))
    assert reasons(verdict) == ["Unhealthy"]


def test_one_that_answers_well_and_is_not_ready_is_unchecked() -> None:
    assert outcome(judged(probe_health, **platform((pod(ready=False), OK)))) == "inconclusive"


def test_a_crashing_pod_beside_healthy_ones_is_left_to_another_probe() -> None:
    waiting = {"containerStatuses": [{"name": "fastapi", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    verdict = judged(probe_health, **platform((pod("a", ready=False, status=waiting), None), (pod("b"), OK)))
    assert (outcome(verdict), verdict.findings) == ("pass", [])
    assert "pods/crash-loop" in verdict.notes[0]


def test_one_that_has_just_crashed_and_runs_again_counts_as_crashing() -> None:
    ended = {"terminated": {"exitCode": 1, "finishedAt": "2027-01-15T08:59:00Z"}}
    status = {"containerStatuses": [{"name": "fastapi", "state": {"running": {"startedAt": START}}, "lastState": ended}]}
    (replica,) = found(pod(ready=False, status=status)).items
    assert replica.down(NOW + 3600)
    assert not replica.down(NOW + 36000)


def test_where_every_pod_crashes_there_is_nobody_to_ask() -> None:
    waiting = {"containerStatuses": [{"name": "fastapi", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    verdict = judged(probe_health, **platform((pod(ready=False, status=waiting), None)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_an_answer_that_says_neither_well_nor_ill_is_noted() -> None:
    verdict = judged(probe_health, **platform((pod(), Health(status=200, kind="json", said="{}"))))
    assert outcome(verdict) == "pass"
    assert "neither healthy nor unhealthy" in verdict.notes[0]


def test_a_missing_readiness_probe_is_worth_a_word_and_nothing_to_ask_is_unchecked() -> None:
    verdict = judged(probe_health, **platform((pod(container={"readinessProbe": None}), None)))
    assert [(one.reason, one.severity) for one in verdict.findings] == [("NoReadinessProbe", "info")]
    assert outcome(verdict) == "inconclusive"


def test_without_a_readiness_probe_the_liveness_probes_path_is_asked() -> None:
    one = pod(container={"readinessProbe": None, "livenessProbe": {"httpGet": {"path": "/live", "port": 8000}}})
    (replica,) = found(one).items
    assert (replica.path, replica.port, replica.said_by) == ("/live", 8000, "liveness probe")
    assert reasons(judged(probe_health, **platform((one, OK)))) == ["NoReadinessProbe"]


def test_a_probe_of_another_kind_is_the_kubelets_to_make() -> None:
    verdict = judged(probe_health, **platform((pod(container={"readinessProbe": {}}), None)))
    assert outcome(verdict) == "pass"
    assert "Ready condition" in verdict.notes[0]


def test_blindness_is_no_health() -> None:
    assert_blindness_is_no_health(probe_health, platform((pod("a"), OK)))
    assert_blindness_is_no_health(probe_health, platform((pod("a", ready=False), ILL)))


def test_one_replica_that_could_not_be_asked_is_unchecked() -> None:
    readings = platform((pod("a"), OK), (pod("b"), None))
    readings["model_health"] = Readings(readings["model_health"].values, (refused("Pod", "fastapi-dev", "connection refused"),))
    assert outcome(judged(probe_health, **readings)) == "inconclusive"


def test_one_that_was_not_asked_is_unchecked_although_nothing_failed() -> None:
    readings = platform((pod("a"), OK), (pod("b"), None))
    verdict = judged(probe_health, **readings)
    assert (outcome(verdict), [one.subject.name for one in verdict.unread]) == ("inconclusive", ["b"])


# --- which pods are models --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "is_model"),
    [
        ({"app.kubernetes.io/name": "fastapi"}, True),
        ({"app.kubernetes.io/part-of": "model-serving"}, True),
        ({"app": "inference"}, True),
        ({"serving.kserve.io/inferenceservice": "churn"}, True),
        ({"app.kubernetes.io/name": "churn-clients"}, False),
        ({"app": "fastapi-docs"}, False),
        ({}, False),
    ],
)
def test_labels_tell_what_a_model_service_is(labels: dict[str, str], is_model: bool) -> None:
    assert bool(len(found(pod(labels=labels)))) is is_model


def test_without_one_it_does_not_apply_and_says_how_models_are_found() -> None:
    verdict = judged(probe_health, **platform((pod(labels={}), None)))
    assert outcome(verdict) == "not_applicable"
    assert "app.kubernetes.io/name" in verdict.absences[0]


def test_a_profile_that_names_models_names_all_of_them() -> None:
    models = {"serving": {"models": [{"namespaces": ["ml-*"], "selector": {"app": "x"}}]}}
    replicas = found(pod(), profile=Profile.model_validate(models))
    assert len(replicas) == 0
    assert "the profile names it" in replicas.unreadable[0].reason


def test_a_model_that_the_profile_names_and_that_is_not_there_is_not_health() -> None:
    profile = Profile.model_validate({"serving": {"models": [{"selector": {"app": "gone"}}]}})
    assert outcome(judged(probe_health, **platform((pod(), None), profile=profile))) == "inconclusive"


def test_pods_that_are_done_or_going_or_of_jobs_are_none() -> None:
    going = pod("a", metadata={"deletionTimestamp": START})
    done = pod("b", status={"phase": "Succeeded"})
    job = pod("c", metadata={"ownerReferences": [{"kind": "Job", "name": "train", "uid": "1", "controller": True}]})
    assert len(found(going, done, job)) == 0


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"status":"ok"}', ("json", True)),
        (200, b'{"status":"UP"}', ("json", True)),
        (200, b'{"status":"degraded"}', ("json", False)),
        (200, b'"OK"', ("json", True)),
        (200, b"OK\n", ("text", True)),
        (200, b"null", ("json", None)),
        (200, b"", ("empty", None)),
        (200, b"<html>sign in</html>", ("html", None)),
        (500, b'{"detail":"x"}', ("json", None)),
        (404, b'{"detail":"Not Found"}', ("json", None)),
        (307, b"", ("redirect", None)),
    ],
)
def test_answers_are_told_apart(status: int, body: bytes, expected: tuple[str, bool | None]) -> None:
    answer = health_of(Answer(status, {}, body, 0.0), "GET x")
    assert (answer.kind, answer.well) == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b'{"kind":"Status","metadata":{},"message":"no endpoints available"}'),
        (403, b'{"kind":"Status","metadata":{},"message":"forbidden"}'),
        (200, b'{"kind":"Status","metadata":{}}'),
        (502, b"Bad Gateway"),
        (401, b"Unauthorized"),
        (429, b""),
    ],
)
def test_what_answers_on_the_way_is_no_answer_of_the_service(status: int, body: bytes) -> None:
    with pytest.raises(Unreadable):
        health_of(Answer(status, {}, body, 0.0), "GET x")


def test_the_subject_is_the_pod() -> None:
    ((subject, _),) = found(pod("a")).values
    assert subject == Subject(kind="Pod", namespace="fastapi-dev", name="a", owner="ReplicaSet/fastapi-66")
