"""fleet.html: the answer over many clusters as one self-contained page without any script, in the report's own styles."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property

from clusterprobe import __version__
from clusterprobe.fleet import wording
from clusterprobe.fleet.overview import Member, Overview
from clusterprobe.fleet.records import State
from clusterprobe.fleet.spreads import Spread
from clusterprobe.model import Severity
from clusterprobe.report import html
from clusterprobe.report.page import slug
from clusterprobe.times import ago
from clusterprobe.words import number

MOST_COLUMNS, MOST_ROWS = 40, 200  # clusters beside findings; what is more is in fleet.json, and in the counts
LOOKS = {
    State.FOUND: ("alert", "error"),
    State.UNCHECKED: ("question", "unknown"),
    State.CLEAR: ("check", "ok"),
    State.NOT_APPLICABLE: ("dash", "quiet"),
    State.SILENT: ("empty", "unknown"),
}


@dataclass
class Page:
    """What the page shows; the template only lays it out. `now` is in epoch seconds."""

    over: Overview
    store: str
    now: float
    max_age: str
    most_names: int = 20

    def __post_init__(self) -> None:
        self._titles = {one.uid: one.title for one in self.over.members}

    @property
    def opening(self) -> str:
        return wording.opening(self.over)

    @property
    def tally(self) -> str:
        return wording.tally(self.over)

    @property
    def look(self) -> tuple[str, str]:
        return html.RUN_LOOKS[self.over.verdict]

    @property
    def written(self) -> str:
        return datetime.datetime.fromtimestamp(self.now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def version(self) -> str:
        return __version__

    @property
    def counted(self) -> str:
        """What changed, over all clusters."""
        kinds = sum(one.severity.at_least(Severity.WARNING) for one in self.over.findings)
        new, gone = (sum(each) for each in ((one.new for one in self.over.members), (one.resolved for one in self.over.members)))
        return f"{number(kinds, 'kind of finding', 'kinds of findings')}; since the run before {new} new and {gone} resolved"

    @cached_property
    def columns(self) -> list[Member]:
        """The clusters beside findings: those that have something first, those that did not report last."""
        found = {uid for one in self.over.findings for uid in one.clusters}
        order = sorted(self.over.members, key=lambda one: (one.uid not in found, not one.reported))
        return order[:MOST_COLUMNS]

    @property
    def shown(self) -> list[Spread]:
        return self.over.findings[:MOST_ROWS]

    @property
    def nothing_found(self) -> str:
        """Nothing found is no health where nobody looked."""
        return "None on the clusters that reported." if self.over.reported() else "No cluster reported."

    @property
    def nothing_differs(self) -> str:
        groups = {one.group for one in self.over.members if one.group and one.reported}
        return "Nothing." if groups else "No cluster that reported has the label environment, so none were compared."

    def title(self, uid: str) -> str:
        return self._titles[uid]

    def state(self, one: Spread, member: Member) -> State:
        return one.state_of(member.uid)

    def anchor(self, one: Spread) -> str:
        return slug(f"{one.probe} {one.code}")

    def ago(self, one: Member) -> str:
        return f"{ago(max(one.age, 0))} ago"


def render(over: Overview, store: str, now: float, max_age: str) -> str:
    """The page of an answer from a store at a moment (epoch seconds)."""
    page = Page(over, store, now, max_age)
    return html.template("fleet.html").render(page=page, over=over, fleet_looks=LOOKS, states=State, policy=html.POLICY)
