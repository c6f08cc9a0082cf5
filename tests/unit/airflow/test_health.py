import json
from typing import Any

import msgspec
import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import BadResponse, Forbidden, NotFound, Unauthenticated
from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.airflow.sources import BrokenFile, Component, Failed, Health, Work, _health, _work, parse, prefix_of
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from probes.airflow.probe_health import probe_health
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, recognised, refused, server

NOW = 1_795_378_000.0  # 2026-11-22T20:06:40Z
LONG_AGO = "2026-11-20T00:00:00Z"
SUBJECT, _ = server("airflow", "airflow", "airflow", pod="airflow-api-server-0")
AIRFLOW = Subject(kind="Airflow", namespace="airflow", name="airflow")


def pod(component: str, started: str = LONG_AGO, ready: bool = True, **state: Any) -> Pod:
    container = {"name": component, "state": state or {"running": {"startedAt": started}}, "restartCount": 3 if state else 0}
    status = {
        "phase": "Running",
        "startTime": started,
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [container],
    }
    owner = {"kind": "ReplicaSet", "name": f"airflow-{component}-5d", "controller": True}
    labels = {"tier": "airflow", "component": component, "release": "airflow", "pod-template-hash": "5d"}
    return labelled(
        Pod, "airflow", f"airflow-{component}-0", labels, metadata={"ownerReferences": [owner]}, spec={"containers": []}, status=status
    )


SCHEDULER = labelled(Workload, "airflow", "airflow-scheduler", spec={"replicas": 0, "template": {"spec": {"containers": []}}})


def healthy(age: float = 4) -> Component:
    return Component("healthy", NOW - age)


def unhealthy(age: float | None = 90) -> Component:
    return Component("unhealthy", None if age is None else NOW - age)


def health(api: str = "v2", metadatabase: str = "healthy", **parts: Component) -> Health:
    return Health(api, metadatabase, {"scheduler": healthy(), "dag_processor": healthy(), "triggerer": Component(), **parts})


