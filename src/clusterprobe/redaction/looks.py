"""Whether text looks like a key although nothing says so: letters and digits without the order that names have."""

from __future__ import annotations

import base64
import binascii
import itertools
import string

from clusterprobe.redaction.canonical import pattern

_RUNS = pattern(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_PARTS = pattern(r"[A-Za-z0-9]{5,}")
_PIECES = pattern(r"[A-Za-z0-9]{16,}")
_CLASSES = bytes.maketrans(
    (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode(),
    b"A" * 26 + b"a" * 26 + b"0" * 10,
)
_HEX = pattern(r"[0-9a-fA-F]{32,}")
_LONG = 16  # characters, from which on a word without a key is judged
# Of the places between two characters of a key about 0.6 part upper case, lower case and digits; of names and paths about 0.2.
_CHANGES, _CHANGES_IF_SHORT, _CHANGES_IF_TOLD = 0.4, 0.45, 0.3


def spans(text: bytes) -> list[tuple[int, int]]:
    """Where words stand that look like keys, or that are text in base64."""
    found = []
    for run in _RUNS.finditer(text):
        if looks(run.group()):
            found.append(run.span())
        else:  # a path may have one in it
            found += [(run.start() + one.start(), run.start() + one.end()) for one in _PIECES.finditer(run.group()) if looks(one.group())]
    return found


def looks(word: bytes) -> bool:
    """Whether a word of letters, digits and `+/=_-` looks like a key, though nothing says that it is one."""
    if len(word) >= _LONG and _mixed(word):
        return True
    return _is_encoded_text(word)


def random(value: bytes) -> bool:
    """The same of a value under a key which may announce one."""
    return len(value) >= 10 and b" " not in value and (_mixed(value, _CHANGES_IF_TOLD) or bool(_HEX.fullmatch(value)))


def _mixed(word: bytes, wanted: float = _CHANGES) -> bool:
    """Whether upper case, lower case and digits change as they do by chance, in enough of its parts."""
    if len(word) < _LONG // 2 or word.islower() or word.isupper():
        return False
    parts = [one for one in _PARTS.findall(word) if _by_chance(one, wanted)]
    return sum(map(len, parts)) >= min(len(word) - 4, _LONG - 4)


def _by_chance(part: bytes, wanted: float) -> bool:
    kinds = part.translate(_CLASSES)
    if not (b"a" in kinds and b"A" in kinds and b"0" in kinds):
        return False
    changes = sum(one != other for one, other in itertools.pairwise(kinds)) / (len(part) - 1)
    return changes >= (wanted if wanted < _CHANGES or len(part) >= 24 else _CHANGES_IF_SHORT)


def _is_encoded_text(word: bytes) -> bool:
    """Whether it is base64 of text: hardly any name is, for a third of all bytes are text."""
    bare = word.strip(b"-_/").rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    kinds = bare.translate(_CLASSES)
    if len(bare) < 16 or not (b"a" in kinds and b"A" in kinds):
        return False
    try:
        decoded = base64.b64decode(bare[: len(bare) // 4 * 4])
    except binascii.Error:
        return False
    return all(32 <= one < 127 or one in (9, 10, 13) for one in decoded[:4096])
