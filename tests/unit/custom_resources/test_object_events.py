"""What the events tell of an object that fails, asked over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.model import Subject
from clusterprobe.systems.custom_resources.object_events import MAX_OBJECTS, NOTHING, Heard, object_warnings
from clusterprobe.systems.custom_resources.objects import CustomKind
from tests.listserver import ListServer, serving
from tests.unit.custom_resources.custom_world import at, condition, external_secrets, raw, readings

EVENTS = "/api/v1/namespaces/shop/events"
UNNAMED = condition(reason="SecretSyncedError", message="could not get secret data from provider", ago=600)
KEY = "error processing spec.data[0] (key: billing/database/password), err: Secret does not exist"


@pytest.fixture
def server() -> Iterator[ListServer]:
    with serving() as one:
        yield one


def event(message: str = KEY, ago: float = 30, kind: str = "Warning") -> dict[str, Any]:
    return {"type": kind, "reason": "UpdateFailed", "message": message, "lastTimestamp": at(ago)}


def heard(server: ListServer, *events: dict[str, Any], of: CustomKind | None = None) -> list[str]:
    server.answers = {EVENTS: {"kind": "EventList", "items": list(events)}}
    found = object_warnings(server.cluster(), readings(of or external_secrets(raw("db", UNNAMED))))
    assert found.complete
    return [one.message for one in found.items]


def test_an_event_names_what_the_condition_does_not(server: ListServer) -> None:
    assert heard(server, event()) == [KEY]


def test_the_newest_warning_is_taken(server: ListServer) -> None:
    told = event("an older one", ago=90), event(), event("all is well", ago=5, kind="Normal")
    assert heard(server, *told) == [KEY]


@pytest.mark.parametrize("one", [event(ago=900), event("could not get secret data from provider"), {**event(), "lastTimestamp": None}])
def test_what_is_of_an_earlier_failure_or_says_no_more_or_has_no_time_is_left_out(server: ListServer, one: dict[str, Any]) -> None:
    assert heard(server, one) == [""]


def test_no_event_is_asked_for_where_nothing_fails(server: ListServer) -> None:
    found = object_warnings(server.cluster(), readings(external_secrets(raw("db", condition(status="True")))))
    assert (found.values, found.absent, server.asked) == ((), NOTHING, [])


def test_of_many_that_fail_the_rest_is_said_to_be_unread(server: ListServer) -> None:
    server.answers = {EVENTS: {"kind": "EventList", "items": [event()]}}
    many = external_secrets(*(raw(f"db-{number:02}", UNNAMED) for number in range(MAX_OBJECTS + 2)))
    found = object_warnings(server.cluster(), readings(many))
    assert len(found.values) == MAX_OBJECTS
    assert [one.reason for one in found.unreadable] == [f"only the events of the first {MAX_OBJECTS} objects that fail are read"] * 2


def test_each_is_told_of_its_own_object(server: ListServer) -> None:
    server.answers = {EVENTS: {"kind": "EventList", "items": [event()]}}
    ((subject, one),) = object_warnings(server.cluster(), readings(external_secrets(raw("db", UNNAMED)))).values
    assert subject == Subject(api_version="external-secrets.io/v1", kind="ExternalSecret", namespace="shop", name="db")
    assert one == Heard(KEY)
