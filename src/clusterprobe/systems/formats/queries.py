r"""Selectors of PromQL and LogQL, whose strings are alike: no text of the cluster becomes part of a query but through here.

>>> matchers({"namespace": 'a"b', "pod": any_of(["web.x"], then="-.+"), "owner_kind": Not("")})
'{namespace="a\\"b", pod=~"web[.]x-.+", owner_kind!=""}'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression of RE2, which a value has to match as a whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """A value that is not the label's."""

    value: str


def any_of(texts: Iterable[str], *more: Regex, then: str = "") -> Regex:
    """Any of the expressions, then of the texts, each of which stands for itself; `then` is an expression behind every text."""
    return Regex("|".join([*(one.text for one in more), *(escaped(one) + then for one in texts)]))


def escaped(text: str) -> str:
    """A regular expression of RE2 for just this text. A class of one character needs no backslash, which a string would double."""
    return re.sub(r"[\\^\[\]]|([.+*?()|{}$])", lambda found: f"[{found[1]}]" if found[1] else f"\\{found[0]}", text)


def matchers(wanted: Mapping[str, str | Regex | Not]) -> str:
    """A selector of series or streams, in braces: each label with its value, an expression, or what it is not."""
    return f"{{{', '.join(_matcher(label, value) for label, value in wanted.items())}}}"


def _matcher(label: str, value: str | Regex | Not) -> str:
    if not _LABEL.fullmatch(label):
        raise ValueError(f"{label!r} is not the name of a label")
    if isinstance(value, Regex):
        return f"{label}=~{quoted(value.text)}"
    return f"{label}!={quoted(value.value)}" if isinstance(value, Not) else f"{label}={quoted(value)}"


def quoted(text: str) -> str:
    """A string of PromQL or LogQL that has just this value."""
    return f'"{within(text)}"'


def within(text: str) -> str:
    """What stands for this text within the double quotes of a string."""
    return "".join(_SHORT.get(one, one if one.isprintable() else _code(one)) for one in text)


def raw(text: str) -> str:
    """A string in which a backslash is one, which expressions are easier to read in; a quoted one where that cannot be."""
    return quoted(text) if "`" in text or "\r" in text else f"`{text}`"


def _code(one: str) -> str:
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"
