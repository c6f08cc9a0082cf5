import difflib
from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.environments import Environments
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.systems.prometheus import Monitor, Prometheus
from clusterprobe.systems.selection import MONITORS, Operator, Selected, Taking, asked, describe, labels_by_namespace, takings
from clusterprobe.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Cause:
    """Why no Prometheus takes a monitor. `value` is the one that a selector asks for, where the monitor carries another."""

    text: str
    key: str = ""
    value: str = ""
    elsewhere: str = ""


def probe_unselected_monitors(
    verdict: Verdict,
    service_monitors: Readings[Monitor],
    pod_monitors: Readings[Monitor],
    probe_objects: Readings[Monitor],
    scrape_configs: Readings[Monitor],
    prometheuses: Readings[Prometheus],
    prometheus_agents: Readings[Prometheus],
    prometheus_operators: Readings[Operator],
    namespaces: Readings[Namespace],
    environments: Environments,
) -> None:
    """Is there a monitor that no Prometheus of its environment takes?

    Problem: A monitor exists, but nothing is scraped through it: its dashboards are empty, and its alerts cannot fire.
    Cause: Its labels do not match the selector, as when that was given a new release label and some monitors were not.
    Fix: Give the monitor the label that the selector asks for.
    Prevention: Set the label in one place of the Helm values, and run this probe after each change of it.
    """
    if prometheuses.complete and prometheus_agents.complete and not (len(prometheuses) or len(prometheus_agents)):
        verdict.not_applicable("there is no Prometheus object of the Operator that would select monitors")
        return
    operators, labels = verdict.need(prometheus_operators), labels_by_namespace(verdict.need(namespaces))
    every = [*takings(verdict.need(prometheuses), operators), *takings(verdict.need(prometheus_agents), operators)]
    blind = next((one.reason for one in (*prometheuses.unreadable, *prometheus_agents.unreadable)), "")
    untaken: dict[tuple[str, Cause], list[Subject]] = defaultdict(list)
    for kind, readings in zip(MONITORS, (service_monitors, pod_monitors, probe_objects, scrape_configs), strict=True):
        for subject, one in verdict.examine(readings):
            own, known = environments.of(subject.namespace), labels.get(subject.namespace)
            mine = [each for each in every if environments.of(each.subject.namespace) in ("", own) or not own] or every
            if any(each.takes(kind, one.metadata, known) for each in mine):
                continue
            if unclear := _unclear(kind, subject, mine, known, blind):
                verdict.unchecked(subject, f"whether a Prometheus takes it: {unclear}")
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
    near = _nearest(kind, monitor, [one for one in mine if one.reaches(kind, monitor.metadata.namespace, labels)])
    if near:
        key, value, taking = near
        text = f"it carries `{key}: {monitor.metadata.labels[key]}`, and the {kind.field} of {taking} asks for `{key}: {value}`"
        return Cause(text, key, value, elsewhere)
    wanted = "; ".join(
        f"{one.subject.namespace}/{one.subject.name}: {describe(kind.labels_of(one.prometheus))}"
        + ("" if one.reaches(kind, monitor.metadata.namespace, labels) else " (not in this namespace)")
        for one in mine
    )
    return Cause(f"it matches no {kind.field}: {wanted}", elsewhere=elsewhere)


def _nearest(kind: Selected, monitor: Monitor, mine: list[Taking]) -> tuple[str, str, str] | None:
    """The label that it carries with another value than asked for; of several values, the one most like its own."""
    found = [
        (difflib.SequenceMatcher(None, monitor.metadata.labels[key], value).ratio(), key, value, one.subject)
        for one in mine
        for key, value in asked(kind.labels_of(one.prometheus))
        if key in monitor.metadata.labels and monitor.metadata.labels[key] != value
    ]
    if not found:
        return None
    _, key, value, subject = max(found, key=lambda one: one[0])
    return key, value, f"{subject.namespace}/{subject.name}"


def _report(verdict: Verdict, cause: Cause, subjects: list[Subject]) -> None:
    first, count = subjects[0], len(subjects)
    who = str(first) if count == 1 else f"{first} and {count - 1} more"
    also = f" Only a Prometheus of another environment takes it: {cause.elsewhere}." if cause.elsewhere else ""
    label = f"{cause.key}={cause.value}" if cause.key else "LABEL=VALUE"
    commands = "\n".join(
        f"$ kubectl -n {one.namespace} label {one.kind.lower()}s.monitoring.coreos.com {one.name} {label} --overwrite" for one in subjects
    )
    verdict.finding(
        Severity.ERROR if cause.key else Severity.WARNING,
        "MonitorLabelLeftBehind" if cause.key else "MonitorUnselected",
        first,
        problem=f"No Prometheus of its environment takes {who}: nothing is scraped through it.{also}",
        cause=f"{first}: {cause.text}.",
        fix=f"In the values that make it (for kube-state-metrics `kube-state-metrics.prometheus.monitor.additionalLabels`), set the "
        f"label that its Prometheus selects; or, where Git is not the source:\n{commands}",
        prevention="When a selector's label changes, change it on everything that carries the old one: "
        "`kubectl get servicemonitors,podmonitors,probes,scrapeconfigs -A --show-labels` shows what is left.",
        exhibits=[
            Table(
                title="Taken by no Prometheus",
                columns=["Kind", "Namespace", "Name"],
                rows=[[s.kind, s.namespace, s.name] for s in subjects],
            )
        ],
    )
