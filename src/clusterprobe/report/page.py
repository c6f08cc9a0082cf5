"""What the page shows and in which order; the template only lays it out."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.incidents import INCIDENTS, Incident, State, Status, status_of
from clusterprobe.model import Bars, Exhibit, Finding, Matrix, ProbeResult, RunResult, Table
from clusterprobe.patterns import ours
from clusterprobe.report import answer
from clusterprobe.report.groups import Facet, Group, Groups, Shown
from clusterprobe.report.remedies import Remedy, remedies

MOST_TO_DO = 5


@dataclass(frozen=True, slots=True)
class Overview:
    """A section that shows one kind of exhibit of one probe; `probe` is none if that probe did not run."""

    anchor: str
    title: str
    short: str
    lead: str
    probe_id: str
    probe: ProbeResult | None
    exhibits: list[Exhibit]


@dataclass(frozen=True, slots=True)
class Kind:
    """What an overview is about."""

    anchor: str
    title: str
    short: str
    lead: str
    probe_id: str
    exhibit: type[Matrix | Bars | Table]


OVERVIEWS = (
    Kind(
        anchor="matrix",
        title="Who scrapes whom",
        short="Scrape matrix",
        lead="Targets that each environment's Prometheus scrapes.",
        probe_id="prometheus/cross-scrape",
        exhibit=Matrix,
    ),
    Kind(
        anchor="termination",
        title="Pod termination time",
        short="Termination",
        lead="Per node, from the delete request until the pod no longer exists.",
        probe_id="pods/termination",
        exhibit=Bars,
    ),
    Kind(
        anchor="storage",
        title="Where each system keeps its data",
        short="Storage",
        lead="Judged by the volume itself, not by the name of its class.",
        probe_id="storage/placement",
        exhibit=Table,
    ),
)


_NO_ANCHOR = ours(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """A text as part of an anchor: only a–z, 0–9 and `-`."""
    return _NO_ANCHOR.sub("-", text.lower()).strip("-")


class Page:
    """Everything that the template asks for. Built once a report."""

    def __init__(self, result: RunResult) -> None:
        self.result = result
        self._found = Groups(result)
        self.groups: list[Group] = self._found.groups
        self.left = self._found.left
        self.facets: list[Facet] = self._found.facets
        self.overviews = [_overview(kind, result) for kind in OVERVIEWS]
        self.incidents: list[tuple[Incident, Status]] = [(incident, status_of(incident, result)) for incident in INCIDENTS]
        self.remedies: list[Remedy] = remedies(result)
        self._drawn = {id(exhibit): one.anchor for one in self.overviews for exhibit in one.exhibits}

    @property
    def to_do(self) -> list[Group]:
        """The causes to begin with."""
        return [one for one in self.groups if one.first.finding.severity.rank > 0 or one.first.effects][:MOST_TO_DO]

    @property
    def incidents_found(self) -> int:
        return sum(status.state is State.FOUND for _, status in self.incidents)

    def anchor_of(self, finding: Finding) -> str:
        """The anchor of a finding; of its group, or of their section, if the page does not show it."""
        return self._found.anchors.get(id(finding), "findings")

    @property
    def new(self) -> list[Shown]:
        """The findings that nothing explains, and that are new or worse since the last run, as far as the page shows them."""
        shown = (one for group in self.groups for one in (*group.parts.whole, *group.parts.rows))
        return [one for one in shown if one.age in ("new", "worse")]

    @property
    def blind(self) -> int:
        """How many entries there are about what could not be checked."""
        return sum(one.count for one in self.remedies)

    @property
    def probes(self) -> list[ProbeResult]:
        """All probes, the ones to look at first."""
        order = list(answer.VERDICT_NAMES)
        return sorted(self.result.probes, key=lambda one: (order.index(one.verdict), one.id))

    def drawn_in(self, exhibit: Exhibit) -> str:
        """The overview that already shows this exhibit; empty if none does."""
        return self._drawn.get(id(exhibit), "")

    def rest(self, exhibits: list[Exhibit]) -> list[Exhibit]:
        """The exhibits that no overview shows."""
        return [one for one in exhibits if not self.drawn_in(one)]

    @property
    def known(self) -> list[tuple[ProbeResult, Finding, str]]:
        """The findings that are accepted, each with why, by whom and until when."""
        why = {place: answer.acceptance(one) for one in self.result.accepted for place in one.findings}
        known = [(probe, place, finding) for probe in self.result.probes for place, finding in enumerate(probe.known)]
        return [(probe, finding, why.get((probe.id, place), "")) for probe, place, finding in known]


def _overview(kind: Kind, result: RunResult) -> Overview:
    probe = next((one for one in result.probes if one.id == kind.probe_id), None)
    exhibits = _of_kind(kind, probe) if probe is not None else []
    return Overview(kind.anchor, kind.title, kind.short, kind.lead, kind.probe_id, probe, exhibits)


def _of_kind(kind: Kind, probe: ProbeResult) -> list[Exhibit]:
    """The probe's own exhibits of that kind, else those of its findings."""
    own: list[Exhibit] = [one for one in probe.exhibits if isinstance(one, kind.exhibit)]
    return own or [one for finding in probe.findings for one in finding.exhibits if isinstance(one, kind.exhibit)]
