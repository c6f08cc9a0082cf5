from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, destroys, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.event_lists import Complaint, newest
from clusterprobe.systems.kubernetes.objects import CronJob, Job, Pod
from clusterprobe.systems.pods.job_advice import again, cause_of, looks, repair
from clusterprobe.systems.pods.job_runs import Failure, HeldOpen, Jobs, Missed, Runs, cron_job_of, missed
from clusterprobe.systems.pods.schedules import is_understood
from clusterprobe.times import ago, day, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

JOB_FAILED = FindingKind("JobFailed", Severity.WARNING, "A Job failed, and is not started again by itself.")
JOB_HELD_OPEN = FindingKind(
    "JobHeldOpen",
    Severity.WARNING,
    "The work of a Job is done, and what serves beside it runs on, so that it never completes.",
    settles=True,
)
CRON_JOB_FAILS = FindingKind("CronJobFails", Severity.ERROR, "The last run of a CronJob failed.")
CRON_JOB_MISSED = FindingKind("CronJobMissed", Severity.ERROR, "A CronJob is not started when it is due.")
CRON_JOB_SUSPENDED = FindingKind("CronJobSuspended", Severity.INFO, "A CronJob is suspended.")
HELD_SECONDS = 900.0  # a proxy that is to end with the work does so within seconds, or after its grace period
FEW = 2  # failures since the last success, from which on it is no single mishap


@reports(JOB_FAILED, JOB_HELD_OPEN, CRON_JOB_FAILS, CRON_JOB_MISSED, CRON_JOB_SUSPENDED)
def probe_jobs(
    verdict: Verdict,
    jobs: Examined[Job],
    cron_jobs: Examined[CronJob],
    pods: Enriching[Pod],
    creation_failures: Enriching[Complaint],
    clock: Clock,
) -> None:
    """Do Jobs and CronJobs do their work?

    Problem: A backup, a clean-up, a migration or a training did not happen: its Job failed, or its CronJob does not start any.
    Cause: Its attempts failed, or took too long: the controller says which, and its pod how it ended. A CronJob is suspended, or waits for
    a run that never ends (`concurrencyPolicy: Forbid`), or its Job cannot be created. A proxy that was put into its pod runs on.
    Fix: Repair what the log of its pod shows, raise the limit that it hit, or end the run that hangs.
    Prevention: Alert on KubeJobFailed and on the time since a CronJob last succeeded, and give Jobs an activeDeadlineSeconds.
    """
    known = Jobs(jobs.readings, pods)
    single: dict[tuple[str, str, str], list[Failure]] = defaultdict(list)
    for subject, job in jobs:
        failure = known.failure(subject, job)
        if failure and not cron_job_of(job):
            end = failure.end
            single[subject.namespace, failure.condition.reason, f"{end.reason} {end.code}" if end else ""].append(failure)
        held = known.held_open(subject, job)
        if held and clock.now - held.since >= HELD_SECONDS:
            _report_held(verdict, subject, held, clock.now)
    for ones in single.values():
        _report_jobs(verdict, ones, clock.now)
    refusals = newest(creation_failures)
    for subject, one in cron_jobs:
        if runs := known.runs(subject, one):
            _report_runs(verdict, subject, one, runs, clock.now)
        if late := missed(one, clock.now):
            _report_missed(verdict, subject, one, late, refusals.get(("CronJob", subject.namespace, subject.name)), clock.now)
        elif not is_understood(one.spec.schedule, one.spec.time_zone):
            verdict.unchecked(subject, f"it is not known when it is due: its schedule or time zone is not understood ({_when(one)})")
        if one.spec.suspend:
            _report_suspended(verdict, subject, one)


def _report_jobs(verdict: Verdict, ones: list[Failure], now: float) -> None:
    newest_one = max(ones, key=lambda one: one.at or 0.0)
    subject = newest_one.subject
    when = f" {ago(now - newest_one.at)} ago" if newest_one.at is not None else ""
    others = f" {number(len(ones) - 1, 'other Job')} in {subject.namespace} failed like it." if len(ones) > 1 else ""
    verdict.report(
        JOB_FAILED,
        subject,
        problem=f"{subject} failed{when}, and is not started again.{others}",
        cause=cause_of(newest_one),
        fix=[*looks(newest_one), repair(newest_one), again(newest_one)],
        exhibits=[_table(ones, now)] if len(ones) > 1 else [],
        breaks=[Ref.of(one.subject) for one in ones],
        rests_on=[Ref.of(one.subject) for one in ones],
    )


def _report_held(verdict: Verdict, subject: Subject, held: HeldOpen, now: float) -> None:
    done, beside, since = listed(held.done, 3), listed(held.beside, 3), ago(now - held.since)
    verdict.report(
        JOB_HELD_OPEN,
        subject,
        problem=f"{subject} has done its work, and does not complete: its Pod {held.pod} has been running for {since} since.",
        cause=f"Its container {done} ended with exit code 0, and {beside}, which serves beside it, runs on by itself. A Job completes only "
        "when all containers of its pod have ended. A CronJob with concurrencyPolicy Forbid starts no other run before.",
        fix=[
            look("See its containers.", shell("kubectl -n {} describe pod {}", subject.namespace, held.pod)),
            change(
                f"Let {beside} end with the work, {SOURCE}: as an init container with `restartPolicy: Always` it does since Kubernetes "
                "1.29, which Istio (ENABLE_NATIVE_SIDECARS) and Linkerd (annotation config.alpha.linkerd.io/proxy-enable-native-sidecar) "
                "can do. Or leave it out of this Job, with Istio by the label `sidecar.istio.io/inject` of its template, whose value is "
                "then false. Or let the work ask it to quit at its end, with Istio by POST to http://localhost:15020/quitquitquit."
            ),
        ],
        breaks=[Ref.of(subject)],
    )


