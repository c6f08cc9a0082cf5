from collections import defaultdict

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.sealed_secrets import advice as sealing_advice
from clusterprobe.systems.sealed_secrets.causes import keys_in
from clusterprobe.systems.sealed_secrets.dependants import what_needs
from clusterprobe.systems.sealed_secrets.diagnosis import Diagnosis, World, diagnose
from clusterprobe.systems.sealed_secrets.rival_advice import Rival, part_rivals, rivals_of, sealer_of, why_rivals
from clusterprobe.systems.sealed_secrets.sources import SealedSecret, SealingCertificate
from clusterprobe.systems.sealed_secrets.unsealed import Unsealed
from clusterprobe.systems.sealed_secrets.words import sign_of, why_sealed
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

SECRET_IN_THE_WAY = FindingKind("SecretInTheWay", Severity.ERROR, "A Secret of the name exists that does not belong to the SealedSecret.")
UNSEAL_FAILED = FindingKind("UnsealFailed", Severity.ERROR, "The controller could not make the Secret of a SealedSecret.")
CANNOT_DECRYPT = FindingKind("CannotDecrypt", Severity.ERROR, "The controller cannot decrypt a SealedSecret.")
SEALING_KEY_LOST = FindingKind("SealingKeyLost", Severity.ERROR, "The controller lacks the key with which SealedSecrets were sealed.")
CONTROLLERS_COMPETE = FindingKind(
    "ControllersCompete",
    Severity.ERROR,
    "Several SealedSecrets controllers run with different keys, and one cannot decrypt what another can.",
)
NOT_RECONCILED = FindingKind("NotReconciled", Severity.ERROR, "The controller has not looked at a SealedSecret since it was written.")
SECRET_MISSING = FindingKind("SecretMissing", Severity.ERROR, "A SealedSecret is Synced, and its Secret does not exist.")
SECRET_NOT_OWNED = FindingKind("SecretNotOwned", Severity.WARNING, "The Secret of a SealedSecret does not belong to it.")
KEY = Ref(RefKind.SEALING_KEY, name="sealed-secrets")
SYNCED = "Argo CD's Synced only means that the object matches Git, not that it can be decrypted."


_BRING_BACK = change("Bring the controller back, or let it look at this namespace.")
_LOOKS_AGAIN = "The controller looks at every SealedSecret as it starts."
# Two writes at once: the second one's status is refused by the API server, and nothing tries it again (seen with 0.40.0).
_LOST = (
    "Either it has not got to this one, or it has unsealed it, and its word of that was lost as somebody else wrote at the same moment: "
    "its log then says `Error updating SealedSecret status`"
)


class Around:
    """What a finding says beside: who cannot do without the Secret, and whether a controller runs."""

    def __init__(
        self, controllers: Readings[Server], rivals: list[Rival], alertmanagers: Readings[Alertmanager], pods: Readings[Pod]
    ) -> None:
        self.controllers, self.rivals, self._alertmanagers = controllers, rivals, alertmanagers
        self.controller = sealing_advice.controller_of(controllers.items)
        self._pods: dict[str, list[Pod]] = defaultdict(list)
        for subject, pod in pods:
            self._pods[subject.namespace].append(pod)

    def needs(self, one: SealedSecret) -> str:
        """What hangs on its Secret, as sentences to add."""
        found = what_needs(*one.place, self._alertmanagers.items, self._pods.get(one.place[0], []))
        return "".join(f" {sentence}." for sentence in found)

    @property
    def pods(self) -> str:
        return ", ".join(f"{server.namespace}/{server.pod}" for server in self.controllers.items)

    @property
    def controller_runs(self) -> str:
        """Whether a controller runs that could have looked at it."""
        if self.controllers.values:
            left_out = "its --all-namespaces, --additional-namespaces or --label-selector leaves it out"
            return f"It runs ({self.pods}), so it passes this one over: {left_out}"
        return "No pod of it is ready" if self.controllers.complete else "Whether it runs could not be read"


