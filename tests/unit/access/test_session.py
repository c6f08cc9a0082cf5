"""What leaves over a real socket: to the address that was meant, and with nothing that belongs to another."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from clusterprobe import errors
from clusterprobe.access import http
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Http
from clusterprobe.access.session import Origin
from clusterprobe.access.urls import UrlPath
from clusterprobe.access.watch import watch
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.serving.health import model_health
from clusterprobe.systems.serving.sources import model_replicas
from tests.factories import labelled, listing, recognised
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer, Reply, Request, Talk

SECRET = "/api/v1/namespaces/kube-system/secrets/db"
THING = Exchange(200, "application/json", b'{"kind": "Thing"}')


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)
    with FaultServer(Recording(time.time(), {"GET /thing": THING, f"GET {SECRET}": THING})) as running:
        yield running


def cluster_of(server: FaultServer, route: str = "proxy") -> Cluster:
    return Cluster(Connection(Origin(server.url), "test", "me", "default", route), Deadline.after(10))


def replica(path: str) -> Pod:
    status = {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "containerStatuses": [{"name": "a", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
    }
    container = {"name": "a", "ports": [{"containerPort": 8000}], "readinessProbe": {"httpGet": {"path": path, "port": 8000}}}
    return labelled(Pod, "dev", "evil", {"app": "fastapi"}, spec={"containers": [container]}, status=status)


def asked_health(server: FaultServer, path: str) -> Readings[object]:
    pods = listing("Pod", [replica(path)])
    return model_health(cluster_of(server), model_replicas(pods, recognised(pods), Profile()))


@pytest.mark.parametrize("path", [f"/../../../../../../..{SECRET}", f"/%2e%2e/..{SECRET}", f"@127.0.0.1{SECRET}", "/..;/..;/x", "//x"])
def test_a_readiness_probe_never_makes_the_api_server_be_asked_for_something_else(path: str, server: FaultServer):
    found = asked_health(server, path)
    assert server.seen == []
    assert [one.subject.name for one in found.unreadable] == ["evil"]
    assert "is not asked: " in found.unreadable[0].reason


def test_a_readiness_probe_without_a_slash_is_asked_below_the_proxy(server: FaultServer):
    asked_health(server, "health?deep=1")
    assert {one.target for one in server.seen} == {"/api/v1/namespaces/dev/pods/evil:8000/proxy/health?deep=1"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [f"/x/..{SECRET}", f"/x/%2e%2e{SECRET}", f"@elsewhere{SECRET}", f"/x/%252e%252e{SECRET}"])
def test_no_method_sends_a_path_that_leads_elsewhere(method: str, path: str, server: FaultServer):
    with pytest.raises(errors.BadAddress):
        Http(Origin(server.url)).send(method, path, Deadline.after(5), body={} if method != "GET" else None)
    assert server.seen == []


def test_a_watch_sends_no_path_that_leads_elsewhere(server: FaultServer):
    with pytest.raises(errors.BadAddress):
        next(watch(Http(Origin(server.url)), f"/x/..{SECRET}", {}, Deadline.after(5), lambda: False))
    assert server.seen == []


@pytest.mark.parametrize("base", ["", "/k8s/clusters/c-1"])
def test_what_the_library_would_make_of_an_address_has_to_be_what_was_meant(base: str, server: FaultServer):
    """The check behind the builder: a path that got past it, however, is compared with what would be sent."""
    odd = str.__new__(UrlPath, f"/x/..{SECRET}")
    with pytest.raises(errors.BadAddress, match="it would become"):
        Http(Origin(server.url + base)).get(odd, Deadline.after(5))
    assert server.seen == []


@pytest.mark.parametrize("url", ["http://[::1", "10.0.0.1:6443", "ftp://a", ""])
def test_an_origin_that_is_no_url_is_refused(url: str):
    with pytest.raises(errors.BadAddress):
        Http(Origin(url))


# --- what goes with it ------------------------------------------------------------------------------------------------


def test_a_cookie_is_neither_kept_nor_sent(server: FaultServer):
    def baking(talk: Talk, request: Request, reply: Reply) -> None:
        cookies = (("Set-Cookie", "session=evil; Path=/"), ("Set-Cookie", "b=c; Domain=127.0.0.1"))
        talk.send(Reply(reply.status, reply.body, reply.content_type, cookies))

    client = Http(Origin(server.url))
    with server.misbehaving(baking, lambda _: True):
        for _ in range(3):
            client.get("/thing", Deadline.after(5))
        client.send("POST", "/thing", Deadline.after(5), body={}, accept=(200, 404))
        assert len(server.seen) == 4
        assert not any("cookie" in one.headers for one in server.seen)


@pytest.fixture
def lines() -> Iterator[tuple[str, list[list[str]]]]:
    """The URL of a server, and the lines of each request's head as they came."""
    heads: list[list[str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heads.append([self.requestline, *(f"{name}: {value}" for name, value in self.headers.items())])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", heads
        listening.shutdown()


def test_a_header_with_several_values_is_sent_once_for_each(lines: tuple[str, list[list[str]]]):
    url, heads = lines
    Http(Origin(url, headers=lambda: {"Impersonate-User": "jane", "Impersonate-Group": ("a,b", "c")})).get("/x", Deadline.after(5))
    assert [one for one in heads[0] if one.startswith("Impersonate")] == [
        "Impersonate-User: jane",
        "Impersonate-Group: a,b",
        "Impersonate-Group: c",
    ]


@pytest.mark.parametrize("values", [("a\r\nX: y",), ("a", "b\n")])
def test_no_value_of_a_header_adds_another(values: tuple[str, ...], lines: tuple[str, list[list[str]]]):
    url, heads = lines
    with pytest.raises(errors.Unauthenticated):
        Http(Origin(url, headers=lambda: {"Impersonate-Group": values})).get("/x", Deadline.after(5))
    assert heads == []


@pytest.mark.parametrize("value", ["Bearer tulip-garden\nX: y", " tulip-garden", "Bearer tulip-garden\x01", "Bearer tulip-garden\u2026"])
def test_a_credential_that_no_header_can_hold_is_not_quoted(value: str, lines: tuple[str, list[list[str]]]):
    url, heads = lines
    with pytest.raises(errors.Unauthenticated, match=r"^the header Authorization is not sent: its value has a line feed") as caught:
        Http(Origin(url, headers=lambda: {"Authorization": value})).get("/x", Deadline.after(5))
    assert "tulip" not in str(caught.value)
    assert heads == []


@pytest.mark.parametrize("value", ["", "Bearer a b", "a\tb", "j\xe4ne"])
def test_what_a_header_can_hold_is_sent(value: str, lines: tuple[str, list[list[str]]]):
    url, heads = lines
    Http(Origin(url, headers=lambda: {"Impersonate-User": value})).get("/x", Deadline.after(5))
    assert f"Impersonate-User: {value}" in heads[0]


def test_a_credential_does_not_go_to_a_proxy_in_clear(lines: tuple[str, list[list[str]]]):
    proxy, heads = lines
    client = Http(Origin("http://api.example:8080", headers=lambda: {"Authorization": "Bearer secret"}, proxy=proxy))
    with pytest.raises(
        errors.BadAddress, match=r"the proxy 127\.0\.0\.1 would read the credential: use https, or name the server in NO_PROXY"
    ):
        client.get("/x", Deadline.after(5))
    assert heads == []


def test_a_request_without_a_credential_may_go_through_a_proxy(lines: tuple[str, list[list[str]]]):
    proxy, heads = lines
    Http(Origin("http://api.example:8080", proxy=proxy)).get("/x", Deadline.after(5))
    assert heads[0][0] == "GET http://api.example:8080/x HTTP/1.1"


def test_what_the_cluster_names_never_leads_back_to_this_machine(lines: tuple[str, list[list[str]]]):
    """A Service may be an ExternalName, and a name may resolve to anything."""
    url, heads = lines
    with pytest.raises(errors.BadAddress, match=r"localhost leads to .* because the cluster says so: it is this machine"):
        Http(Origin(url.replace("127.0.0.1", "localhost"), found=True)).get("/x", Deadline.after(5))
    assert heads == []


def test_clients_are_shared_by_equal_identities_only(server: FaultServer):
    def other() -> dict[str, str]:
        return {"Authorization": "Bearer other"}

    cluster = cluster_of(server)
    cluster.url(f"{server.url}/a").get("/thing", accept=(200, 404))
    cluster.url(f"{server.url}/b", headers=other).get("/thing", accept=(200, 404))
    cluster.url(f"{server.url}/c").get("/thing", accept=(200, 404))
    assert [one.headers.get("authorization") for one in server.seen] == [None, "Bearer other", None]
    assert len(cluster._direct) == 2
