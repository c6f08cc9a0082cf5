from collections import defaultdict
from collections.abc import Iterable, Mapping

from clusterprobe.environments import Environments
from clusterprobe.model import Severity, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.systems.prometheus import Monitor, Prometheus, Rule
from clusterprobe.systems.selection import (
    REVIEW,
    SELECTED,
    Operator,
    Selected,
    Taking,
    alike,
    describe,
    labels_by_namespace,
    release_fix,
    review,
    takings,
    through,
)
from clusterprobe.verdict import Verdict

NOTHING_YET = "none yet"

Labels = Mapping[str, dict[str, str]]
Rows = dict[str, list[list[str]]]  # other environment → kind, object, and through what


def probe_selector_overlap(
    verdict: Verdict,
    prometheuses: Readings[Prometheus],
    prometheus_agents: Readings[Prometheus],
    prometheus_operators: Readings[Operator],
    namespaces: Readings[Namespace],
    service_monitors: Readings[Monitor],
    pod_monitors: Readings[Monitor],
    probe_objects: Readings[Monitor],
    scrape_configs: Readings[Monitor],
    prometheus_rules: Readings[Rule],
    environments: Environments,
) -> None:
    """Could a Prometheus select monitors or rules of another environment?

    Problem: The selectors of two environments' Prometheuses match each other's monitors and rules, so that what is made for
    one is scraped and alerted on by the other: now, or as soon as it exists.
    Cause: The kube-prometheus-stack chart selects `release: <release name>` in every namespace (`{}`). Two releases of the same
    name select the same. An absent selector takes nothing; an empty one (`{}`) takes everything.
    Fix: Let the release label name the environment, in the selectors and on all that they are to select.
    Prevention: Review the checklist below with every change of the values: the label names the environment, and differs.
    """
    labels, operators = labels_by_namespace(verdict.need(namespaces)), verdict.need(prometheus_operators)
    objects = [verdict.need(one) for one in (service_monitors, pod_monitors, probe_objects, scrape_configs, prometheus_rules)]
    every = takings([*verdict.examine(prometheuses), *verdict.examine(prometheus_agents)], operators)
    for mine in every:
        own = environments.of(mine.subject.namespace)
        rows: Rows = defaultdict(list)
        for kind, readings in zip(SELECTED, objects, strict=True) if own else ():
            _add_taken(verdict, mine, kind, readings, labels, environments, rows)
            _add_possible(verdict, mine, kind, every, labels, environments, rows)
        for other, found in sorted(rows.items()):
            _report(verdict, mine, own, other, found, environments.members().get(own, []))
    verdict.exhibit(Table(title="Review: what each Prometheus selects", columns=REVIEW, rows=review(every, environments)))


def _add_taken(
    verdict: Verdict,
    mine: Taking,
    kind: Selected,
    objects: Readings[Monitor] | Readings[Rule],
    labels: Labels,
    environments: Environments,
    rows: Rows,
) -> None:
    """What there is now of another environment, and is selected."""
    for subject, one in objects:
        other = environments.of(subject.namespace)
        if not other or other == environments.of(mine.subject.namespace):
            continue
        takes = mine.takes(kind, one.metadata, labels.get(subject.namespace))
        if takes is None:
            verdict.unchecked(mine.subject, f"what it takes of {other}: {mine.blind or 'the labels of namespaces are not known'}")
        elif takes:
            rows[other].append([kind.resource.kind, str(subject), through(kind.labels_of(mine.prometheus), one.metadata.labels)])


def _add_possible(
    verdict: Verdict,
    mine: Taking,
    kind: Selected,
    every: Iterable[Taking],
    labels: Labels,
    environments: Environments,
    rows: Rows,
) -> None:
    """What is made for the Prometheus of another environment would be selected, too, though nothing of it was seen."""
    own, selector = environments.of(mine.subject.namespace), kind.labels_of(mine.prometheus)
    for theirs in every:
        place, other = theirs.subject.namespace, environments.of(theirs.subject.namespace)
        everything = selector is not None and selector.is_empty
        if not other or other == own or not (everything or alike(selector, kind.labels_of(theirs.prometheus))):
            continue
        reaches = mine.reaches(kind, place, labels.get(place))
        if reaches is None:
            verdict.unchecked(mine.subject, f"what it takes of {other}: {mine.blind or 'the labels of namespaces are not known'}")
        elif reaches and not any(row[0] == kind.resource.kind for row in rows[other]):
            rows[other].append([kind.resource.kind, NOTHING_YET, f"{kind.field} {describe(selector)}, which fits {place} as well"])


def _report(verdict: Verdict, mine: Taking, own: str, other: str, rows: list[list[str]], places: list[str]) -> None:
    name = f"{mine.subject.namespace}/{mine.subject.name}"
    taken = [row for row in rows if row[1] != NOTHING_YET]
    kind, what, reason = (taken or rows)[0]
    verdict.finding(
        Severity.ERROR if taken else Severity.WARNING,
        "SelectorOverlap",
        mine.subject,
        problem=f"The {own} Prometheus {name} selects {len(taken)} objects of {other}."
        if taken
        else f"The {own} Prometheus {name} would select what is made for {other}; nothing of it was seen yet.",
        cause=(f"It takes {what} through {reason}" if taken else f"For a {kind}: {reason}") + f"; its namespace selector reaches {other}.",
        fix=release_fix(mine.subject.namespace, mine.subject.name, own, other, places),
        prevention=f"Keep `release` different in the values of {own} and {other}, with the environment in it.",
        exhibits=[Table(title=f"{own} selects of {other}", columns=["Kind", "Object", "Through"], rows=rows)],
        breaks=[f"Selectors/{name}"],
    )
