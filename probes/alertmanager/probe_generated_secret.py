from dataclasses import dataclass
from typing import Any

from clusterprobe.access.servers import Server
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems import config_advice
from clusterprobe.systems.alertmanager import Alertmanager, AlertmanagerStatus
from clusterprobe.systems.config_meaning import meaning_of
from clusterprobe.systems.generated_secrets import GeneratedSecret, Side
from clusterprobe.systems.secrets import SECRETS
from clusterprobe.systems.selection import Operator
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

RELOAD_SECONDS = 180  # the kubelet brings a changed Secret to its pods within two minutes, the reloader then loads it
SLACK_SECONDS = 5
PREVENTION = (
    "Change the configuration only at the source of the Secret that `configSecret` names, in Git; let nobody but the Operator have "
    "`update` and `delete` on `alertmanager-*-generated`, and alert when the Operator does not run."
)


def probe_generated_secret(
    verdict: Verdict,
    alertmanagers: Readings[Alertmanager],
    generated_secrets: Readings[GeneratedSecret],
    alertmanager_statuses: Readings[AlertmanagerStatus],
    alertmanager_servers: Readings[Server],
    prometheus_operators: Readings[Operator],
    profile: Profile,
    clock: Any,
) -> None:
    """Is the Secret that the Operator generates for Alertmanager what it made of its source, and does nobody touch it?

    Problem: A change made by hand in `alertmanager-…-generated` is gone within a second, or stays and is lost later; deleted, the
    Secret is back at once, the same as before.
    Cause: The Operator writes it anew from the Secret that `configSecret` names whenever either of the two changes. Only while the
    Operator does not run, or the object is paused, does an edit stay, and does what was deleted not come back.
    Fix: Make the change in the Secret that it is written from, and see that the Operator runs. Deleting the generated Secret repairs
    nothing.
    Prevention: Keep the source in Git, and let nobody but the Operator write the generated one.
    """
    facts, operators = dict(verdict.need(generated_secrets)), verdict.need(prometheus_operators)
    servers = dict(verdict.need(alertmanager_servers))
    served: dict[tuple[str, str], list[AlertmanagerStatus]] = {}
    for subject, status in verdict.need(alertmanager_statuses):
        if subject in servers:
            served.setdefault(servers[subject].key, []).append(status)
    for subject, one in verdict.examine(alertmanagers):
        if subject in facts:
            case = _Case(subject, one, facts[subject], served.get((subject.namespace, subject.name), []), operators)
            _Judge(verdict, case, profile.thresholds.generated_secret_minutes * 60, clock.now).judge()


@dataclass(frozen=True, slots=True)
class _Case:
    """One Alertmanager with all that is known of its two Secrets."""

    place: Subject
    custom: Alertmanager
    facts: GeneratedSecret
    statuses: list[AlertmanagerStatus]
    operators: Readings[Operator]

    @property
    def keepers(self) -> list[Operator]:
        return [one for one in self.operators.items if not one.unclear and one.keeps(self.custom.metadata)]

    @property
    def unkept(self) -> str:
        """Why no Operator looks after the generated Secret; empty if one does."""
        if self.custom.spec.paused:
            return "the object is paused (`spec.paused`)"
        if any(one.ready for one in self.keepers):
            return ""
        if not self.operators.complete:
            return "whether an Operator that manages it runs could not be looked at"
        return "the Operator that manages it is not ready" if self.keepers else "no Operator that manages it was found running"

    @property
    def known(self) -> bool:
        """Whether it is known who looks after it."""
        unclear = any(one.unclear for one in self.operators.items)
        return self.custom.spec.paused or (self.operators.complete and not unclear) or not self.unkept

    @property
    def refused(self) -> bool:
        condition = self.custom.condition("Reconciled")
        return condition is not None and condition.status == "False"


