"""Takes secrets out of text before it is written anywhere.

Structure comes first: sources keep only the fields that they need, and Secrets' values never. What is left passes two gates.
`redact` is the gate in: what comes from the cluster is searched by key, by form and by looks, before our sentences are made of it.
`redact_forms` is the gate out: whole sentences, which are searched for what nothing of ours looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from clusterprobe.redaction import forms, looks, pairs, wordings
from clusterprobe.redaction.canonical import Text, pattern, readings
from clusterprobe.redaction.keys import MASK, Key, harmless, kind_of_label
from clusterprobe.redaction.structs import Cleaner
from clusterprobe.redaction.values import line_end

__all__ = ["MASK", "cleaned", "redact", "redact_forms", "redact_lines", "redacted"]

Span = tuple[int, int]
_TELLING, _MOST_AGAIN = 8, 20  # characters of a value, and values, that are looked for once more
_CHOSEN = pattern(r"\S*(?:[A-Za-z]\S*\d|\d\S*[A-Za-z])\S*")
_SHORT = 512  # characters: what is read again and again, such as the messages of a thousand pods


def redact(text: str) -> str:
    """Text of the cluster's with what looks like a secret replaced by `[redacted]`; linear in its length."""
    return _redact_short(text) if len(text) <= _SHORT else _without(text, _everything)


def redact_forms(text: str) -> str:
    """Text with our own words in it, without what is a secret by its form alone."""
    return _without(text, _forms)


def redact_lines(lines: Sequence[str]) -> list[str]:
    """Lines that follow each other, as many as there were: a secret may stand below its key, and go on over several of them."""
    text = "\n".join(one.replace("\n", " ") for one in lines)
    return [redact(one) for one in _without(text, _over_lines, by_line=True).split("\n")] if lines else []


@lru_cache(maxsize=4096)
def _redact_short(text: str) -> str:
    return _without(text, _everything)


def _everything(text: Text) -> list[Span]:
    return [*forms.spans(text.plain), *pairs.spans(text), *wordings.spans(text), *looks.spans(text.plain)]


def _forms(text: Text) -> list[Span]:
    return list(forms.spans(text.plain))


_OF_ANOTHER = pattern(r"\n\s*(?:at |File \"|\.\.\. \d+ more|Caused by|(?i:usage|see|run|try|error)\b)")


def _over_lines(text: Text) -> Iterator[Span]:
    """The same, but that what is quoted ends with its line at the latest, and that a stack or a hint how to call is no value.

    Of a log, what comes later is of something else, and tells what went wrong.
    """
    plain = text.plain
    yield from forms.spans(plain)
    for start, end in [*pairs.spans(text), *wordings.spans(text), *looks.spans(plain)]:
        sign = plain[start : start + 1]
        if _OF_ANOTHER.match(plain, start if sign == b"\n" else max(start - 1, 0)):
            continue
        thrice = sign in pairs.MARKS and plain[start : start + 3] == sign * 3
        closed = thrice and end - start >= 6 and plain[end - 3 : end] == sign * 3
        cut = (sign in pairs.MARKS and not thrice) or (end == len(plain) and sign != b"\n" and not closed)
        yield start, min(end, line_end(text, start)) if cut else end


def _without(text: str, search: Callable[[Text], Iterable[Span]], *, by_line: bool = False) -> str:
    if len(text) < 4:
        return text
    written = text.encode("utf-8", "surrogatepass")
    spans = sorted(one.span(start, end) for one in readings(written) for start, end in search(one) if start < end)
    if not spans:
        return text
    if search is not _forms:
        spans = sorted([*spans, *_again(written, spans)])
    parts, done = [], 0
    for start, end in spans:
        if start >= done:
            parts += [written[done:start], _mask(written[start:end], by_line=by_line)]
        done = max(done, end)
    parts.append(written[done:])
    return b"".join(parts).decode("utf-8", "surrogatepass")


def _again(written: bytes, spans: list[Span]) -> Iterator[Span]:
    """Where a value that a key announced stands once more without one, as in `password=x … x is too short`."""
    values = {written[start:end].strip(b"\"'`,; ") for start, end in spans}
    for value in sorted(one for one in values if len(one) >= _TELLING and _CHOSEN.fullmatch(one))[:_MOST_AGAIN]:
        at = written.find(value)
        while at >= 0:
            yield at, at + len(value)
            at = written.find(value, at + len(value))


def _mask(secret: bytes, *, by_line: bool) -> bytes:
    if not by_line:
        return MASK.encode()
    return b"\n".join(MASK.encode() if one.strip() else one for one in secret.split(b"\n"))


def _label_told(key: str, value: str) -> bool:
    kind = _kind_of_label(key)
    return kind is not Key.PLAIN and not harmless(value.encode("utf-8", "replace"), kind)


@lru_cache(maxsize=4096)
def _kind_of_label(key: str) -> Key:
    return kind_of_label(key.encode("utf-8", "replace"))


cleaned = Cleaner(redact, _label_told, MASK)
"""The gate in for readings."""


def redacted(value: Any) -> Any:
    """Any struct or container of structs as plain data, ready to be written: secrets are taken out by their form."""
    return _in_all(msgspec.to_builtins(value))


def _in_all(value: Any) -> Any:
    if isinstance(value, str):
        return redact_forms(value)
    if isinstance(value, dict):
        return {_in_all(key): _in_all(one) for key, one in value.items()}
    return [_in_all(one) for one in value] if isinstance(value, list | tuple) else value
