"""The documents that are made of the probes themselves: what each needs, a page for each, and the GitOps checklist."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from clusterprobe.catalogue import Entry, kinds
from clusterprobe.incidents import INCIDENTS
from clusterprobe.roles import ROLES, Role
from clusterprobe.sources import Source, all_sources, closure
from clusterprobe.thresholds import documented

SETTLES = " It may pass by itself after a deployment."
REPORTS_NOTHING = "nothing: it shows what it read"
EXAMPLES = Path(__file__).with_name("examples.json")
AT_WORST = "Each kind of finding with the severity that it has at worst."
SOURCES = """\
A probe's parameter of one of these names gets its readings; so does that of a source of your own ([own probes](own-probes.md)).
The names are stable, and of the types those that `clusterprobe.api` has."""
MADE = "<!-- Made by `clusterprobe docs`: change the probe, not this page. -->"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a probe reads, and what that takes: lines of text, in-cluster and what is needed besides from outside."""

    reads: tuple[str, ...]
    permissions: tuple[str, ...]
    from_outside: tuple[str, ...]
    active: tuple[str, ...]
    conclusions: bool

    def brief(self) -> str:
        """In one line, as `clusterprobe list` shows it."""
        parts = [", ".join(self.permissions) or "no permission of its own"]
        if self.from_outside:
            parts.append(f"from outside also {', '.join(self.from_outside)}")
        if self.active:
            parts.append(f"with --active also {', '.join(self.active)}")
        if self.conclusions:
            parts.append("and the verdicts of the other probes")
        return "; ".join(parts)


def needs(entry: Entry) -> Needs:
    """What a probe needs, from the closure of its sources."""
    sources = closure([name for name in entry.parameters if name in all_sources()])
    passive, active = [one for one in sources if not one.active], [one for one in sources if one.active]
    everywhere = _calls(passive, "", "in-cluster")
    return Needs(
        reads=_by_role(entry, sources),
        permissions=everywhere,
        from_outside=tuple(one for one in _calls(passive, "proxy") if one not in everywhere),
        active=tuple(one for one in _calls(active, "", "in-cluster", "proxy") if one not in everywhere),
        conclusions="conclusions" in entry.parameters,
    )


def _by_role(entry: Entry, sources: list[Source]) -> tuple[str, ...]:
    """What a probe asks for, in the order of its roles, and then what is read to find that out."""
    roles = {name: ROLES[written] for name, written in entry.parameters.items() if written in ROLES}
    asked = sorted((one for one in sources if one.name in roles), key=lambda one: list(Role).index(roles[one.name]))
    beside = [one for one in sources if one.reads and one.name not in roles]
    return tuple(f"`{one.name}` ({roles.get(one.name, 'read for these')}): {_first_line(one)}" for one in [*asked, *beside])


def _calls(sources: list[Source], *routes: str) -> tuple[str, ...]:
    # Every authenticated user may review itself, so that this is no permission to grant.
    return tuple(
        sorted({str(call) for one in sources for call in one.calls if call.route in routes and call.resource != "selfsubjectreviews"})
    )


def _first_line(one: Source) -> str:
    return (one.function.__doc__ or "").strip().split("\n")[0]


def page(entry: Entry) -> str:
    """A probe's page, in Markdown."""
    wanted = needs(entry)
    parts = [f"# `{entry.id}`", MADE, f"**{entry.question}**"]
    parts += [f"## {name}\n\n{text}" for name, text in entry.sections.items()]
    parts.append(f"## What it reports\n\n{_reported(entry)}")
    if incidents := [one for one in INCIDENTS if any(sign.probe == entry.id for sign in one.signs)]:
        parts.append("## The incident behind it\n\n" + "\n".join(f"- {one.number}: {one.title}. {one.explanation}" for one in incidents))
    parts.append("## What it reads\n\n" + "\n".join(f"- {one}" for one in _reads(wanted)))
    parts.append("## What it needs\n\n" + "\n".join(f"- {one}" for one in _granted(wanted)))
    parts.append(f"## Run it alone\n\n```sh\nclusterprobe run --select {entry.id}\n```")
    return "\n\n".join(parts) + "\n"


def _reads(wanted: Needs) -> list[str]:
    return [*wanted.reads, *(["the verdicts of the other probes of the run"] if wanted.conclusions else [])]


def _granted(wanted: Needs) -> list[str]:
    lines = [f"`{one}`" for one in wanted.permissions] or ["no permission of its own"]
    lines += [f"`{one}`, from outside only" for one in wanted.from_outside]
    return lines + [f"`{one}`, with `--active` only" for one in wanted.active]


