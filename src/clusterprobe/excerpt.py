"""A bounded piece of the cluster's text, without its secrets."""

from __future__ import annotations

from collections.abc import Sequence

from clusterprobe.redaction import redact, redact_lines

AROUND = 4  # so many times what is kept is searched: of a longer text nothing else is ever looked at


def excerpt(text: str, characters: int) -> str:
    """At most so many characters of the text: cut, redacted, cut to what is kept, and redacted again.

    A secret at the first cut may have lost the part by which it is known, so the word that was cut is left out there.

    >>> excerpt("one two three", 7)
    'one two'
    """
    return redact(redact(_around(text, characters))[:characters])


def excerpts(lines: Sequence[str], characters: int) -> list[str]:
    """The same of each of some lines that follow each other, such as those of a log: a value may stand below the key that tells of it.

    >>> excerpts(["password: |", "  one two", "user: bob"], 100)
    ['password: |', '[redacted]', 'user: bob']
    """
    return [redact(one[:characters]) for one in redact_lines([_around(one, characters) for one in lines])]


def _around(text: str, characters: int) -> str:
    around = text[: AROUND * characters]
    if len(around) < len(text):
        around = around.rsplit(None, 1)[0] if around.split() else ""
    return around
