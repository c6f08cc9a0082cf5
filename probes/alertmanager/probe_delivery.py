from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clusterprobe.access.servers import Server
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.alertmanager.config_advice import Source, look_at_source
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret
from clusterprobe.systems.alertmanager.deliveries import DeliverySeries, Known, known_of
from clusterprobe.systems.alertmanager.delivery_causes import Row, row_of
from clusterprobe.systems.alertmanager.delivery_errors import DeliveryError
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager, AlertmanagerMetrics, AlertmanagerStatus
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number, said

DELIVERY_FAILS = FindingKind("DeliveryFails", Severity.CRITICAL, "Every notification through an integration fails.")
SOME_DELIVERIES_FAIL = FindingKind("SomeDeliveriesFail", Severity.ERROR, "Some notifications through an integration fail.")
MEANINGS = {  # since Alertmanager 0.34 HTTP 401, 403 and 429 are no clientError
    "authError": "the other side refuses the credentials (HTTP 401 or 403): a webhook or token that was revoked or mistyped",
    "rateLimited": "the other side accepts no more for now (HTTP 429)",
    "clientError": "the other side answers and refuses (HTTP 4xx): a webhook or token that was revoked or mistyped, a deleted channel",
    "serverError": "the other side answers with an error of its own (HTTP 5xx)",
    "configError": "the receiver lacks what its integration needs, such as a key that is empty",
    "templateError": "a template of the receiver cannot be rendered",
    "fileReadError": "a file that the receiver names, such as one with its key, cannot be read",
    "requestError": "nothing answered: the name does not resolve, nothing listens there, or a network policy or proxy is in the way",
    "contextDeadlineExceeded": "no answer came in time: it does not resolve, or a network policy, a firewall or a proxy is in the way",
    "other": "Alertmanager does not say why: the other side was not reached, or refuses in a way that it has no word for",
}


@reports(DELIVERY_FAILS, SOME_DELIVERIES_FAIL)
def probe_delivery(
    verdict: Verdict,
    alertmanager_statuses: Examined[AlertmanagerStatus],
    alertmanager_servers: Needed[Server],
    alertmanagers: Enriching[Alertmanager],
    alertmanager_secrets: Enriching[ConfigSecret],
    alertmanager_metrics: Enriching[AlertmanagerMetrics],
    delivery_series: Enriching[DeliverySeries],
    delivery_errors: Enriching[list[DeliveryError]],
    profile: Profile,
    clock: Any,
) -> None:
    """Were notifications really delivered, through each integration that is configured?

    Problem: Alerts fire and are routed as they should be, and nothing arrives: incidents are not reported, and neither is that.
    Cause: The other side refuses what Alertmanager sends (a webhook that was revoked, a deleted channel), or cannot be reached (a
    name that does not resolve, a network policy, a proxy). Silence proves nothing: where nothing was sent, that is said.
    Fix: Correct the address or the credentials in the Secret that Alertmanager is configured from; the finding names the receiver and
    quotes the answer where the log could be read.
    Prevention: Route an alert that always fires (Watchdog) to a channel or a service outside that reports when it stops, alert on
    `alertmanager_notifications_failed_total` through another integration, and run this probe after each change of a receiver's address.
    """
    metrics, errors = dict(alertmanager_metrics), dict(delivery_errors)
    servers, series = dict(alertmanager_servers), delivery_series
    customs, secrets = alertmanagers.by_name(), alertmanager_secrets.by_name()
    window = profile.thresholds.alertmanager.delivery_window_minutes * 60
    groups: dict[tuple[str, str], dict[Subject, set[str]]] = {}
    for subject, status in alertmanager_statuses:
        place = servers[subject].key if subject in servers else (subject.namespace, subject.owner.partition("/")[2] or subject.name)
        groups.setdefault(place, {})[subject] = status.configuration.kinds
    rows = []
    for place, replicas in groups.items():
        kinds = sorted(set().union(*replicas.values()))
        each = [_Kind(kind, [known_of(one, kind, series, metrics, clock.now - window, clock.now) for one in replicas]) for kind in kinds]
        custom = any(servers[one].custom for one in replicas if one in servers)
        source = Source(customs.get(place), secrets.get(place), look_at_source(*place, custom, list(replicas)))
        judge = _Judge(verdict, ALERTMANAGERS.subject(*place), profile, clock.now, source)
        judge.all(each, [one for subject in replicas for one in errors.get(subject, [])])
        rows += [row for one in each for row in one.rows(clock.now)]
    verdict.exhibit(Table(title=f"Deliveries of the last {ago(window)}", columns=COLUMNS, rows=rows))


