from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.alertmanager.alerts import Arrived
from clusterprobe.systems.alertmanager.reach import Senders
from clusterprobe.systems.alertmanager.silence_advice import expired_by
from clusterprobe.systems.alertmanager.silences import Coming, Hidden, Silence, Silences, hidden_by
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS
from clusterprobe.systems.formats.alertmanager_config import Undecidable
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.alerting import LoadedRules
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.stacks import known_stacks
from clusterprobe.times import ago, day, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, said

CRITICAL_SILENCED = FindingKind(
    "CriticalSilenced", Severity.ERROR, "A silence hides every critical alert of a namespace, for longer than maintenance takes."
)
SILENCED_FOR_LONG = FindingKind(
    "SilencedForLong", Severity.WARNING, "A silence ends so late that it is a mute which nobody ends; a note if it hides nothing critical."
)
_WHOLE = ("everything", "all critical", "critical of some")


@reports(CRITICAL_SILENCED, SILENCED_FOR_LONG)
def probe_silences(
    verdict: Verdict,
    alertmanager_silences: Examined[Silences],
    alertmanager_servers: Needed[Server],
    alertmanager_alerts: Needed[Arrived],
    prometheuses: Needed[Prometheus],
    prometheus_loaded_rules: Needed[LoadedRules],
    namespaces: Needed[Namespace],
    system_pods: Enriching[SystemPod],
    environments: Environments,
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a silence hide more than it should, or for longer?

    Problem: Routes and receivers are right, and yet nobody is informed, since a silence holds the alerts back.
    Cause: A silence was made for maintenance with matchers that are too wide, or with an end that is far away, and was forgotten.
    Fix: Expire the silence, or make one with narrower matchers and an earlier end in its place.
    Prevention: Let silences end with the maintenance, name who made them and why, and have alerts that nobody wants removed from the rules.
    """
    senders = Senders(prometheuses, prometheus_loaded_rules, alertmanager_alerts)
    if not (senders.complete and namespaces.complete and alertmanager_servers.complete):
        return  # what a silence hides of all alerts cannot be told, which is unchecked already
    servers, programs = dict(alertmanager_servers), system_pods.by_name()
    stacks = known_stacks(prometheus_loaded_rules, (subject for each in (prometheuses, alertmanager_servers) for subject, _ in each))
    apart = environments.divided_by(stacks)
    names = sorted(subject.name for subject, _ in namespaces)
    limits = profile.thresholds.alertmanager
    judged: set[tuple[tuple[str, str], str]] = set()
    for subject, one in alertmanager_silences:
        place = servers[subject].key if subject in servers else (subject.namespace, subject.name)
        own = [name for name in names if apart.of(place[0]) in ("", apart.of(name))] or [""]
        coming = Coming(senders.given(place[0], subject), senders.given(place[0], subject, severity=""), own, senders.held(subject))
        judge = _Judge(verdict, place, coming, limits.silence_hours * 3600, limits.silence_days * 86400, clock.now)
        # The replicas of an Alertmanager have its silences in common.
        new = [each for each in one.silences if (place, each.id) not in judged]
        judged |= {(place, each.id) for each in new}
        judge.silences(subject, new, servers.get(subject), programs.get((subject.namespace, subject.name)))


@dataclass(frozen=True, slots=True)
class _Judge:
    """The judgements on the silences of one Alertmanager, with what they rest on."""

    verdict: Verdict
    place: tuple[str, str]
    coming: Coming
    maintenance_seconds: float
    long_seconds: float
    now: float

    def silences(self, replica: Subject, silences: list[Silence], server: Server | None, program: SystemPod | None) -> None:
        rows = [row for one in silences for row in self.silence(replica, one, server, program)]
        if rows:
            columns = ["Silence", "Matchers", "By", "Until", "Hides"]
            self.verdict.exhibit(Table(title=f"Silences of {'/'.join(self.place)}", columns=columns, rows=rows))

    def silence(self, replica: Subject, one: Silence, server: Server | None, program: SystemPod | None) -> Iterable[list[str]]:
        """Judge one that holds; returns its row."""
        end = epoch(one.ends_at)
        if end is None:
            self.verdict.unchecked(replica, f"the silence {one.id} does not say when it ends")
            return []
        try:
            hidden = hidden_by(one, self.coming)
        except Undecidable as error:
            self.verdict.unchecked(replica, f"what the silence {one.id} hides is not known: {error}")
            return []
        left = end - self.now
        what = _what(hidden)
        if hidden.scope in _WHOLE and left >= self.maintenance_seconds:
            self._report(CRITICAL_SILENCED, one, hidden, end, server, program)
        elif hidden.scope not in _WHOLE and left >= self.long_seconds:
            self._report(SILENCED_FOR_LONG, one, hidden, end, server, program)
        elif hidden.scope in _WHOLE:
            self.verdict.note(f"{'/'.join(self.place)}: a silence of {_who(one)} hides {what} until {day(end)}.")
        return [[one.id, _matchers(one), one.created_by, day(end), what]]

    def _report(
        self, kind: FindingKind, one: Silence, hidden: Hidden, end: float, server: Server | None, program: SystemPod | None
    ) -> None:
        begun = epoch(one.starts_at)
        since = f", made {ago(self.now - begun)} ago" if begun is not None and self.now >= begun else ""
        idle = f" Of the alerts that fire now it hides {listed(hidden.firing, 5)}." if hidden.firing else " None of its alerts fires now."
        self.verdict.report(
            kind,
            ALERTMANAGERS.subject(*self.place),
            severity=self._severity(kind, hidden),
            problem=f"A silence hides {_what(hidden)} of {'/'.join(self.place)} for {ago(end - self.now)} more, until {day(end)}.",
            cause=f"{_who(one)} made the silence {one.id}{since}, for alerts with {_matchers(one)}, and says {said(one.comment)}.{idle}",
            fix=expired_by(one, server, program),
        )

    def _severity(self, kind: FindingKind, hidden: Hidden) -> Severity:
        if kind is CRITICAL_SILENCED:
            return Severity.WARNING if hidden.scope == "critical of some" else Severity.ERROR
        return Severity.WARNING if hidden.names else Severity.INFO


def _who(one: Silence) -> str:
    return one.created_by or "An unnamed user"


def _matchers(one: Silence) -> str:
    return ", ".join(map(str, one.matchers))


def _what(hidden: Hidden) -> str:
    match hidden.scope:
        case "everything":
            return "every alert"
        case "all critical":
            return "every critical alert"
        case "critical of some":
            return f"every critical alert of {listed(hidden.namespaces, 5)}"
        case "some critical":
            return f"the critical alert{'s' if len(hidden.names) > 1 else ''} {listed(hidden.names, 5)}"
        case "others":
            return f"alerts that are not critical{f', such as {hidden.firing[0]}' if hidden.firing else ''}"
    return "no alert of a rule that is loaded, as far as its labels are known,"
