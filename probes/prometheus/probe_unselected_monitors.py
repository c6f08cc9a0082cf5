from collections import defaultdict

from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.roles import Conditional, Enriching, Needed
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus
from clusterprobe.systems.prometheus.other_takers import other_takers
from clusterprobe.systems.prometheus.selection import BY_KIND, Operator
from clusterprobe.systems.prometheus.unselected import Cause, Selecting, Unclear
from clusterprobe.systems.prometheus.unselected_advice import steps, unless_taken
from clusterprobe.verdict import Verdict

MONITOR_LABEL_LEFT_BEHIND = FindingKind(
    "MonitorLabelLeftBehind", Severity.ERROR, "No Prometheus selects a monitor, because its label has a former value."
)
MONITOR_UNSELECTED = FindingKind("MonitorUnselected", Severity.WARNING, "No Prometheus selects a monitor.")


@reports(MONITOR_LABEL_LEFT_BEHIND, MONITOR_UNSELECTED)
def probe_unselected_monitors(
    verdict: Verdict,
    service_monitors: Conditional[Monitor],
    pod_monitors: Conditional[Monitor],
    probe_objects: Conditional[Monitor],
    scrape_configs: Conditional[Monitor],
    prometheuses: Needed[Prometheus],
    prometheus_agents: Needed[Prometheus],
    prometheus_operators: Conditional[Operator],
    namespaces: Conditional[Namespace],
    system_pods: Enriching[SystemPod],
    environments: Environments,
) -> None:
    """Is there a monitor that no Prometheus of its environment takes?

    Problem: A monitor exists, but nothing is scraped through it: its dashboards are empty, and its alerts cannot fire.
    Cause: Its labels do not match the selector, as when that was given a new release label and some monitors were not.
    Fix: Give the monitor the label that the selector asks for.
    Prevention: When a selector's label changes, change it in the same commit on everything that carries the old one.
    """
    if prometheuses.complete and prometheus_agents.complete and not (len(prometheuses) or len(prometheus_agents)):
        verdict.not_applicable("there is no Prometheus object of the Operator that would select monitors")
        return
    every = (service_monitors, pod_monitors, probe_objects, scrape_configs)
    objects = [one.readings for one in every]
    selecting = Selecting([prometheuses, prometheus_agents], prometheus_operators.need(), namespaces.need(), environments, objects)
    untaken: dict[tuple[str, Cause], list[Subject]] = defaultdict(list)
    for readings in every:
        for subject, one in readings.examine():
            match selecting.untaken(BY_KIND[subject.kind], one.metadata):
                case Unclear(why):
                    verdict.unchecked(subject, f"whether a {BY_KIND[subject.kind].taker} selects it is not known: {why}")
                case Cause() as cause:
                    untaken[subject.namespace, cause].append(subject)
    for (_, cause), subjects in untaken.items():
        others = () if cause.key else other_takers(system_pods, BY_KIND[subjects[0].kind])
        _report(verdict, cause, subjects, others)


def _report(verdict: Verdict, cause: Cause, subjects: list[Subject], others: tuple[Subject, ...]) -> None:
    first, count = subjects[0], len(subjects)
    who = str(first) if count == 1 else f"{first} and {count - 1} more"
    taker = BY_KIND[first.kind].taker
    also = f" Only a {taker} of another environment takes it: {cause.elsewhere}." if cause.elsewhere else ""
    effect = "something is scraped through it only if another program takes it" if others else "nothing is scraped through it"
    verdict.report(
        MONITOR_LABEL_LEFT_BEHIND if cause.key else MONITOR_UNSELECTED,
        first,
        problem=f"No {taker} of its environment takes {who}: {effect}.{also}",
        cause=f"{first}: {cause.text}.{unless_taken(others)}",
        fix=steps(cause, subjects, others),
        exhibits=[
            Table(
                title=f"Taken by no {taker}",
                columns=["Kind", "Namespace", "Name"],
                rows=[[s.kind, s.namespace, s.name] for s in subjects],
            )
        ],
    )
