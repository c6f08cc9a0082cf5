"""What is made in a place of our own, and how it goes again."""

from __future__ import annotations

from typing import Any

import pytest

from clusterprobe import errors
from clusterprobe.access import active
from clusterprobe.access.active import CLAIMS, PODS, VOLUMES
from tests.active_factories import (
    CLAIM,
    HERE,
    PLACE,
    POD,
    VOLUME,
    Asked,
    cluster_at,
    deleted,
    fill,
    listening,
    made,
    on,
    tried,
    workspace,
)
from tests.apiserver import ApiServer

pytestmark = pytest.mark.usefixtures("clock")

# --- what is made ----------------------------------------------------------------------------------------------------


def test_what_is_made_bears_our_labels_and_is_tried_to_delete_once_for_each_kind(server: ApiServer, asked: Asked) -> None:
    with workspace(server) as place:
        stored = place.create(PODS, "a", {"spec": {"volumes": []}})
        place.create(PODS, "b", {"spec": {}})
        place.create(VOLUMES, "a", {"spec": {"capacity": {"storage": "1Gi"}}})
        pod, volume = server.state.objects[POD], server.state.objects[VOLUME]
        assert (pod["apiVersion"], pod["kind"], pod["spec"]) == ("v1", "Pod", {"volumes": []})
        assert (pod["metadata"]["name"], pod["metadata"]["namespace"], pod["metadata"]["labels"]) == ("a", HERE, place.labels)
        assert (stored.metadata.name, stored.metadata.uid) == ("a", pod["metadata"]["uid"])
        assert (volume["kind"], volume["metadata"]["labels"], volume["spec"]) == (
            "PersistentVolume",
            place.labels,
            {"capacity": {"storage": "1Gi"}},
        )
        assert "namespace" not in volume["metadata"]
        assert tried(asked)[1:] == [f"{PLACE}/pods/clusterprobe-{place.run}", f"/api/v1/persistentvolumes/clusterprobe-{place.run}"]


def test_no_object_is_made_that_could_not_be_deleted(server: ApiServer) -> None:
    asked = listening(server, lambda method, path, _: method == "DELETE" and "/pods/" in path)
    with workspace(server) as place:
        for _ in range(2):
            with pytest.raises(errors.Forbidden):
                place.create(PODS, "a", {"spec": {}})
    assert made(asked) == ["namespaces", "leases"]


def test_an_interrupted_run_makes_nothing_more(server: ApiServer, asked: Asked) -> None:
    cluster = cluster_at(server)
    with workspace(server, cluster=cluster) as place:
        cluster.stop.set()
        with pytest.raises(errors.TimedOut, match=r"^the run was interrupted$"):
            place.create(PODS, "a", {"spec": {}})
    assert (made(asked), deleted(asked)) == (["namespaces", "leases"], [PLACE])


def test_what_bears_the_name_already_is_said(server: ApiServer) -> None:
    with workspace(server) as place:
        place.create(PODS, "a", {"spec": {}})
        with pytest.raises(errors.BadResponse, match=r"^create pods: a is there already$"):
            place.create(PODS, "a", {"spec": {}})


def test_an_object_whose_making_had_no_answer_is_taken_away(server: ApiServer) -> None:
    def refuse(method: str, path: str, _: dict[str, Any]) -> tuple[int, str] | None:
        if method != "POST" or not path.endswith("/pods"):
            return None
        server.put(POD)
        return 400, "heard nevertheless"

    server.put(PLACE)
    server.state.refuse = refuse
    with workspace(server) as place, pytest.raises(errors.Unreadable, match="heard nevertheless"):
        place.create(PODS, "a", {"spec": {}})
    assert list(server.state.objects) == [PLACE]


NO_ACCOUNT = 'pods "a" is forbidden: error looking up service account clusterprobe-active/default: serviceaccount "default" not found'


def refusing_pods(server: ApiServer, message: str, times: int) -> list[str]:
    heard: list[str] = []

    def refuse(method: str, path: str, _: dict[str, Any]) -> tuple[int, str] | None:
        if method != "POST" or not path.endswith("/pods"):
            return None
        heard.append(path)
        return (403, message) if len(heard) <= times else None

    server.state.refuse = refuse
    return heard