class Example(NamedTuple):
    """What a probe says of a problem, and the unit test in which it says so."""

    problem: str
    test: str


NO_EXAMPLE = Example("", "")


@functools.cache
def examples() -> dict[str, dict[str, Example]]:
    """An example of each kind of finding, by the probe's id and by the code; the tests hold them."""
    found = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return {probe: {code: Example(**one) for code, one in codes.items()} for probe, codes in found.items()}


def reported(entry: Entry) -> list[tuple[str, str]]:
    """What a probe can report: for each kind its code with the worst severity and the meaning, and an example (empty: none)."""
    shown = examples().get(entry.id, {})
    return [
        (f"`{one.code}` ({one.severity}): {one.meaning}{SETTLES if one.settles else ''}", shown.get(one.code, NO_EXAMPLE).problem)
        for one in kinds(entry.path)
    ]


def _reported(entry: Entry) -> str:
    lines = [f"- {kind}\n  For example: “{example}”" if example else f"- {kind}" for kind, example in reported(entry)]
    return "\n".join([AT_WORST, "", *lines]) if lines else f"It reports {REPORTS_NOTHING}."


_ROLES = (
    "Each reading of a probe has a role. Without one that is judged, or that the judgement rests on, the probe is inconclusive. One that "
    "is helping only names the cause, and findings stand without it. As the case may be: what else was read decides which of these it is."
)


def index(entries: Iterable[Entry]) -> str:
    """The table of all probes, by area."""
    parts = [
        "# The probes",
        MADE,
        "Each is one question that an incident taught. `clusterprobe explain ID` prints the same in a terminal.",
        _ROLES,
    ]
    for area, members in groupby(entries, key=lambda one: one.area):
        rows = "\n".join(f"| [`{one.id}`]({one.page}) | {one.question} |" for one in members)
        parts.append(f"## {area}\n\n| probe | question |\n| --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def checklist(entries: Iterable[Entry]) -> str:
    """What to look at in a review of the Git repository that the platform comes from: every probe's prevention."""
    parts = [
        "# GitOps review checklist",
        MADE,
        "What each incident taught about the repository that the platform is deployed from. Review it when that changes.",
    ]
    for area, members in groupby(entries, key=lambda one: one.area):
        prevented = [(one.id, " ".join(one.sections["Prevention"].split())) for one in members if "Prevention" in one.sections]
        items = "\n".join(f"- [ ] {text} (`{probe}`)" for probe, text in prevented)
        if items:
            parts.append(f"## {area}\n\n{items}")
    return "\n\n".join(parts) + "\n"


def thresholds_page() -> str:
    """Every threshold of a profile, by area, with its default."""
    parts = ["# Thresholds", MADE, "From where on a number is a finding: `thresholds.AREA.KEY` in a [profile](profiles.md)."]
    for area, about, numbers in documented():
        rows = "\n".join(f"| `{key}` | {default:g} | {meaning} |" for key, default, meaning in numbers)
        parts.append(f"## {area}\n\n{about}\n\n| key | default | |\n| --- | --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def sources_page() -> str:
    """The table of all that a probe can ask for by its parameters, by system."""
    parts = [
        "# What probes can read",
        MADE,
        SOURCES,
    ]
    rooms: dict[str, list[Source]] = {}
    for one in sorted(all_sources().values(), key=lambda one: one.name):
        rooms.setdefault(_room(one), []).append(one)
    for room, members in sorted(rooms.items()):
        rows = "\n".join(f"| `{one.name}` | `{one.returns}` | {_first_line(one)} |" for one in members)
        parts.append(f"## {room}\n\n| name | readings of | what |\n| --- | --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def _room(one: Source) -> str:
    name = one.function.__module__
    inside = name.removeprefix("clusterprobe.systems.")
    return inside.partition(".")[0] if inside != name else "your own"


def write(entries: list[Entry], folder: Path) -> list[Path]:
    """Write every page, the index and the checklist below a folder; pages of probes that are gone are removed."""
    probes = folder / "probes"
    probes.mkdir(parents=True, exist_ok=True)
    texts = {probes / one.page: page(one) for one in entries}
    texts[probes / "README.md"] = index(entries)
    texts[folder / "gitops-checklist.md"] = checklist(entries)
    texts[folder / "sources.md"] = sources_page()
    texts[folder / "thresholds.md"] = thresholds_page()
    for old in set(probes.glob("*.md")) - set(texts):
        if MADE in old.read_text(encoding="utf-8"):
            old.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return sorted(texts)
