from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, each, look, shell
from clusterprobe.model import Severity, Step, Subject
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Examined, Needed
from clusterprobe.systems.alertmanager.config_objects import CONFIG_OBJECTS, ConfigObject, Selection, selections
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager, AlertmanagerStatus
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.event_lists import Complaint, newest, secret_in
from clusterprobe.systems.kubernetes.managers import manager_of
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, said

NOT_SELECTED = FindingKind("ConfigNotSelected", Severity.WARNING, "No Alertmanager of its environment selects an AlertmanagerConfig.")
NOT_EFFECTIVE = FindingKind(
    "ConfigNotEffective",
    Severity.ERROR,
    "An Alertmanager selects an AlertmanagerConfig, and serves a configuration without it.",
    settles=True,
)
SETTLING_SECONDS = 300.0  # the Operator, the kubelet's Secret and the reloader take their time one after the other


@reports(NOT_SELECTED, NOT_EFFECTIVE)
def probe_config_objects(
    verdict: Verdict,
    alertmanager_configs: Examined[ConfigObject],
    alertmanagers: Needed[Alertmanager],
    namespaces: Needed[Namespace],
    environments: Environments,
    alertmanager_statuses: Conditional[AlertmanagerStatus],
    alertmanager_servers: Enriching[Server],
    operator_rejections: Enriching[Complaint],
    clock: Clock,
) -> None:
    """Does every AlertmanagerConfig take effect in an Alertmanager, of its own environment where there is one?

    Problem: A team has written receivers and routes for itself, and nothing of it is served: its alerts go the way of everybody's.
    Cause: No Alertmanager selects the object by its labels or by those of its namespace, or the Operator does not accept it.
    Fix: Give the object the labels that the Alertmanager asks for, or correct what the Operator refuses.
    Prevention: Render the labels of AlertmanagerConfigs from the same value as the selector, and run this probe after each sync.
    """
    labels = {one.metadata.name: one.metadata.labels for one in namespaces.items}
    blind = not alertmanagers.complete or not namespaces.complete
    judge = _Judge(verdict, alertmanager_statuses, dict(alertmanager_servers), newest(operator_rejections), clock)
    for subject, one in alertmanager_configs:
        found = selections(one, alertmanagers.items, labels)
        takers = [each for each in found if each.selected]
        own = [each for each in found if not environments.differ(subject.namespace, each.place[0])] or found
        if not blind and not any(each.selected for each in own):
            _report_unselected(verdict, subject, one, own, takers)
        if takers:
            alertmanager_statuses.need()
            judge.config(subject, one, takers)


def _report_unselected(verdict: Verdict, subject: Subject, one: ConfigObject, found: list[Selection], elsewhere: list[Selection]) -> None:
    """`found` are those of its environment; `elsewhere` take it, and are of another one."""
    why = listed([f"{'/'.join(each.place)}: {each.why_not}" for each in found], 3, between="; ")
    others = listed(["/".join(each.place) for each in elsewhere], 3)
    verdict.report(
        NOT_SELECTED,
        subject,
        problem=f"No Alertmanager of its environment selects the {subject}: only {others} does, of another one."
        if elsewhere
        else f"No Alertmanager selects the {subject}, so nothing of it is served.",
        cause=f"{why}." if found else "There is no Alertmanager object in the cluster.",
        fix=_select(subject, one.metadata, found),
        breaks=[
            Ref(RefKind.ALERTMANAGER_CONFIGURATION, *each.place) for each in found if each.place[0] == subject.namespace or len(found) == 1
        ],
    )


def _select(subject: Subject, metadata: Metadata, found: list[Selection]) -> list[Step]:
    see = look(
        "See what each Alertmanager selects, and the labels of the object.",
        shell("kubectl get {} -A -o yaml", ALERTMANAGERS.name),
        shell("kubectl -n {} get {} {} --show-labels", subject.namespace, CONFIG_OBJECTS.name, subject.name),
    )
    missing = found[0].missing if len(found) == 1 else None
    if missing:
        pairs = each("{}", [f"{key}={value}" for key, value in missing.items()])
        command = shell("kubectl -n {} label {} {} {} --overwrite", subject.namespace, CONFIG_OBJECTS.name, subject.name, pairs)
        return [see, change(f"Give it the labels that are asked for. {manager_of(metadata).lasting()}", command)]
    return [see, change("Give it, or its namespace, the labels that the Alertmanager asks for, or let that one select it, in Git.")]


