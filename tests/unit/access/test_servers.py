"""Two entries of the profile with one URL are two: each with its own tenant and credentials."""

import json
import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.servers import Server, has_credentials, read_each, servers_of, tenants_of
from clusterprobe.access.session import Origin
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.kubernetes.looking import asked_again
from clusterprobe.systems.loki.servers import loki_servers
from clusterprobe.systems.loki.sources import range_query_command
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer

TENANTS = [{"tenant": "team-a"}, {"tenant": "team-b"}]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(Recording(time.time(), {"GET /ready": Exchange(200, "text/plain", b"ready")})) as running:
        yield running


def profile_of(url: str, *entries: dict[str, object]) -> Profile:
    return Profile.model_validate({"endpoints": [{"system": "loki", "url": url, **one} for one in entries]})


def asked(server: FaultServer, profile: Profile) -> list[dict[str, str]]:
    """The heads of what is asked of every server that the profile names."""
    cluster = Cluster(Connection(Origin(server.url), "test", "me", "default", "proxy"), Deadline.after(10))
    found = loki_servers(Readings(), profile)
    assert len(read_each(cluster, profile, found, lambda endpoint, _: endpoint.get("/ready"))) == len(profile.endpoints)
    return [one.headers for one in server.seen]


def test_each_tenant_is_asked_as_itself(server: FaultServer):
    heads = asked(server, profile_of(server.url, *TENANTS))
    assert sorted(one["x-scope-orgid"] for one in heads) == ["team-a", "team-b"]


