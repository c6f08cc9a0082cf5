"""Which permissions a run needs: just the calls of the sources that its probes read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clusterprobe.sources import Source


def rules(sources: Iterable[Source], route: str, *, secrets: bool = False) -> list[dict[str, list[str]]]:
    """RBAC rules for these sources on a route (`in-cluster` or `proxy`), one for each API group and verb.

    Active sources are left out: what they need is granted apart. `secrets` is for profiles that name Secrets to read.
    """
    calls = {call for one in sources if not one.active for call in one.calls if call.route in ("", route)}
    grouped: dict[tuple[str, str], set[str]] = {}
    for call in calls:
        # Every authenticated user may review itself.
        if call.verb != "create" and (secrets or call.resource != "secrets"):
            grouped.setdefault((call.group, call.verb), set()).add(call.resource)
    return [{"apiGroups": [group], "resources": sorted(names), "verbs": [verb]} for (group, verb), names in sorted(grouped.items())]


def cluster_role(rules: list[dict[str, list[str]]]) -> dict[str, Any]:
    """The rules as an object to apply."""
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "clusterprobe"}, "rules": rules}
