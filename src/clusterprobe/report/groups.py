"""The findings of a page: those of one code together, each with a name that stays, and what they can be filtered by.

A page of thousands of findings has to stay a page: only some are shown in whole, the others as rows of a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.correlation import Case, cases
from clusterprobe.fingerprints import fingerprints
from clusterprobe.model import Finding, Place, ProbeResult, RunResult, Severity, Step
from clusterprobe.report import answer

WHOLE_OF_GROUP = 3
WHOLE_OF_EFFECTS = 20
WHOLE_OF_PAGE = 100  # so that 2,000 findings make a page of less than 1 MB
ROWS = 200
ROWS_OF_PAGE = 1000
GROUPS_OF_PAGE = 300
SECTION = "findings"  # where links to what the page does not show lead
MOST_VALUES = 30  # of one thing to filter by


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding with the name by which the page links to it, and those that it explains. `tags` are the classes that filters go by."""

    fingerprint: str
    probe: ProbeResult
    finding: Finding
    age: str
    tags: str
    through: str = ""
    effects: Parts | None = None

    @property
    def anchor(self) -> str:
        return f"f-{self.fingerprint}"

    @property
    def look(self) -> Step | None:
        """The first step of the fix, if that only looks: it is safe by itself."""
        first = next(iter(self.finding.steps), None)
        return first if first is not None and first.kind == "look" else None


@dataclass(frozen=True, slots=True)
class Parts:
    """Findings: some in whole, more of them as rows, and the number of those that are only in results.json."""

    whole: list[Shown]
    rows: list[Shown]
    left: int

    @property
    def count(self) -> int:
        return len(self.whole) + len(self.rows) + self.left


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one code that nothing explains, in their order. `tags` are those of all of them, and of what they explain.

    `worst` is the severity of the worst that they explain, where that is worse than the first of them.
    """

    first: Shown
    parts: Parts
    environments: list[str]
    follow: int
    worst: str
    tags: str

    @property
    def anchor(self) -> str:
        return f"group-{self.first.fingerprint}"


@dataclass(frozen=True, slots=True)
class Facet:
    """Something to filter by: its name, and each value with its class and the number of findings that nothing explains."""

    name: str
    values: list[tuple[str, str, int]]


class Groups:
    """All groups of a result, with `anchors` (by the identity of a finding) and `facets`. Built once a report.

    `left` is the number of findings whose groups the page has no room for; they come last in the order.
    """

    def __init__(self, result: RunResult) -> None:
        self._names, self._ages = fingerprints(result), answer.ages(result)
        found = cases(result)
        everything = [finding for one in found for finding in _members(one)]
        named = {one.subject.environment for one in everything}
        self._environments = sorted(named, key=lambda one: (one not in result.production, not one, one))
        self._areas = sorted({_area(one.probe.id) for one in found} | {_area(each.probe.id) for one in found for each in one.effects})
        self._left, self._rows_left = WHOLE_OF_PAGE, ROWS_OF_PAGE
        self.anchors: dict[int, str] = {}
        by_code = _by_code(found)
        self.groups = [self._group(each, result) for each in by_code[:GROUPS_OF_PAGE]]
        beyond = [one for each in by_code[GROUPS_OF_PAGE:] for one in each]
        self.left = len(beyond)
        self.anchors.update({id(finding): SECTION for one in beyond for finding in _members(one)})
        self.facets = self._facets(found)

    def _group(self, found: list[Case], result: RunResult) -> Group:
        parts = self._parts(found, WHOLE_OF_GROUP)
        shown = [*parts.whole, *parts.rows]
        tags = " ".join(dict.fromkeys(tag for one in found for tag in self._case_tags(one).split()))
        environments = list(dict.fromkeys(name for one in found for name in one.environments(result.production)))
        worst = max((one.severity for one in found), key=lambda one: one.rank)
        worse = worst.value if worst.rank > shown[0].finding.severity.rank else ""
        group = Group(shown[0], parts, environments, sum(len(one.effects) for one in found), worse, tags)
        for one in found:
            for finding in _members(one):
                self.anchors.setdefault(id(finding), group.anchor)
        return group

    def _parts(self, found: list[Case], most: int) -> Parts:
        """The first few of them in whole, and all that explain others, as long as the page has room; of the others the first as rows."""
        whole: list[Shown] = []
        rows: list[Shown] = []
        for number, one in enumerate(found):
            if self._left > 0 and (number < most or one.effects):
                self._left -= 1
                whole.append(self._shown(one.place, one.probe, one.finding, one))
            elif len(rows) < ROWS and (self._rows_left > 0 or not number):
                self._rows_left -= 1
                rows.append(self._shown(one.place, one.probe, one.finding, one, anchored=True))
        return Parts(whole, rows, len(found) - len(whole) - len(rows))

    def _shown(self, place: Place, probe: ProbeResult, finding: Finding, case: Case | None, *, anchored: bool = False) -> Shown:
        tags = self._case_tags(case) if case else self._tags(place, probe, finding)
        shown = Shown(self._names[place], probe, finding, self._ages.get(place, ""), tags)
        self.anchors[id(finding)] = shown.anchor
        if case is None or anchored or not case.effects:
            return shown
        below = [Case(one.place, one.probe, one.finding) for one in case.effects]
        parts = self._parts(below, WHOLE_OF_EFFECTS)
        return Shown(shown.fingerprint, probe, finding, shown.age, tags, effects=parts)

    def _case_tags(self, case: Case) -> str:
        own = self._tags(case.place, case.probe, case.finding).split()
        return " ".join(
            dict.fromkeys([*own, *(tag for one in case.effects for tag in self._tags(one.place, one.probe, one.finding).split())])
        )

    def _tags(self, place: Place, probe: ProbeResult, finding: Finding) -> str:
        tags = [
            f"s{finding.severity.rank}",
            f"e{self._environments.index(finding.subject.environment)}",
            f"a{self._areas.index(_area(probe.id))}",
        ]
        return " ".join([*tags, "n"] if self._ages.get(place) in ("new", "worse") else tags)

    def _facets(self, found: list[Case]) -> list[Facet]:
        tagged = [self._case_tags(one).split() for one in found]

        def values(named: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
            counted = [(name, tag, sum(tag in tags for tags in tagged)) for name, tag in named]
            return [one for one in counted if one[2]][:MOST_VALUES]

        severities = [(one.value, f"s{one.rank}") for one in reversed(Severity)]
        environments = [(one or "(shared)", f"e{place}") for place, one in enumerate(self._environments)]
        areas = [(one, f"a{place}") for place, one in enumerate(self._areas)]
        facets = [Facet("Severity", values(severities)), Facet("Environment", values(environments)), Facet("Area", values(areas))]
        new = values([("new or worse", "n")])
        return [*(one for one in facets if len(one.values) > 1), *([Facet("Since the last run", new)] if new else [])]


def _by_code(found: list[Case]) -> list[list[Case]]:
    groups: dict[tuple[str, str], list[Case]] = {}
    for one in found:
        groups.setdefault((one.probe.id, one.finding.reason), []).append(one)
    return list(groups.values())


def _members(case: Case) -> list[Finding]:
    return [case.finding, *(one.finding for one in case.effects)]


def _area(probe: str) -> str:
    return probe.partition("/")[0]
