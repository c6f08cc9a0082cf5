"""What each stage must lead to: a module here for each in lab/stages, under the same name, which is found by itself."""

import importlib
import pkgutil

from tests.lab.expectation import Expectation


def _collected(table: str) -> dict[str, Expectation]:
    """The tables of that name of all modules, in the order of the modules."""
    found: dict[str, Expectation] = {}
    for name in sorted(one.name for one in pkgutil.iter_modules(__path__)):
        found |= getattr(importlib.import_module(f"{__name__}.{name}"), table, {})
    return found


STAGES = _collected("STAGES")
BY_HAND = _collected("BY_HAND")  # those that are staged by hand only, for a reason given there
