"""The ClusterRole that a run needs: what its probes read, and what its profile lets it write."""

from __future__ import annotations

import yaml

from clusterprobe import openreports
from clusterprobe.catalogue import chosen
from clusterprobe.errors import UsageError
from clusterprobe.own_probes import entries
from clusterprobe.permissions import cluster_role, rules
from clusterprobe.profile import load_profile
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.sources import all_sources, closure


def needed_role(request: Request, route: str) -> str:
    """The role as YAML, of the selected probes. Raises `UsageError` for a route that there is not."""
    if route not in ("in-cluster", "proxy"):
        raise UsageError(f"--route {route}: expected in-cluster or proxy")
    found = chosen(entries(request), request.select, request.skip)
    names = sorted({name for one in found for name in one.parameters if name in all_sources()})
    writes = openreports.rules(load_profile(request.profile, shipped("profiles")).reports)
    role = cluster_role([*rules(closure(["identity", "namespaces", *names]), route), *writes])
    return yaml.safe_dump(role, sort_keys=False)
