"""Which permissions a run needs: just the calls of the sources that its probes read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clusterprobe.catalogue import Entry
from clusterprobe.sources import Call, Source, all_sources, closure


def rules(sources: Iterable[Source], route: str, *, secrets: bool = False) -> list[dict[str, list[str]]]:
    """RBAC rules for these sources on a route (`in-cluster` or `proxy`), one for each API group and verb.

    Active sources are left out: what they need is granted apart. `secrets` is for profiles that name Secrets to read.
    """
    return rules_of(calls(sources, route, secrets=secrets))


def calls(sources: Iterable[Source], route: str, *, secrets: bool = False) -> set[Call]:
    """The calls that need a permission; every authenticated user may review itself."""
    made = {call for one in sources if not one.active for call in one.calls if call.route in ("", route)}
    return {call for call in made if call.verb != "create" and (secrets or call.resource != "secrets")}


def rules_of(calls: Iterable[Call]) -> list[dict[str, list[str]]]:
    """RBAC rules that allow these calls."""
    grouped: dict[tuple[str, str], set[str]] = {}
    for call in calls:
        grouped.setdefault((call.group, call.verb), set()).add(call.resource)
    return [{"apiGroups": [group], "resources": sorted(names), "verbs": [verb]} for (group, verb), names in sorted(grouped.items())]


def cluster_role(rules: list[dict[str, list[str]]]) -> dict[str, Any]:
    """The rules as an object to apply."""
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "clusterprobe"}, "rules": rules}


def by_probe(entries: Iterable[Entry]) -> dict[str, Any]:
    """What the chart makes its roles of: the permissions of every run, of each probe, and of `--active` in a namespace it finds."""
    known = all_sources()
    probes = {one.id: _permissions(closure([name for name in one.parameters if name in known])) for one in entries}
    writes = [call for one in known.values() if one.active for call in one.calls]
    return {
        "always": _permissions(closure(["identity", "namespaces"])),
        "probes": probes,
        "active": {"namespaced": _rules(writes, _NAMESPACED), "cluster": _rules(writes, {"persistentvolumes"})},
    }


_NAMESPACED = {"pods", "persistentvolumeclaims", "leases"}


def _permissions(sources: Iterable[Source]) -> list[dict[str, str]]:
    return [
        {"group": rule["apiGroups"][0], "resource": resource, "verb": rule["verbs"][0]}
        for rule in rules(sources, "in-cluster")
        for resource in rule["resources"]
    ]


def _rules(calls: Iterable[Call], resources: set[str]) -> list[dict[str, list[str]]]:
    grouped: dict[tuple[str, str], set[str]] = {}
    for call in calls:
        if call.resource in resources:
            grouped.setdefault((call.group, call.resource), set()).add(call.verb)
    return [{"apiGroups": [group], "resources": [name], "verbs": sorted(verbs)} for (group, name), verbs in sorted(grouped.items())]
