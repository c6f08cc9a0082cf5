from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.references import Ref
from clusterprobe.roles import Conditional, Enriching, Examined, Needed
from clusterprobe.systems.alertmanager import config_advice
from clusterprobe.systems.alertmanager.config_objects import ConfigObject
from clusterprobe.systems.alertmanager.generated_diagnosis import Case, Keeper, State, diagnose
from clusterprobe.systems.alertmanager.generated_secrets import GeneratedSecret, Side
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager, AlertmanagerStatus
from clusterprobe.systems.kubernetes.objects import Namespace, Workload
from clusterprobe.systems.kubernetes.secrets import SECRETS
from clusterprobe.systems.prometheus.selection import Operator, idle_operators
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

GENERATED_SECRET_GONE = FindingKind(
    "GeneratedSecretGone", Severity.ERROR, "The Secret that the Operator generates does not exist, and nothing writes it again."
)
GENERATED_SECRET_EDITED = FindingKind(
    "GeneratedSecretEdited", Severity.ERROR, "The Secret that the Operator generates was changed by hand, and the change is still there."
)
SERVED_CONFIG_DIFFERS = FindingKind("ServedConfigDiffers", Severity.ERROR, "An Alertmanager serves something else than its Secret says.")
GENERATED_SECRET_DELETED = FindingKind(
    "GeneratedSecretDeleted", Severity.WARNING, "The Secret that the Operator generates was deleted, and the Operator wrote it again."
)
GENERATED_SECRET_PUT_BACK = FindingKind(
    "GeneratedSecretPutBack", Severity.WARNING, "The Secret that the Operator generates was changed, and its source was not."
)
UNKEPT: dict[Keeper, str] = {
    "runs": "",
    "paused": "the object is paused (`spec.paused`)",
    "unread": "whether an Operator that manages it runs could not be looked at",
    "not ready": "the Operator that manages it is not ready",
    "missing": "no Operator that manages it was found running",
}
UNCOUNTED = "no kube-state-metrics reports how often it changed, so whether a change by hand was reverted recently is not known"


