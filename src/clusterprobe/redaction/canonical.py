r"""One writing for what is written in many: `\"`, `%22`, `&quot;` and `\u0022` all become a quotation mark.

How long an escape was says how deeply a quotation mark is nested: JSON in JSON escapes its own once more with each level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import re2

_FILLER = b"\0"

_LETTERS = {b"\\n": b"\0\n", b"\\r": b"\0\r", b"\\t": b"\0\t", b"\\033": b"\0\0\0\x1b", b"\\e[": b"\0\x1b["}
_LETTERS |= {b"\\\n": b"\0 ", b"\\\r\n": b"\0\0 "}  # a line that goes on in the next one
_NAMED = {b"&quot;": b'"', b"&apos;": b"'", b"&amp;": b"&", b"&lt;": b"<", b"&gt;": b">"}
_MEANT = b" \t\r\n\x1b\"'`&=:,;@/?#[]{}()<>|%\\-_.+!$~*"  # what separates one thing from the next; letters have a way of their own
_TELLING = "ñпароль密码碼口令パスワードłşöó비밀번호암—–\u0303"  # of words for a secret that are not ASCII: JSON and URLs encode them
# What is read as one of the signs above, and what nobody sees, so that it may stand in the middle of a word.
_LIKE = {"：": ":", "＝": "=", "→": "->", "“": '"', "”": '"', "„": '"', "\xa0": " ", "\u3000": " ", "\u202f": " ", "\u205f": " "}
_LIKE |= {chr(one): " " for one in range(0x2000, 0x200B)}  # blanks of other widths
_UNSEEN = "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"

_LONG, _MIB_OF_MANY = 1024, 8  # bytes of a text; what an expression made of many may take


class Found(Protocol):
    """What a match offers, as far as it is used."""

    def group(self, number: int = 0, /) -> bytes: ...
    def groups(self) -> tuple[Any, ...]: ...
    def start(self, number: int = 0, /) -> int: ...
    def end(self, number: int = 0, /) -> int: ...
    def span(self, number: int = 0, /) -> tuple[int, int]: ...


class Pattern(Protocol):
    """What an expression offers, as far as it is used; `at` is where it begins to look."""

    @property
    def pattern(self) -> bytes: ...
    def search(self, text: bytes, at: int = 0, /) -> Found | None: ...
    def match(self, text: bytes, at: int = 0, /) -> Found | None: ...
    def fullmatch(self, text: bytes, /) -> Found | None: ...
    def finditer(self, text: bytes, /) -> Iterator[Found]: ...
    def findall(self, text: bytes, /) -> list[Any]: ...
    def split(self, text: bytes, /) -> list[bytes]: ...
    def sub(self, replacement: Callable[[Found], bytes], text: bytes, /) -> bytes: ...


def pattern(text: str, mebibytes: int = 64) -> Pattern:
    """A compiled RE2 expression over bytes: its time is linear in the text. It takes so much memory at most."""
    options = re2.Options()
    options.log_errors = False
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = mebibytes * 1024 * 1024
    compiled: Pattern = re2.compile(text.encode("ascii"), options)
    return compiled


class AnyOf:
    """Whether one of several expressions matches somewhere: most texts hold nothing, and then one search is enough to see it."""

    def __init__(self, *expressions: Pattern) -> None:
        self._one = pattern("|".join(f"(?:{one.pattern.decode('ascii')})" for one in expressions), _MIB_OF_MANY)

    def may_be_in(self, text: bytes) -> bool:
        """False if none of them matches. A long text holds something as a rule, and is not searched once more for that."""
        return len(text) > _LONG or self._one.search(text) is not None


def head(expression: Pattern, text: bytes, at: int = 0) -> bytes:
    """What matches at this place; nothing if nothing does."""
    found = expression.match(text, at)
    return found.group() if found else b""


def _filled(written: bytes, meant: bytes) -> bytes:
    return _FILLER * (len(written) - len(meant)) + meant


def _numbered(*forms: bytes) -> dict[bytes, bytes]:
    return {form % byte: _filled(form % byte, bytes([byte])) for byte in _MEANT for form in forms}


def _in_bytes(form: bytes, text: str) -> bytes:
    return b"".join(form % byte for byte in text.encode())


def _code_points(text: str) -> dict[bytes, bytes]:
    return {form % ord(one): _filled(form % ord(one), one.encode()) for one in text for form in (b"\\u%04X", b"\\u%04x")}


_PERCENT = (b"%%%02X", b"%%%02x")
_WIDTH = "".join(chr(0xFEE0 + one) for one in range(33, 127))  # of letters as wide as Chinese ones
_FULL_WIDTH = {one.encode(): _filled(one.encode(), chr(ord(one) - 0xFEE0).encode()) for one in _WIDTH}
_WIDE = {one.encode(): _filled(one.encode(), meant.encode()) for one, meant in {**_LIKE, **dict.fromkeys(_UNSEEN, "")}.items()}
_NOTHING = {one: _filled(one, b" ") for one in (b"%00", b"\\u0000", b"\\x00", b"\\000", b"&#0;", b"&#x0;")}  # as between variables
_ESCAPES = [
    *((form % 0xEF, {_in_bytes(form, one): _filled(_in_bytes(form, one), one.encode()) for one in _WIDTH}) for form in _PERCENT),
    (b"0", _NOTHING),
    (b"%", _numbered(*_PERCENT)),
    (b"\\u", _numbered(b"\\u%04X", b"\\u%04x") | _code_points(_TELLING + "".join(_LIKE) + _UNSEEN)),
    (b"\\uff", _code_points(_WIDTH)),
    (b"\\uFF", _code_points(_WIDTH)),
    (b"\\x", _numbered(b"\\x%02X", b"\\x%02x")),
    (b"\\", _LETTERS),
    (b"&#", _numbered(b"&#%d;", b"&#x%X;", b"&#x%x;")),
    (b"&", {written: _filled(written, meant) for written, meant in _NAMED.items()}),
]
_ROUNDS = 4  # of escapes in escapes
_FORM = pattern(r"%[0-9A-Fa-f]{2}|\w\+[\w-]")
_COLOUR = pattern(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][0-9A-Z]|[=>78cDEHM])")  # and whatever else tells a terminal what to do
# Letters and digits that are written as their numbers, one after the other, and with `%` what is not ASCII as well.
_NUMBER = r"(?:3\d|[46][1-9A-Fa-f]|[57][0-9Aa])"
_LETTERS_OF = (
    (b"%", pattern(rf"(?:%(?:{_NUMBER}|[89A-Fa-f][0-9A-Fa-f]))+")),
    (b"\\x", pattern(rf"(?:\\x{_NUMBER})+")),
    (b"\\u00", pattern(rf"(?:\\u00{_NUMBER})+")),
)
_LETTER_OF_HTML = pattern(rf"&#(?:0?(4[89]|5[0-7]|6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2])|x0?({_NUMBER}));")
_HIDDEN_NUMBER = pattern(
    r"(?:\\u(?i:00(?:0[1-8ef]|1[0-9a]|7f)|03[0-6][0-9a-f]|061c|115f|1160|180e|206[1-9a-f]|3164|fe0[0-9a-f]|ffa0|db40\\+udc[0-7][0-9a-f]))+"
)
# Accents apart from their letters, tags, selectors of variants, fillers, and what a terminal does not show: in UTF-8.
_HIDDEN = pattern(
    r"(?:[\x01-\x08\x0e-\x1a\x7f]|\xcc[\x80-\xbf]|\xcd[\x80-\xaf]|\xd8\x9c|\xe1\x85[\x9f\xa0]|\xe1\xa0\x8e|\xe2\x81[\xa1-\xaf]|\xe3\x85\xa4"
    r"|\xef\xb8[\x80-\x8f]|\xef\xbe\xa0|\xf3\xa0[\x80-\x87][\x80-\xbf])+"
)


class Text:
    """A text without its escapes. `plain` is what is searched; `span` tells where something of it stands in the text itself."""

    def __init__(self, plain: bytes, places: list[int] | None) -> None:
        self.plain, self._places = plain, places

    def level(self, at: int) -> int:
        """How many bytes the escape at this place had before the character that it means."""
        if self._places is None:
            return 0
        return self._places[at] - self._places[at - 1] - 1 if at else self._places[0]

    def part(self, start: int, end: int) -> Text:
        """A part of it, with places of its own."""
        return Text(self.plain[start:end], None if self._places is None else self._places[start:end])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The same span of the text as it was written."""
        if self._places is None:
            return start, end
        return (self._places[start - 1] + 1 if start else 0), self._places[end - 1] + 1


