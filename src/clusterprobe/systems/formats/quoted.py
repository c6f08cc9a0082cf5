"""Text between double quotes, as Go, Prometheus and Alertmanager write it: read once from left to right, whatever is in it."""

from __future__ import annotations

ESCAPES = {"n": "\n", '"': '"'}


def end_of(text: str, start: int) -> int:
    r"""Where the quoted text ends that begins at the double quote at `start`: behind its last quote; -1 if it does not end.

    >>> end_of('a="b\\"c" d', 2)
    8
    """
    at = start + 1
    while (quote := text.find('"', at)) != -1:
        backslash = text.find("\\", at, quote)
        if backslash == -1:
            return quote + 1
        at = backslash + 2
    return -1


def unescaped(text: str, escapes: dict[str, str] | None = None) -> str:
    r"""The text with its escapes read; one that stands for nothing stays as it is.

    >>> unescaped(r"a\"b\\n\.")
    'a"b\\n\\.'
    """
    known = ESCAPES if escapes is None else escapes
    first, *rest = text.split("\\")
    found, literally = [first], False  # `literally`: the backslash before this piece was escaped
    for piece in rest:
        if literally:
            found.append(piece)
            literally = False
        elif not piece:  # two backslashes in a row
            found.append("\\")
            literally = True
        else:
            found.append(known.get(piece[0], f"\\{piece[0]}") + piece[1:])
    return "".join(found)
