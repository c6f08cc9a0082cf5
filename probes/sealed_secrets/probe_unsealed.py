from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems import sealing_advice
from clusterprobe.systems.alertmanager import Alertmanager
from clusterprobe.systems.needed_secrets import what_needs
from clusterprobe.systems.objects import Condition, Pod
from clusterprobe.systems.sealed_secrets import SealedSecret, SealingCertificate
from clusterprobe.systems.sealing import (
    IMMUTABLE,
    IN_THE_WAY,
    NO_KEY,
    Opening,
    Place,
    changed_at,
    keys_in,
    opening,
    origin_of,
    why_sealed,
    without_key,
)
from clusterprobe.systems.unsealed import Unsealed
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

KEY = "SealingKey/sealed-secrets"
PREVENTION = (
    "Seal in CI with `kubeseal --namespace … --name …` from each environment's own values, never copy a sealed file; check it before "
    "the merge (`kubeseal --validate`), keep a copy of the sealing keys in a safe, and alert on "
    "`sealed_secrets_controller_condition_info == -1`."
)
SYNCED = "That Argo CD shows it Synced only says that the object is as in Git, not that it opens."


@dataclass(frozen=True, slots=True)
class Known:
    """All that helps to judge a SealedSecret."""

    opens: Opening
    facts: dict[Place, Unsealed]
    controllers: Readings[Server]
    alertmanagers: Readings[Alertmanager]
    pods: dict[str, list[Pod]]  # by namespace
    now: float
    patience_seconds: float
    keyless: dict[Place, str]

    @property
    def controller(self) -> sealing_advice.Controller:
        return sealing_advice.controller_of(self.controllers.items)

    def fact(self, one: SealedSecret) -> Unsealed:
        return self.facts.get(one.place, Unsealed(proof="what is known of its Secret could not be read"))

    def needs(self, one: SealedSecret) -> str:
        """What hangs on its Secret, as sentences to add."""
        found = what_needs(*one.place, self.alertmanagers.items, self.pods.get(one.place[0], []))
        return "".join(f" {sentence}." for sentence in found)

    def breaks(self, one: SealedSecret) -> list[str]:
        """Its Secret, unless an older one of its own is still there."""
        fact = self.fact(one)
        return [] if fact.exists and fact.owned else ["Secret/{}/{}".format(*one.place)]