@reports(GENERATED_SECRET_GONE, GENERATED_SECRET_EDITED, SERVED_CONFIG_DIFFERS, GENERATED_SECRET_DELETED, GENERATED_SECRET_PUT_BACK)
def probe_generated_secret(
    verdict: Verdict,
    alertmanagers: Examined[Alertmanager],
    generated_secrets: Needed[GeneratedSecret],
    alertmanager_statuses: Needed[AlertmanagerStatus],
    alertmanager_servers: Needed[Server],
    prometheus_operators: Needed[Operator],
    alertmanager_configs: Conditional[ConfigObject],
    namespaces: Conditional[Namespace],
    deployments: Enriching[Workload],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does Alertmanager's generated Secret match its source, and was it left unchanged?

    Problem: A change made by hand in `alertmanager-…-generated` is reverted within a second, or stays and is lost later; deleted, the
    Secret is back at once, the same as before.
    Cause: The Operator writes it again from the Secret that `configSecret` names whenever either of the two changes. Only while the
    Operator does not run, or the object is paused, does an edit stay, and does what was deleted not come back.
    Fix: Make the change in the Secret that it is written from, and see that the Operator runs. Deleting the generated Secret repairs
    nothing.
    Prevention: Change the configuration only at the source of the Secret that `configSecret` names, in Git; let only the Operator
    have `update` and `delete` on `alertmanager-*-generated`, and alert when the Operator does not run.
    """
    facts, idle = dict(generated_secrets), idle_operators(deployments, profile)
    servers = dict(alertmanager_servers)
    served: dict[tuple[str, str], list[AlertmanagerStatus]] = {}
    for subject, status in alertmanager_statuses:
        if subject in servers:
            served.setdefault(servers[subject].key, []).append(status)
    for subject, one in alertmanagers:
        if subject in facts:
            statuses = served.get((subject.namespace, subject.name), [])
            objects = (alertmanager_configs.readings, namespaces.readings)
            window = profile.thresholds.alertmanager.generated_secret_minutes * 60
            asleep = [operator for operator, each in idle if not each.unclear and each.keeps(one.metadata)]
            case = Case(subject, one, facts[subject], statuses, prometheus_operators, *objects, clock.now, window)
            _Told(verdict, case, asleep).tell()


class _Told:
    """What is said of one Alertmanager's generated Secret."""

    def __init__(self, verdict: Verdict, case: Case, asleep: list[Subject]) -> None:
        self._verdict, self._case, self._asleep, self._found = verdict, case, asleep, diagnose(case)
        namespace = case.place.namespace
        self._subject = SECRETS.subject(namespace, case.generated.name, owner=f"Alertmanager/{case.place.name}")
        self._name, self._origin = f"{namespace}/{case.generated.name}", f"{namespace}/{case.source.name}"
        self._unkept = UNKEPT[self._found.keeper]

    def tell(self) -> None:
        for state in self._found.states:
            match state:
                case "gone":
                    self._report_gone()
                case "edited":
                    self._report_edited()
                case "serves another":
                    self._report_served()
                case "deleted":
                    self._report_deleted()
                case "put back" | "put back or object deleted":
                    self._report_put_back(certain=state == "put back")
                case "deleted long ago" | "an object changed" | "objects may have":
                    self._verdict.note(f"{self._name} {self._remark(state)}.")
                case "changes uncounted" if self._case.generated.meaning and self._case.source.meaning:
                    self._verdict.note(f"{self._name}: {UNCOUNTED}.")  # it is what its source says now, whatever was before
                case _:
                    self._verdict.unchecked(self._subject, self._open(state))

    def _remark(self, state: State) -> str:
        if state == "deleted long ago":
            return f"was deleted and came back {self._since(self._case.generated.created)} ago: it is younger than {self._case.facts.older}"
        changed = listed([str(one) for one in self._case.changed_objects], 3)
        why = f"it takes {changed}, changed within that time" if changed else "an AlertmanagerConfig or a Secret that it names may be why"
        return f"was changed within the last {ago(self._case.window)}: {why}"

    def _open(self, state: State) -> str:
        """Why something of it cannot be told."""
        gone = f"it is not there ({self._case.generated.proof}), and"
        both = f"name {self._name} and {self._origin} under `secrets:` in the profile"
        words: dict[State, str] = {
            "unknown": "whether it is there and was left alone is not known: "
            f"name {self._name} under `secrets:` in the profile, or let kube-state-metrics list Secrets",
            "refused": "the Operator refuses its source, as alertmanager/config-secret says, and leaves it as it is",
            "gone, keeper unknown": f"{gone} {self._unkept}",
            "gone for a moment": f"{gone} the Operator that runs writes it again at once",
            "just changed": f"{self._origin} has only just been changed",
            "not served yet": f"{self._origin} has only just been changed, and is not served yet",
            "age unknown": "since when it exists is not known: this kube-state-metrics does not report it",
            "deletion unknown": "whether it was deleted is not known: neither its StatefulSet nor a ready pod that mounts it shows it",
            "changes uncounted": f"{UNCOUNTED}: {both}",
            "objects unread": "whether an AlertmanagerConfig explains its change is not known: they or the namespaces could not be read",
            "content unknown": f"{self._unkept}, so whether it is still what its source says is not known: {both}",
        }
        return words[state]

    def _since(self, moment: float | None) -> str:
        return "some time" if moment is None else ago(self._case.now - moment)

    # --- findings

    def _report_gone(self) -> None:
        self._report(
            GENERATED_SECRET_GONE,
            problem=f"The Secret {self._name}, from which Alertmanager is configured, was deleted, and does not come back. What was loaded "
            "keeps serving until a pod is restarted; that pod will not start.",
            cause=f"It was deleted ({self._case.generated.proof}), and {self._unkept}.",
            breaks=[Ref.of(self._subject)],
        )

    def _report_edited(self) -> None:
        strangers = self._case.generated.strangers
        who = f"{', '.join(strangers)} wrote its data after the Operator" if strangers else "it was written by hand"
        same = " It routes differently from its source." if self._found.differs else ""
        served = " Alertmanager serves just that." if self._found.served else ""
        self._report(
            GENERATED_SECRET_EDITED,
            problem=f"The Secret {self._name} was changed by hand, {self._origin}, from which it is made, was not.{same}{served} "
            "The change is lost as soon as the Operator looks at it.",
            cause=f"{who[:1].upper()}{who[1:]}; it stays, because {self._unkept or 'the Operator has not looked at it yet'}.",
        )

    def _report_served(self) -> None:
        self._report(
            SERVED_CONFIG_DIFFERS,
            problem=f"{self._case.place.namespace}/{self._case.place.name} routes differently from {self._origin}.",
            cause=f"The Secret was last changed {self._since(self._case.source.written)} ago, and what is served differs: "
            + (f"{self._unkept}." if self._unkept else f"{self._name} was changed by hand, or was not loaded."),
        )

    def _report_deleted(self) -> None:
        age = self._since(self._case.generated.created)
        self._report(
            GENERATED_SECRET_DELETED,
            problem=f"The Secret {self._name} was deleted {age} ago, and was recreated unchanged, so this had no effect.",
            cause=f"It is younger than {self._case.facts.older}, which needs it. The Operator recreated it from {self._origin} at once.",
        )

    def _report_put_back(self, *, certain: bool) -> None:
        """An AlertmanagerConfig that was deleted since is nowhere to be seen, where the Alertmanager takes any."""
        hand = "a user or a program wrote into it" + (
            f", and the change may have stayed, for {self._unkept}" if self._unkept else "; the Operator reverted it within a second"
        )
        who = hand[:1].upper() + hand[1:] if certain else f"Either an AlertmanagerConfig that it took was deleted, or {hand}"
        self._report(
            GENERATED_SECRET_PUT_BACK,
            problem=f"The Secret {self._name} was changed within the last {ago(self._case.window)}, though its source was not.",
            cause=f"kube-state-metrics saw {self._case.generated.changes:.0f} new versions of it and none of {self._origin}; the object "
            f"itself was not changed either. {who}.",
        )

    # --- what they have in common

    def _report(self, kind: FindingKind, *, problem: str, cause: str, breaks: list[Ref] | None = None) -> None:
        namespace, name = self._case.place.namespace, self._case.place.name
        self._verdict.report(
            kind,
            self._subject,
            problem=problem,
            cause=cause,
            fix=[
                *self._run_the_operator(),
                change(f"Leave the generated Secret alone, and make changes in {self._origin}."),
                config_advice.check_the_secret(namespace, self._case.source.name),
                look("Reconciled must be True then.", config_advice.look_at_object(namespace, name)),
            ],
            exhibits=[
                Table(title="The two Secrets", columns=["Secret", "There", "Created", "Last written", "By others"], rows=self._rows())
            ],
            breaks=breaks or [],
        )

    def _run_the_operator(self) -> list[Step]:
        """Where no Operator looks after it: the one that should is known by its pod, or else by its image."""
        place = self._case.place
        if not self._unkept:
            return []
        pods = self._case.keepers
        paused = shell("kubectl -n {} get {} {} -o jsonpath='{.spec.paused}'", place.namespace, ALERTMANAGERS.name, place.name)
        images = "custom-columns=NAMESPACE:.metadata.namespace,POD:.metadata.name,STATE:.status.phase,IMAGE:.spec.containers[*].image"
        return [
            look(
                "See that the Operator runs, and that the object is not paused.",
                *(shell("kubectl -n {} describe pod {}", one.namespace, one.name) for one in pods[:1]),
                *(() if pods else (shell("kubectl get pods -A -o {} | grep prometheus-operator", images),)),
                paused,
            ),
            *self._scale_up(),
        ]

    def _scale_up(self) -> list[Step]:
        """The one Deployment of an Operator that would manage it, where that has no pod."""
        if self._found.keeper != "missing" or len(self._asleep) != 1:
            return []
        (one,) = self._asleep
        command = shell("kubectl -n {} scale deployment {} --replicas=1", one.namespace, one.name)
        return [change(f"Its Operator, {one}, is scaled to 0. Scale it up, {IN_GIT}.", command)]

    def _rows(self) -> list[list[str]]:
        return [self._row(one) for one in (self._case.generated, self._case.source)]

    def _row(self, one: Side) -> list[str]:
        times = ["" if moment is None else f"{self._since(moment)} ago" for moment in (one.created, one.written)]
        there = {True: "yes", False: "no", None: "not known"}[one.exists]
        return [one.name, there, *times, ", ".join(one.strangers) if one is self._case.generated else ""]