def _report_runs(verdict: Verdict, subject: Subject, one: CronJob, runs: Runs, now: float) -> None:
    failures, last = runs.failures, runs.failures[0]
    lasting = runs.succeeded is None or len(failures) >= FEW
    since = f"last succeeded {ago(now - runs.succeeded)} ago" if runs.succeeded is not None else "has never succeeded"
    what = "The last run" if len(failures) == 1 else f"The last {len(failures)} runs"
    verdict.report(
        CRON_JOB_FAILS,
        subject,
        severity=Severity.ERROR if lasting and not one.spec.suspend else Severity.WARNING,
        problem=f"{what} of {subject} failed; it {since}{', and is suspended' if one.spec.suspend else ''}.",
        cause=f"Of its Job {last.subject.name}: {cause_of(last)}",
        fix=[*by_hand(subject, [*looks(last), repair(last)]), _run_now(subject)],
        exhibits=[_table(failures, now)] if len(failures) > 1 else [],
        breaks=[Ref.of(subject)],
        rests_on=[Ref.of(each.subject) for each in failures],
    )


def _run_now(subject: Subject) -> Step:
    """To see whether it is repaired, without waiting for its time. A CronJob's name leaves room for what follows it."""
    command = shell("kubectl -n {} create job {} --from=cronjob/{}", subject.namespace, f"{subject.name}-by-hand", subject.name)
    return change("Then run it now, where a run at this time does no harm, and see whether that succeeds.", command)


def _report_missed(verdict: Verdict, subject: Subject, one: CronJob, late: Missed, refusal: Complaint | None, now: float) -> None:
    last = epoch(one.status.last_schedule_time)
    place = (subject.namespace, subject.name)
    seen = look("See when it last ran, and its events.", shell("kubectl -n {} describe cronjob {}", *place))
    if late.blocking:
        cause = f"Its concurrencyPolicy is Forbid, and Job {listed(late.blocking, 3)} still runs: no other is started before that ends."
        fix = [
            seen,
            look("See what it does.", shell("kubectl -n {} logs job/{} --tail=50", subject.namespace, late.blocking[0])),
            destroys(
                f"Job {late.blocking[0]}, with its pods, their logs and what it has not finished",
                "Only if it hangs: delete it, and the CronJob starts again.",
                shell("kubectl -n {} delete job {}", subject.namespace, late.blocking[0]),
            ),
            change(f"Give its jobTemplate an activeDeadlineSeconds, {SOURCE}: a run that hangs is then ended by itself."),
        ]
    elif refusal and (last is None or (refusal.last or 0.0) >= last):
        cause = f"Its Job cannot be created: {said(refusal.message)}."
        fix = [seen, change(f"Correct what the message names, {SOURCE}.")]
    else:
        cause = "Nothing that was read says why: no run of it holds it up, and no event that its Job cannot be created is kept."
        fix = [
            seen,
            change(
                "See whether other CronJobs are started: if none is, kube-controller-manager does not run, which a provider may run out of "
                "sight. Before Kubernetes 1.21 it gives up after 100 missed times, unless startingDeadlineSeconds is set."
            ),
        ]
    verdict.report(
        CRON_JOB_MISSED,
        subject,
        problem=f"{subject} ({_when(one)}) was due at {day(late.due)} at the latest, and was not started: "
        + (f"it last was {ago(now - last)} ago." if last is not None else "it never was."),
        cause=cause,
        fix=fix,
        breaks=[Ref.of(subject)],
        rests_on=[Ref.of(Subject(kind="Job", namespace=subject.namespace, name=name)) for name in late.blocking],
    )


def _when(one: CronJob) -> str:
    return said(f"{one.spec.schedule} {one.spec.time_zone or ''}", 100)


def _report_suspended(verdict: Verdict, subject: Subject, one: CronJob) -> None:
    last = epoch(one.status.last_schedule_time)
    verdict.report(
        CRON_JOB_SUSPENDED,
        subject,
        problem=f"{subject} is suspended: it starts no Job.",
        cause=f"spec.suspend is true; it last ran {day(last)}." if last is not None else "spec.suspend is true; it never ran.",
        fix=by_hand(
            subject,
            [
                change(
                    f"If it is meant to run, set spec.suspend to false, {SOURCE}. A run that it missed meanwhile then starts at once, "
                    "unless startingDeadlineSeconds is set."
                )
            ],
        ),
    )


def _table(ones: list[Failure], now: float) -> Table:
    rows = [
        [one.subject.name, ago(now - one.at) if one.at is not None else "", one.condition.reason, str(one.end.code) if one.end else ""]
        for one in ones[:20]
    ]
    return Table(title="Jobs that failed", columns=["Job", "Ago", "Reason", "Exit code"], rows=rows)
