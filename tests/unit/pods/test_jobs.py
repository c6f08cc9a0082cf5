from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import CronJob, Job, Pod
from clusterprobe.systems.pods.schedules import due_after, is_understood
from clusterprobe.times import epoch
from clusterprobe.verdict import Verdict
from probes.pods.probe_jobs import probe_jobs
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons

CLOCK = Clock(1_800_000_000.0)  # Friday 2027-01-15T08:00:00Z
MESSAGE = "Job has reached the specified backoff limit"


def at(clock: str) -> str:
    return f"2027-01-15T{clock}:00Z"


def job(name: str = "load", ended: str = "Failed", when: str = at("07:00"), *, cron: str = "", reason: str = "BackoffLimitExceeded") -> Job:
    owners = [{"kind": "CronJob", "name": cron, "uid": cron, "controller": True}] if cron else []
    condition = {"type": ended, "status": "True", "reason": reason, "message": MESSAGE, "lastTransitionTime": when}
    return labelled(Job, "ml", name, metadata={"ownerReferences": owners}, status={"conditions": [condition] if ended else []})


def pod(of: str = "load", code: int = 3, reason: str = "Error", **status: Any) -> Pod:
    ended = {"exitCode": code, "reason": reason, "finishedAt": at("06:59")}
    owners = [{"kind": "Job", "name": of, "uid": of, "controller": True}]
    states = {"containerStatuses": [{"name": "main", "state": {"terminated": ended}}], **status}
    return labelled(
        Pod, "ml", f"{of}-x", metadata={"ownerReferences": owners}, spec={"containers": []}, status={"phase": "Failed", **states}
    )


def cron(schedule: str = "0 * * * *", last: str | None = at("08:00"), success: str | None = at("07:01"), **more: Any) -> CronJob:
    status = {"lastScheduleTime": last, "lastSuccessfulTime": success, "active": more.pop("active", [])}
    return labelled(
        CronJob, "ml", "nightly", metadata={"creationTimestamp": at("00:30")}, spec={"schedule": schedule, **more}, status=status
    )


def readings(jobs: list[Job], crons: list[CronJob], pods: list[Pod], **changed: Any) -> dict[str, Any]:
    return {
        "jobs": listing("Job", jobs),
        "cron_jobs": listing("CronJob", crons),
        "pods": listing("Pod", pods),
        "creation_failures": Readings(absent="there is no such event"),
        "clock": CLOCK,
        **changed,
    }


def judge(*objects: Job | CronJob | Pod, **changed: Any) -> Verdict:
    jobs, crons = [one for one in objects if isinstance(one, Job)], [one for one in objects if isinstance(one, CronJob)]
    return judged(probe_jobs, **readings(jobs, crons, [one for one in objects if isinstance(one, Pod)], **changed))


def found(*objects: Job | CronJob | Pod, **changed: Any) -> Finding:
    (one,) = judge(*objects, **changed).findings
    return one


def test_without_any_it_does_not_apply() -> None:
    assert outcome(judge()) == "not_applicable"


@pytest.mark.parametrize("objects", [[job(ended="Complete")], [job(ended="")], [cron()], [cron(), job(ended="Complete", cron="nightly")]])
def test_what_runs_or_has_succeeded_passes(objects: list[Any]) -> None:
    assert outcome(judge(*objects)) == "pass"


def test_a_job_that_failed_is_found_with_the_end_of_its_pod() -> None:
    one = found(job(), pod())
    assert (one.reason, one.severity, str(one.subject)) == ("JobFailed", "warning", "Job ml/load")
    assert one.problem == "Job ml/load failed 60 min ago, and is not started again."
    assert one.cause == (
        f"Its attempts failed, as many as backoffLimit allows: “{MESSAGE}”. Container main of Pod load-x ended with exit code 3."
    )
    assert "$ kubectl -n ml logs load-x -c main --tail=50" in one.fix
    assert "This destroys the failed Job" in one.fix


def test_without_its_pod_no_log_is_named() -> None:
    one = found(job())
    assert "No pod of it that is still there says how it ended." in one.cause
    assert "logs" not in one.fix.partition("This destroys")[0].replace("its log shows", "")


@pytest.mark.parametrize(
    ("one", "of", "step"),
    [
        (pod(code=137, reason="OOMKilled"), "BackoffLimitExceeded", "Raise resources.limits.memory of container main"),
        (pod(containerStatuses=[], reason="x"), "DeadlineExceeded", "raise activeDeadlineSeconds"),
        (pod(), "BackoffLimitExceeded", "Fix the error that its log shows"),
    ],
)
def test_the_repair_is_by_how_it_ended(one: Pod, of: str, step: str) -> None:
    assert step in found(job(reason=of), one).fix


