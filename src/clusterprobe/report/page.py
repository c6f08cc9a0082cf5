"""What the page shows and in which order; the template only lays it out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from clusterprobe.correlation import Case, cases
from clusterprobe.incidents import INCIDENTS, Incident, Status, status_of
from clusterprobe.model import Bars, Exhibit, Finding, Matrix, ProbeResult, RunResult, Table
from clusterprobe.patterns import ours
from clusterprobe.report import answer


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding with the name by which the page links to it, and those that it explains."""

    anchor: str
    probe: ProbeResult
    finding: Finding
    through: str = ""
    effects: tuple[Shown, ...] = ()


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
        self.causes = _shown(cases(result))
        self.shown = [one for cause in self.causes for one in (cause, *cause.effects)]
        self.overviews = [_overview(kind, result) for kind in OVERVIEWS]
        self._drawn = {id(exhibit): one.anchor for one in self.overviews for exhibit in one.exhibits}

    @property
    def groups(self) -> list[tuple[ProbeResult, list[Shown]]]:
        """The findings that nothing explains, by probe: the probe with the worst case first, and within it the worst first."""
        groups: dict[str, list[Shown]] = {}
        for one in self.causes:
            groups.setdefault(one.probe.id, []).append(one)
        return [(group[0].probe, group) for group in groups.values()]

    @property
    def first(self) -> str:
        """The anchor of what to do first."""
        finding = answer.first_finding(self.result)
        if finding is not None:
            return self.anchor_of(finding)
        return "unchecked" if self.blind else "probes"

    def anchor_of(self, finding: Finding) -> str:
        """The anchor of a finding; of its section if the page does not show it."""
        return next((one.anchor for one in self.shown if one.finding is finding), "findings")

    def age(self, shown: Shown) -> str:
        """`new`, `worse` or `persisting` since the last run; empty if there is none to compare with."""
        since = self.result.since
        if since is None:
            return ""
        place = next(number for number, one in enumerate(shown.probe.findings) if one is shown.finding)
        for age, places in (("new", since.new), ("worse", since.worse)):
            if (shown.probe.id, place) in places:
                return age
        return "persisting"

    @property
    def incidents(self) -> list[tuple[Incident, Status]]:
        return [(incident, status_of(incident, self.result)) for incident in INCIDENTS]

    @property
    def blind(self) -> int:
        """How many entries there are about what could not be checked."""
        return len(answer.unable(self.result)) + answer.unchecked_count(self.result)

    @property
    def probes(self) -> list[ProbeResult]:
        """All probes, the ones to look at first."""
        order = list(answer.VERDICT_NAMES)
        return sorted(self.result.probes, key=lambda one: (order.index(one.verdict), one.id))

    def drawn_in(self, exhibit: Exhibit) -> str:
        """The section above that already shows this exhibit; empty if none does."""
        return self._drawn.get(id(exhibit), "")

    def rest(self, exhibits: list[Exhibit]) -> list[Exhibit]:
        """The exhibits that no section above shows."""
        return [one for one in exhibits if not self.drawn_in(one)]

    @property
    def known(self) -> list[tuple[ProbeResult, Finding]]:
        return [(probe, finding) for probe in self.result.probes for finding in probe.known]


def _shown(found: list[Case]) -> list[Shown]:
    numbers = itertools.count(1)

    def anchor() -> str:
        return f"finding-{next(numbers)}"

    return [
        Shown(
            anchor(),
            case.probe,
            case.finding,
            effects=tuple(Shown(anchor(), probe, finding, through) for probe, finding, through in case.effects),
        )
        for case in found
    ]


def _overview(kind: Kind, result: RunResult) -> Overview:
    probe = next((one for one in result.probes if one.id == kind.probe_id), None)
    exhibits = _of_kind(kind, probe) if probe is not None else []
    return Overview(kind.anchor, kind.title, kind.short, kind.lead, kind.probe_id, probe, exhibits)


def _of_kind(kind: Kind, probe: ProbeResult) -> list[Exhibit]:
    """The probe's own exhibits of that kind, else those of its findings."""
    own: list[Exhibit] = [one for one in probe.exhibits if isinstance(one, kind.exhibit)]
    return own or [one for finding in probe.findings for one in finding.exhibits if isinstance(one, kind.exhibit)]