def probe_unsealed(
    verdict: Verdict,
    sealed_secrets: Readings[SealedSecret],
    unsealed_secrets: Readings[Unsealed],
    sealing_certificates: Readings[SealingCertificate],
    sealed_secrets_controllers: Readings[Server],
    alertmanagers: Readings[Alertmanager],
    pods: Readings[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Has every SealedSecret become its Secret?

    Problem: A Secret does not appear, or keeps its old values: a pod waits for it, or an Alertmanager serves a default and nothing
    reaches Slack. Argo CD's Synced proves nothing here: it compares the object with Git, and does not look whether it opens.
    Cause: Values are sealed for one namespace and one name (scope strict); a file that is copied to another namespace, or renamed,
    opens nowhere else. Or the controller lost its key, a Secret of that name is there already and belongs to nobody, or the
    controller has not looked yet.
    Fix: Seal it again from the plain values with `kubeseal --namespace … --name …`; restore the key; or give the controller the Secret.
    Prevention: Seal for each environment in CI, validate before the merge, keep the keys safe, and alert on the controller's metric.
    """
    facts = verdict.need(unsealed_secrets).by_name()
    opens = opening(sealed_secrets.items)
    failing = [one for one in sealed_secrets.items if _refused(one, NO_KEY) and origin_of(one, opens) is None]
    keyless = without_key(failing, sealed_secrets, facts, verdict.enrich(sealing_certificates))
    known = Known(
        opens,
        facts,
        verdict.enrich(sealed_secrets_controllers),
        verdict.enrich(alertmanagers),
        _by_namespace(verdict.enrich(pods)),
        clock.now,
        profile.thresholds.unseal_minutes * 60,
        keyless,
    )
    for subject, one in verdict.examine(sealed_secrets):
        _judge(verdict, subject, one, known)
    if keyless:
        _report_key(verdict, [one for one in failing if one.place in keyless], known)


def _by_namespace(pods: Readings[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for subject, pod in pods:
        found.setdefault(subject.namespace, []).append(pod)
    return found


def _judge(verdict: Verdict, subject: Subject, one: SealedSecret, known: Known) -> None:
    if one.metadata.deletion_timestamp:
        verdict.note(f"{subject} is being deleted")
    elif one.synced is None:
        _judge_unspoken(verdict, subject, one, known)
    elif one.synced.status == "False":
        _judge_refused(verdict, subject, one, one.synced, known)
    elif one.synced.status == "True":
        _judge_secret(verdict, subject, one, one.synced, known)
    else:
        verdict.unchecked(subject, f"its condition Synced is {one.synced.status or 'without a status'}")


def _refused(one: SealedSecret, words: str) -> bool:
    return one.synced is not None and one.synced.status == "False" and words in one.synced.message and not one.metadata.deletion_timestamp


# --- refused: Synced=False for the newest generation ------------------------------------------------------------------


def _judge_refused(verdict: Verdict, subject: Subject, one: SealedSecret, condition: Condition, known: Known) -> None:
    namespace, name = one.place
    if NO_KEY in condition.message:
        _report_sealed(verdict, subject, one, condition, known)
        return
    if IN_THE_WAY in condition.message:
        reason, fix = "SecretInTheWay", sealing_advice.clear_the_way(namespace, name, known.controller)
        owner = known.fact(one).owner or "nobody"
        cause = (
            f"A Secret {namespace}/{name} is there that belongs to {owner}: it was made by hand, or by something else. The controller "
            f"leaves it alone, so it keeps its own values: {condition.message}. {SYNCED}"
        )
    else:
        reason, fix = "UnsealFailed", f"Look at what the controller says:\n{sealing_advice.look_at_controller(known.controller)}"
        cause = f"The controller says: {condition.message or 'nothing more'}. {SYNCED}"
        if IMMUTABLE in condition.message:
            fix = f"An immutable Secret can only be deleted; the controller makes it anew:\n$ kubectl -n {namespace} delete secret {name}"
    verdict.finding(
        Severity.ERROR,
        reason,
        subject,
        problem=f"SealedSecret {namespace}/{name} does not become its Secret.{known.needs(one)}",
        cause=cause,
        fix=fix,
        prevention=PREVENTION,
        exhibits=[_status(one, condition)],
        breaks=[f"Secret/{namespace}/{name}"],
    )


def _report_sealed(verdict: Verdict, subject: Subject, one: SealedSecret, condition: Condition, known: Known) -> None:
    namespace, name = one.place
    origin = origin_of(one, known.opens)
    keys = keys_in(condition.message)
    still = not known.breaks(one)
    effect = "Its Secret of before is still there, with the values of before." if still else f"Its Secret is not made.{known.needs(one)}"
    which = f" ({', '.join(keys)})" if keys else ""
    fix = sealing_advice.seal_again(one, known.controller, origin)
    if one.place in known.keyless:
        fix = f"Give the controller its key back, as the finding about the sealing key says. Else:\n{fix}"
    verdict.finding(
        Severity.ERROR,
        "CannotDecrypt",
        subject,
        problem=f"SealedSecret {namespace}/{name} does not open{which}. {effect}",
        cause=f"{why_sealed(one, origin, known.keyless.get(one.place, ''))} The controller says: {condition.message}. {SYNCED}",
        fix=fix,
        prevention=PREVENTION,
        exhibits=[_status(one, condition)],
        breaks=known.breaks(one),
        rests_on=[KEY] if one.place in known.keyless else [],
    )


def _report_key(verdict: Verdict, lost: list[SealedSecret], known: Known) -> None:
    rows = [[*one.place, known.keyless[one.place]] for one in lost[:30]]
    names = ", ".join("/".join(one.place) for one in lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    controller = known.controller
    verdict.finding(
        Severity.ERROR,
        "SealingKeyLost",
        Subject(kind="SealingKey", name="sealed-secrets"),
        problem=f"The SealedSecrets controller lacks the key of {len(lost)} SealedSecrets: {names}. Secrets that are there stay as they "
        "are; one that is deleted does not come back.",
        cause=f"The key Secrets in {controller.namespace} were deleted, or the cluster was set up anew without them: the controller then "
        "makes a new key, which opens nothing that was sealed before. Or all of these were sealed with another cluster's certificate.",
        fix=sealing_advice.restore_the_key(controller),
        prevention=PREVENTION,
        exhibits=[Table(title="What it cannot open", columns=["Namespace", "SealedSecret", "What tells so"], rows=rows)],
        breaks=[KEY],
    )


# --- nothing said yet about the newest generation ---------------------------------------------------------------------


def _judge_unspoken(verdict: Verdict, subject: Subject, one: SealedSecret, known: Known) -> None:
    status, fact = one.status, known.fact(one)
    changed = changed_at(one)
    generation = one.metadata.generation
    if changed is None or (status is not None and not status.observed_generation):
        verdict.unchecked(
            subject, f"the controller does not say whether it has seen generation {generation}, and since when it could is not known"
        )
    elif known.now - changed <= known.patience_seconds:
        verdict.unchecked(subject, f"it was written {ago(known.now - changed)} ago, and the controller has not said anything of it yet")
    elif status is not None and status.observed_generation != generation:
        _report_unspoken(verdict, subject, one, f"has seen generation {status.observed_generation} of it, not {generation}", known)
    elif (known.controllers.complete and not known.controllers.values) or fact.exists is False:
        _report_unspoken(verdict, subject, one, "has never said anything of it", known)
    elif fact.exists and fact.owned:
        verdict.note(f"{subject} has no status, but its Secret is there and its own: the controller seems to run without --update-status")
    else:
        verdict.unchecked(subject, f"it has no status, and {fact.proof}")


def _report_unspoken(verdict: Verdict, subject: Subject, one: SealedSecret, seen: str, known: Known) -> None:
    namespace, name = one.place
    age = ago(known.now - (changed_at(one) or known.now))
    if known.controllers.values:
        pods = ", ".join(f"{server.namespace}/{server.pod}" for server in known.controllers.items)
        why = (
            f"It runs ({pods}), so it passes this one over: its --all-namespaces, --additional-namespaces or --label-selector leaves it out"
        )
    elif known.controllers.complete:
        why = "No pod of it is ready"
    else:
        why = "Whether it runs could not be read"
    verdict.finding(
        Severity.ERROR,
        "NotReconciled",
        subject,
        problem=f"SealedSecret {namespace}/{name} was written {age} ago, and its Secret is not up to date.{known.needs(one)}",
        cause=f"The SealedSecrets controller {seen}. {why}. {SYNCED}",
        fix=f"Bring the controller back, or let it look there:\n{sealing_advice.look_at_controller(known.controller)}\n"
        f"{sealing_advice.look(namespace, name)}",
        prevention=PREVENTION,
        breaks=known.breaks(one),
    )


# --- opened: is the Secret there, and its own? ------------------------------------------------------------------------


def _judge_secret(verdict: Verdict, subject: Subject, one: SealedSecret, condition: Condition, known: Known) -> None:
    fact = known.fact(one)
    since = epoch(condition.last_transition_time)
    if fact.exists is None:
        verdict.unchecked(subject, f"it is Synced, but {fact.proof}")
    elif not fact.exists and not fact.direct and (since is None or known.now - since <= known.patience_seconds):
        verdict.unchecked(subject, "it was unsealed a moment ago, and kube-state-metrics does not list its Secret yet")
    elif not fact.exists:
        _report_missing(verdict, subject, one, fact, known)
    elif fact.owned is None:
        verdict.unchecked(subject, f"it is Synced, but whether its Secret is its own is not known: {fact.proof}")
    elif fact.owned is False and not fact.shared:
        _report_foreign(verdict, subject, one, fact)
    elif not fact.owned:
        verdict.note(f"The Secret of {subject} belongs to nobody: it is patched (annotation), or was replaced by hand")


def _report_missing(verdict: Verdict, subject: Subject, one: SealedSecret, fact: Unsealed, known: Known) -> None:
    namespace, name = one.place
    verdict.finding(
        Severity.ERROR,
        "SecretMissing",
        subject,
        problem=f"SealedSecret {namespace}/{name} is Synced, and its Secret is not there.{known.needs(one)}",
        cause=f"The Secret {namespace}/{name} was deleted after it had been unsealed, and the controller has not made it again: it was "
        f"not running then, or runs with --skip-recreate ({fact.proof}). Synced tells of the last attempt, not of now.",
        fix=f"The controller makes it again as it starts:\n{known.controller.restart}\n$ kubectl -n {namespace} get secret {name}",
        prevention=PREVENTION,
        breaks=[f"Secret/{namespace}/{name}"],
    )


def _report_foreign(verdict: Verdict, subject: Subject, one: SealedSecret, fact: Unsealed) -> None:
    namespace, name = one.place
    whose = f"{fact.owner} owns it" if fact.owner else "nothing owns it"
    if fact.owner == f"SealedSecret/{name}":
        whose = "an earlier SealedSecret of that name owned it, by its UID"
    verdict.finding(
        Severity.WARNING,
        "SecretNotOwned",
        subject,
        problem=f"The Secret {namespace}/{name} does not belong to its SealedSecret, although this is Synced: it may hold something else.",
        cause=f"{whose[0].upper()}{whose[1:]} ({fact.proof}), and it is not marked as patched: it was replaced after it had been unsealed. "
        "The next change of the SealedSecret will be refused.",
        fix=f"Let the controller own it again:\n$ kubectl -n {namespace} annotate secret {name} {sealing_advice.MANAGED}=true\n"
        "Then change the SealedSecret, or restart the controller.\n"
        f"{sealing_advice.look(namespace, name)}",
        prevention=PREVENTION,
    )


def _status(one: SealedSecret, condition: Condition) -> Text:
    return Text(
        title=f"Condition Synced of generation {one.metadata.generation}, since {condition.last_transition_time}", text=condition.message
    )
