"""The list of kept runs: a line a run, filters that are links, and a picture of how findings went. No script, as on the page of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from clusterprobe.access.urls import UrlPath, with_query
from clusterprobe.archive import Kept
from clusterprobe.memory import TREND_RUNS, trend_of
from clusterprobe.model import RunVerdict, Severity, Trend
from clusterprobe.report.charts import Point, trend
from clusterprobe.report.html import POLICY, RUN_LOOKS, template
from clusterprobe.report.times import run_seconds

SHOWN = 200
SEVERITIES = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO)
MOST_CHOICES = 12  # of one filter
WHOLE, PART = "whole", "in part"
NOT_READABLE = "not readable"

Query = Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """A run of the list. `verdict` is `not readable` where nothing else is known; `limits`: why it does not stand for the whole cluster."""

    folder: str
    verdict: str = NOT_READABLE
    cluster: str = ""
    profile: str = ""
    finished: str = ""
    seconds: float | None = None
    point: Trend | None = None
    fresh: int | None = None
    resolved: int | None = None
    limits: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def look(self) -> tuple[str, str]:
        """Its sign and tone. A part of a run is never as green as a whole one."""
        if self.verdict == NOT_READABLE or (self.limits and self.verdict == RunVerdict.HEALTHY):
            return "question", "quiet"
        return RUN_LOOKS[RunVerdict(self.verdict)]

    @property
    def unchecked(self) -> int:
        return self.point.unchecked if self.point else 0

    def fits(self, query: Query) -> bool:
        """Whether the filters let it through."""
        at_least = query.get("severity", "")
        severe = not at_least or any(self.counts.get(one, 0) for one in SEVERITIES[: SEVERITIES.index(Severity(at_least)) + 1])
        given = {"cluster": self.cluster, "profile": self.profile, "verdict": self.verdict, "runs": PART if self.limits else WHOLE}
        same = all(given[name] == query[name] for name in given if query.get(name))
        return severe and same and (not query.get("new") or bool(self.fresh))


def row_of(kept: Kept) -> Row:
    """What the list says of a run."""
    result = kept.result
    if result is None:
        return Row(kept.folder.name)
    run, since = result.run, result.since
    limits = [*(["only " + ", ".join(run.selected)] if run.selected else []), *(["interrupted"] if run.interrupted else [])]
    limits += ["of a bundle"] if run.bundle else []
    point = trend_of(result)
    return Row(
        folder=kept.folder.name,
        verdict=str(result.verdict),
        cluster=result.cluster.name or result.cluster.context or result.cluster.server,
        profile=run.profile.rpartition("/")[2],
        finished=run.finished,
        seconds=run_seconds(run),
        point=point,
        fresh=len(since.new) + len(since.worse) if since else None,
        resolved=sum(one.state == "resolved" for one in since.gone) if since else None,
        limits=tuple(limits),
        counts=point.counts,
    )


@dataclass(frozen=True)
class Choice:
    """One value of a filter: its name, where it leads, whether it is the one in force, and how many runs have it."""

    name: str
    link: str
    chosen: bool
    count: int


def page(rows: list[Row], asked: Mapping[str, list[str]]) -> str:
    """The page, filtered by the query. What is no filter, or no value of one, is passed over."""
    query = _query(asked)
    found = [one for one in rows if one.fits(query)]
    cluster = next((one.cluster for one in found if one.point), "")
    drawn, title = _picture(found, cluster)
    filters = {"runs": _choices(rows, query, "runs", "all", (WHOLE, PART)), "severity": _severities(rows, query)}
    filters |= {name: _choices(rows, query, name, "all", _values(rows, name)) for name in ("verdict", "cluster", "profile")}
    return template("runs.html").render(
        rows=found[:SHOWN],
        left=len(found) - len(found[:SHOWN]),
        total=len(rows),
        filters={name: some for name, some in filters.items() if len(some) > 2},
        unfiltered=not query,
        points=drawn,
        points_of=title,
        severities=SEVERITIES,
        policy=POLICY,
    )


def _query(asked: Mapping[str, list[str]]) -> dict[str, str]:
    known = {"severity", "new", "cluster", "profile", "verdict", "runs"}
    query = {name: values[0] for name, values in asked.items() if name in known and values and values[0]}
    if query.get("severity", SEVERITIES[0]) not in list(SEVERITIES):
        del query["severity"]
    return query


def _picture(found: list[Row], cluster: str) -> tuple[list[Point], str]:
    """The last runs of one cluster among them, the oldest first: those of several in one picture would mean nothing."""
    points = [one.point for one in found if one.point and one.cluster == cluster][:TREND_RUNS]
    several = len({one.cluster for one in found if one.point}) > 1
    return trend(points[::-1]), cluster if several else ""


def _values(rows: Iterable[Row], name: str) -> list[str]:
    """The values that runs have, the commonest first."""
    counts = Counter(str(getattr(one, name)) for one in rows if getattr(one, name))
    return [value for value, _ in counts.most_common(MOST_CHOICES)]


def _choices(rows: list[Row], query: Query, name: str, everything: str, values: Iterable[str]) -> list[Choice]:
    """A filter's values that some run has, behind the one that takes it away."""
    counts = {value: _count(rows, query, {name: value}) for value in values}
    every = Choice(everything, _link(query, {name: ""}), not query.get(name), _count(rows, query, {name: ""}))
    return [every, *(Choice(one, _link(query, {name: one}), query.get(name) == one, count) for one, count in counts.items() if count)]


def _severities(rows: list[Row], query: Query) -> list[Choice]:
    """By the worst finding, and by what is new: both say which runs to look at."""
    found = _choices(rows, query, "severity", "all", [])
    for one in SEVERITIES[:3]:
        change = {"severity": str(one)}
        name = str(one) if one is Severity.CRITICAL else f"{one} or worse"
        found.append(Choice(name, _link(query, change), query.get("severity") == one, _count(rows, query, change)))
    news = {"new": "" if query.get("new") else "1"}
    found.append(Choice("with new findings", _link(query, news), bool(query.get("new")), _count(rows, query, {"new": "1"})))
    return found


def _count(rows: list[Row], query: Query, change: Query) -> int:
    return sum(one.fits({**query, **change}) for one in rows)


def _link(query: Query, change: Query) -> str:
    wanted = {name: value for name, value in {**query, **change}.items() if value}
    return with_query(UrlPath(), dict(sorted(wanted.items()))) or "/"
