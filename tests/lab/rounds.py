"""Which incidents are staged together: those of systems that have nothing to do with each other, one of each at a time.

Each still has to be found with its cause beside the others, and nothing else. `LAB_ONE_BY_ONE=1` stages each alone.
"""

from __future__ import annotations

import importlib
import os
from itertools import zip_longest

from tests.lab.expectations import STAGES

# Modules of lab/stages whose stages concern their own system only; what is named together takes turns.
APART = (
    ("argocd",),
    ("ingress_tls", "ingress_routes"),
    ("loki_queries",),
    ("grafana",),
    ("claim_deletion",),
    ("sealed_secrets",),
    ("pipeline",),
    ("crashes",),
)
# Those of them that reach further: into Alertmanager, or into what serves the models.
ALONE = {"alertmanager-sealed-for-other-namespace", "sealed-key-lost", "image-missing", "broken-revision"}


def rounds() -> list[tuple[str, ...]]:
    """Every stage that has an expectation, once."""
    if os.environ.get("LAB_ONE_BY_ONE"):
        return [(name,) for name in STAGES]
    queues = [[name for module in modules for name in _stages(module)] for modules in APART]
    together = [tuple(name for name in names if name) for names in zip_longest(*queues)]
    shared = {name for names in together for name in names}
    return [*together, *((name,) for name in STAGES if name not in shared)]


def _stages(module: str) -> list[str]:
    found = importlib.import_module(f"lab.stages.{module}").STAGES
    return [one.name for one in found if one.name in STAGES and one.name not in ALONE]
