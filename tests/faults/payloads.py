"""Readings in which one field of the cluster's holds something hostile, and what no fix may make of it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from clusterprobe.decoding import from_tree
from clusterprobe.fixes import line
from clusterprobe.model import Command, Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.sources import Source

# What a shell, a quotation or a template would take for its own, and can be seen; and what ends a line, a flag at the front.
QUOTES = ("", "'\"$(touch /tmp/forged)`touch /tmp/forged`;|&>{}\\ forged")
LINES = ("--all\n$ forged one\n", "\n$ forged two\u2028$ forged three\r$ forged four\x1b[2J")
FORGED = "forged"
OURS = {"kind", "api_version", "environment"}  # of a subject: no text of the cluster's

Path = tuple[str, ...]


def paths(readings: Readings[Any]) -> set[Path]:
    """The fields with text in these readings; `*` stands for each of a list, and for each value of a map."""
    found: set[Path] = set()
    for subject, value in readings.values:
        own = {"name", "namespace"} if hasattr(value, "metadata") else set[str]()  # they are changed with the object's own
        found |= {("subject", *path) for path in _paths(subject) if path[0] not in own | OURS}
        found |= {("value", *path) for path in _paths(value)}
    return found


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, str):
        yield ()
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from ((name, *path) for path in _paths(getattr(value, name)))
    elif isinstance(value, dict | list | tuple | set | frozenset):
        for one in value.values() if isinstance(value, dict) else value:
            yield from (("*", *path) for path in _paths(one))


def hostile(source: Source, readings: Readings[Any], chosen: Collection[Path], payload: tuple[str, str]) -> Readings[Any]:
    """The readings with every text at these paths between the two parts of the payload; a field that takes no such text keeps its own.

    What an object is called, its subject is called as well.
    """
    kind, found = source.value_type(), []
    for subject, value in readings.values:
        one, other = subject, value
        for path in chosen:
            one = _tried(one, Subject, path[1:], payload) if path[0] == "subject" else one
            other = _tried(other, kind, path[1:], payload) if path[0] == "value" else other
            if path[0] == "value" and path[1:-1] == ("metadata",) and path[-1] in ("name", "namespace"):
                one = _tried(one, Subject, path[2:], payload)
        found.append((one, other))
    return Readings(tuple(found), readings.unreadable, readings.absent)


def _tried(value: Any, kind: Any, path: Path, payload: tuple[str, str]) -> Any:
    try:
        return _changed(value, kind, path, *payload)
    except (msgspec.ValidationError, TypeError):
        return value


def _changed(value: Any, kind: Any, path: Path, begin: str, end: str) -> Any:
    """Through the struct's own types, so that an enumeration stays one."""
    if not isinstance(value, msgspec.Struct):
        return from_tree(_with(msgspec.to_builtins(value), path, begin, end), kind)
    renamed = {field.name: field.encode_name for field in msgspec.structs.fields(type(value))}
    first = renamed.get(path[0], path[0]) if path else ""
    tree = msgspec.to_builtins(value)
    return from_tree(_with(tree, (first, *_encoded(value, path)), begin, end), type(value))


def _encoded(value: Any, path: Path) -> Path:
    """The rest of a path as the fields are written, which may differ from how they are named."""
    found: list[str] = []
    one = getattr(value, path[0], None)
    for name in path[1:]:
        if isinstance(one, msgspec.Struct):
            found.append(next(field.encode_name for field in msgspec.structs.fields(type(one)) if field.name == name))
            one = getattr(one, name)
        else:
            found.append(name)
            several = list(one.values() if isinstance(one, dict) else one or [])
            one = next((each for each in several if each is not None), None)
    return tuple(found)


def _with(tree: Any, path: Path, begin: str, end: str) -> Any:
    if not path:
        return f"{begin}{tree}{end}" if isinstance(tree, str) else tree
    if path[0] == "*":
        if isinstance(tree, dict):
            return {key: _with(one, path[1:], begin, end) for key, one in tree.items()}
        return [_with(one, path[1:], begin, end) for one in tree] if isinstance(tree, list | tuple) else tree
    if not isinstance(tree, dict) or path[0] not in tree:
        return tree
    return {**tree, path[0]: _with(tree[path[0]], path[1:], begin, end)}


# --- what no fix may be ------------------------------------------------------------------------------------------------


def complaints(finding: Finding) -> Iterator[str]:
    """What is wrong with how a finding says what to do."""
    for step in finding.steps:
        if "\n" in step.text or len(step.text.splitlines()) > 1:
            yield f"a step of several lines: {step.text!r}"
        for one in step.commands:
            yield from _wrong(one)
    for name in ("problem", "cause", "prevention"):
        if len(getattr(finding, name).splitlines()) > 1:
            yield f"a {name} of several lines"
    printed = [each for each in finding.fix.splitlines() if each.lstrip().startswith("$ ")]
    if printed != [f"$ {line(one)}" for step in finding.steps for one in step.commands]:
        yield f"a command that is none of ours: {printed}"
    if finding.fix and not finding.steps:
        yield "a fix without steps"


def _wrong(command: Command) -> Iterator[str]:
    words = [word for stage in command.pipeline for word in stage]
    text = line(command)
    operators = {"|", "<", ">", "&"}
    if [one for one in shlex.split(text) if one not in operators] != [*_in_order(command)]:
        yield f"a shell reads it otherwise: {text!r}"
    if any(FORGED in word and word.startswith("-") and "=" not in word for word in words):
        yield f"a flag of the cluster's: {text!r}"
    if any(not char.isprintable() for char in text):
        yield f"what is not seen: {text!r}"


def _in_order(command: Command) -> Iterator[str]:
    for number, stage in enumerate(command.pipeline):
        yield from (word for word in stage if word not in {"|", "<", ">", "&"})
        if not number and command.source:
            yield command.source
    if command.target:
        yield command.target


def parse(commands: set[str]) -> str:
    """What bash says of the commands, each on a line of its own; empty if it takes them all."""
    script = "\n".join(sorted(commands))
    return subprocess.run(["bash", "-n"], input=script.encode("utf-8", "surrogateescape"), capture_output=True, check=False).stderr.decode()