class _Judge:
    """The judgement on one Alertmanager."""

    def __init__(self, verdict: Verdict, case: _Case, window: float, now: float) -> None:
        self._verdict, self._case, self._window, self._now = verdict, case, window, now
        namespace = case.place.namespace
        self._generated, self._source = case.facts.generated, case.facts.source
        self._subject = SECRETS.subject(namespace, self._generated.name, owner=f"Alertmanager/{case.place.name}")
        self._name, self._origin = f"{namespace}/{self._generated.name}", f"{namespace}/{self._source.name}"

    def judge(self) -> None:
        case = self._case
        if self._generated.exists is None:
            how = f"name {self._name} under `secrets:` in the profile, or let kube-state-metrics list Secrets"
            self._verdict.unchecked(self._subject, f"whether it is there and was left alone is not known: {how}")
        elif case.refused:
            self._verdict.unchecked(
                self._subject, "the Operator refuses its source, as alertmanager/config-secret says, and leaves it as it is"
            )
        elif not self._generated.exists:
            self._judge_gone()
        elif not self._judge_edited():
            self._judge_past()

    # --- now

    def _judge_gone(self) -> None:
        if not self._case.known:
            self._verdict.unchecked(self._subject, f"it is not there ({self._generated.proof}), and {self._case.unkept}")
            return
        if not self._case.unkept:
            self._verdict.unchecked(
                self._subject, f"it is not there ({self._generated.proof}), and the Operator that runs writes it again at once"
            )
            return
        self.finding(
            Severity.ERROR,
            "GeneratedSecretGone",
            problem=f"The Secret {self._name}, from which Alertmanager is configured, is gone, and does not come back. What was loaded "
            "keeps serving until a pod is started anew; that one will not start.",
            cause=f"It was deleted ({self._generated.proof}), and {self._case.unkept}.",
            breaks=[f"Secret/{self._name}"],
        )

    def _judge_edited(self) -> bool:
        """Whether it is not what the Operator made of its source, as far as that is known."""
        generated, source = self._generated, self._source
        differs = bool(generated.meaning and source.meaning and generated.meaning != source.meaning and not self._replaced)
        if generated.strangers or (differs and self._settled):
            who = f"{', '.join(generated.strangers)} wrote its data after the Operator" if generated.strangers else "it was written by hand"
            same = " It routes otherwise than its source says." if differs else ""
            served = " Alertmanager serves just that." if differs and self._serves(generated.meaning) else ""
            self.finding(
                Severity.ERROR,
                "GeneratedSecretEdited",
                problem=f"The Secret {self._name} was changed by hand, {self._origin}, from which it is made, was not.{same}{served} "
                "The change is lost as soon as the Operator looks at it.",
                cause=f"{who[:1].upper()}{who[1:]}; it stays, because {self._case.unkept or 'the Operator has not looked at it yet'}.",
            )
            return True
        if differs:
            self._verdict.unchecked(self._subject, f"{self._origin} has only just been changed")
        return self._judge_served() or differs

    def _judge_served(self) -> bool:
        """Whether Alertmanager serves something else than the source says, long after it was changed."""
        source = self._source
        if not source.meaning or not self._case.statuses or self._replaced or self._serves(source.meaning):
            return False
        if not self._settled:
            self._verdict.unchecked(self._subject, f"{self._origin} has only just been changed, and is not served yet")
        else:
            self.finding(
                Severity.ERROR,
                "ServedConfigDiffers",
                problem=f"{self._case.place.namespace}/{self._case.place.name} routes otherwise than {self._origin} says.",
                cause=f"The Secret was last changed {self._age(source.written)} ago, and what serves is not that: "
                + (f"{self._case.unkept}." if self._case.unkept else f"{self._name} was changed by hand, or was not loaded."),
            )
        return True

    def _serves(self, meaning: str) -> bool:
        return bool(self._case.statuses) and all(meaning_of(one.configuration) == meaning for one in self._case.statuses)

    @property
    def _replaced(self) -> bool:
        return self._case.custom.spec.alertmanager_configuration is not None

    @property
    def _settled(self) -> bool:
        """Whether a change of the source must have arrived everywhere by now."""
        return self._source.written is not None and self._now - self._source.written >= RELOAD_SECONDS

    # --- before

    def _judge_past(self) -> None:
        generated, facts = self._generated, self._case.facts
        if generated.created is None:
            self._verdict.unchecked(self._subject, "since when it is there is not known: this kube-state-metrics does not tell")
        elif facts.older_since is None:
            self._verdict.unchecked(
                self._subject, "whether it was deleted is not known: neither its StatefulSet's age nor a ready pod that mounts it tells"
            )
            self._judge_put_back()
        elif generated.created <= facts.older_since + SLACK_SECONDS:
            self._judge_put_back()
        elif not self._judge_deleted(generated.created, facts.older):
            self._judge_put_back()  # it may have been deleted long ago, and edited now
        if self._case.unkept and not (generated.meaning and self._source.meaning):
            how = f"name {self._name} and {self._origin} under `secrets:` in the profile"
            self._verdict.unchecked(self._subject, f"{self._case.unkept}, so whether it is still what its source says is not known: {how}")

    def _judge_deleted(self, created: float, older: str) -> bool:
        """Whether it was deleted of late."""
        age = self._now - created
        if age > self._window:
            self._verdict.note(f"{self._name} was deleted and came back {ago(age)} ago: it is younger than {older}.")
            return False
        self.finding(
            Severity.WARNING,
            "GeneratedSecretDeleted",
            problem=f"The Secret {self._name} was deleted {ago(age)} ago, and came back as it was: that has changed nothing.",
            cause=f"It is younger than {older}, which cannot be without it. The Operator made it anew from {self._origin} at once.",
        )
        return True

    def _judge_put_back(self) -> None:
        if self._generated.changes is None:
            self._say_unseen()
        if not self._generated.changes or not self._left_alone():
            return
        self.finding(
            Severity.WARNING,
            "GeneratedSecretPutBack",
            problem=f"The Secret {self._name} was changed within the last {ago(self._window)}, though its source was not.",
            cause=f"kube-state-metrics saw {self._generated.changes:.0f} new versions of it and none of {self._origin}; the object itself "
            "was not changed either. Somebody, or some program, wrote into it"
            + (
                f", and the change may have stayed, for {self._case.unkept}."
                if self._case.unkept
                else "; the Operator put it back within a second."
            ),
        )

    def _say_unseen(self) -> None:
        """That nobody counted its versions. What was read by name is what its source says now, whatever was before."""
        untold = "no kube-state-metrics tells how often it changed, so whether a change by hand was put back of late is not known"
        if self._generated.meaning and self._source.meaning:
            self._verdict.note(f"{self._name}: {untold}.")
        else:
            self._verdict.unchecked(self._subject, untold)

    def _left_alone(self) -> bool:
        """Whether all that the Operator makes it from was certainly left as it was, so that only another hand can have changed it."""
        since = self._now - self._window
        custom, source = self._case.custom.metadata, self._source
        specs = [epoch(one.time) for one in custom.managed if not one.subresource]
        starts = [epoch(one.started) for one in self._case.keepers]
        moments = [*specs, *starts, source.created, epoch(custom.creation_timestamp)]
        objects = any(receiver.is_of_object for one in self._case.statuses for receiver in one.configuration.receivers)
        known = bool(specs) and bool(self._case.statuses) and source.exists is True and source.changes_before == 0
        known = known and self._case.operators.complete  # one that has just started writes it once
        return known and not objects and all(moment is not None and moment < since for moment in moments)

    # --- words

    def _age(self, moment: float | None) -> str:
        return "some time" if moment is None else ago(self._now - moment)

    def finding(self, severity: Severity, reason: str, *, problem: str, cause: str, breaks: list[str] | None = None) -> None:
        namespace, name = self._case.place.namespace, self._case.place.name
        run = (
            f"See that the Operator runs, and that the object is not paused:\n"
            f"$ kubectl get pods -A -l app.kubernetes.io/name=kube-prometheus-stack-prometheus-operator\n"
            f"$ kubectl -n {namespace} get alertmanager {name} -o jsonpath='{{.spec.paused}}'\n"
            if self._case.unkept
            else ""
        )
        self._verdict.finding(
            severity,
            reason=reason,
            subject=self._subject,
            problem=problem,
            cause=cause,
            fix=f"{run}Leave the generated Secret alone; whatever is to change belongs into {self._origin}. "
            f"{config_advice.correct_the_secret(namespace, name, self._source.name)}",
            prevention=PREVENTION,
            exhibits=[
                Table(title="The two Secrets", columns=["Secret", "There", "Created", "Last written", "By others"], rows=self._rows())
            ],
            breaks=breaks or [],
        )

    def _rows(self) -> list[list[str]]:
        return [self._row(one) for one in (self._generated, self._source)]

    def _row(self, one: Side) -> list[str]:
        times = ["" if moment is None else f"{ago(self._now - moment)} ago" for moment in (one.created, one.written)]
        there = {True: "yes", False: "no", None: "not known"}[one.exists]
        return [one.name, there, *times, ", ".join(one.strangers) if one is self._generated else ""]
