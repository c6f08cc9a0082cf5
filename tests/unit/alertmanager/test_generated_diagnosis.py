"""What became of the generated Secret, as data: one row for each."""

from typing import Any

import msgspec
import pytest

from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.generated_diagnosis import RELOAD_SECONDS, Case, Diagnosis, diagnose
from clusterprobe.systems.alertmanager.generated_secrets import Side
from clusterprobe.systems.prometheus.selection import Operator
from tests.factories import refused
from tests.unit.alertmanager.generated_world import GENERATED, LISTED, NOW, OTHER, READ, RUNNING, SOURCE, platform, side
from tests.unit.alertmanager.test_routing import FALLBACK

WINDOW = 3600
IDLE = msgspec.structs.replace(RUNNING, ready=False)
UNCLEAR = msgspec.structs.replace(RUNNING, unclear="its arguments are not known")
CHANGED = side(READ, name=SOURCE, written=NOW - RELOAD_SECONDS + 1, meaning=OTHER)
STALE = side(READ, name=SOURCE, written=NOW - RELOAD_SECONDS, meaning=OTHER)


def diagnosed(generated: Side, source: Side | None = None, *operators: Operator, **changes: Any) -> Diagnosis:
    read = platform(generated, source, *operators, **changes)
    ((place, custom),) = read["alertmanagers"]
    statuses = read["alertmanager_statuses"].items
    (facts,) = read["generated_secrets"].items
    objects = (read["alertmanager_configs"], read["namespaces"])
    return diagnose(Case(place, custom, facts, statuses, read["prometheus_operators"], *objects, NOW, WINDOW))


@pytest.mark.parametrize(
    ("generated", "source", "operators", "states"),
    [
        (READ, None, [RUNNING], []),
        (READ, None, [], []),
        (LISTED, None, [], ["content unknown"]),
        (Side(name=GENERATED), None, [RUNNING], ["unknown"]),
        (side(exists=False), None, [RUNNING], ["gone for a moment"]),
        (side(exists=False), None, [], ["gone"]),
        (side(exists=False), None, [IDLE], ["gone"]),
        (side(exists=False), None, [UNCLEAR], ["gone, keeper unknown"]),
        (side(READ, strangers=["kubectl-edit"]), None, [RUNNING], ["edited"]),
        (side(READ, meaning=OTHER), side(READ, name=SOURCE), [RUNNING], ["edited"]),
        (READ, CHANGED, [RUNNING], ["just changed", "not served yet"]),
        (READ, STALE, [RUNNING], ["edited"]),
        (side(READ, meaning=OTHER), STALE, [RUNNING], ["serves another"]),
        (side(READ, meaning=OTHER), CHANGED, [RUNNING], ["not served yet"]),
        (side(created=None), None, [RUNNING], ["age unknown"]),
        (side(created=NOW - WINDOW), None, [RUNNING], ["deleted"]),
        (side(created=NOW - WINDOW - 1), None, [RUNNING], ["deleted long ago"]),
        (side(created=NOW - WINDOW - 1, changes=2), side(name=SOURCE), [RUNNING], ["deleted long ago", "put back"]),
        (side(changes=2), side(name=SOURCE), [RUNNING], ["put back"]),
        (side(changes=None), None, [RUNNING], ["changes uncounted"]),
        (side(changes=None), None, [], ["changes uncounted", "content unknown"]),
    ],
)
def test_each_state_is_told(generated: Side, source: Side | None, operators: list[Operator], states: list[str]) -> None:
    assert list(diagnosed(generated, source, *operators).states) == states


def test_what_the_operator_refuses_is_left_as_it_is() -> None:
    assert diagnosed(side(exists=False), None, RUNNING, reconciled="False").states == ("refused",)


def test_what_needs_it_bounds_its_age() -> None:
    assert diagnosed(LISTED, None, RUNNING, older_since=None).states == ("deletion unknown",)


@pytest.mark.parametrize(
    ("operators", "changes", "keeper"),
    [
        ([RUNNING], {}, "runs"),
        ([RUNNING], {"spec": {"paused": True}}, "paused"),
        ([IDLE, RUNNING], {}, "runs"),
        ([IDLE], {}, "not ready"),
        ([UNCLEAR], {}, "missing"),
        ([], {}, "missing"),
        ([msgspec.structs.replace(RUNNING, controller_id="other")], {}, "missing"),
        ([], {"prometheus_operators": Readings((), (refused("Pod"),))}, "unread"),
    ],
)
def test_who_looks_after_it(operators: list[Operator], changes: dict[str, Any], keeper: str) -> None:
    assert diagnosed(READ, None, *operators, **changes).keeper == keeper


@pytest.mark.parametrize(
    ("generated", "text", "differs", "served"),
    [
        (side(READ, meaning=OTHER), FALLBACK, True, True),
        (side(READ, meaning=OTHER), None, True, False),
        (READ, None, False, False),
        (side(READ, meaning=""), None, False, False),
    ],
)
def test_whether_it_means_something_else_and_just_that_is_served(generated: Side, text: str | None, differs: bool, served: bool) -> None:
    found = diagnosed(generated, side(READ, name=SOURCE), **({"text": text} if text else {}))
    assert (found.differs, found.served) == (differs, served)


def test_what_is_made_of_an_object_does_not_differ_from_its_secret() -> None:
    made = {"alertmanagerConfiguration": {"name": "main"}}
    found = diagnosed(side(READ, meaning=OTHER), side(READ, name=SOURCE), RUNNING, spec=made)
    assert (found.states, found.differs) == ((), False)