COLUMNS = ["Replica", "Integration", "Begun", "Delivered", "Given up", "Last delivered", "Last given up"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of integration of an Alertmanager, over its replicas: of several, one sends, and the others stand by."""

    name: str
    replicas: list[Known]

    @property
    def delivered(self) -> float:
        return sum(one.tally.delivered for one in self.replicas)

    @property
    def failed(self) -> float:
        return sum(one.tally.failed for one in self.replicas)

    @property
    def refused(self) -> float:
        return sum(one.tally.refused for one in self.replicas)

    @property
    def last_delivered(self) -> float:
        return max((one.tally.last_delivered or 0 for one in self.replicas), default=0)

    @property
    def last_failed(self) -> float:
        return max((one.tally.last_failed or 0 for one in self.replicas), default=0)

    @property
    def timed(self) -> bool:
        return all(one.timed for one in self.replicas if one.tally.failed or one.tally.delivered)

    def reasons(self) -> Counter[str]:
        """How many notifications failed and why: since the last delivery, or, where others were delivered since, at all."""
        found: Counter[str] = Counter()
        latest = any(one.tally.since for one in self.replicas)
        for one in self.replicas:
            failures = one.tally.since if latest else one.tally.failures
            found.update({reason: round(count) for reason, count in failures.items()})
        return found

    def rows(self, now: float) -> Iterable[list[str]]:
        for one in self.replicas:
            tally = one.tally
            times = [f"{ago(now - moment)} ago" if moment else "" for moment in (tally.last_delivered, tally.last_failed)]
            counts = [f"{count:.0f}" for count in (tally.attempts, tally.delivered, tally.failed)]
            yield [str(one.subject), self.name, *(["not known"] * 3 if one.blind else counts), *times]


class _Judge:
    """The judgement on one Alertmanager."""

    def __init__(self, verdict: Verdict, place: Subject, profile: Profile, now: float, source: Source) -> None:
        self._verdict, self._place, self._now, self._source = verdict, place, now, source
        self._window = ago(profile.thresholds.alertmanager.delivery_window_minutes * 60)
        self._recovery = profile.thresholds.alertmanager.delivery_recovery_minutes * 60

    def all(self, kinds: list[_Kind], errors: list[DeliveryError]) -> None:
        if not kinds:
            self._unchecked("no route ends at an integration, so there is nothing that could deliver: see alertmanager/default-config")
        dead = {one.name for one in kinds if self._is_dead(one)}
        alive = any(one.delivered and one.name not in dead for one in kinds)
        for one in kinds:
            for replica in one.replicas:
                if replica.blind:
                    self._verdict.unchecked(replica.subject, f"whether {one.name} delivers is not known: {replica.blind}")
            if one.name in dead:
                self._report_dead(one, [error for error in errors if error.kind in ("", one.name)], alone=not alive)
            else:
                self._judge(one, [error for error in errors if error.kind in ("", one.name)])

    def _unchecked(self, reason: str) -> None:
        self._verdict.unchecked(self._place, reason)

    def _is_dead(self, one: _Kind) -> bool:
        """Whether everything fails: all the time, or since a while."""
        if not one.failed or not one.refused:
            return False
        stopped = one.timed and one.last_failed > one.last_delivered and self._now - one.last_delivered >= self._recovery
        return stopped or (not one.delivered and not any(replica.blind for replica in one.replicas))

    def _judge(self, one: _Kind, errors: list[DeliveryError]) -> None:
        if not one.delivered and one.refused and not one.failed:
            self._unchecked(f"{one.name}: every attempt of the last {self._window} failed so far, and is being tried again")
        elif not one.delivered and not one.failed:
            if not any(replica.blind for replica in one.replicas):
                self._silent(one)
        elif not one.delivered or (one.failed and not one.timed):
            self._unchecked(
                f"{one.name}: {number(round(one.failed), 'notification')} failed, and whether others arrived since then is not known"
            )
        elif one.failed and not self._is_over(one):
            self._report_some(one, errors)
        elif one.failed:
            self._verdict.note(
                f"{self._name}, {one.name}: {number(round(one.failed), 'notification')} failed, and since then others were delivered."
            )
        elif one.refused:
            self._verdict.note(f"{self._name}, {one.name}: {one.refused:.0f} attempts failed, and were repeated with success.")

    def _silent(self, one: _Kind) -> None:
        suppressed = sum(replica.suppressed for replica in one.replicas)
        muted = f" ({suppressed:.0f} alerts were silenced, inhibited or muted)" if suppressed else ""
        self._unchecked(f"{one.name}: nothing was sent in the last {self._window}{muted}, so that it delivers is not proven")

    def _is_over(self, one: _Kind) -> bool:
        """Whether what failed is over: a single one that others followed, or none for a while."""
        return one.last_delivered > one.last_failed and (one.failed < 2 or self._now - one.last_failed >= self._recovery)

    @property
    def _name(self) -> str:
        return f"{self._place.namespace}/{self._place.name}"

    def _report_dead(self, one: _Kind, errors: list[DeliveryError], *, alone: bool) -> None:
        since = f" in the last {ago(self._now - one.last_delivered) if one.last_delivered else self._window}"
        nobody = " No alert of it reaches anyone." if alone else ""
        self._verdict.report(
            DELIVERY_FAILS,
            self._place,
            severity=Severity.CRITICAL if alone else Severity.ERROR,
            problem=f"Every notification that {self._name} tried to deliver through {one.name}{since} failed.{nobody}",
            cause=self._cause(one, errors),
            fix=self._fix(one, errors),
            exhibits=[self._table(one)],
        )

    def _report_some(self, one: _Kind, errors: list[DeliveryError]) -> None:
        share = one.failed / (one.failed + one.delivered)
        since = ", and others were delivered since" if one.last_delivered > one.last_failed else ""
        last = f" The last one failed {ago(self._now - one.last_failed)} ago{since}."
        self._verdict.report(
            SOME_DELIVERIES_FAIL,
            self._place,
            severity=Severity.ERROR if share >= 0.5 else Severity.WARNING,
            problem=f"{number(round(one.failed), f'notification of {self._name}', f'notifications of {self._name}')} through {one.name} "
            f"failed in the last {self._window}; {one.delivered:.0f} {'was' if round(one.delivered) == 1 else 'were'} delivered.{last}",
            cause=self._cause(one, errors),
            fix=self._fix(one, errors),
            exhibits=[self._table(one)],
        )

    def _cause(self, one: _Kind, errors: list[DeliveryError]) -> str:
        reasons = one.reasons().most_common()
        known = _rows(errors)
        told = "; ".join(
            f"{count} × reason {reason}" + ("" if known else f": {MEANINGS.get(reason, 'see the log')}")
            for reason, count in reasons
            if count
        )
        if known:
            told = " ".join(dict.fromkeys(one.cause for one in known)) + f" Alertmanager counts {told}"
        quoted = " ".join(f'Receiver "{error.receiver}" says: {error.text}.' for error in errors[:3])
        of = [replica for replica in one.replicas if replica.tally.failed]
        where = f" Only on {', '.join(replica.subject.name for replica in of)}." if len(of) < len(one.replicas) and one.delivered else ""
        return f"{told[:1].upper()}{told[1:]}. {quoted or 'The log of the replica names the receiver.'}{where}"

    def _fix(self, one: _Kind, errors: list[DeliveryError]) -> list[Step]:
        failing = [replica.subject for replica in one.replicas if replica.tally.failed or replica.tally.refused]
        pods = [subject for subject in failing if subject.kind == "Pod"]
        whose = f" of the receiver {said(errors[0].receiver)}" if errors else ""
        source = "at its source in Git: a SealedSecret, an ExternalSecret, Argo CD or Flux would revert a change of the Secret itself"
        known = " ".join(dict.fromkeys(one.fix for one in _rows(errors)))
        general = f"Correct the address or the credentials{whose} there, {source}. Or let Alertmanager reach the other side."
        return [
            look("See what the other side answers.", *(log_of(pod.namespace, pod.name, "notify") for pod in pods[:2])),
            *self._source.changed(change(f"{known} What is configured{whose} is changed {source}." if known else general)),
        ]

    def _table(self, one: _Kind) -> Table:
        return Table(title=f"Deliveries through {one.name}", columns=COLUMNS, rows=list(one.rows(self._now)))


def _rows(errors: list[DeliveryError]) -> list[Row]:
    """What the answers name as the cause, of the errors that are quoted."""
    return [row for error in errors[:3] if (row := row_of(error.text, error.kind))]