def test_an_evicted_pod_is_named() -> None:
    gone = labelled(
        Pod, "ml", "load-y", metadata={"ownerReferences": pod().metadata.owners_ and [{"kind": "Job", "name": "load", "uid": "load", "controller": True}]},
        spec={"containers": []}, status={"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
    )  # fmt: skip
    one = found(job(), gone)
    assert "Pod load-y ended with Evicted: “The node was low on resource: memory.”" in one.cause
    assert "Give it requests for what its node lacked" in one.fix


def test_jobs_of_a_namespace_that_failed_alike_are_one_finding() -> None:
    one = found(job(), job("load-2", when=at("07:30")))
    assert one.problem == "Job ml/load-2 failed 30 min ago, and is not started again. 1 other Job in ml failed like it."
    assert one.breaks == ["Job/ml/load", "Job/ml/load-2"]


@pytest.mark.parametrize(
    ("success", "failures", "severity", "words"),
    [
        (at("06:00"), ["07:00"], "warning", "The last run of CronJob ml/nightly failed; it last succeeded 2 h ago."),
        (at("06:00"), ["07:00", "07:30"], "error", "The last 2 runs of CronJob ml/nightly failed; it last succeeded 2 h ago."),
        (None, ["07:00"], "error", "The last run of CronJob ml/nightly failed; it has never succeeded."),
    ],
)
def test_a_cron_job_whose_last_run_failed_is_found(success: str | None, failures: list[str], severity: str, words: str) -> None:
    one = found(cron(success=success), *(job(f"nightly-{when[:2]}{when[3:]}", when=at(when), cron="nightly") for when in failures))
    assert (one.reason, one.severity, str(one.subject)) == ("CronJobFails", severity, "CronJob ml/nightly")
    assert one.problem == words
    assert line(one.steps[-1].commands[0]) == "kubectl -n ml create job nightly-by-hand --from=cronjob/nightly"


@pytest.mark.parametrize(
    "healed", [[cron(success=at("07:01"))], [cron(success=None), job("nightly-2", "Complete", at("07:30"), cron="nightly")]]
)
def test_a_later_success_settles_an_earlier_failure(healed: list[Any]) -> None:
    assert reasons(judge(*healed, job("nightly-1", cron="nightly"))) == []


def test_a_suspended_cron_job_is_a_remark_and_misses_nothing() -> None:
    verdict = judge(cron(suspend=True, last=at("01:00")))
    assert [(one.reason, one.severity) for one in verdict.findings] == [("CronJobSuspended", "info")]
    fix = verdict.findings[0].fix
    assert "$ kubectl -n ml edit cronjob nightly" in fix
    assert "starts at once" in fix  # what was missed meanwhile


@pytest.mark.parametrize(
    ("schedule", "last", "codes"),
    [
        ("0 * * * *", "06:00", []),
        ("56 * * * *", "05:56", []),
        ("55 * * * *", "05:55", ["CronJobMissed"]),
        ("@every 1h", "07:00", []),
        ("@every 1h", "01:00", ["CronJobMissed"]),
    ],
)
def test_a_cron_job_is_overdue_an_hour_and_five_minutes_after_its_time(schedule: str, last: str, codes: list[str]) -> None:
    assert reasons(judge(cron(schedule, last=at(last)))) == codes


def test_one_that_never_ran_counts_from_its_creation() -> None:
    one = found(cron(last=None, success=None))
    assert one.problem.endswith("was not started: it never was.")
    assert "Nothing that was read says why" in one.cause


def test_a_run_that_hangs_holds_up_the_others() -> None:
    one = found(cron(last=at("03:00"), concurrencyPolicy="Forbid", active=[{"kind": "Job", "name": "nightly-1"}]))
    assert "Its concurrencyPolicy is Forbid, and Job nightly-1 still runs" in one.cause
    assert one.rests_on == ["Job/ml/nightly-1"]
    assert "$ kubectl -n ml logs job/nightly-1 --tail=50" in one.fix
    (ends,) = [each for each in one.steps if each.kind == "destroys"]
    assert [line(each) for each in ends.commands] == ["kubectl -n ml delete job nightly-1"]
    assert "activeDeadlineSeconds" in one.fix


@pytest.mark.parametrize(("seconds", "words"), [(60, "Its Job cannot be created: “no such account”."), (9 * 3600, "Nothing that was read")])
def test_what_refuses_its_job_is_the_cause_if_it_said_so_since(seconds: float, words: str) -> None:
    said = Readings(((Subject(kind="CronJob", namespace="ml", name="nightly"), Complaint("no such account", 1, CLOCK.now - seconds)),))
    assert found(cron(last=at("03:00")), creation_failures=said).cause.startswith(words)


@pytest.mark.parametrize(
    ("text", "zone", "last", "due"),
    [
        ("0 * * * *", None, at("07:00"), at("08:00")),
        ("*/15 * * * *", "Etc/UTC", at("07:05"), at("07:15")),
        ("0 2 * * *", "Europe/Berlin", at("01:00"), "2027-01-16T01:00:00Z"),
        ("0 2 * * *", None, at("01:00"), "2027-01-16T01:00:00Z"),  # in the zone in which it was due then
        ("0 9-17 * * mon-fri", None, at("23:00"), None),  # Monday, in one of several zones
        ("@daily", "Etc/UTC", at("00:00"), "2027-01-16T00:00:00Z"),
        ("30 4 1,15 * 5", "Etc/UTC", at("05:00"), "2027-01-22T04:30:00Z"),  # the 15th, or a Friday
        ("0 0 29 2 *", "Etc/UTC", at("00:00"), "2028-02-29T00:00:00Z"),
        ("0 0 * * 7", "Etc/UTC", at("00:00"), "2027-01-17T00:00:00Z"),
    ],
)
def test_when_it_is_due(text: str, zone: str | None, last: str, due: str | None) -> None:
    moment = due_after(text, zone, epoch(last) or 0.0)
    assert moment is not None
    if due is not None:
        assert moment == epoch(due)


@pytest.mark.parametrize("text", ["", "@every x", "* * * *", "60 * * * *", "*/0 * * * *", "5-1 * * * *", "a * * * *", "0 0 31 2 *"])
def test_a_schedule_that_is_not_understood_is_not_judged(text: str) -> None:
    assert due_after(text, None, CLOCK.now) is None
    assert is_understood(text, None) is (text == "0 0 31 2 *")


@pytest.mark.parametrize("one", [cron("* * * *"), cron(timeZone="Nowhere/Land")])
def test_a_cron_job_that_is_due_at_no_known_time_is_unchecked(one: CronJob) -> None:
    verdict = judge(one)
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


@pytest.mark.parametrize("zone", ["Nowhere/Land", "../../etc/passwd", "/etc/passwd"])
def test_a_zone_that_is_not_known_is_not_judged(zone: str) -> None:
    assert due_after("0 * * * *", zone, CLOCK.now) is None


def test_what_cannot_be_read_is_never_a_pass() -> None:
    objects = readings([job(), job("nightly-1", cron="nightly")], [cron(success=None)], [pod()])
    assert_blindness_is_no_health(probe_jobs, objects)


OWN = {"app.kubernetes.io/name": "clusterprobe"}


def own(of: str) -> Job:
    """A Job of ours: a hook, or one of the CronJob, or of an analysis, whose labels are its pods' only."""
    condition = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "message": MESSAGE,
        "lastTransitionTime": at("07:00"),
    }
    spec = {"template": {"metadata": {"labels": OWN}}} if of == "template" else {}
    return labelled(Job, "ml", "load", OWN if of == "job" else {}, spec=spec, status={"conditions": [condition]})


