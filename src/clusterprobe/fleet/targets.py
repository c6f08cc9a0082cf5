"""A cluster of a fleet's inventory, and the text in which it is written."""

from __future__ import annotations

import hashlib
import json
import string
from dataclasses import dataclass, field
from typing import Any

from clusterprobe.errors import UsageError

LONGEST = 40  # characters of a name that become part of an object's
_NAME = frozenset(string.ascii_lowercase + string.digits + "-")


@dataclass(frozen=True)
class Target:
    """A cluster. Its credentials are `kubeconfig`, or they are in a Secret of the Job's namespace already: `secret` and `key`.

    `uid` is that of its namespace kube-system, where it is known; `notes` are what whoever makes a Job of it should know.
    """

    name: str
    kubeconfig: dict[str, Any] = field(default_factory=dict)
    secret: str = ""
    key: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    uid: str = ""
    notes: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Its name as a part of objects' names: as it is where that can be, else with a digest, so that no two have the same."""
        plain = "".join(one if one in _NAME else "-" for one in self.name.lower())[:LONGEST].strip("-")
        if plain == self.name:
            return plain
        return f"{plain}-{hashlib.sha256(self.name.encode(errors='surrogatepass')).hexdigest()[:8]}".lstrip("-")


def tree_of(text: str, source: str) -> dict[str, Any]:
    """Fields of JSON or YAML. Raises `UsageError` for anything else."""
    import yaml

    try:
        tree = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError):
        raise UsageError(f"{source}: neither JSON nor YAML") from None
    if not isinstance(tree, dict):
        raise UsageError(f"{source}: expected a kubeconfig, or objects as `kubectl get -o json` prints them")
    return tree
