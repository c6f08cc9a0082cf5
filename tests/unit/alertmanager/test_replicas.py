from typing import Any

import msgspec
import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.sources import AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from probes.alertmanager.probe_replicas import probe_replicas
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons, server

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
LONG_AGO, JUST_UNDER, TWO_MINUTES_AGO = "2027-01-14T08:00:00Z", "2027-01-15T07:58:01Z", "2027-01-15T07:58:00Z"
CONFIGURATION = parse_configuration("route:\n  receiver: team\nreceivers:\n- name: team\n")
PEERS = ["10.0.0.1:9094", "10.0.0.2:9094", "10.0.0.3:9094"]


def status(peers: list[str] | None, cluster: str = "ready", uptime: str = LONG_AGO) -> AlertmanagerStatus:
    return AlertmanagerStatus(CONFIGURATION, "0.28.0", cluster, uptime, peers)


def readings(*statuses: AlertmanagerStatus) -> dict[str, Any]:
    servers = [server("alertmanager", "monitoring", "main", f"alertmanager-main-{number}") for number in range(len(statuses))]
    told = tuple((subject, one) for (subject, _), one in zip(servers, statuses, strict=True))
    return {
        "alertmanager_statuses": Readings(told, absent="there is none"),
        "alertmanager_servers": Readings(tuple(servers)),
        "clock": CLOCK,
    }


def found(*statuses: AlertmanagerStatus) -> Finding:
    (one,) = judged(probe_replicas, **readings(*statuses)).findings
    return one


@pytest.mark.parametrize("statuses", [[status(PEERS)] * 3, [status([], "disabled")], [status(PEERS[:1])]])
def test_replicas_that_see_each_other_and_one_alone_pass(statuses: list[AlertmanagerStatus]) -> None:
    assert outcome(judged(probe_replicas, **readings(*statuses))) == "pass"


def test_replicas_that_see_only_themselves_are_found() -> None:
    one = found(*[status([peer]) for peer in PEERS])
    assert (one.reason, one.severity, str(one.subject)) == ("ReplicasApart", "error", "Alertmanager monitoring/main")
    assert one.problem.startswith("3 replicas of Alertmanager monitoring/main do not see all of its 3 replicas")
    assert "alertmanager-main-0 sees no other replica" in one.cause
    assert "9094" in one.cause


def test_one_replica_that_sees_not_all_is_found_with_its_name() -> None:
    one = found(status(PEERS), status(PEERS[:2]), status(PEERS))
    assert "1 replica of Alertmanager monitoring/main does not see all of its 3 replicas (alertmanager-main-1)" in one.problem
    assert "sees 1 of the 2 other replicas" in one.cause


def test_replicas_without_clustering_are_found() -> None:
    assert "without clustering" in found(status([], "disabled"), status([], "disabled")).cause


@pytest.mark.parametrize(("uptime", "codes"), [(JUST_UNDER, []), (TWO_MINUTES_AGO, ["ReplicasApart"])])
def test_a_replica_has_two_minutes_to_join(uptime: str, codes: list[str]) -> None:
    assert reasons(judged(probe_replicas, **readings(status(PEERS[:2]), status(PEERS[:1], uptime=uptime)))) == codes


def two_alertmanagers(*peers: list[str]) -> dict[str, Any]:
    """One replica in each of two namespaces, at 10.0.0.1 and 10.0.0.2, with what it sees."""
    servers = [server("alertmanager", place, "main", f"alertmanager-{place}") for place in ("dev", "prod")]
    servers[1] = (servers[1][0], msgspec.structs.replace(servers[1][1], ip="10.0.0.2"))
    told = tuple((subject, status(seen)) for (subject, _), seen in zip(servers, peers, strict=True))
    return {"alertmanager_statuses": Readings(told), "alertmanager_servers": Readings(tuple(servers)), "clock": CLOCK}


def test_two_alertmanagers_that_have_joined_into_one_cluster_are_found_once() -> None:
    (one,) = judged(probe_replicas, **two_alertmanagers(PEERS[:2], PEERS[:2])).findings
    assert (one.reason, one.severity, str(one.subject)) == ("ClustersJoined", "warning", "Alertmanager dev/main")
    assert "Alertmanager dev/main and Alertmanager prod/main have joined into one cluster" in one.problem
    assert "alertmanager-dev has 10.0.0.2:9094 among its peers" in one.cause
    assert "spec.clusterLabel" in one.fix
    assert judged(probe_replicas, **two_alertmanagers(PEERS[:1], PEERS[1:2])).findings == []


def test_a_replica_that_does_not_say_what_it_sees_is_unchecked() -> None:
    assert outcome(judged(probe_replicas, **readings(status(None), status(PEERS)))) == "inconclusive"


def test_where_there_is_no_alertmanager_it_does_not_apply() -> None:
    assert outcome(judged(probe_replicas, **readings())) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_replicas, readings(status(PEERS[:1]), status(PEERS[:1])))
