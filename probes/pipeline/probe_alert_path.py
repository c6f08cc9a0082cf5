from clusterprobe.access.servers import Server
from clusterprobe.alert_path import PATH, Passage, Step, head, walk
from clusterprobe.correlation import explain, root_of
from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Finding, Place, ProbeResult, Severity, Subject, Table
from clusterprobe.references import Ref
from clusterprobe.roles import Examined
from clusterprobe.systems.prometheus.stacks import known_stacks
from clusterprobe.verdict import Verdict

ALERT_PATH_BROKEN = FindingKind("AlertPathBroken", Severity.CRITICAL, "A hop on the way of an alert is broken: alerts do not get past it.")


@reports(ALERT_PATH_BROKEN)
def probe_alert_path(
    verdict: Verdict, alertmanager_servers: Examined[Server], conclusions: list[ProbeResult], environments: Environments
) -> None:
    """Does an alert get through: Airflow, MLflow, FastAPI, Loki, Alertmanager, Slack?

    Problem: Each system can look healthy while an alert never arrives, because one hop on its way is broken or was never proven.
    The next incident is not reported.

    Cause: The first broken hop. What comes after it may be sound, and still gets nothing: it is blocked, not at fault.

    Fix: Repair the first broken hop, then run again: what was blocked by it can only be judged afterwards.

    Prevention: Keep an alert that always fires (Watchdog) on its way to a receiver that notices when it stops, and run this
    probe on a schedule.
    """
    # An environment without an Alertmanager of its own is looked after by another's, and where there is one only, by that.
    apart = environments.divided_by(known_stacks(alertmanager_servers.readings))
    found = {apart.of(subject.namespace) for subject, _ in alertmanager_servers}
    for environment in sorted(found):
        whose = f" of {environment}" if environment else " of shared systems" if len(found) > 1 else ""
        _judge(verdict, environment, whose, walk(conclusions, environment, found), conclusions)


def _judge(verdict: Verdict, environment: str, whose: str, steps: list[Step], conclusions: list[ProbeResult]) -> None:
    subject = Subject(kind="AlertPath", name=environment or "shared", environment=environment)
    first = head(steps)
    if first is not None:
        _report(verdict, subject, whose, steps, first, conclusions)
    for step in steps:
        if step.passage is Passage.UNPROVEN and not _is_blocked(steps, step, first):
            what = "alerts arrive at their receivers" if step.hop is PATH[-1] else f"an alert gets past {step.hop.name}"
            verdict.unchecked(subject, f"whether {what} is not proven: {step.why}")
        elif step.passage is Passage.ABSENT:
            verdict.note(f"{step.hop.name} does not apply: {step.why}")
    if first is None:
        verdict.exhibit(_table(f"The way of an alert, {subject.name}", steps, None))


def _is_blocked(steps: list[Step], step: Step, first: Step | None) -> bool:
    return first is not None and steps.index(step) > steps.index(first)


def _report(verdict: Verdict, subject: Subject, whose: str, steps: list[Step], first: Step, conclusions: list[ProbeResult]) -> None:
    root = _root(first, conclusions)
    probe, finding = root[0], _finding(root, conclusions)
    after = [step.hop.name for step in steps if _is_blocked(steps, step, first)]
    severity = max((finding.severity, *(_finding(place, conclusions).severity for place in first.breaks)), key=lambda one: one.rank)
    blocked = f" {', '.join(after)} {'are' if len(after) > 1 else 'is'} behind it." if after else ""
    verdict.report(
        ALERT_PATH_BROKEN,
        subject,
        severity=severity,
        problem=_problem(first, whose, severity),
        cause=f"{probe} {finding.reason} on {finding.subject}: {finding.problem}{blocked}",
        fix=finding.steps,
        exhibits=[_table(f"The way of an alert, {subject.name}", steps, first)],
        rests_on=[Ref.to_finding(root)],
    )


def _problem(first: Step, whose: str, severity: Severity) -> str:
    # Behind the last hop are the receivers, of whatever kind: that one gets nothing says nothing of the others. An error stops some
    # alerts at least, such as those of the lines that were dropped.
    if first.hop is PATH[-1]:
        return f"Alerts{whose} do not arrive at every receiver."
    return f"{'No' if severity is Severity.CRITICAL else 'Not every'} alert{whose} gets past {first.hop.name}."


def _root(first: Step, conclusions: list[ProbeResult]) -> Place:
    """The finding at the head of everything that breaks the first broken hop: the worst, or what explains it."""
    explained = {one.finding: one for one in explain(conclusions)}
    worst = max(first.breaks, key=lambda place: _finding(place, conclusions).severity.rank)
    return root_of(worst, explained)


def _finding(place: Place, conclusions: list[ProbeResult]) -> Finding:
    return next(one for one in conclusions if one.id == place[0]).findings[place[1]]


def _table(title: str, steps: list[Step], first: Step | None) -> Table:
    rows = []
    for step in steps:
        state = f"{step.passage}, blocked by {first.hop.name}" if first and _is_blocked(steps, step, first) else str(step.passage)
        because = step.why or ", ".join(f"{probe}" for probe in dict.fromkeys(place[0] for place in step.breaks))
        rows.append([step.hop.name, state, because])
    return Table(title=title, columns=["Hop", "State", "Because"], rows=rows)