def readings(text: bytes) -> list[Text]:
    """The text without its escapes; and once more with blanks for `+`, where it may be a form's."""
    plain, places = text.replace(_FILLER, b" "), None
    for _ in range(_ROUNDS):
        filled = _filled_in(plain)
        if _FILLER not in filled:
            break
        kept = [at for at, byte in enumerate(filled) if byte]
        plain, places = filled.replace(_FILLER, b""), kept if places is None else [places[at] for at in kept]
    both = [Text(plain, places)]
    if b"+" in plain and _FORM.search(text):
        both.append(Text(plain.replace(b"+", b" "), places))
    return both


def _filled_in(text: bytes) -> bytes:
    """The text with fillers for all of an escape but what it means: as long as it was."""
    for sign, writings in _ESCAPES:
        if sign in text:
            for written, meant in writings.items():
                if written in text:
                    text = text.replace(written, meant)
    text = _without_numbers(text)
    if not text.isascii():
        for written, meant in _WIDE.items():
            text = text.replace(written, meant)
        if b"\xef\xbc" in text or b"\xef\xbd" in text:
            for written, meant in _FULL_WIDTH.items():
                text = text.replace(written, meant)
    if b"\x1b" in text:
        text = _COLOUR.sub(_unseen, text)
    return _HIDDEN.sub(_unseen, text).replace(b"\\", _FILLER)


def _without_numbers(text: bytes) -> bytes:
    """The text with fillers for all of a letter's number but the letter."""
    for sign, letters in _LETTERS_OF:
        if sign in text:
            text = letters.sub(partial(_letters, sign), text)
    if b"&#" in text:
        text = _LETTER_OF_HTML.sub(_letter_of_html, text)
    return _HIDDEN_NUMBER.sub(_unseen, text) if b"\\u" in text else text


def _unseen(found: Found) -> bytes:
    return _FILLER * len(found.group())


def _letters(sign: bytes, found: Found) -> bytes:
    written, width = found.group(), len(sign) + 2
    meant = bytearray(len(written))
    meant[width - 1 :: width] = bytes.fromhex(written.replace(sign, b"").decode())
    return bytes(meant)


def _letter_of_html(found: Found) -> bytes:
    decimal, hexadecimal = found.groups()
    return _filled(found.group(), bytes([int(decimal) if decimal else int(hexadecimal, 16)]))
