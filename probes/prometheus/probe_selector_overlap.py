from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import look, shell
from clusterprobe.model import Severity, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus, Rule, called, key_of
from clusterprobe.systems.prometheus.selection import (
    REVIEW,
    SELECTED,
    Operator,
    Selected,
    Taking,
    alike,
    describe,
    labels_by_namespace,
    of_kinds,
    review,
    sample_labels,
    shared_labels,
    takings,
    through,
)
from clusterprobe.systems.prometheus.selection_advice import Apart, divide, keep_to_namespaces
from clusterprobe.systems.prometheus.stack_advice import keep_apart
from clusterprobe.systems.prometheus.stacks import TakenTwice, taken_twice
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

SELECTOR_OVERLAP = FindingKind(
    "SelectorOverlap", Severity.ERROR, "A Prometheus selects monitors or rules of another environment, or would do so."
)
SELECTED_BY_TWO_STACKS = FindingKind(
    "SelectedByTwoStacks", Severity.WARNING, "Two Prometheuses that are no replicas of one another select the same monitors or rules."
)
NOTHING_YET = "none yet"

Labels = Mapping[str, dict[str, str]]
Kinds = list[tuple[Selected, Readings[Monitor] | Readings[Rule]]]
Rows = dict[str, list["Row"]]  # by the other environment


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of object of the other environment, which one, and through what it is selected; with the labels that are shared."""

    kind: str
    what: str
    through: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a Prometheus selects, or would select, of one other environment."""

    prometheus: Prometheus | None
    rows: list[Row]
    apart: Apart

    @property
    def labels(self) -> list[str]:
        """The labels that are shared, each once."""
        return list(dict.fromkeys(label for row in self.rows for label in row.labels))

    @property
    def kinds(self) -> list[Selected]:
        return [one for one in SELECTED if one.resource.kind in {row.kind for row in self.rows}]


@reports(SELECTOR_OVERLAP, SELECTED_BY_TWO_STACKS)
def probe_selector_overlap(
    verdict: Verdict,
    prometheuses: Examined[Prometheus],
    prometheus_agents: Examined[Prometheus],
    prometheus_operators: Needed[Operator],
    namespaces: Needed[Namespace],
    service_monitors: Needed[Monitor],
    pod_monitors: Needed[Monitor],
    probe_objects: Needed[Monitor],
    scrape_configs: Needed[Monitor],
    prometheus_rules: Needed[Rule],
    environments: Environments,
) -> None:
    """Could a Prometheus select monitors or rules of another environment, or what is made for another Prometheus?

    Problem: The selectors of two environments' Prometheuses match each other's monitors and rules, so that what is made for
    one is scraped and alerted on by the other: now, or as soon as it exists.
    Cause: The kube-prometheus-stack chart selects `release: <release name>` in every namespace (`{}`). Two releases of the same
    name select the same. An absent selector takes nothing; an empty one (`{}`) takes everything.
    Fix: Limit the namespaces in which the selectors look to those of the environment, and the shared ones that it uses. Then let the
    release label name the environment, in the selectors and on all that they are to select together.
    Prevention: Review the checklist below with every change of the values: the label names the environment, and differs.
    """
    labels = labels_by_namespace(namespaces)
    every = takings([*prometheuses, *prometheus_agents], prometheus_operators)
    kinds: Kinds = of_kinds(service_monitors, pod_monitors, probe_objects, scrape_configs, prometheus_rules)
    apart = environments.divided_by(one.subject.namespace for one in every)
    overlaps = [one for mine in every for one in _judge_one(verdict, mine, every, kinds, labels, apart)]
    for one in overlaps:
        _report(verdict, one, [other for other in overlaps if set(other.labels) & set(one.labels)])
    for pair in taken_twice(every, kinds, labels):
        if not apart.differ(pair.first.subject.namespace, pair.second.subject.namespace):
            _judge_pair(verdict, pair)
    verdict.exhibit(Table(title="Review: what each Prometheus selects", columns=REVIEW, rows=review(every, environments)))


def _judge_one(
    verdict: Verdict, mine: Taking, every: list[Taking], kinds: Kinds, labels: Labels, environments: Environments
) -> Iterator[Overlap]:
    """What one of an environment selects, or would select, of other environments that have one, too."""
    own = environments.of(mine.subject.namespace)
    rows: Rows = defaultdict(list)
    places = {mine.subject.namespace, *environments.members().get(own, [])}
    for kind, readings in kinds if own else ():
        _add_taken(verdict, mine, kind, readings, labels, environments, rows)
        _add_possible(verdict, mine, kind, every, labels, environments, rows)
        taken = (one.namespace for one, each in readings if mine.takes(kind, each.metadata, labels.get(one.namespace)))
        places.update(one for one in taken if environments.of(one) in ("", own))
    for other, found in sorted(rows.items()):
        yield Overlap(mine.prometheus, found, Apart(mine.subject, own, other, frozenset(places)))