def test_each_credential_goes_with_its_own_entry(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONE", "1")
    monkeypatch.setenv("TWO", "2")
    heads = asked(server, profile_of(server.url, {"bearer_token_env": "ONE"}, {"bearer_token_env": "TWO"}, {}))
    assert sorted(one.get("authorization", "") for one in heads) == ["", "Bearer 1", "Bearer 2"]


def test_entries_that_share_everything_else_have_names_of_their_own(server: FaultServer):
    profile = profile_of(server.url, *({"namespace": "logging", **one} for one in [*TENANTS, {}, {}]))
    assert [one.name for one in servers_of(profile, "loki")] == ["logging (team-a)", "logging (team-b)", "logging", "logging (2)"]
    assert len({subject for subject, _ in loki_servers(Readings(), profile)}) == 4


def test_a_server_that_asks_for_credentials_says_how_to_give_them():
    exchange = Exchange(401, "text/html", b"<h1>401 Authorization Required</h1>")
    with FaultServer(Recording(time.time(), {"GET /ready": exchange})) as running:
        profile = profile_of(running.url, {"namespace": "logging"})
        cluster = Cluster(Connection(Origin(running.url), "test", "me", "default", "proxy"), Deadline.after(10))
        read = read_each(cluster, profile, loki_servers(Readings(), profile), lambda endpoint, _: endpoint.get("/ready"))
    assert read.unreadable[0].reason.endswith(
        "it asks for credentials: name its url under `endpoints:` in the profile (system: loki, namespace: logging), "
        "with basic or bearer_token_env"
    )


NO_TENANT = Exchange(401, "text/plain", b"no org id")
PROXIED = "GET /api/v1/namespaces/logs/services/loki-read:3100/proxy/ready"
FOUND = Server(system="loki", namespace="logs", name="loki", service="loki-read", port=3100)


def read_as(server: Server) -> tuple[Readings[object], list[dict[str, str]]]:
    """What is read of a server that wants to know for which tenant, with the heads of what it was asked."""
    exchanges = {"GET /ready": NO_TENANT, PROXIED: NO_TENANT}
    with FaultServer(Recording(time.time(), exchanges)) as running:
        cluster = Cluster(Connection(Origin(running.url), "test", "me", "default", "proxy"), Deadline.after(10))
        profile = profile_of(running.url, {"namespace": "logs"}) if server.url else Profile()
        one = replace(server, url=running.url) if server.url else server
        readings = single(Subject(kind="Loki", namespace="logs", name="loki"), one)
        return read_each(cluster, profile, readings, lambda endpoint, _: endpoint.get("/ready")), [one.headers for one in running.seen]


@pytest.mark.parametrize(
    ("server", "way"),
    [(FOUND, "each `tenant`"), (Server(system="loki", namespace="logs", name="loki", url="x"), "`tenant` beside its url")],
)
def test_one_that_serves_several_tenants_says_how_to_name_them_and_asks_for_no_credentials(server: Server, way: str):
    found, _ = read_as(server)
    assert found.unreadable[0].reason.endswith(
        f"it serves several tenants: name {way} in an entry under `endpoints:` in the profile (system: loki, namespace: logs)"
    )
    assert "credentials" not in found.unreadable[0].reason


TRIED = "error trying to reach service: "


@pytest.mark.parametrize(
    ("said", "settled"),
    [
        ("dial tcp 10.0.0.9:3100: i/o timeout", True),
        ("read tcp 10.0.0.1:4012->10.0.0.9:3100: read: connection reset by peer", True),
        ("EOF", True),
        ("dial tcp 10.0.0.9:3100: connect: connection refused", False),
    ],
)
def test_where_the_api_server_is_kept_out_it_is_said_how_to_get_there(said: str, settled: bool):
    refused = Exchange(503, "application/json", json.dumps({"kind": "Status", "message": f"{TRIED}{said}"}).encode())
    with FaultServer(Recording(time.time(), {PROXIED: refused})) as running:
        cluster = Cluster(Connection(Origin(running.url), "test", "me", "default", "proxy"), Deadline.after(10))
        readings = single(Subject(kind="Loki", namespace="logs", name="loki"), FOUND)
        (one,) = read_each(cluster, Profile(), readings, lambda endpoint, _: endpoint.get("/ready")).unreadable
    assert said in one.reason
    assert ("a NetworkPolicy, a firewall, or a mesh" in one.reason) is settled
    assert one.reason.endswith("under `endpoints:` in the profile (system: loki, namespace: logs)") is settled


def test_one_that_was_found_is_asked_as_its_tenant():
    _, heads = read_as(replace(FOUND, tenant="team-a"))
    assert [one["x-scope-orgid"] for one in heads] == ["team-a"]


def test_an_entry_without_a_url_leads_to_nothing_by_itself():
    profile = Profile.model_validate({"endpoints": [{"system": "loki", "namespace": "logs", "tenant": "a"}]})
    other = Server(system="airflow", namespace="airflow", name="airflow", pod="airflow-0", port=8080)
    assert [one.explicit(profile) for one in (FOUND, other)] == [None, None]


def test_the_tenants_of_one_that_was_found_are_those_that_the_profile_names_for_its_namespace():
    entries = [{"tenant": "a", "namespace": "logs"}, {"tenant": "b", "namespace": "logs", "name": "loki"}]
    others = [{"tenant": "c", "namespace": "elsewhere"}, {"tenant": "d", "namespace": "logs", "name": "other"}]
    profile = Profile.model_validate({"endpoints": [{"system": "loki", **one} for one in (*entries, *others)]})
    assert tenants_of(profile, FOUND) == ["a", "b"]
    assert servers_of(profile, "loki") == []
    assert range_query_command(replace(FOUND, tenant="a"), profile, "{}", 0, 1) is None, "kubectl sends no header"


def test_a_single_tenant_keeps_the_plain_name():
    assert [one.name for one in servers_of(profile_of("http://loki.example", {"namespace": "logging", "tenant": "a"}), "loki")] == [
        "logging"
    ]


def test_whether_there_are_credentials_is_told_of_the_entry_itself():
    profile = profile_of("http://loki.example", {}, {"bearer_token_env": "ONE"})
    assert [has_credentials(one, profile) for one in servers_of(profile, "loki")] == [False, True]


def test_a_command_to_copy_names_the_entrys_own_tenant():
    profile = profile_of("http://loki.example", *TENANTS)
    first, second = (range_query_command(one, profile, "{}", 0, 1) for one in servers_of(profile, "loki"))
    assert "X-Scope-OrgID: team-a" in str(first)
    assert "X-Scope-OrgID: team-b" in str(second)


@pytest.mark.parametrize("prefix", ["/../../../secrets", "@elsewhere", "/%2e%2e/x"])
def test_no_command_to_copy_leads_elsewhere(prefix: str):
    assert asked_again(Server(system="prometheus", namespace="a", name="b", pod="c", port=9090, prefix=prefix), "/api/v1/query") is None
