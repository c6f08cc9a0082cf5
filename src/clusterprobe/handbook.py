"""The documents that are made of the probes themselves: what each needs, a page for each, and the GitOps checklist."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from clusterprobe.catalogue import Entry
from clusterprobe.incidents import INCIDENTS
from clusterprobe.sources import Source, all_sources, closure

MADE = "<!-- Made by `clusterprobe docs`: change the probe's docstring, not this page. -->"


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
        reads=tuple(f"`{one.name}`: {_first_line(one)}" for one in sources if one.reads),
        permissions=everywhere,
        from_outside=tuple(one for one in _calls(passive, "proxy") if one not in everywhere),
        active=tuple(one for one in _calls(active, "", "in-cluster", "proxy") if one not in everywhere),
        conclusions="conclusions" in entry.parameters,
    )


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
    reasons = _reasons(entry.path) or ["what the probes of this kind have in common"]
    parts.append("## What it reports\n\n" + "\n".join(f"- {one}" for one in reasons))
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


def _reasons(path: Path) -> list[str]:
    """The reason codes of a probe's findings, as far as they stand in its file."""
    found, elsewhere = set(), False
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "finding" and len(node.args) > 1:
            codes = [one.value for one in ast.walk(node.args[1]) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            found.update(codes)
            elsewhere |= not codes
    return [*(f"`{one}`" for one in sorted(found)), *(["a reason named after each cause that it tells apart"] if elsewhere else [])]


def index(entries: Iterable[Entry]) -> str:
    """The table of all probes, by area."""
    parts = ["# The probes", MADE, "Each is one question that an incident taught. `clusterprobe explain ID` prints the same in a terminal."]
    for area, members in groupby(entries, key=lambda one: one.area):
        rows = "\n".join(f"| [`{one.id}`]({one.page}) | {one.question} |" for one in members)
        parts.append(f"## {area}\n\n| probe | question |\n| --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def checklist(entries: Iterable[Entry]) -> str:
    """What to look at in a review of the Git repository that the platform comes from: every probe's prevention."""
    parts = [
        "# GitOps review checklist",
        MADE,
        "What each incident taught about the repository that the platform is deployed from. Go through it when that changes.",
    ]
    for area, members in groupby(entries, key=lambda one: one.area):
        items = "\n".join(f"- [ ] {' '.join(one.sections['Prevention'].split())} (`{one.id}`)" for one in members)
        parts.append(f"## {area}\n\n{items}")
    return "\n\n".join(parts) + "\n"


def write(entries: list[Entry], folder: Path) -> list[Path]:
    """Write every page, the index and the checklist below a folder; pages of probes that are gone are removed."""
    probes = folder / "probes"
    probes.mkdir(parents=True, exist_ok=True)
    texts = {probes / one.page: page(one) for one in entries}
    texts[probes / "README.md"] = index(entries)
    texts[folder / "gitops-checklist.md"] = checklist(entries)
    for old in set(probes.glob("*.md")) - set(texts):
        if MADE in old.read_text(encoding="utf-8"):
            old.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return sorted(texts)