def platform(told: Health | None = None, work: Work | None = None, pods: list[Pod] | None = None, **changes: Any) -> dict[str, Any]:
    there = [pod("api-server"), pod("scheduler"), pod("dag-processor")] if pods is None else pods
    return {
        "airflow_health": single(SUBJECT, told or health()),
        "airflow_work": single(SUBJECT, work or Work()),
        "system_pods": recognised(listing("Pod", there)),
        "deployments": Readings(((Subject(kind="Deployment", namespace="airflow", name="airflow-scheduler"), SCHEDULER),)),
        "stateful_sets": Readings(absent="there is no StatefulSet in the cluster"),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def test_an_airflow_whose_parts_are_alive_passes_without_a_triggerer() -> None:
    verdict = judged(probe_health, **platform())
    assert (outcome(verdict), verdict.notes) == ("pass", [])
    assert verdict.exhibits[0].rows == [["Pod airflow/airflow-api-server-0", "v2", "healthy", *["healthy, 4 s ago"] * 2, "not deployed"]]


def test_a_stopped_scheduler_is_an_error_although_the_web_server_answers() -> None:
    (finding,) = judged(probe_health, **platform(health(scheduler=unhealthy()), pods=[pod("api-server")])).findings
    assert (finding.reason, finding.severity, str(finding.subject)) == ("SchedulerUnhealthy", "error", "Airflow airflow/airflow")
    assert "90 s ago" in finding.problem
    assert "No pod of it (component=scheduler) is there" in finding.cause
    assert "$ kubectl -n airflow scale deployment/airflow-scheduler --replicas=1" in finding.fix


def test_what_was_not_seen_is_not_scaled() -> None:
    none = Readings(absent="there is no Deployment in the cluster")
    readings = platform(health(scheduler=unhealthy()), pods=[pod("api-server")], deployments=none)
    (finding,) = judged(probe_health, **readings).findings
    assert "scale" not in " ".join(line(one) for step in finding.steps for one in step.commands)


def test_a_pod_that_is_being_deleted_is_no_scheduler_any_more() -> None:
    going = pod("scheduler")
    going = msgspec.structs.replace(going, metadata=msgspec.structs.replace(going.metadata, deletion_timestamp=LONG_AGO))
    (finding,) = judged(probe_health, **platform(health(scheduler=unhealthy()), pods=[going])).findings
    assert "No pod of it" in finding.cause


def test_a_scheduler_that_crashes_is_named_with_its_exit_code_and_rests_on_its_workload() -> None:
    state = {"waiting": {"reason": "CrashLoopBackOff"}, "lastState": {}}
    crashing = pod("scheduler", ready=False, **state)
    (finding,) = judged(probe_health, **platform(health(scheduler=unhealthy()), pods=[crashing])).findings
    assert "Pod airflow-scheduler-0 is not ready: container scheduler waits (CrashLoopBackOff)" in finding.cause
    assert finding.rests_on == ["Deployment/airflow/airflow-scheduler"]


def test_a_scheduler_that_runs_and_is_silent_hangs() -> None:
    (finding,) = judged(probe_health, **platform(health(scheduler=unhealthy(3600)))).findings
    assert "runs and counts as ready" in finding.cause
    assert "rollout restart deployment/airflow-scheduler" in finding.fix
    assert "Tasks that run within it end (LocalExecutor" in finding.fix


@pytest.mark.parametrize(
    ("started", "reason"), [("2026-11-22T20:01:41Z", "SchedulerStarting"), ("2026-11-22T20:01:40Z", "SchedulerUnhealthy")]
)
def test_soon_after_its_start_silence_is_worth_a_word_only(started: str, reason: str) -> None:
    pods = [pod("scheduler", started)]
    (finding,) = judged(probe_health, **platform(health(scheduler=unhealthy(None)), pods=pods)).findings
    assert (finding.reason, finding.severity) == (reason, "info" if reason == "SchedulerStarting" else "error")
    assert "never sent a heartbeat" in finding.problem


@pytest.mark.parametrize(
    ("name", "said", "started", "reason", "severity"),
    [
        ("dag_processor", healthy(121), LONG_AGO, "DagProcessorSilent", "warning"),
        ("dag_processor", unhealthy(None), "2026-11-22T20:05:40Z", "DagProcessorStarting", "info"),
        ("triggerer", healthy(121), LONG_AGO, "TriggererSilent", "warning"),
        ("triggerer", unhealthy(None), "2026-11-22T20:05:40Z", "TriggererStarting", "info"),
    ],
)
def test_the_other_parts_are_judged_by_their_heartbeats_too(name: str, said: Component, started: str, reason: str, severity: str) -> None:
    pods = [pod("scheduler"), pod(name.replace("_", "-"), started)]
    (finding,) = judged(probe_health, **platform(health(**{name: said}), pods=pods)).findings
    assert (finding.reason, finding.severity) == (reason, severity)


def test_a_young_pod_whose_container_starts_again_and_again_is_not_starting() -> None:
    pods = [pod("scheduler", LONG_AGO, ready=False, running={"startedAt": "2026-11-22T20:06:30Z"})]
    assert reasons(judged(probe_health, **platform(health(scheduler=unhealthy()), pods=pods))) == ["SchedulerUnhealthy"]


@pytest.mark.parametrize(("age", "found"), [(119, []), (120, []), (121, ["SchedulerSilent"])])
def test_a_heartbeat_just_under_the_threshold_is_silent(age: float, found: list[str]) -> None:
    verdict = judged(probe_health, **platform(health(scheduler=healthy(age))))
    assert reasons(verdict) == found
    assert all(one.severity == "warning" for one in verdict.findings)


def test_silent_parts_of_other_kinds_are_graded_by_what_they_stop() -> None:
    told = health(dag_processor=unhealthy(), triggerer=unhealthy())
    found = {one.reason: str(one.severity) for one in judged(probe_health, **platform(told)).findings}
    assert found == {"DagProcessorUnhealthy": "error", "TriggererUnhealthy": "warning"}


def test_airflow_2_parses_in_its_scheduler_so_that_no_dag_processor_is_normal() -> None:
    assert outcome(judged(probe_health, **platform(health("v1", dag_processor=Component())))) == "pass"


def test_airflow_3_without_a_dag_processor_reads_no_dag() -> None:
    (finding,) = judged(probe_health, **platform(health(dag_processor=Component()))).findings
    assert (finding.reason, finding.severity) == ("DagProcessorUnhealthy", "error")
    assert "Airflow 3 needs one" in finding.cause


def test_with_its_database_down_nothing_else_is_judged() -> None:
    told = health(metadatabase="unhealthy", scheduler=unhealthy(None))
    (finding,) = judged(probe_health, **platform(told)).findings
    assert (finding.reason, finding.severity) == ("MetadatabaseUnhealthy", "error")


def test_two_servers_of_one_airflow_report_once() -> None:
    other, _ = server("airflow", "airflow", "airflow", pod="airflow-api-server-1")
    told = health(scheduler=unhealthy())
    both: Readings[Health] = Readings(((SUBJECT, told), (other, told)))
    assert reasons(judged(probe_health, **platform(airflow_health=both))) == ["SchedulerUnhealthy"]


def test_a_silent_part_whose_pods_are_not_known_is_unchecked() -> None:
    blind: Readings[Pod] = Readings((), (refused("PodList"),))
    verdict = judged(probe_health, **platform(health(scheduler=unhealthy()), pods=[]) | {"system_pods": blind})
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


@pytest.mark.parametrize("told", [health(), health(scheduler=unhealthy()), health(metadatabase="unhealthy")])
def test_whatever_cannot_be_read_is_no_health(told: Health) -> None:
    assert_blindness_is_no_health(probe_health, platform(told, Work(failed=[Failed("train", "r", NOW - 60, 1)])))


# --- what fails in it


def test_a_failed_run_and_a_file_that_does_not_load_are_warnings() -> None:
    work = Work(failed=[Failed("train", "scheduled__1", NOW - 600, 2)], broken=[BrokenFile("dags/x.py", "NameError: x")])
    first, second = judged(probe_health, **platform(work=work)).findings
    assert (first.reason, first.severity, second.reason, second.severity) == ("DagImportErrors", "warning", "DagRunFailed", "warning")
    assert first.cause == "dags/x.py: “NameError: x”"
    assert "train" in second.problem and "scheduled__1" in second.steps[0].code


@pytest.mark.parametrize(("hours", "found"), [(23.9, ["DagRunFailed"]), (24.1, [])])
def test_a_failure_is_told_of_for_a_day(hours: float, found: list[str]) -> None:
    work = Work(failed=[Failed("train", "r", NOW - hours * 3600, 1)])
    assert reasons(judged(probe_health, **platform(work=work))) == found


def test_without_credentials_it_passes_and_says_how_to_give_them() -> None:
    verdict = judged(probe_health, **platform(work=Work(refused="HTTP 401 without credentials")))
    assert outcome(verdict) == "pass"
    assert "bearer_token_env" in verdict.notes[0]


def test_more_failures_than_were_looked_at_are_unchecked() -> None:
    assert outcome(judged(probe_health, **platform(work=Work(more=1)))) == "inconclusive"


# --- reading it


class Answering:
    """An endpoint that answers each path with a status and a body, or raises."""

    url = "http://airflow"

    def __init__(self, **answers: Any) -> None:
        self.answers = {path.replace("__", "/"): answer for path, answer in answers.items()}

    def get(self, path: str, query: Any = None, *, accept: tuple[int, ...] = (200,), **options: Any) -> Answer:
        answer = self.answers.get(path, NotFound(f"GET {path}: HTTP 404: Not Found"))
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        assert status in accept
        return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode(), 0.0)

    def json(self, path: str, kind: Any, query: Any = None, **options: Any) -> Any:
        from clusterprobe.access.http import decode

        return decode(self.get(path, query), kind, path)