def _judge_pair(verdict: Verdict, one: TakenTwice) -> None:
    """Two without environments, or of the same one, that select the same objects; what only one takes in may well be meant."""
    first, second = one.first.subject, one.second.subject
    names = " and ".join(f"{each.namespace}/{each.name}" for each in (first, second))
    if one.unclear:
        verdict.unchecked(first, f"whether {names} select the same is not known: {one.unclear}")
    if not one.accident:
        return
    through_what = (
        f"Both ask for {listed([f'`{label}`' for label in one.labels], 3)}" if one.labels else "Each takes what the other one has"
    )
    customs = {key_of(each.subject): each.prometheus for each in (one.first, one.second)}
    kinds = [each for each in SELECTED if each.resource.kind in {kind for kind, _ in one.objects}]
    places = sorted({subject.namespace for _, subject in one.objects} - {first.namespace, second.namespace})
    labels = [Ref(RefKind.SHARED_LABEL, name=label) for label in one.labels]
    verdict.report(
        SELECTED_BY_TWO_STACKS,
        first,
        problem=f"{names} both select {number(len(one.objects), 'object')}.",
        cause=f"{through_what}. The first that both select is {one.objects[0][1]}.",
        fix=[
            look("See what there is to select, with its labels.", shell("kubectl get {} -A --show-labels", kinds[0].resource.name)),
            *keep_apart(first, second, customs, [each for each in kinds if one.takes_of_other(one.first, each)]),
            *keep_apart(second, first, customs, [each for each in kinds if one.takes_of_other(one.second, each)]),
            *([divide(first, second, places)] if places else []),
        ],
        exhibits=[
            Table(title="Selected by both", columns=["Kind", "Object"], rows=[[kind, str(subject)] for kind, subject in one.objects])
        ],
        breaks=[*(Ref(RefKind.SELECTORS, each.namespace, each.name) for each in (first, second)), *labels],
        rests_on=labels,
    )


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
            verdict.unchecked(
                mine.subject, f"what it selects of {other} is not known: {mine.blind or 'the labels of namespaces are not known'}"
            )
        elif takes:
            selector, labelled = kind.labels_of(mine.prometheus), one.metadata.labels
            shared = tuple(shared_labels(selector, labelled))
            rows[other].append(Row(kind.resource.kind, str(subject), through(selector, labelled), shared))


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
        wanted = kind.labels_of(theirs.prometheus)
        everything = selector is not None and selector.is_empty
        if not other or other == own or not (everything or alike(selector, wanted)):
            continue
        reaches = mine.reaches(kind, place, labels.get(place))
        if reaches is None:
            verdict.unchecked(
                mine.subject, f"what it selects of {other} is not known: {mine.blind or 'the labels of namespaces are not known'}"
            )
        elif reaches and not any(row.kind == kind.resource.kind for row in rows[other]):
            shared = tuple(shared_labels(selector, sample_labels(wanted))) if wanted else ()
            text = f"{kind.field} {describe(selector)}, which fits {place} as well"
            rows[other].append(Row(kind.resource.kind, NOTHING_YET, text, shared))


def _report(verdict: Verdict, overlap: Overlap, alike: list[Overlap]) -> None:
    """`alike` are those through the same labels: as they are one cause, each of their Prometheuses is repaired with it."""
    apart, rows = overlap.apart, overlap.rows
    own, other, prometheus = apart.own, apart.other, apart.subject
    taken = [row for row in rows if row.what != NOTHING_YET]
    first = (taken or rows)[0]
    labels = [Ref(RefKind.SHARED_LABEL, name=label) for label in overlap.labels]
    others = {one.apart.subject: one for one in alike if one.apart.subject != prometheus}
    verdict.report(
        SELECTOR_OVERLAP,
        prometheus,
        severity=Severity.ERROR if taken else Severity.WARNING,
        problem=f"The {own} {called(prometheus)} selects {number(len(taken), 'object')} of {other}."
        if taken
        else f"The {own} {called(prometheus)} would also select objects made for {other}; none was seen yet.",
        cause=(f"It takes {first.what} through {first.through}" if taken else f"For a {first.kind}: {first.through}")
        + f"; its namespace selector reaches {other}.",
        fix=keep_to_namespaces(
            *(apart, overlap.prometheus, overlap.kinds), [(one.apart, one.prometheus, one.kinds) for one in others.values()]
        ),
        prevention=f"Keep `release` different in the values of {own} and {other}, with the environment in it.",
        exhibits=[
            Table(
                title=f"{own} selects of {other}",
                columns=["Kind", "Object", "Through"],
                rows=[[row.kind, row.what, row.through] for row in rows],
            )
        ],
        breaks=[Ref(RefKind.SELECTORS, prometheus.namespace, prometheus.name), *labels],
        rests_on=labels,  # the same label in the other direction, or of a third environment, is the same cause
    )
