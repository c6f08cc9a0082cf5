"""A bounded piece of the cluster's text, without its secrets."""

from __future__ import annotations

from clusterprobe.redaction import redact

AROUND = 4  # so many times what is kept is searched: of a longer text nothing else is ever looked at


def excerpt(text: str, characters: int) -> str:
    """At most so many characters of the text: cut, redacted, cut to what is kept, and redacted again.

    A secret at the first cut may have lost the part by which it is known, so the word that was cut is left out there.

    >>> excerpt("one two three", 7)
    'one two'
    """
    around = text[: AROUND * characters]
    if len(around) < len(text):
        around = around.rsplit(None, 1)[0] if around.split() else ""
    return redact(redact(around)[:characters])
