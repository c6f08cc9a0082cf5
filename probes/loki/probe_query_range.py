from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.loki.sources import NAMESPACE_LABELS, RecentLines, Searched, range_query_command
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number


def probe_query_range(
    verdict: Verdict,
    loki_recent_lines: Examined[RecentLines],
    loki_queriers: Needed[Server],
    pods: Needed[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does Loki give back recent lines of what really runs?

    Problem: Dashboards and alerts on logs show nothing, though the workloads log.
    Cause: No lines alone is no proof of a broken pipeline: the wrong tenant, a label of another name, a window in
    nanoseconds that was given in seconds, or workloads that said nothing all look the same. So it is never called a
    failure here; the probe says what to check.
    Fix: Ask the same by hand with the printed command: `query_range`, bounds in nanoseconds.
    Prevention: Keep the tenant in the profile, and let agents label every line with its namespace.
    """
    servers = dict(loki_queriers)
    for subject, found in loki_recent_lines:
        _judge(verdict, subject, found, profile, clock.now)
        server, query = servers.get(subject), _example(found)
        if server and query:
            command = range_query_command(server, profile, query, found.start, found.end)
            minutes = round((found.end - found.start) / 60e9)
            if command is None:
                continue
            verdict.exhibit(
                Text(title=f"The same by hand: the last {number(minutes, 'minute')} before the check, in nanoseconds", text=line(command))
            )


def _judge(verdict: Verdict, subject: Subject, found: RecentLines, profile: Profile, now: float) -> None:
    """One namespace with lines proves that Loki answers; what a quiet one means cannot be told from here."""
    minutes = profile.thresholds.loki.window_minutes
    for one in found.searched:
        if one.error:
            verdict.unchecked(Subject(kind="Namespace", name=one.namespace), f"its lines could not be read from {subject}: {one.error}")
    answered = [one for one in found.searched if not one.error]
    quiet = [one.namespace for one in answered if not one.lines]
    if not found.label:
        verdict.unchecked(subject, _no_label(found, minutes))
    elif not found.searched:
        verdict.unchecked(subject, "no namespace with running pods is known whose lines could be asked for")
    elif answered and len(quiet) == len(answered):
        verdict.unchecked(
            subject, f"it answers, with no line of the last {number(minutes, 'minute')} of {', '.join(quiet)}: {_what_to_check(found)}"
        )
    elif quiet:
        verdict.note(
            f"No line of the last {number(minutes, 'minute')} of {', '.join(quiet)}: they may have said nothing. Else "
            f"{_what_to_check(found)}."
        )
    if found.skipped:
        verdict.note(
            f"{number(found.skipped, 'more namespace with running pods was', 'more namespaces with running pods were')} not asked for."
        )
    if found.searched:
        rows = [_row(one, now) for one in found.searched]
        columns = ["Namespace", "Lines (at most)", "Newest", "Answered in"]
        verdict.exhibit(Table(title=f"Recent lines in {subject}", columns=columns, rows=rows))


def _no_label(found: RecentLines, minutes: int) -> str:
    if not found.labels:
        several = "where it serves several tenants, name each under `endpoints:` in the profile (system: loki, its namespace, `tenant`)"
        return f"it has no line at all of the last {number(minutes, 'minute')}; check the agents; {several}"
    return (
        f"none of its labels is known to name a namespace ({', '.join(NAMESPACE_LABELS)}); it has {listed(found.labels, 20)}. "
        "Let the agent set the label `namespace`"
    )


def _what_to_check(found: RecentLines) -> str:
    return f"check that the agent runs on their nodes, that it sets the label `{found.label}`, and the tenant"


def _row(one: Searched, now: float) -> list[str]:
    if one.error:
        return [one.namespace, "?", "could not be read", "?"]
    newest = f"{ago(max(0.0, now - one.newest))} before the check" if one.lines else "none"
    return [one.namespace, str(one.lines), newest, f"{one.seconds} s"]


def _example(found: RecentLines) -> str:
    """The query that was made, of a namespace with lines if there is one."""
    return next((one.query for one in sorted(found.searched, key=lambda one: -one.lines)), "")
