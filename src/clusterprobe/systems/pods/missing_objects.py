"""What a message of the kubelet misses: a Secret, a ConfigMap, or a key in one."""

from __future__ import annotations

from clusterprobe.model import Struct
from clusterprobe.patterns import ours

_NOT_FOUND = ours(r'\bsecrets? "([^"]+)" not found')
_MISSING = ours(r'(?i)\b(secret|configmap)s? "([^"\s]+)" not found')
_KEY = ours(r"couldn't find key (\S+) in (Secret|ConfigMap) [^/\s]+/(\S+)")


class Missing(Struct, frozen=True):
    """What a message of the kubelet misses: a Secret or a ConfigMap, or a key in one; `kind` as kubectl takes it."""

    kind: str
    name: str
    key: str = ""

    def __str__(self) -> str:
        what = f"the {'Secret' if self.kind == 'secret' else 'ConfigMap'} {self.name}"
        return f"the key {self.key} in {what}" if self.key else what


def missing_in(message: str) -> Missing | None:
    """What a message of the kubelet misses; None for any other message."""
    if found := _KEY.search(message):
        return Missing(kind=found[2].lower(), name=found[3], key=found[1])
    found = _MISSING.search(message)
    return Missing(kind=found[1].lower(), name=found[2]) if found else None


def missing_secret(message: str) -> str:
    """The Secret that a message of the kubelet misses; empty for any other message."""
    found = _NOT_FOUND.search(message)
    return found[1] if found else ""
