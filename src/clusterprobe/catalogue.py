"""The probes as their files describe them, read without importing them."""

from __future__ import annotations

import ast
import difflib
import fnmatch
import inspect
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clusterprobe.errors import UsageError

SECTIONS = ("Problem", "Cause", "Fix", "Prevention")


@dataclass(frozen=True, slots=True)
class Entry:
    """A probe: its id, question, what it reads, and the paragraphs of its docstring by name."""

    id: str
    path: Path
    question: str
    parameters: tuple[str, ...]
    sections: dict[str, str]

    @property
    def area(self) -> str:
        return self.id.split("/")[0]

    @property
    def page(self) -> str:
        """The name of its page in docs/probes."""
        return f"{self.id.replace('/', '-')}.md"


def catalogue(folder: Path) -> list[Entry]:
    """Every probe below a folder, by id."""
    return sorted((_entry(path) for path in folder.glob("*/probe_*.py")), key=lambda one: one.id)


def _entry(path: Path) -> Entry:
    subject = path.stem.removeprefix("probe_")
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == f"probe_{subject}")
    text = inspect.cleandoc(ast.get_docstring(function) or "")
    return Entry(
        id=f"{path.parent.name}/{subject}".replace("_", "-"),
        path=path,
        question=text.split("\n")[0],
        parameters=tuple(one.arg for one in function.args.args),
        sections=_sections(text),
    )


def _sections(text: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current = ""
    for line in text.splitlines()[1:]:
        word, colon, rest = line.partition(":")
        if colon and word in SECTIONS:
            current = word
            found[current] = [rest.strip()]
        elif current:
            found[current].append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def find(entries: list[Entry], wanted: str) -> Entry:
    """The probe with that id; `UsageError` with the nearest one otherwise."""
    for one in entries:
        if one.id == wanted:
            return one
    inside = [one.id for one in entries if matches(one.id, wanted)]
    if inside:
        raise UsageError(f"there is no probe {wanted}, but there are {', '.join(inside)}")
    raise _unknown(wanted, [one.id for one in entries])


def _unknown(wanted: str, known: list[str], where: str = "") -> UsageError:
    near = difflib.get_close_matches(wanted, known, 1) or [one for one in known if wanted in one][:1]
    hint = f"did you mean {near[0]}?" if near else "`clusterprobe list` shows them"
    return UsageError(f"{where}{': ' if where else ''}there is no probe {wanted}: {hint}")


def matches(probe_id: str, pattern: str) -> bool:
    """Whether somebody who writes this means this probe: by id, by pattern, or by area."""
    return fnmatch.fnmatchcase(probe_id, pattern) or probe_id.startswith(pattern.rstrip("/") + "/")


def refuse_unknown(patterns: Iterable[str], ids: list[str], where: str = "") -> None:
    """Raise `UsageError`, with the nearest id or area, for a pattern that selects none of these probes; `where` it is written."""
    for pattern in patterns:
        if not any(matches(one, pattern) for one in ids):
            raise _unknown(pattern, [*ids, *sorted({one.split("/")[0] for one in ids})], where)


def chosen(entries: list[Entry], patterns: list[str]) -> list[Entry]:
    """The probes that the patterns select, or all; a pattern that selects none is a `UsageError` with the nearest id."""
    refuse_unknown(patterns, [one.id for one in entries])
    return [one for one in entries if not patterns or any(matches(one.id, pattern) for pattern in patterns)]


def explanation(entry: Entry, needs: list[tuple[str, list[str]]]) -> str:
    """What `clusterprobe explain` prints; `needs` are titled lists of what it takes."""
    lines = [f"{entry.id}: {entry.question}", ""]
    for name, text in entry.sections.items():
        lines += [name, textwrap.indent(text, "  "), ""]
    for title, things in needs:
        lines += [title, *(f"  {one}" for one in things or ["none"]), ""]
    return "\n".join(lines).rstrip()
