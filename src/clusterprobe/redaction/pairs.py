"""Values under telling keys: `key=value`, `key: value`, flags, headers, and all the lines that belong to a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from clusterprobe.redaction.canonical import Text, head, pattern
from clusterprobe.redaction.forms import Span
from clusterprobe.redaction.keys import STEMS, WORDS, Key, harmless, kind_of, kind_of_label
from clusterprobe.redaction.values import block_end, bracket_end, header_end, line_end, quoted_end, value_end

KEY = rf"\b(?i:{WORDS})|[\w./\[-]*(?i:{STEMS})[\w./-]*"
MARKS = (b'"', b"'", b"`")
_QUOTE = r"[\"'`\])]*"
# A key and what may part it from its value: `=`, `:`, `=>`, `:=`, a blank after a flag, a comma between two arguments.
_KEYED = pattern(
    rf"({KEY})((?:\[[\w-]*\])?{_QUOTE}[ \t]*(?:=>|->|[:+?~!=]=|[:=]\*{{0,2}})[ \t]*(?:(?:Invalid|Unsupported|Duplicate) value:[ \t]*)?"
    rf"(?:\s*string\(\d+\)[ \t]*)?|{_QUOTE};s:\d+:|{_QUOTE}[\s,]+(?:- |<<)?|\([ \t]*)"
)
_STARTS_LINE = pattern(r"(?:\A|\n)[\s>#]*(?:- )?(?:export |set |ENV )?[\"'`]*\z")
_SHORT = pattern(r"[\"'`]?[^\s\"'`,;]{0,512}")  # what is judged by its looks


def once(matches: Iterable[Any], judge: Callable[[Any], Span | None]) -> Iterator[Span]:
    """The spans that a judge finds; none begins inside another one, so that nothing is scanned twice."""
    done = 0
    for found in matches:
        if found.start() >= done:
            span = judge(found)
            if span is not None and span[0] < span[1]:
                done = span[1]
                yield span


def spans(whole: Text) -> Iterator[Span]:
    """Where values stand that a key before them announces."""

    def judge(found: Any) -> Span | None:
        kind = kind_of(found.group(1))
        if kind is Key.WEAK and (_told_after_all(whole.plain, found) or _asked_with(whole.plain, found)):
            kind = Key.SECRET
        if kind is Key.SECRET and _OF_A_SERIES.search(whole.plain[max(0, found.start() - _SELECTOR) : found.start()]):
            kind = kind_of_label(found.group(1))
        if kind is Key.PLAIN or not _parted(whole.plain, found, kind) or _names_something(whole.plain, found):
            return None
        return announced(whole, found.end(), kind, lambda: _value(whole, found, kind))

    return once(_KEYED.finditer(whole.plain), judge)


_CHOSEN = pattern(r"(?:[A-Za-z]+\d|\d+[A-Za-z])[A-Za-z0-9]*")


def _told_after_all(text: bytes, found: Any) -> bool:
    """Whether `credentials` or `secrets`, which stand in sentences as well, are a key here: with `=`, in quotes, before a password."""
    key, apart = found.groups()
    if not key.endswith((b"credentials", b"secrets")):
        return False
    value = head(_SHORT, text, found.end())
    quoted = apart[:1] in MARKS and value[:1] in MARKS
    chosen = len(value) >= 8 and _CHOSEN.fullmatch(value)
    return apart.strip() == b"=" or (key.endswith(b"credentials") and bool(quoted or chosen))


_OF_A_SERIES = pattern(r"\bkube_[a-z_]+\{[^{}]*\z")  # of kube-state-metrics, whose label `secret` is a name
_SELECTOR = 400  # bytes of one that are looked back over

_KEY_OF_SECRET = pattern(r"[A-Za-z0-9._-]{1,253}(?:[\s,;:)\]\"'`]|\z)")


_ARN = pattern(r"\barn:aws[a-z-]*:secretsmanager:[a-z0-9-]*:\d*:\z")
_ENDS = r"(?:[\s,;)\]}\"'`]|\z)"
_TELLING_NAME = pattern(r"[\"'`]?([a-z]+(?:[-_.][a-z]+)*)" + _ENDS)
_OBJECT = pattern(r"[\"'`]?[a-z-]+/[a-z-]+" + _ENDS)
_FOLDER = pattern(r"[\"'`]?/[a-z0-9._/-]*" + _ENDS)


def _names_something(text: bytes, found: Any) -> bool:
    """Whether what follows is a name, as the key or what stands before it tells.

    The name of a key: `references non-existent secret key: tls.crt`, `passwordKey: admin-password`. Of a Secret: `secret=monitoring/slack`,
    that of an ARN. Of a folder: `PWD=/app`.
    """
    key, at = found.group(1), found.end()
    if text.endswith(b"references non-existent ", 0, found.start()):
        return bool(_KEY_OF_SECRET.match(text, at))
    if key == b"secret":
        arn = text[max(0, found.start() - 80) : found.start()]
        return bool(_OBJECT.match(text, at) or _ARN.search(arn))
    if key in (b"PWD", b"OLDPWD", b"pwd"):
        return bool(_FOLDER.match(text, at))
    name = _TELLING_NAME.match(text, at) if key.lower().endswith(b"key") else None
    return name is not None and kind_of(name.group(1)) in (Key.SECRET, Key.PHRASE)


_PARAMETER = pattern(r"[^\s\"'<>`&#]{6,}")


def _asked_with(text: bytes, found: Any) -> bool:
    """Whether `key` or `code` is a parameter of an address: there it is what opens it, however plain it looks."""
    return text[found.start() - 1 : found.start()] in (b"?", b"&") and found.group(2) == b"=" and bool(_PARAMETER.match(text, found.end()))


_SETS = pattern(r"(?:^|\.)(?:set|with|add|use|Set|With|Add|Use)[_A-Z]")


def announced(whole: Text, at: int, kind: Key, value: Callable[[], Span | None]) -> Span | None:
    """The span of a value, unless it is harmless; what is judged by its looks is looked at before it is scanned."""
    if kind is Key.NAME and whole.plain[at : at + 1] in (b"[", b"{"):  # `imagePullSecrets: [{name: …}]`
        return None
    if kind in (Key.WEAK, Key.NAME, Key.ADDRESS) and harmless(head(_SHORT, whole.plain, at), kind):
        return None
    span = value()
    return None if span is None or harmless(whole.plain[span[0] : span[1]], kind) else span


_ANOTHER_KEY = pattern(r"[\"'`][\w.-]{1,64}[\"'`]\s*(?:=>|[:=])")


_TYPE = pattern(r"\s*string\(\d+\)[ \t]*\z")  # as PHP's `var_dump` says it


def _parted(text: bytes, found: Any, kind: Key) -> bool:
    """Whether what stands behind the key parts it from a value."""
    key, apart = found.groups()
    bare, following = _TYPE.split(apart)[0].rpartition(b"]")[2].strip(b" \t\"'`)*"), text[found.end() : found.end() + 2]
    if bare == b"(":
        sets = kind is Key.SECRET and bool(_SETS.search(key) or key.endswith((b"SecretStr", b"SecretString")))
        return following[:1] in MARKS and (kind is Key.PHRASE or sets)  # setToken("…")
    if bare.endswith(b" value:") or bare.startswith(b";s:"):
        return True
    if bare in (b"==", b"!=", b"~=", b"?="):
        return kind is Key.PHRASE
    if bare in (b"=", b":=", b"=>", b"->", b"+="):
        return following[:1] not in (b"=", b"~")
    if bare == b":":
        return following != b"//" and not (b"/" in key and apart.endswith(b":"))  # a scheme; an image and its tag
    before = text[found.start() - 1 : found.start()] if found.start() else b""
    flag = key.startswith(b"-") and b"/" not in key and before != b"/"
    if b"," in apart:
        of_erlang = before == b"{" and not apart.strip(b", \t<") and following[:1] == b'"'
        return ((flag or before in MARKS) and following[:1] in (*MARKS, b"[") and not _ANOTHER_KEY.match(text, found.end())) or of_erlang
    return flag and following[:1] not in (b"-", b"")


def _value(whole: Text, found: Any, kind: Key) -> Span | None:
    text, key, at = whole.plain, found.start(1), found.end()
    colon = found.group(2).rstrip(b" \t*").endswith(b":")
    everything = any(one in text[key:at].lower() for one in (b"stringdata", b"securejsondata"))
    tag = len(head(_TAG, text, at)) if colon else 0
    sign = text[at + tag : at + tag + 1]
    if colon and sign in (b"\n", b"\r", b"|", b">"):
        begin = line_end(whole, at + tag)
        end = block_end(whole, key, begin, anything=everything)
        return (begin, end) if end > begin else _folded(whole, begin)
    if tag:
        return at, value_end(whole, at + tag)
    if sign == b"(" and b")=" in found.group(2):  # `Key (token)=(…) already exists`
        return at + 1, bracket_end(whole, at) - 1
    if kind is Key.HEADER:
        return _header(whole, key, at, colon=colon)
    if sign == b"{":
        return (at, bracket_end(whole, at)) if everything or b"=" in found.group(2) else None
    if colon and kind is Key.PHRASE and sign not in MARKS and b" value" not in found.group(2) and _begins_line(text, key):
        return at, line_end(whole, at)
    return at, value_end(whole, at)


_TAG = pattern(r"(?:[!&][A-Za-z!][\w!.-]*[ \t]+)+")  # `!!str` and `&anchor` of YAML
_NEXT_LINE = pattern(r"\s*(?:[\"'`]|[^\s\"'`:={}\[\],]*\d[^\s\"'`:={}\[\],]*(?:[\s\"',}\]]|\z))")


def _folded(whole: Text, at: int) -> Span | None:
    """A value that YAML moved to the next line as it folded a long text, so that it is indented no deeper than its key."""
    following = _NEXT_LINE.match(whole.plain, at)
    if not following:
        return None
    begin = at + len(following.group()) - len(following.group().lstrip())
    return begin, value_end(whole, begin)


def _begins_line(text: bytes, at: int) -> bool:
    before = text[max(0, at - 60) : at]
    return (at <= 60 or b"\n" in before) and bool(_STARTS_LINE.search(before))


_SCHEME = pattern(r"[A-Za-z][A-Za-z0-9-]{1,24}[ \t]+")
_PLAIN_WORD = pattern(r"[a-z]{1,20}")
_TOKEN = pattern(r"[^\s\"'`;}\]]+")


def _header(whole: Text, key: int, at: int, *, colon: bool) -> Span | None:
    """The value of `Authorization` or `Cookie`: up to the end of the line, or of what it is quoted in."""
    text = whole.plain
    at += len(text[at : at + 8]) - len(text[at : at + 8].lstrip(b"[ "))
    if text[at : at + 1] in MARKS:
        return at + 1, quoted_end(whole, at)
    scheme, word = _SCHEME.match(text, at), _TOKEN.match(text, at)
    if not colon:
        first = _TOKEN.match(text, scheme.end() if scheme else at)
        return (at, first.end()) if first else None
    if word and not scheme and _PLAIN_WORD.fullmatch(word.group()):
        return None
    return at, header_end(whole, at, key)