def test_a_pod_waits_for_the_service_account_of_a_new_namespace(server: ApiServer) -> None:
    heard = refusing_pods(server, NO_ACCOUNT, times=2)
    with workspace(server) as place:
        assert place.create(PODS, "a", {"spec": {}}).metadata.name == "a"
    assert len(heard) == 3


def test_a_service_account_that_never_comes_is_said(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "SETTLE_SECONDS", 0.5)
    heard = refusing_pods(server, NO_ACCOUNT, times=10**6)
    with workspace(server) as place, pytest.raises(errors.Forbidden, match="error looking up service account"):
        place.create(PODS, "a", {"spec": {}})
    assert heard


def test_an_interrupted_run_waits_for_no_service_account(server: ApiServer) -> None:
    cluster = cluster_at(server)
    heard = refusing_pods(server, NO_ACCOUNT, times=10**6)
    with workspace(server, cluster=cluster) as place, pytest.raises(errors.Forbidden):
        on(server, "POST", f"{PLACE}/pods", cluster.stop.set, times=2)
        place.create(PODS, "a", {"spec": {}})
    assert len(heard) == 2


def test_any_other_refusal_is_final(server: ApiServer) -> None:
    heard = refusing_pods(server, 'pods "a" is forbidden: exceeded quota', times=1)
    with workspace(server) as place, pytest.raises(errors.Forbidden, match="exceeded quota"):
        place.create(PODS, "a", {"spec": {}})
    assert len(heard) == 1


# --- what is made goes again -------------------------------------------------------------------------------------------


def test_a_watch_tells_of_an_object_until_it_is_enough_or_the_run_is_interrupted(server: ApiServer) -> None:
    cluster = cluster_at(server)
    with workspace(server, cluster=cluster) as place:
        stored = place.create(PODS, "a", {"spec": {}})
        events = place.watch(PODS, stored, lambda: False)
        assert next(events).type == "MODIFIED"  # it runs
        place.delete(PODS, stored)
        assert [one.type for one in (next(events), next(events), next(events))] == ["MODIFIED", "MODIFIED", "DELETED"]
        events.close()
        with pytest.raises(errors.TimedOut):
            list(place.watch(PODS, stored, lambda: True))
        cluster.stop.set()
        with pytest.raises(errors.TimedOut):
            list(place.watch(PODS, stored, lambda: False))


def test_an_object_of_another_uid_is_not_deleted_for_the_one_that_was_made(server: ApiServer, asked: Asked) -> None:
    with workspace(server) as place:
        stored = place.create(PODS, "a", {"spec": {}})
        server.state.objects[POD]["metadata"]["uid"] = "another"
        place.delete(PODS, stored)
        assert not server.state.objects[POD]["metadata"].get("deletionTimestamp")
        assert asked[-1][2]["preconditions"] == {"uid": stored.metadata.uid}
        volume = place.create(VOLUMES, "a", {"spec": {}})
        place.delete(VOLUMES, volume)
        assert VOLUME not in server.state.objects


def test_what_is_removed_early_is_gone_and_a_refusal_is_left_to_the_end(server: ApiServer) -> None:
    refused = True
    asked = listening(server, lambda method, path, body: refused and (method, path) == ("DELETE", POD))
    with workspace(server) as place:
        fill(place)
        place.remove(PODS, "a")
        assert not place.is_gone(PODS, "a", 0.05)
        refused = False
        place.remove(PODS, "a")
        assert place.is_gone(PODS, "a", 20)
        place.remove(CLAIMS, "a")
        assert not place.is_gone(VOLUMES, "a", 0.05)
        place.remove(VOLUMES, "a")
        assert (place.is_gone(CLAIMS, "a", 20), place.is_gone(VOLUMES, "a", 20)) == (True, True)
        assert not [path for path in server.state.objects if path.endswith("/a")]
    assert deleted(asked).count(POD) == 3  # the note that it is gone was not made, so the end asks again


def test_what_is_noted_as_gone_is_not_asked_for_again_and_all_else_is(server: ApiServer, asked: Asked) -> None:
    with workspace(server) as place:
        fill(place)
        place.create(PODS, "b", {"spec": {}})
        server.state.remove(POD, grace=0)
        place.went(PODS, "a")
    assert deleted(asked) == [f"{PLACE}/pods/b", CLAIM, VOLUME, PLACE]
