"""Which incidents are staged together: those of systems that have nothing to do with each other, one of each at a time.

Each still has to be found with its cause beside the others, and nothing else. `LAB_ONE_BY_ONE=1` stages each alone.
"""

from __future__ import annotations

import importlib
import os
from itertools import zip_longest

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


def rounds() -> list[tuple[str, ...]]:
    """Every stage that has an expectation, once."""
    if os.environ.get("LAB_ONE_BY_ONE"):
        return [(name,) for name in STAGES]
    queues = [[stage for name in names for stage in _stages(name)] for names in APART]
    together = [tuple(name for name in names if name) for names in zip_longest(*queues)]
    shared = {name for names in together for name in names}
    return [*together, *((name,) for name in STAGES if name not in shared)]


def _stages(name: str) -> list[str]:
    if name in STAGES:
        return [name]
    found = importlib.import_module(f"lab.stages.{name}").STAGES
    return [one.name for one in found if one.name in STAGES]