@reports(
    SECRET_IN_THE_WAY,
    UNSEAL_FAILED,
    CANNOT_DECRYPT,
    SEALING_KEY_LOST,
    CONTROLLERS_COMPETE,
    NOT_RECONCILED,
    SECRET_MISSING,
    SECRET_NOT_OWNED,
)
def probe_unsealed(
    verdict: Verdict,
    sealed_secrets: Examined[SealedSecret],
    unsealed_secrets: Needed[Unsealed],
    sealing_certificates: Enriching[SealingCertificate],
    sealed_secrets_controllers: Enriching[Server],
    alertmanagers: Enriching[Alertmanager],
    pods: Enriching[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Has every SealedSecret been unsealed into its Secret?

    Problem: A Secret does not appear, or keeps its old values: a pod waits for it, or an Alertmanager serves a default and nothing
    reaches Slack. Argo CD's Synced proves nothing here: it compares the object with Git, and does not check whether it can be decrypted.
    Cause: Values are sealed for one namespace and one name (scope strict); a file that is copied to another namespace, or renamed,
    opens nowhere else. Or the controller lost its key, a second controller with other keys answers as well, a Secret of that name
    exists already and has no owner, or the controller has not looked yet.
    Fix: Seal it again from the plain values with `kubeseal --namespace … --name …`; restore the key; or give the controller the Secret.
    Prevention: Seal in CI with `kubeseal --namespace … --name …` from each environment's values, never copy a sealed file; check it before
    the merge (`kubeseal --validate`), keep a copy of the sealing keys, and alert on `sealed_secrets_controller_condition_info == -1`.
    """
    world = World(
        sealed_secrets.readings,
        unsealed_secrets,
        sealing_certificates,
        sealed_secrets_controllers,
        now=clock.now,
        patience_seconds=profile.thresholds.sealed_secrets.unseal_minutes * 60,
    )
    rivals = rivals_of(sealed_secrets_controllers, sealing_certificates)
    around = Around(sealed_secrets_controllers, rivals, alertmanagers, pods)
    every = [(subject, diagnose(one, world)) for subject, one in sealed_secrets]
    for subject, found in every:
        _tell(verdict, subject, found, around)
    if rivals and (failing := [found for _, found in every if _competes(found, rivals)]):
        _report_rivals(verdict, failing, rivals)
    elif lost := [found for _, found in every if found.loss]:
        _report_key(verdict, lost, around.controller)


def _competes(found: Diagnosis, rivals: list[Rival]) -> bool:
    """Whether one of several controllers may have its key: nothing says that it was sealed for another place."""
    return bool(rivals) and found.state == "sealed" and found.origin is None


def _tell(verdict: Verdict, subject: Subject, found: Diagnosis, around: Around) -> None:
    match found.state:
        case "sealed":
            _report_sealed(verdict, subject, found, around)
        case "in the way" | "bad template" | "immutable" | "refused":
            _report_refused(verdict, subject, found, around)
        case "stale" | "ignored":
            _report_unspoken(verdict, subject, found, around)
        case "missing":
            _report_missing(verdict, subject, found, around)
        case "of another":
            _report_foreign(verdict, subject, found, around.controller)
        case "going":
            verdict.note(f"{subject} is being deleted")
        case "without status":
            why = "its Secret is there and its own: the controller seems to run without --update-status"
            verdict.note(f"{subject} has no status, but {why}")
        case "of no owner":
            verdict.note(f"The Secret of {subject} has no owner: it is patched (annotation), or was replaced by hand")
        case _:
            if why := _open(found):
                verdict.unchecked(subject, why)


def _open(found: Diagnosis) -> str:
    """Why it cannot be told; empty if it is fine."""
    one, proof = found.sealed, found.fact.proof
    match found.state:
        case "odd condition":
            return f"its condition Synced is {(one.synced.status if one.synced else '') or 'without a status'}"
        case "age unknown":
            seen = f"whether it has seen generation {one.metadata.generation}"
            return f"the controller does not say {seen}, and since when it could is not known"
        case "young":
            return f"it was written {ago(found.seconds)} ago, and the controller has not said anything of it yet"
        case "without status, and unknown":
            return f"it has no status, and {proof}"
        case "unknown":
            return f"it is Synced, but {proof}"
        case "not listed yet":
            return "it was unsealed a moment ago, and kube-state-metrics does not list its Secret yet"
        case "owner unknown":
            return f"it is Synced, but whether its Secret is its own is not known: {proof}"
    return ""


# --- refused: Synced=False for the newest generation ------------------------------------------------------------------


def _report_refused(verdict: Verdict, subject: Subject, found: Diagnosis, around: Around) -> None:
    (namespace, name), owner, message = found.sealed.place, found.fact.owner, found.message
    if found.state == "in the way":
        other = "" if owner.startswith("SealedSecret/") else owner
        kind, fix = SECRET_IN_THE_WAY, sealing_advice.clear_the_way(namespace, name, around.controller, other)
        cause = (
            f"A Secret {namespace}/{name} exists that {f'belongs to {owner}' if owner else 'has no owner'}: "
            f"the SealedSecret did not make it. The "
            f"controller leaves it alone, so it keeps its own values: {said(message)}. {SYNCED}"
        )
    else:
        kind, fix = UNSEAL_FAILED, sealing_advice.after_refusal(found, around.controller)
        cause = f"The controller says: {said(message) if message else 'nothing more'}. {SYNCED}"
    verdict.report(
        kind,
        subject,
        problem=f"SealedSecret {namespace}/{name} has not been unsealed.{around.needs(found.sealed)}",
        cause=cause,
        fix=fix,
        exhibits=_status(found),
        breaks=[Ref(RefKind.SECRET, namespace, name)],
    )


def _report_sealed(verdict: Verdict, subject: Subject, found: Diagnosis, around: Around) -> None:
    one, keys = found.sealed, keys_in(found.message)
    not_made = f"Its Secret is not made.{around.needs(one)}"
    effect = "Its Secret of before is still there, with the values of before." if found.keeps_secret else not_made
    which = f" ({', '.join(keys)})" if keys else ""
    fix = sealing_advice.seal_again(one, around.controller, found.origin)
    competes = _competes(found, around.rivals)
    if competes:
        fix = [change("Leave one controller, as the finding ControllersCompete says. Only where that fails, continue here."), *fix]
    elif found.loss:
        fix = [change("Give the controller its key back, as the finding SealingKeyLost says. Only where that fails, continue here."), *fix]
    verdict.report(
        CANNOT_DECRYPT,
        subject,
        problem=f"SealedSecret {'/'.join(one.place)} cannot be decrypted{which}. {effect}",
        cause=f"{why_rivals(one, around.rivals) if competes else why_sealed(found)} The controller says: {said(found.message)}. {SYNCED}",
        fix=fix,
        exhibits=_status(found),
        breaks=_breaks(found),
        rests_on=[KEY] if found.loss or competes else [],
    )


def _breaks(found: Diagnosis) -> list[Ref]:
    return [] if found.keeps_secret else [Ref(RefKind.SECRET, *found.sealed.place)]


def _report_rivals(verdict: Verdict, failing: list[Diagnosis], rivals: list[Rival]) -> None:
    sealers = [sealer_of(one.sealed, rivals) for one in failing]
    kept = sealers[0] if len(set(sealers)) == 1 else None
    rows = [["/".join(one.sealed.place), str(sealer or "not known")] for one, sealer in zip(failing[:30], sealers, strict=False)]
    names = listed(["/".join(one.sealed.place) for one in failing], 5)
    verdict.report(
        CONTROLLERS_COMPETE,
        Subject(kind="SealingKey", name="sealed-secrets"),
        problem=f"{len(rivals)} SealedSecrets controllers run, {listed([str(one) for one in rivals], 4)}, and one of them cannot decrypt "
        f"{number(len(failing), 'SealedSecret')}: {names}.",
        cause=why_rivals(failing[0].sealed, rivals) if kept else f"{why_rivals(failing[0].sealed, rivals)} The table has each.",
        fix=part_rivals(rivals, kept),
        exhibits=[Table(title="What one of them cannot decrypt", columns=["SealedSecret", "Sealed with a key of"], rows=rows)],
        breaks=[KEY],
    )


def _report_key(verdict: Verdict, lost: list[Diagnosis], controller: sealing_advice.Controller) -> None:
    rows = [[*one.sealed.place, sign_of(one.loss)] for one in lost[:30] if one.loss]
    names = listed(["/".join(one.sealed.place) for one in lost], 5)
    verdict.report(
        SEALING_KEY_LOST,
        Subject(kind="SealingKey", name="sealed-secrets"),
        problem=f"The SealedSecrets controller lacks the key of {number(len(lost), 'SealedSecret')}: {names}. Secrets that are there "
        "stay as they are; one that is deleted does not come back.",
        cause=f"The key Secrets in {controller.namespace} were deleted, or the cluster was set up again without them: the controller then "
        "makes a new key, which opens nothing that was sealed before. Or all of these were sealed with another cluster's certificate.",
        fix=sealing_advice.restore_the_key(controller),
        exhibits=[Table(title="What it cannot decrypt", columns=["Namespace", "SealedSecret", "Evidence"], rows=rows)],
        breaks=[KEY],
    )


# --- nothing said yet about the newest generation ---------------------------------------------------------------------


def _report_unspoken(verdict: Verdict, subject: Subject, found: Diagnosis, around: Around) -> None:
    one, (namespace, name) = found.sealed, found.sealed.place
    seen, runs, back = "has never said anything of it", around.controller_runs, _BRING_BACK
    if found.state == "stale" and one.status:
        seen = f"has seen generation {one.status.observed_generation} of it, not {one.metadata.generation}"
        if around.controllers.values:
            runs, back = f"It runs ({around.pods}), and looked at it before. {_LOST}", around.controller.restart(_LOOKS_AGAIN)
    verdict.report(
        NOT_RECONCILED,
        subject,
        problem=f"SealedSecret {namespace}/{name} was written {ago(found.seconds)} ago, and its controller has not said since whether its "
        f"Secret is as it says.{'' if found.keeps_secret else around.needs(one)}",
        cause=f"The SealedSecrets controller {seen}. {runs}. {SYNCED}",
        fix=[sealing_advice.look_at_controller(around.controller), back, sealing_advice.look_at(namespace, name)],
        breaks=_breaks(found),
    )


# --- opened: is the Secret there, and its own? ------------------------------------------------------------------------


def _report_missing(verdict: Verdict, subject: Subject, found: Diagnosis, around: Around) -> None:
    namespace, name = found.sealed.place
    verdict.report(
        SECRET_MISSING,
        subject,
        problem=f"SealedSecret {namespace}/{name} is Synced, and its Secret is not there.{around.needs(found.sealed)}",
        cause=f"The Secret {namespace}/{name} was deleted after it had been unsealed, and the controller has not made it again: it was "
        f"not running then, or runs with --skip-recreate ({found.fact.proof}). Synced describes the last attempt, not the present state.",
        fix=[
            around.controller.restart("The controller makes the Secret again as it starts."),
            look("The Secret must exist.", shell("kubectl -n {} get secret {}", namespace, name)),
        ],
        breaks=[Ref(RefKind.SECRET, namespace, name)],
    )


def _report_foreign(verdict: Verdict, subject: Subject, found: Diagnosis, controller: sealing_advice.Controller) -> None:
    (namespace, name), fact = found.sealed.place, found.fact
    whose = f"{fact.owner} owns it" if fact.owner else "nothing owns it"
    if fact.owner == f"SealedSecret/{name}":
        whose = "an earlier SealedSecret of that name owned it, by its UID"
    verdict.report(
        SECRET_NOT_OWNED,
        subject,
        problem=f"The Secret {namespace}/{name} does not belong to its SealedSecret, although this is Synced: it may hold something else.",
        cause=f"{whose[0].upper()}{whose[1:]} ({fact.proof}), and it is not marked as patched: it was replaced after it had been unsealed. "
        "The next change of the SealedSecret will be refused.",
        fix=sealing_advice.clear_the_way(namespace, name, controller),
    )


def _status(found: Diagnosis) -> list[Text]:
    condition, generation = found.sealed.synced, found.sealed.metadata.generation
    if condition is None:
        return []
    return [Text(title=f"Condition Synced of generation {generation}, since {condition.last_transition_time}", text=condition.message)]
