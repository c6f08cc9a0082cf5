"""Takes secrets out of text before it is written anywhere.

Structure comes first: sources keep only the fields that they need, and Secrets' values never. These patterns are the
second line, for what people write into messages, arguments, annotations and log lines.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

MASK = "[redacted]"

_KEY = (
    r"(?:[\w.-]*?(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|"
    r"client[_-]?secret|credential|auth[_-]?key|signing[_-]?key|encryption[_-]?key|connection[_-]?string|dsn|"
    r"x-scope-secret|cookie|session[_-]?id)[\w.-]*)"
)
# Keys whose value is the *name* of a Secret, a file or a field; `configSecret` is in half of what we print.
_NAMES_ONLY = re.compile(
    r"(?i)(?:config_?(?:from)?_?secrets?|configFromSecret|secret_?(?:name|ref|key_?ref|store|namespace)s?|[\w.-]*secret_?name|"
    r"sealed[_-]?secrets?(?:-controller)?|image_?pull_?secrets?|[\w.-]*_(?:file|path|env)|[\w.-]*(?:token|password|secret|credentials|key)_?(?:file|path|env)|"
    r"(?:alertmanager\.)?(?:alertmanagerSpec\.)?configSecret)$"
)

_SHAPES = [
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"),  # JSON Web Token
    re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]+"),  # base64 of a PEM block
    re.compile(r"(?:https?(?:://|%3[aA]%2[fF]%2[fF]))?hooks\.slack(?:-gov)?\.com(?:/|%2[fF])[^\s\"'<>]+"),
    re.compile(r"https://[\w.-]*(?:webhook\.office\.com|discord(?:app)?\.com/api/webhooks|chat\.googleapis\.com)[^\s\"'<>]+"),
    re.compile(r"xox[abcdeoprs]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}"),  # Slack tokens
    re.compile(r"(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"),
    re.compile(r"glpat-[A-Za-z0-9_-]{16,}|glptt-[A-Za-z0-9]{16,}"),
    re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Z0-9])"),
    re.compile(r"AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}"),
    re.compile(r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}"),
    re.compile(r"glsa_[A-Za-z0-9]{20,}_[a-f0-9]{8}|glc_[A-Za-z0-9+/=]{20,}"),  # Grafana
    re.compile(r"hv[sbr]\.[A-Za-z0-9_-]{20,}|(?<!\w)s\.[A-Za-z0-9]{24}(?!\w)"),  # Vault
    re.compile(r"npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|hf_[A-Za-z0-9]{20,}|dckr_pat_[A-Za-z0-9_-]{20,}"),
    re.compile(r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|dop_v1_[a-f0-9]{32,}|PMAK-[a-f0-9-]{24,}"),
]

_PAIRS = [
    (re.compile(r"(?i)\b((?:proxy-)?authorization\W{1,6}(?:bearer|basic|token|digest)?\s*)([^\s\"',;}]{4,})"), 2),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{8,})"), 2),
    (re.compile(r"(?i)([a-z][a-z0-9+.-]*(?:://|%3a%2f%2f)[^\s/:@\"'%]*(?::|%3a))([^\s/@\"']{1,256}?)(?=@|%40)"), 2),
    (re.compile(rf"(?i)(\\?[\"']?\b{_KEY}\\?[\"']?\s*(?::|=|%3[dD])\s*)(\\?\"(?:[^\"\\]|\\[^\"])*\\?\"|'[^']*'|[^\s,;&\"'`}}]+)"), 2),
    # One dash inside a name, as in `slack-secret is missing`, begins no flag; after an escaped line end it does.
    (re.compile(rf"(?i)((?:--|(?<![\w./])-|(?<=\\[nrt])-){_KEY}\s+)([^\s-](?:(?!\\[nrt])\S)*)"), 2),
]
# `… from secret: missing name in receiver`: what follows is what is wrong, not what the secret is.
_COMPLAINTS = "missing|undefined|unknown|unsupported|unexpected|invalid|failed|cannot|could|not|no|yaml:?"
_HARMLESS = re.compile(
    rf"(?i)^\\?[\"']?(?:|null|none|true|false|<secret>|\[redacted\].*|\d{{1,3}}|{_COMPLAINTS}|[^\"']*/[\w./-]+)\\?[\"']?$"
)


def redact(text: str) -> str:
    """The text with what looks like a secret replaced by `[redacted]`."""
    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    for pattern, _ in _PAIRS:
        text = pattern.sub(_mask_value, text)
    return text


def _mask_value(match: re.Match[str]) -> str:
    key, value = match.group(1), match.group(2)
    if _HARMLESS.match(value) or _NAMES_ONLY.search(key.rstrip(" :=\"'\\")):
        return match.group(0)
    return key + MASK


def redact_tree(value: Any) -> Any:
    """Plain data (dicts, lists, strings) with every string redacted, and values under telling keys masked."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _under(key, one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [redact_tree(one) for one in value]
    return value


_TELLING = re.compile(rf"(?i)^{_KEY}$")


def _under(key: Any, value: Any) -> Any:
    name = str(key)
    telling = _TELLING.match(name) and not _NAMES_ONLY.search(name)
    if isinstance(value, str) and value and telling and not _HARMLESS.match(value):
        return MASK
    return redact_tree(value)


def redacted(value: Any) -> Any:
    """Any struct or container of structs as redacted plain data, ready to be encoded."""
    return redact_tree(msgspec.to_builtins(value))