@dataclass(frozen=True, slots=True)
class _Judge:
    """The judgement on what is selected, with what it rests on."""

    verdict: Verdict
    statuses: Conditional[AlertmanagerStatus]
    servers: dict[Subject, Server]
    rejections: dict[tuple[str, str, str], Complaint]
    clock: Clock

    def config(self, subject: Subject, one: ConfigObject, takers: list[Selection]) -> None:
        if not one.spec.receivers:
            self.verdict.note(f"{subject} has no receiver, so whether it is served cannot be seen")
            return
        created = epoch(one.metadata.creation_timestamp)
        for taker in takers:
            asked = [status for replica, status in self.statuses.readings if self._is_of(replica, taker)]
            if not asked:
                self.verdict.unchecked(subject, f"no replica of the Alertmanager {'/'.join(taker.place)} said what it serves")
            elif not all(one.effective_in(each.configuration) for each in asked):
                if not one.spec.undefined and created is not None and self.clock.now - created < SETTLING_SECONDS:
                    self.verdict.note(f"{subject} was made {ago(self.clock.now - created)} ago, and is not served yet")
                else:
                    _report_ineffective(self.verdict, subject, one, taker, self._refusal(subject, one, taker))

    def _is_of(self, replica: Subject, taker: Selection) -> bool:
        return replica in self.servers and self.servers[replica].key == taker.place

    def _refusal(self, subject: Subject, one: ConfigObject, taker: Selection) -> str:
        """Why the Operator refuses it: in its status, or in an event about it."""
        told = self.rejections.get((subject.kind, subject.namespace, subject.name))
        return one.refused_by(taker.place) or (told.message if told else "")


def _report_ineffective(verdict: Verdict, subject: Subject, one: ConfigObject, taker: Selection, refusal: str) -> None:
    place = "/".join(taker.place)
    secret, undefined = secret_in(refusal), one.spec.undefined
    told = f"The Operator does not accept it: {said(refusal)}." if refusal else ""
    if undefined:
        defined = listed([each.name for each in one.spec.receivers or []], 3)
        told = f"Its route names the receiver {listed(undefined, 3)}, and it defines {defined} only. {told}".rstrip()
    cause = told or (
        "Its receivers are not served: the Operator refuses the object, or has not got to it. Its log and the object's events say which."
    )
    verdict.report(
        NOT_EFFECTIVE,
        subject,
        problem=f"The Alertmanager {place} selects the {subject}, and serves a configuration without it.",
        cause=cause,
        fix=[
            look(
                "See what the Operator says of it.",
                shell("kubectl -n {} describe {} {}", subject.namespace, CONFIG_OBJECTS.name, subject.name),
                shell("kubectl -n {} get events --field-selector involvedObject.name={}", subject.namespace, subject.name),
                shell("kubectl -n {} get {} {} -o jsonpath={}", taker.place[0], ALERTMANAGERS.name, taker.place[1], "{.status.conditions}"),
            ),
            *_accepted(subject, secret, undefined),
        ],
        breaks=[Ref(RefKind.ALERTMANAGER_CONFIGURATION, *taker.place)],
        rests_on=[Ref(RefKind.SECRET, subject.namespace, secret)] if secret else [],
    )


def _accepted(subject: Subject, secret: str, undefined: list[str]) -> list[Step]:
    if undefined:
        text = f"Name in spec.route a receiver that spec.receivers defines, or define {listed(undefined, 3)} there. Change it {SOURCE}."
        return [change(text), edited(CONFIG_OBJECTS.name, subject)]
    if secret:
        text = f"Create the Secret {secret} in {subject.namespace} with the key that the receiver names, or correct the reference to it, "
        return [change(f"{text}{SOURCE}.")]
    return [change("Correct what it refuses, in Git. Often a Secret that a receiver names, or its key, does not exist in that namespace.")]
