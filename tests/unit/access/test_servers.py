"""Two entries of the profile with one URL are two: each with its own tenant and credentials."""

import time
from collections.abc import Iterator

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.servers import Server, has_credentials, read_each, servers_of
from clusterprobe.access.session import Origin
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
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
