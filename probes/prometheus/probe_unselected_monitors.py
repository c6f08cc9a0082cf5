import difflib
from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.roles import Conditional, Needed
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus
from clusterprobe.systems.prometheus.selection import (
    BY_KIND,
    MONITORS,
    Operator,
    Selected,
    Taking,
    asked,
    describe,
    labels_by_namespace,
    sure_labels,
    takings,
)
from clusterprobe.verdict import Verdict

MONITOR_LABEL_LEFT_BEHIND = FindingKind(
    "MonitorLabelLeftBehind", Severity.ERROR, "No Prometheus selects a monitor, because its label has a former value."
)
MONITOR_UNSELECTED = FindingKind("MonitorUnselected", Severity.WARNING, "No Prometheus selects a monitor.")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why no Prometheus takes a monitor. `key` is the label that it carries with another value than a selector asks for.

    `labels` are what it certainly needs to be taken, as pairs; `by` is the Prometheus that takes it then.
    """

    text: str
    key: str = ""
    elsewhere: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    by: str = ""


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
    operators, labels = prometheus_operators.need(), labels_by_namespace(namespaces.need())
    every = [*takings(prometheuses, operators), *takings(prometheus_agents, operators)]
    blind = next((one.reason for one in (*prometheuses.unreadable, *prometheus_agents.unreadable)), "")
    untaken: dict[tuple[str, Cause], list[Subject]] = defaultdict(list)
    for kind, readings in zip(MONITORS, (service_monitors, pod_monitors, probe_objects, scrape_configs), strict=True):
        for subject, one in readings.examine():
            own, known = environments.of(subject.namespace), labels.get(subject.namespace)
            mine = [each for each in every if environments.of(each.subject.namespace) in ("", own) or not own] or every
            if any(each.takes(kind, one.metadata, known) for each in mine):
                continue
            if unclear := _unclear(kind, subject, mine, known, blind):
                verdict.unchecked(subject, f"whether a Prometheus selects it is not known: {unclear}")
                continue
            others = [each for each in every if each not in mine and each.takes(kind, one.metadata, known)]
            untaken[subject.namespace, _cause(kind, one, mine, others, known)].append(subject)
    for (_, cause), subjects in untaken.items():
        _report(verdict, cause, subjects)


def _unclear(kind: Selected, subject: Subject, mine: list[Taking], labels: dict[str, str] | None, blind: str) -> str:
    """Why it cannot be told whether something takes a monitor that nothing seen takes; empty if it can."""
    for one in mine:
        if one.reaches(kind, subject.namespace, labels) is None:
            return one.blind or "the labels of its namespace are not known"
    return blind


def _cause(kind: Selected, monitor: Monitor, mine: list[Taking], others: list[Taking], labels: dict[str, str] | None) -> Cause:
    elsewhere = ", ".join(f"{one.subject.namespace}/{one.subject.name}" for one in others)
    reaching = [one for one in mine if one.reaches(kind, monitor.metadata.namespace, labels)]
    near = _nearest(kind, monitor, reaching)
    if near:
        key, value, taking = near
        by = f"{taking.subject.namespace}/{taking.subject.name}"
        text = f"it carries `{key}: {monitor.metadata.labels[key]}`, and the {kind.field} of {by} asks for `{key}: {value}`"
        return Cause(text, key, elsewhere, _needed(kind, monitor, taking, {key: value}), by)
    wanted = "; ".join(
        f"{one.subject.namespace}/{one.subject.name}: {describe(kind.labels_of(one.prometheus))}"
        + ("" if one.reaches(kind, monitor.metadata.namespace, labels) else " (not in this namespace)")
        for one in mine
    )
    only = reaching[0] if len(reaching) == 1 else None
    needed = _needed(kind, monitor, only, {}) if only else ()
    by = f"{only.subject.namespace}/{only.subject.name}" if only else ""
    return Cause(f"it matches no {kind.field}: {wanted}", elsewhere=elsewhere, labels=needed, by=by)


def _needed(kind: Selected, monitor: Monitor, taking: Taking, chosen: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The labels with which that Prometheus takes it; none where a value would have to be guessed, or labels do not help."""
    selector = kind.labels_of(taking.prometheus)
    if selector is None:
        return ()
    wanted = {**sure_labels(selector), **chosen}
    if not selector.matches({**monitor.metadata.labels, **wanted}):
        return ()
    return tuple((key, value) for key, value in sorted(wanted.items()) if monitor.metadata.labels.get(key) != value)


def _nearest(kind: Selected, monitor: Monitor, mine: list[Taking]) -> tuple[str, str, Taking] | None:
    """The label that it carries with another value than asked for; of several values, the one most like its own."""
    found = [
        (difflib.SequenceMatcher(None, monitor.metadata.labels[key], value).ratio(), key, value, one)
        for one in mine
        for key, value in asked(kind.labels_of(one.prometheus))
        if key in monitor.metadata.labels and monitor.metadata.labels[key] != value
    ]
    if not found:
        return None
    return max(found, key=lambda one: one[0])[1:]


def _report(verdict: Verdict, cause: Cause, subjects: list[Subject]) -> None:
    first, count = subjects[0], len(subjects)
    who = str(first) if count == 1 else f"{first} and {count - 1} more"
    also = f" Only a Prometheus of another environment takes it: {cause.elsewhere}." if cause.elsewhere else ""
    verdict.report(
        MONITOR_LABEL_LEFT_BEHIND if cause.key else MONITOR_UNSELECTED,
        first,
        problem=f"No Prometheus of its environment takes {who}: nothing is scraped through it.{also}",
        cause=f"{first}: {cause.text}.",
        fix=_fix(cause, subjects),
        exhibits=[
            Table(
                title="Taken by no Prometheus",
                columns=["Kind", "Namespace", "Name"],
                rows=[[s.kind, s.namespace, s.name] for s in subjects],
            )
        ],
    )


def _fix(cause: Cause, subjects: list[Subject]) -> list[Step]:
    """The labels that are certainly missing; else only where to look, for a selector or a namespace may be what is wrong."""
    see = look(
        "See its labels.", *(shell("kubectl -n {} get {} {} --show-labels", one.namespace, _name(one), one.name) for one in subjects[:1])
    )
    if not cause.labels:
        return [
            see,
            change(
                "Give it the labels that the selector of its Prometheus asks for. Or, where its Prometheus does not look there, add "
                "the namespace to its namespace selector. Change it at its source in Git, where Argo CD or Flux manages it."
            ),
        ]
    return [
        see,
        change(
            f"Set what {cause.by} selects by. In Git where Argo CD or Flux manages it, as they revert the commands; in the values of "
            "the chart that makes it (for kube-state-metrics `kube-state-metrics.prometheus.monitor.additionalLabels`).",
            *(
                shell("kubectl -n {} label {} {} {}={} --overwrite", one.namespace, _name(one), one.name, key, value)
                for one in subjects
                for key, value in cause.labels
            ),
        ),
    ]


def _name(subject: Subject) -> str:
    return BY_KIND[subject.kind].resource.name
