"""A fix as steps: what to look at, what to change, what is destroyed by it, each with commands that a tired person may paste.

A command is written as a template of ours with `{}` for each value; what comes from the cluster enters only as a value, and a value is
an argument or a part of one, never a flag, a line, an operator or another command. Here, and nowhere else, commands are quoted.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from clusterprobe.model import Command, Step
from clusterprobe.words import UNSEEN, one_line

MARKS = {"look": "Look", "change": "Change", "destroys": "Destroys"}
# Where a change belongs. What Argo CD or Flux manages, they would set back at the next sync.
IN_GIT = "in Git where Argo CD or Flux manages it"
SOURCE = f"in what deploys it ({IN_GIT})"
GIT = "In Git where Argo CD or Flux manages it, as they revert the command"
WITHHELD = "No command is printed here, since a name in it holds characters that a shell or a reader could misunderstand."

_PLACE = "{}"
_PLAIN_SCALAR = re.compile(r"[A-Za-z0-9_./-][A-Za-z0-9_./:@-]*")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_MAX_VALUE = 8000


def shell(template: str, *values: object) -> Command | None:
    """A command line of our own with a value for each `{}`; None where a value could be read as something else than a value.

    `template` is split as a shell splits it; `|`, `>`, `<` and a last `&` stand by themselves. Refused are values that are empty or
    hold what cannot be seen or ends a line, and values that begin with a dash where they are a whole argument.
    A tuple (`each`) stands for several arguments. Raises `ValueError` where the template and the values do not fit, which is a bug of ours.
    """
    given = iter(values)
    parts: list[list[str]] = [[]]
    ends: dict[str, str] = {}
    towards = ""
    background = False
    for word in _words(template):
        if word == "|":
            parts.append([])
        elif word in ("<", ">"):
            towards = word
        elif word == "&":
            background = True
        else:
            filled = _arguments(word, given)
            if filled is None:
                return None
            if towards:
                (ends[towards],), towards = filled, ""
            else:
                parts[-1] += filled
    if next(given, None) is not None or not all(parts):
        raise ValueError(f"the values do not fit the template {template!r}")
    return Command(pipeline=parts, source=ends.get("<", ""), target=ends.get(">", ""), background=background)


def _words(template: str) -> Iterator[str]:
    lexer = shlex.shlex(template, posix=True, punctuation_chars="|<>&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return iter(lexer)


def each(template: str, values: Iterable[object]) -> tuple[str | None, ...]:
    """One argument for each value, such as a flag that is repeated, to be given to `shell` as the value of one `{}`."""
    return tuple(_filled(template, iter([value] * template.count(_PLACE))) for value in values)


def _arguments(word: str, given: Iterator[object]) -> list[str] | None:
    if word != _PLACE:
        one = _filled(word, given)
        return None if one is None else [one]
    value = next(given, None)
    if isinstance(value, tuple):
        return list(value) if value and all(isinstance(one, str) for one in value) else None
    one = _filled(word, iter([value]))
    return None if one is None else [one]


def _filled(word: str, given: Iterator[object]) -> str | None:
    pieces = word.split(_PLACE)
    text = pieces[0]
    for piece in pieces[1:]:
        value = next(given, None)
        if value is None:
            raise ValueError(f"there is no value for a place in {word!r}")
        one = str(value)
        if not one or len(one) > _MAX_VALUE or UNSEEN.search(one) or "\n" in one or "\t" in one:
            return None
        text += one + piece
    return None if word.startswith(_PLACE) and text.startswith("-") else text


def line(command: Command) -> str:
    """The command as it is pasted into a shell."""
    stages = [" ".join(map(_quoted, stage)) for stage in command.pipeline]
    if command.source:
        stages[0] += f" < {_quoted(command.source)}"
    end = f" > {_quoted(command.target)}" if command.target else ""
    return " | ".join(stages) + end + (" &" if command.background else "")


def _quoted(word: str) -> str:
    """The word for a shell; `jsonpath='{.spec}'` reads better than `'jsonpath={.spec}'`, and is the same."""
    name, equals, value = word.partition("=")
    if equals and value and _NAME.fullmatch(name):
        return f"{name}={shlex.quote(value)}"
    return f"'{word}'" if word.startswith("=") and word == shlex.quote(word) else shlex.quote(word)  # zsh takes `=ls` for /bin/ls


def patch(value: object) -> str:
    """A patch as the JSON of an argument; what it holds stays data."""
    return msgspec.json.encode(value).decode()


def snippet(template: str, *values: object) -> str:
    """Lines of YAML of our own with a value for each `{}`, quoted where YAML would read it as anything but that text."""
    pieces = template.split(_PLACE)
    if len(pieces) != len(values) + 1:
        raise ValueError(f"the values do not fit the template {template!r}")
    return "".join([pieces[0], *(_scalar(value) + piece for value, piece in zip(values, pieces[1:], strict=True))])


def fragment(tree: Mapping[str, Any], indent: str = "") -> str:
    """A tree of mappings, lists and scalars as lines of YAML, quoted as `snippet` does; what is None is left out."""
    lines: list[str] = []
    for key, value in tree.items():
        name = f"{indent}{_scalar(key)}:"
        if isinstance(value, Mapping):
            lines.append(f"{name}\n{fragment(value, indent + '  ')}" if value else f"{name} {{}}")
        elif isinstance(value, list):
            lines += [f"{name}", *(_item(one, indent) for one in value)] if value else [f"{name} []"]
        elif value is not None:
            lines.append(f"{name} {_scalar(value)}")
    return "\n".join(lines)


def _item(one: object, indent: str) -> str:
    if isinstance(one, Mapping):
        return f"{indent}- " + fragment(one, indent + "  ").removeprefix(indent + "  ")
    return f"{indent}- {_scalar(one)}"


def _scalar(value: object) -> str:
    import yaml  # only where a fragment is printed

    if isinstance(value, str) and not _is_plain(value):
        return yaml.safe_dump(value, default_style='"', width=float("inf")).strip()
    return yaml.safe_dump(value, width=float("inf")).removesuffix("\n...\n").strip()


def _is_plain(value: str) -> bool:
    """Whether YAML reads these characters as this text: `2026-99-99` is a name, but it would be a date that there is not."""
    import yaml

    try:
        return bool(_PLAIN_SCALAR.fullmatch(value)) and yaml.safe_load(value) == value
    except ValueError:
        return False


def look(text: str, *commands: Command | None, code: str = "") -> Step:
    """A step that only looks: safe at any time."""
    return _step("look", text, commands, code)


def change(text: str, *commands: Command | None, code: str = "") -> Step:
    """A step that changes something, and can be changed back."""
    return _step("change", text, commands, code)


def destroys(what: str, text: str, *commands: Command | None, code: str = "") -> Step:
    """A step after which `what` is gone for good; that is said before anything else."""
    return _step("destroys", f"This destroys {what}. {text}", commands, code)


def _step(kind: Literal["look", "change", "destroys"], text: str, commands: Sequence[Command | None], code: str) -> Step:
    there = [one for one in commands if one is not None]
    whole = len(there) == len(commands)
    # One of several commands alone may do harm: either all of a step are printed, or none.
    return Step(kind=kind, text=one_line(text if whole else f"{text} {WITHHELD}"), code=code, commands=there if whole else [])


def text_of(steps: Sequence[Step]) -> str:
    """The steps as text: numbered where there are several, code indented, each command on a line of its own after `$ `."""
    return "\n".join(each for number, step in enumerate(steps, 1) for each in _lines(step, f"{number}. " if len(steps) > 1 else ""))


def _lines(step: Step, number: str) -> Iterable[str]:
    text = step.text if number or not step.text.startswith("$") else f" {step.text}"
    yield number + text
    yield from (f"    {one}" for one in step.code.split("\n") if step.code)
    yield from (f"$ {line(one)}" for one in step.commands)
