"""Whether text looks like a key although nothing says so: letters and digits without the order that names have."""

from __future__ import annotations

import base64
import binascii
import operator
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
_LOWER = pattern(r"[a-z]{3,}")
# Names are made of words: of `NullPointerExceptionV2` more than half stands in runs of lower case, of a key about a sixth.
_IN_WORDS, _HARDLY_IN_WORDS = 0.55, 0.2
# Begin like keys, and are none: public keys of SSH, and where a list goes on (`{"v":"meta.k8s.io/v1"…`).
_PUBLIC = (
    *(b"AAAAC3NzaC1lZDI1NTE5", b"AAAAB3NzaC1yc2E", b"AAAAB3NzaC1kc3M", b"AAAAE2VjZHNhLXNoYTI", b"AAAAGnNrLXNzaC1", b"AAAAInNrLWVjZHNh"),
    b"eyJ2IjoibWV0YS5rOHMuaW8vdjEi",
)
_FINGERPRINT = 43  # characters of Base64 behind `SHA256:`
# Of the places between two characters of a key about 0.6 part upper case, lower case and digits; of names and paths about 0.2.
# So much is asked of what has hardly a word in it, and of what has some.
_CHANGES, _CHANGES_IF_SHORT, _CHANGES_IF_TOLD = (0.3, 0.4), (0.38, 0.45), 0.3
_LONGER = 24  # characters


def spans(text: bytes) -> list[tuple[int, int]]:
    """Where words stand that look like keys, or that are text in base64."""
    found = []
    for run in _RUNS.finditer(text):
        if run.group().startswith(_PUBLIC) or (len(run.group()) == _FINGERPRINT and text.endswith(b"SHA256:", 0, run.start())):
            continue
        if looks(run.group()):
            found.append(run.span())
        else:  # a path may have one in it
            parts = (one for one in _PIECES.finditer(run.group()) if len(one.group()) < len(run.group()))
            found += [(run.start() + one.start(), run.start() + one.end()) for one in parts if looks(one.group())]
    return found


def looks(word: bytes) -> bool:
    """Whether a word of letters, digits and `+/=_-` looks like a key, though nothing says that it is one."""
    if len(word) >= _LONG and _mixed(word):
        return True
    return _is_encoded_text(word) or _is_text_in_hex(word)


def random(value: bytes) -> bool:
    """The same of a value under a key which may announce one."""
    return len(value) >= 10 and b" " not in value and (_mixed(value, told=True) or bool(_HEX.fullmatch(value)))


def _mixed(word: bytes, *, told: bool = False) -> bool:
    """Whether upper case, lower case and digits change as they do by chance, in enough of its parts."""
    if len(word) < _LONG // 2 or word.islower() or word.isupper():
        return False
    parts = [one for one in _PARTS.findall(word) if _by_chance(one, told=told)]
    return sum(map(len, parts)) >= min(len(word) - 4, _LONG - 4)


def _by_chance(part: bytes, *, told: bool) -> bool:
    kinds = part.translate(_CLASSES)
    if not (b"a" in kinds and b"A" in kinds and b"0" in kinds):
        return False
    changes: float = sum(map(operator.ne, kinds, kinds[1:])) / (len(part) - 1)
    if told:
        return changes >= _CHANGES_IF_TOLD
    in_words = sum(map(len, _LOWER.findall(part))) / len(part)
    likely, unlikely = _CHANGES if len(part) >= _LONGER else _CHANGES_IF_SHORT
    return in_words < _IN_WORDS and changes >= (likely if in_words < _HARDLY_IN_WORDS else unlikely)


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


def _is_text_in_hex(word: bytes) -> bool:
    """Whether it is text as hexadecimal numbers; no digest is, but a long number may be."""
    if len(word) < _TEXT_IN_HEX or len(word) % 2 or word.isdigit() or not _ONLY_HEX.fullmatch(word):
        return False
    return all(32 <= one < 127 or one in (9, 10, 13) for one in bytes.fromhex(word[:4096].decode()))


_ONLY_HEX = pattern(r"[0-9a-f]+|[0-9A-F]+")
_TEXT_IN_HEX = 24  # characters: of 12 bytes of a digest at least one is no text