THREE = {  # of 3.3.2, without a triggerer
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-11-22T19:35:55.014190+00:00"},
    "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
    "dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": "2026-11-22T19:36:00.515619+00:00"},
}
TWO = {  # as Airflow 2 documents it
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": "2018-12-26T17:15:11+00:00"},
    "triggerer": {"status": "healthy", "latest_triggerer_heartbeat": "2018-12-26T17:16:12+00:00"},
    "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
}


def test_airflow_3_is_asked_on_its_own_path() -> None:
    endpoint = Answering()
    endpoint.answers = {"/api/v2/monitor/health": (200, THREE)}
    found = _health(endpoint)
    assert (found.api, found.metadatabase, found.components["triggerer"].deployed) == ("v2", "healthy", False)
    assert found.components["scheduler"].heartbeat == 1795376155.01419


def test_airflow_2_answers_404_there_and_200_on_health_even_when_unhealthy() -> None:
    endpoint = Answering()
    endpoint.answers = {"/airflow/health": (200, TWO)}
    found = _health(endpoint, "/airflow")
    assert (found.api, found.components["scheduler"].status, found.components["dag_processor"].deployed) == ("v1", "unhealthy", False)


def test_airflow_before_2_has_no_more_than_a_scheduler() -> None:
    told = {"metadatabase": {"status": "healthy"}, "scheduler": THREE["scheduler"]}
    answer = Answer(200, {}, json.dumps(told).encode(), 0.0)
    assert not parse(answer, "v1", "GET").components["triggerer"].deployed


