"""What a message of the kubelet misses: a Secret, a ConfigMap, or a key in one."""

from __future__ import annotations

from clusterprobe.model import Struct
from clusterprobe.patterns import ours

_NOT_FOUND = ours(r'\bsecrets? "([^"]+)" not found')
_MISSING = ours(r'(?i)\b(secret|configmap)s? "([^"\s]+)" not found')
_ELSEWHERE = ours(r"(?i)find the secret (\S+) in the namespace (\S+)")  # of a volume's driver, which names its Secrets itself
_KEY = ours(r"couldn't find key (\S+) in (Secret|ConfigMap) [^/\s]+/(\S+)")


class Missing(Struct, frozen=True):
    """What a message of the kubelet misses: a Secret or a ConfigMap, or a key in one; `kind` as kubectl takes it.

    `namespace` is set where that is not the pod's.
    """

    kind: str
    name: str
    key: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace else ""
        what = f"the {'Secret' if self.kind == 'secret' else 'ConfigMap'} {self.name}{place}"
        return f"the key {self.key} in {what}" if self.key else what


def missing_in(message: str) -> Missing | None:
    """What a message of the kubelet misses; None for any other message."""
    return next(iter(all_missing(message)), None)


def all_missing(message: str) -> list[Missing]:
    """All that it misses: a projected volume may lack several."""
    if found := _KEY.search(message):
        return [Missing(kind=found[2].lower(), name=found[3], key=found[1])]
    if found := _ELSEWHERE.search(message):
        return [Missing(kind="secret", name=found[1], namespace=found[2])]
    return [Missing(kind=kind.lower(), name=name) for kind, name in dict.fromkeys(_MISSING.findall(message))]


def missing_secret(message: str) -> str:
    """The Secret that a message of the kubelet misses; empty for any other message."""
    found = _NOT_FOUND.search(message)
    return found[1] if found else ""
