"""The hosts in a rule of Traefik's: what `Host(`a`)` and its kin name."""

from __future__ import annotations

from clusterprobe.patterns import ours

_QUOTED = r'`[^`]*`|"[^"]*"'
# A matcher with its texts, which are read whole: a header's value may look like a matcher.
_MATCHER = ours(rf"(!?)\s*([A-Za-z]+)\s*\(((?:[\s,]*(?:{_QUOTED}))*)[\s,]*\)")
_TEXT = ours(_QUOTED)
_NOT_THESE = ours(r"!\s*\(")
_NAME = ours(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_NAMING, _REGEXP = ("host", "hostheader", "hostsni"), ("hostregexp", "hostsniregexp")


def hosts_in(match: str) -> list[str]:
    """The hosts that a rule is for, each once; none where it may be for others, too, or where that cannot be told."""
    if _NOT_THESE.search(match):
        return []
    matchers = [(one[1], one[2].lower(), one[3]) for one in _MATCHER.finditer(match)]
    if any(name in _REGEXP for _, name, _ in matchers):
        return []
    texts = [each[0][1:-1] for negated, name, given in matchers if name in _NAMING and not negated for each in _TEXT.finditer(given)]
    return list(dict.fromkeys(texts)) if all(_NAME.fullmatch(one) for one in texts) else []
