"""Which incidents are staged together: those of systems that have nothing to do with each other, one of each at a time.

Each still has to be found with its cause beside the others, and nothing else. `LAB_ONE_BY_ONE=1` stages each alone.
CI runs those rounds that hold the first incidents, and one of every area; `python -m lab verify` runs all of them.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Mapping
from itertools import zip_longest

from lab.verify import FAILED
from tests.lab.expectations import STAGES

# Modules of lab/stages, or single stages, that concern their own system only; what is named together takes turns.
APART = (
    ("alertmanager_config", "generated_secrets", "deliveries", "alerting"),
    ("serving", "volume_permissions", "image-missing", "broken-revision"),
    ("loki_queries", "positions-shared", "positions-apart", "loki_ruler"),
    ("ingress_tls", "ingress_routes"),
    ("argocd",),
    ("grafana",),
    ("claim_deletion",),
    ("sealed-for-other-namespace", "secret-in-the-way", "sealed-wider-scopes", "sealed-adopted", "sealed-just-created"),
    ("pipeline",),
    ("tmp-curl", "tmp-curl-wrong-port", "out-of-memory"),
)

# What the project was begun for: always a part of CI, so that they come first.
FIRST = (
    "shared-release",
    "alertmanager-missing-secret",
    "generated-secret-put-back",
    "loki-instant-query",
    "loki-wide-query",
    "positions-shared",
    "nfs-unmount-hang",
    "tmp-curl",
    "volume-permission-denied",
    "tsdb-on-nfs",
    "sealed-for-other-namespace",
    "claims-delete-data",
)


# `python -m lab verify` runs them, and CI does not: dropped samples and the small disk take ten minutes each, what a silent node takes along
# depends on what runs there this time, what may still settle is a finding after five minutes, and those of a controller's own build it first.
_OF_CONTROLLERS = (
    "certificate-without-issuer",
    "external-secret-without-key",
    "kustomization-without-path",
    "git-repository-without-branch",
)
_SETTLING = ("team-routes-refused", "prometheus-without-room", "rules-of-none", "alert-without-series")
BEYOND_CI = ("samples-dropped", "prometheus-disk-full", "node-not-ready", *_SETTLING, *_OF_CONTROLLERS)


def rounds() -> list[tuple[str, ...]]:
    """Every stage that has an expectation, once."""
    if os.environ.get("LAB_ONE_BY_ONE"):
        return [(name,) for name in STAGES]
    queues = [sorted((stage for name in names for stage in _stages(name)), key=lambda stage: stage not in FIRST) for names in APART]
    together = [tuple(name for name in names if name) for names in zip_longest(*queues)]
    shared = {name for names in together for name in names}
    return [*together, *((name,) for name in STAGES if name not in shared)]


def rounds_of_ci() -> list[tuple[str, ...]]:
    """Those with a first incident, and those that are the first to show an area."""
    chosen, shown = [], set[str]()
    for names in sorted((one for one in rounds() if not set(one) & set(BEYOND_CI)), key=lambda names: not set(names) & set(FIRST)):
        areas = {probe.partition("/")[0] for name in names for probe, _ in STAGES[name].wanted}
        if set(names) & set(FIRST) or areas - shown:
            chosen.append(names)
            shown |= areas
    return chosen


def rounds_of_fixes(repaired: Mapping[str, str], alone: Collection[str]) -> list[tuple[str, ...]]:
    """Those whose findings are still to be repaired as they say; alone are also those that failed before, maybe for another's sake."""
    left = {name for name, expected in STAGES.items() if expected.wanted and repaired.get(name, FAILED).startswith(FAILED)}
    single = {name for name in left if name in alone or name in repaired}
    together = [tuple(name for name in names if name in left - single) for names in rounds()]
    return [*filter(None, together), *((name,) for name in STAGES if name in single)]


def _stages(name: str) -> list[str]:
    if name in STAGES:
        return [name]
    found = importlib.import_module(f"lab.stages.{name}").STAGES
    return [one.name for one in found if one.name in STAGES]
