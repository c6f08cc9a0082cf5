"""Pod termination time, and in which phase: the arithmetic, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.pods.termination.history import agent_terminations, slow_agents
from clusterprobe.systems.pods.termination.model import CanaryTiming, Kill, PastTermination, Phase, going, is_outlier, requested_at, split
from clusterprobe.systems.pods.termination.outliers import slow_nodes
from clusterprobe.systems.storage.nfs import Mounts
from clusterprobe.thresholds import Thresholds
from tests.factories import labelled, listing, make, refused

NOON = 1767268800.0  # 2026-01-01T12:00:00Z


def pod(status: dict[str, Any] | None = None, *, node: str = "worker1", **metadata: Any) -> Pod:
    metadata = {"deletionTimestamp": "2026-01-01T12:00:30Z", "deletionGracePeriodSeconds": 30, **metadata}
    return labelled(
        Pod, "app", "api", metadata=metadata, spec={"nodeName": node, "containers": [{"name": "api"}]}, status=status or RUNNING
    )


def ended(at: str) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "api", "state": {"terminated": {"finishedAt": at}}}]}


RUNNING = {"containerStatuses": [{"name": "api", "state": {"running": {}}}]}


def test_a_pod_was_asked_to_go_its_grace_before_its_deletion_timestamp() -> None:
    assert requested_at(pod()) == NOON
    assert requested_at(pod(deletionTimestamp="2026-01-01T12:10:00Z", deletionGracePeriodSeconds=600)) == NOON
    assert requested_at(pod(deletionTimestamp=None)) is None


@pytest.mark.parametrize(
    ("one", "phase"),
    [
        (pod(), Phase.APPLICATION),
        (pod(ended("2026-01-01T12:00:01Z")), Phase.CLEANUP),
        (pod(ended("2026-01-01T12:00:01Z"), finalizers=["acme.io/hold"]), Phase.FINALIZERS),
        (pod(finalizers=["acme.io/hold"]), Phase.APPLICATION),
        (pod({"containerStatuses": [{"name": "api", "state": {"waiting": {"reason": "ContainerCreating"}}}]}), Phase.UNSTARTED),
        (pod(node="worker3"), Phase.NODE),
    ],
)
def test_other_causes_are_told_apart_from_the_two_phases(one: Pod, phase: Phase) -> None:
    state = going(one, {"worker1": True, "worker3": False})
    assert state is not None
    assert state.phase is phase


def test_a_pod_that_stays_is_not_going() -> None:
    assert going(pod(deletionTimestamp=None), {}) is None


def test_the_split_is_the_last_containers_end() -> None:
    assert split(36.0, requested=NOON, finished=NOON + 1, ended_seen=2.3) == 1.0


def test_the_split_never_comes_later_than_we_were_told_that_the_containers_had_ended() -> None:
    assert split(36.0, requested=NOON, finished=NOON + 3, ended_seen=2.3) == 2.3


def test_a_nodes_clock_that_is_wrong_is_not_believed() -> None:
    assert split(36.0, requested=NOON, finished=NOON + 600, ended_seen=2.3) == 2.3
    assert split(36.0, requested=NOON, finished=NOON - 600, ended_seen=2.3) == 2.3


def test_without_word_of_the_containers_end_it_is_all_the_applications() -> None:
    assert split(36.0, requested=NOON, finished=None, ended_seen=None) == 36.0


@given(st.floats(0, 1e4), st.floats(-1e6, 1e6), st.none() | st.floats(0, 1e4))
def test_the_applications_part_is_never_negative_and_never_more_than_the_whole(total: float, shift: float, seen: float | None) -> None:
    assert 0 <= split(total, requested=NOON, finished=NOON + shift, ended_seen=seen) <= total


def test_an_outlier_takes_both_many_times_and_many_seconds_longer() -> None:
    assert is_outlier(13, [3, 3, 3], factor=3, least=10)
    assert not is_outlier(12.9, [3, 3, 3], factor=3, least=10)
    assert not is_outlier(30, [15, 15], factor=3, least=10)
    assert not is_outlier(100, [], factor=3, least=10)


# --- NFS --------------------------------------------------------------------------------------------------------------


def exports(spec: dict[str, Any], claim: str = "data") -> list[str]:
    volume = make(PersistentVolume, metadata={"name": "pv"}, spec=spec)
    bound = labelled(PersistentVolumeClaim, "app", "data", spec={"volumeName": "pv"})
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}, {"name": "t", "emptyDir": {}}]
    one = labelled(Pod, "app", "api", spec={"containers": [{"name": "a"}], "volumes": volumes, "nodeName": "w"})
    return [str(found) for found in Mounts(listing("PVC", [bound]), listing("PV", [volume])).of_pod(one)]


def test_an_export_is_found_by_the_bound_volume_never_by_a_class() -> None:
    assert exports({"nfs": {"server": "nas", "path": "/a"}, "storageClassName": "local-path"}) == ["nas:/a"]
    attributes = {"server": "nas", "share": "/b/", "subdir": "c"}
    assert exports({"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": attributes}}) == ["nas:/b/c"]
    assert exports({"hostPath": {"path": "/nfs"}, "storageClassName": "nfs-client"}) == []
    assert exports({"csi": {"driver": "ebs.csi.aws.com"}}) == []
    assert exports({"nfs": {"server": "nas", "path": "/a"}}, claim="other") == []


def test_the_servers_take_turns_and_finished_pods_mount_nothing() -> None:
    def mounting(path: str, server: str, phase: str = "Running") -> Pod:
        volumes = [{"name": "v", "nfs": {"server": server, "path": path}}]
        return labelled(Pod, "a", path, spec={"containers": [{"name": "a"}], "volumes": volumes, "nodeName": "w"}, status={"phase": phase})

    pods = [mounting("/1", "a"), mounting("/2", "a"), mounting("/1", "b"), mounting("/9", "c", "Succeeded")]
    found = Mounts(Readings(), Readings()).by_node(pods)
    assert [str(one) for one in found["w"]] == ["a:/1", "b:/1", "a:/2"]


# --- canaries ---------------------------------------------------------------------------------------------------------


def canary(cleanup: float, server: str = "", application: float = 0.5) -> CanaryTiming:
    return CanaryTiming(server=server, path="/x" if server else "", application_seconds=application, cleanup_seconds=cleanup)


def test_a_slow_unmount_is_the_nodes_and_the_servers_not_the_peers() -> None:
    timings = {"worker1": [canary(1), canary(1, "nas")], "worker2": [canary(1), canary(35, "nas"), canary(1, "other")]}
    (slow,) = slow_nodes(timings, Thresholds())
    assert (slow.node, slow.server, slow.over_limit) == ("worker2", "nas", True)
    assert slow.peers == {"worker1": 1.5}


def test_a_node_that_is_slow_without_a_volume_is_not_blamed_on_nfs() -> None:
    timings = {"worker1": [canary(1), canary(1, "nas")], "worker2": [canary(35), canary(35, "nas")]}
    assert [(one.node, one.server) for one in slow_nodes(timings, Thresholds())] == [("worker2", "")]


@pytest.mark.parametrize(("cleanup", "found"), [(10.9, 0), (11.1, 1), (29.4, 1)])
def test_below_the_limit_only_an_outlier_counts(cleanup: float, found: int) -> None:
    timings = {"worker1": [canary(1), canary(1, "nas")], "worker2": [canary(1), canary(cleanup, "nas")]}
    slow = list(slow_nodes(timings, Thresholds()))
    assert len(slow) == found
    assert not any(one.over_limit for one in slow)


def test_the_only_node_is_compared_with_itself_without_a_volume() -> None:
    assert [one.server for one in slow_nodes({"worker1": [canary(1), canary(20, "nas")]}, Thresholds())] == ["nas"]
    assert list(slow_nodes({"worker1": [canary(20)]}, Thresholds())) == []


# --- DaemonSets -------------------------------------------------------------------------------------------------------


def agent(node: str, created: str, suffix: str = "bbbbb", grace: int = 30) -> Pod:
    owner = [{"kind": "DaemonSet", "name": "promtail", "uid": "u", "controller": True}]
    metadata = {"creationTimestamp": created, "ownerReferences": owner}
    spec = {"nodeName": node, "containers": [{"name": "promtail"}], "terminationGracePeriodSeconds": grace}
    return labelled(Pod, "logging", f"promtail-{suffix}", metadata=metadata, spec=spec)


def ready(name: str, since: str = "2026-01-01T00:00:00Z") -> Node:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    return make(Node, metadata={"name": name}, status={"conditions": [condition]})


def killed(node: str, at: float = NOON, name: str = "promtail-aaaaa", uid: str = "old") -> Kill:
    return Kill(namespace="logging", pod=name, uid=uid, node=node, at=at)


def replaced(pods: list[Pod], kills: list[Kill], past: list[PastTermination] | None = None, nodes: list[Node] | None = None) -> list[Any]:
    named = Readings(tuple((None, one) for one in kills))
    seen = Readings(((None, past or []),))
    return agent_terminations(listing("Pod", pods), listing("Node", nodes or [ready("worker2")]), named, seen).items  # type: ignore[arg-type]


def test_a_daemon_sets_pod_was_gone_when_its_successor_was_made() -> None:
    (one,) = replaced([agent("worker2", "2026-01-01T12:00:31Z")], [killed("worker2"), killed("worker2", NOON + 1)])
    assert (one.daemon_set, one.node, one.seconds, one.phase) == ("promtail", "worker2", 31.0, "APPLICATION")


def test_one_that_ended_before_its_grace_was_over_tells_no_phase() -> None:
    (one,) = replaced([agent("worker2", "2026-01-01T12:00:12Z")], [killed("worker2")])
    assert (one.seconds, one.phase) == (12.0, "")


@pytest.mark.parametrize(
    "kill",
    [
        killed("worker1"),
        killed("worker2", name="promtail-extra-aaaaa"),
        killed("worker2", name="loki-aaaaa"),
        killed("worker2", NOON - 600),
        killed("worker2", uid="uid-logging-promtail-bbbbb"),
    ],
)
def test_what_was_no_predecessor_or_had_another_grace_is_left_out(kill: Kill) -> None:
    assert replaced([agent("worker2", "2026-01-01T12:00:31Z")], [kill]) == []


def test_a_node_that_was_away_meanwhile_tells_nothing() -> None:
    pods, kills = [agent("worker2", "2026-01-01T12:00:31Z")], [killed("worker2")]
    assert replaced(pods, kills, nodes=[ready("worker2", since="2026-01-01T12:00:20Z")]) == []


def test_scrapes_give_a_lower_bound_without_a_phase() -> None:
    past = PastTermination(
        namespace="logging", pod="promtail-aaaaa", uid="old", node="worker2", owner="DaemonSet/promtail",
        seconds=20.0, overdue_seconds=-5.0, last_seen=NOON,
    )  # fmt: skip
    (one,) = replaced([agent("worker2", "2026-01-01T12:00:31Z")], [], [past])
    assert (one.seconds, one.at_least, one.phase) == (20.0, True, "")


def test_what_could_not_be_read_of_them_stays_unreadable() -> None:
    readings = agent_terminations(Readings(), Readings(), Readings((), (refused("EventList"),)), Readings())
    assert not readings.complete


@pytest.mark.parametrize(("seconds", "grace", "found"), [(31, 30, 1), (16, 30, 1), (15, 30, 0), (11, 10, 0)])
def test_an_agent_sticks_out_only_beyond_what_a_short_grace_allows(seconds: int, grace: int, found: int) -> None:
    pods = [
        agent("worker2", f"2026-01-01T12:00:{seconds}Z", grace=grace),
        agent("worker1", "2026-01-01T12:00:01Z", "ccccc", grace),
        agent("master", "2026-01-01T12:00:01Z", "ddddd", grace),
    ]
    kills = [killed("worker2"), killed("worker1", name="promtail-eeeee", uid="e"), killed("master", name="promtail-fffff", uid="f")]
    terminations = replaced(pods, kills, nodes=[ready(name) for name in ("worker1", "worker2", "master")])
    slow = list(slow_agents(terminations, Thresholds()))
    assert [one.node for one, _ in slow] == ["worker2"] * found