def test_a_404_of_the_api_server_is_not_taken_for_airflow_2() -> None:
    endpoint = Answering()
    endpoint.answers = {"/api/v2/monitor/health": NotFound('HTTP 404: pods "x" not found'), "/health": (200, TWO)}
    with pytest.raises(NotFound):
        _health(endpoint)


@pytest.mark.parametrize(
    "body", [b"{}", b"<html>login</html>", b'{"status":"ok"}', b'{"metadatabase":{},"scheduler":{}}', b'{"kind":"Status"}']
)
def test_what_is_no_health_is_unreadable(body: bytes) -> None:
    with pytest.raises(BadResponse):
        parse(Answer(200, {}, body, 0.0), "v2", "GET")


def test_a_status_that_is_neither_is_unreadable() -> None:
    with pytest.raises(BadResponse):
        parse(Answer(200, {}, json.dumps({**THREE, "scheduler": {"status": "purple"}}).encode(), 0.0), "v2", "GET")


@pytest.mark.parametrize(
    "scheduler", [{}, {"status": None}, {"status": "healthy"}, {"status": "healthy", "latest_scheduler_heartbeat": "a while ago"}]
)
def test_a_scheduler_that_is_not_told_of_or_whose_heartbeat_is_not_is_unreadable(scheduler: dict[str, Any]) -> None:
    with pytest.raises(BadResponse):
        parse(Answer(200, {}, json.dumps({**THREE, "scheduler": scheduler}).encode(), 0.0), "v2", "GET")


def test_the_path_below_which_it_lies_is_that_of_its_own_probes() -> None:
    containers = [{"name": "web", "readinessProbe": {"httpGet": {"path": "/airflow/api/v2/version", "port": 8080}}}]
    assert prefix_of(labelled(Pod, "a", "b", spec={"containers": containers})) == "/airflow"


RUN = {"dag_id": "train", "dag_run_id": "r1", "state": "failed", "end_date": "2026-11-22T20:00:00Z"}
RUNS, NEWEST = "/api/v2/dags/~/dagRuns", "/api/v2/dags/train/dagRuns"


def work(**answers: Any) -> Work:
    endpoint = Answering()
    endpoint.answers = {RUNS: (200, {"dag_runs": [RUN, RUN]}), "/api/v2/importErrors": (200, {"import_errors": []}), **answers}
    return _work(endpoint, "/api/v2", answers.pop("credentials", False), NOW - 86400)


def test_a_dag_whose_newest_run_failed_is_told_of_once() -> None:
    found = work(**{NEWEST: (200, {"dag_runs": [{**RUN, "state": "running", "end_date": None}, RUN]})})
    assert [(one.dag, one.failures, one.ended) for one in found.failed] == [("train", 2, 1795377600.0)]


def test_a_dag_none_of_whose_newest_runs_has_ended_is_not_known() -> None:
    assert work(**{NEWEST: (200, {"dag_runs": [{**RUN, "state": "running", "end_date": None}] * 5})}).more == 1


def test_a_failed_run_without_an_end_is_unreadable() -> None:
    with pytest.raises(BadResponse):
        work(**{NEWEST: (200, {"dag_runs": [{**RUN, "end_date": None}]})})


def test_a_dag_that_has_succeeded_since_is_not() -> None:
    assert work(**{NEWEST: (200, {"dag_runs": [{**RUN, "state": "success"}, RUN]})}).failed == []


def test_as_many_failures_as_were_asked_for_may_be_more() -> None:
    found = work(**{RUNS: (200, {"dag_runs": [RUN] * 100}), NEWEST: (200, {"dag_runs": [RUN]})})
    assert found.more == 1


def test_of_an_import_error_its_last_line_is_kept() -> None:
    trace = "Traceback:\n  File x\nNameError: name 'x' is not defined\n"
    errors = {"import_errors": [{"filename": "x.py", "stack_trace": trace}]}
    assert work(**{RUNS: (200, {"dag_runs": []}), "/api/v2/importErrors": (200, errors)}).broken == [
        BrokenFile("x.py", "NameError: name 'x' is not defined")
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_airflow_that_wants_to_know_who_asks_is_no_error_until_it_was_told(status: int) -> None:
    answer = {RUNS: (status, {"detail": "Not authenticated"})}
    assert work(**answer).refused == f"HTTP {status} without credentials"
    with pytest.raises(Unauthenticated):
        work(**answer, credentials=True)


def test_a_refusal_of_the_api_server_is_unreadable() -> None:
    with pytest.raises((Unauthenticated, Forbidden)):
        work(**{RUNS: (403, {"kind": "Status", "message": "pods is forbidden"})})