@pytest.mark.parametrize("of", ["job", "template"])
@pytest.mark.parametrize(("code", "failed"), [(1, False), (2, False), (3, True), (4, True), (137, True), (None, False)])
def test_a_run_of_ours_that_found_something_is_no_job_that_failed(of: str, code: int | None, failed: bool) -> None:
    """Or each run would find the one before, and never be healthy again."""
    pods = [] if code is None else [pod(code=code)]
    assert reasons(judge(own(of), *pods)) == (["JobFailed"] if failed else [])


def test_a_job_of_somebody_else_that_ends_so_is_one() -> None:
    assert reasons(judge(job(), pod(code=1))) == ["JobFailed"]


# --- work that is done, and a proxy that runs on ------------------------------------------------------------------------


def held(done: int | None = 0, beside: str = "istio-proxy", when: str = at("07:00"), **status: Any) -> Pod:
    ended = {"terminated": {"exitCode": done, "reason": "Completed", "finishedAt": when}} if done is not None else {"running": {}}
    states = [
        {"name": "main", "image": "corp.example/load:1", "state": ended},
        {"name": beside, "image": "corp.example/mirror/x:2", "state": {"running": {"startedAt": at("06:00")}}},
    ]
    return pod(**{"phase": "Running", "containerStatuses": states, **status})


def test_a_job_whose_proxy_runs_on_after_its_work_is_found_with_its_name() -> None:
    verdict = judge(job(ended=""), held())
    (finding,) = verdict.findings
    assert finding.reason == "JobHeldOpen"
    assert finding.problem == "Job ml/load has done its work, and does not complete: its Pod load-x has been running for 60 min since."
    assert "container main ended with exit code 0, and istio-proxy, which serves beside it, runs on" in finding.cause
    assert "restartPolicy: Always" in finding.fix


@pytest.mark.parametrize(
    ("one", "ended"),
    [
        (held(done=1), ""),  # its work failed, which is another matter
        (held(done=None), ""),
        (held(beside="worker"), ""),  # it may work
        (held(when=at("07:50")), ""),
        (held(phase="Succeeded"), ""),
        (held(), "Complete"),
    ],
)
def test_a_job_that_may_still_work_or_has_ended_is_none(one: Pod, ended: str) -> None:
    assert reasons(judge(job(ended=ended), one)) == []


def test_a_cron_job_that_waits_for_such_a_run_stands_below_it() -> None:
    waits = cron("*/5 * * * *", last=at("06:00"), success=None, concurrencyPolicy="Forbid", active=[{"name": "load", "kind": "Job"}])
    first, second = judge(job(ended="", cron="nightly"), held(), waits).findings
    assert (first.reason, second.reason) == ("JobHeldOpen", "CronJobMissed")
    assert set(first.breaks) & set(second.rests_on)
