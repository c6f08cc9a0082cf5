"""The probes as their files describe them: read without importing them, but for the kinds of findings that they declare."""

from __future__ import annotations

import ast
import difflib
import fnmatch
import functools
import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterprobe.errors import UsageError
from clusterprobe.findings import Declared, FindingKind, kinds_of

SECTIONS = ("Problem", "Cause", "Fix", "Prevention")


@dataclass(frozen=True, slots=True)
class Entry:
    """A probe: its id, question, its parameters, each with the role that it is written with or nothing, and its docstring's paragraphs."""

    id: str
    path: Path
    question: str
    parameters: dict[str, str]
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
    return sorted((entry_of(path) for path in folder.glob("*/probe_*.py")), key=lambda one: one.id)


def probe_id(path: Path) -> str:
    """`probes/sealed_secrets/probe_unsealed.py` is `sealed-secrets/unsealed`."""
    return f"{path.parent.name}/{path.stem.removeprefix('probe_')}".replace("_", "-")


def entry_of(path: Path) -> Entry:
    """The probe of a file, which is the function of the file's name. Raises `UsageError` where there is none."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == path.stem), None)
    if function is None:
        raise UsageError(f"{path}: there is no function {path.stem} in it")
    text = inspect.cleandoc(ast.get_docstring(function) or "")
    return Entry(
        id=probe_id(path),
        path=path,
        question=text.split("\n")[0],
        parameters={one.arg: _written(one.annotation) for one in function.args.args},
        sections=sections(text),
    )


def _written(annotation: ast.expr | None) -> str:
    """The name of an annotation without what it is of: `Needed` for `Needed[Pod]`, however it was imported."""
    named = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return ast.unparse(named).rpartition(".")[2] if named else ""


def sections(text: str) -> dict[str, str]:
    """The paragraphs of a probe's docstring, by name."""
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


def declared(probe: Callable[..., Any]) -> Declared:
    """What a probe that was imported declares of its findings."""
    return Declared(kinds_of(probe), sections(inspect.getdoc(probe) or "").get("Prevention", ""))


@functools.cache
def kinds(path: Path) -> tuple[FindingKind, ...]:
    """The kinds of findings that the probe of a file declares; runs that file, unless it is loaded: a user's own is part of a package."""
    loaded = next((one for one in list(sys.modules.values()) if getattr(one, "__file__", None) == str(path)), None)
    if loaded is not None:
        return kinds_of(getattr(loaded, path.stem))
    name = f"clusterprobe probe {path}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # which dataclasses look up
    specification.loader.exec_module(module)
    return kinds_of(getattr(module, path.stem))


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
    small = wanted.lower()  # as ids are
    near = difflib.get_close_matches(small, known, 1) or [one for one in known if small in one][:1]
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


def refuse_unknown_code(pattern: str, codes: Iterable[str], probe: str, where: str) -> None:
    """Raise `UsageError`, with the nearest code, for a pattern that means none of the codes that `probe` reports; `where` it is written."""
    known = sorted(set(codes))
    if not any(fnmatch.fnmatchcase(code, pattern) for code in known):
        near = difflib.get_close_matches(pattern, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"it reports {', '.join(known) or 'no findings'}"
        raise UsageError(f"{where}: {probe} reports no {pattern}: {hint}")


def chosen(entries: list[Entry], patterns: Collection[str], skipped: Collection[str] = ()) -> list[Entry]:
    """The probes that the patterns select, or all, but those to skip; a pattern that means none is a `UsageError` with the nearest id."""
    refuse_unknown((*patterns, *skipped), [one.id for one in entries])
    found = [one for one in entries if not patterns or any(matches(one.id, pattern) for pattern in patterns)]
    return [one for one in found if not any(matches(one.id, pattern) for pattern in skipped)]


def explanation(entry: Entry, needs: list[tuple[str, list[str]]]) -> str:
    """What `clusterprobe explain` prints; `needs` are titled lists of what it takes."""
    lines = [f"{entry.id}: {entry.question}", ""]
    for name, text in entry.sections.items():
        lines += [name, textwrap.indent(text, "  "), ""]
    for title, things in needs:
        lines += [title, *(f"  {one}" for one in things or ["none"]), ""]
    return "\n".join(lines).rstrip()
