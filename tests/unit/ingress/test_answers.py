from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.tls import Address, Reply
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.answers import HostAnswer, ingress_answers, ingress_direct_answers, questions
from clusterprobe.systems.ingress.sources import Entrance
from clusterprobe.systems.kubernetes.objects import EndpointSlice, Ingress, Pod, Service, ServiceBackend
from tests.factories import labelled, listing, make, refused
from tests.tls_server import make_pair, plain, serving, showing, silent

HOST = "api.example.org"
LABELS = {"app": "api"}
SERVICE = labelled(Service, "shop", "api", spec={"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]})


def ingress(path: str = "/", kind: str = "Prefix", annotations: dict[str, str] | None = None, host: str = HOST) -> Ingress:
    paths = [{"path": path, "pathType": kind, "backend": {"service": {"name": "api", "port": {"name": "http"}}}}]
    return labelled(
        Ingress, "shop", "api", metadata={"annotations": annotations or {}}, spec={"rules": [{"host": host, "http": {"paths": paths}}]}
    )


def pods(path: str = "/health", port: Any = "http") -> Readings[Pod]:
    container = {
        "name": "api",
        "ports": [{"name": "http", "containerPort": 8000}, {"name": "admin", "containerPort": 9000}],
        "readinessProbe": {"httpGet": {"path": path, "port": port}},
    }
    return listing("Pod", [labelled(Pod, "shop", "api-1", LABELS, spec={"containers": [container]})])


def asked(one: Ingress, ready: Readings[Pod] | None = None) -> list[tuple[str, str]]:
    services = listing("Service", [SERVICE])
    return [(host, path) for host, path, _ in questions(one, services, pods() if ready is None else ready)]


@pytest.mark.parametrize(
    ("one", "ready", "path"),
    [
        (ingress(), None, "/health"),
        (ingress(), pods(port=8000), "/health"),
        (ingress(), pods(port="admin"), "/"),
        (ingress("/api"), None, "/api"),
        (ingress("/api"), pods("/api/health"), "/api/health"),
        (ingress("/api"), pods("/apiary"), "/api"),
        (ingress("/", "Exact"), None, "/"),
        (ingress("/", annotations={"nginx.ingress.kubernetes.io/rewrite-target": "/x"}), None, "/"),
        (ingress(), listing("Pod", []), "/"),
    ],
)
def test_the_path_of_the_readiness_probe_is_asked_where_it_lies_below_the_ingress_path(one: Ingress, ready: Any, path: str) -> None:
    assert asked(one, ready) == [(HOST, path)]


@pytest.mark.parametrize(
    "one", [ingress("/api/(.*)"), ingress("/a b"), ingress("/x\r\nEvil: 1"), ingress(host=""), make(Ingress, metadata={"name": "x"})]
)
def test_a_pattern_and_an_ingress_without_a_host_are_not_asked(one: Ingress) -> None:
    assert asked(one) == []


def cluster(url: str = "http://127.0.0.1:1") -> Cluster:
    return Cluster(Connection(Origin(url), "test", "somebody", "default", "proxy"), Deadline.after(10))


def answers(address: Address, encrypted: bool, one: Ingress | None = None) -> Readings[HostAnswer]:
    ingresses = listing("Ingress", [one or ingress()])
    doors = Readings(tuple((subject, Entrance(address, encrypted)) for subject, _ in ingresses))
    return ingress_answers(cluster(), ingresses, doors, listing("Service", [SERVICE]), pods())


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_host_is_asked_through_its_controller(encrypted: bool) -> None:
    with serving(showing(make_pair([HOST])) if encrypted else plain()) as address:
        ((subject, found),) = answers(address, encrypted)
    assert (subject.name, found.host, found.path, found.reply.status) == ("api", HOST, "/health", 200)


@pytest.mark.parametrize("path", ["/shop/../admin", "/..", "/./x", "/a//b"])
def test_a_path_that_leads_elsewhere_is_not_asked_and_leaves_its_ingress_unreadable(path: str) -> None:
    with serving(plain()) as address:
        found = answers(address, encrypted=False, one=ingress(path, "ImplementationSpecific"))
    assert not found.values
    assert [one.subject.name for one in found.unreadable] == ["api"]
    assert "is not asked: it has " in found.unreadable[0].reason


def test_a_host_that_does_not_answer_leaves_its_ingress_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterprobe.access.tls.SECONDS", 0.3)
    with serving(silent) as address:
        found = answers(address, encrypted=False)
    assert not found.values
    assert found.unreadable[0].subject.name == "api"
    assert HOST in found.unreadable[0].reason


def test_a_controller_that_could_not_be_reached_leaves_its_ingress_unreadable() -> None:
    ingresses = listing("Ingress", [ingress()])
    blind: Readings[Entrance] = Readings((), (refused("Ingress", "shop", "nothing listens"),))
    found = ingress_answers(cluster(), ingresses, blind, listing("Service", [SERVICE]), pods())
    assert [one.reason for one in found.unreadable] == ["nothing listens"]


# --- the backend by itself ----------------------------------------------------------------------------------------------


def odd(status: int = 404, changes: str = "") -> Readings[HostAnswer]:
    backend = make(ServiceBackend, name="api", port={"name": "http"})
    one = HostAnswer(host=HOST, path="/health", backend=backend, changes=changes, reply=Reply(address="x", status=status))
    return Readings(((listing("Ingress", [ingress()]).values[0][0], one),))


READY = listing(
    "EndpointSlice",
    [labelled(EndpointSlice, "shop", "api-x", {"kubernetes.io/service-name": "api"}, endpoints=[{"conditions": {"ready": True}}])],
)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with serving(plain(request.param)) as address:
        yield f"http://{address}"


def response(status: str, body: bytes = b"{}") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("backend", "status"),
    [(response("200 OK"), 200), (response("404 Not Found"), 404), (response("503 Unavailable"), 503), (response("302 Found"), 302)],
    indirect=["backend"],
)
def test_the_backends_own_status_is_told_whatever_it_is(backend: str, status: int) -> None:
    ((_, found),) = ingress_direct_answers(cluster(backend), odd(), listing("Service", [SERVICE]), READY)
    assert (found.host, found.path, found.status) == (HOST, "/health", status)


def test_a_backend_with_nothing_ready_is_not_asked_unless_that_could_not_be_read() -> None:
    services = listing("Service", [SERVICE])
    found = ingress_direct_answers(cluster(), odd(503), services, listing("EndpointSlice", []))
    assert (found.values, found.unreadable) == ((), ())
    blind: Readings[EndpointSlice] = Readings((), (refused("EndpointSliceList"),))
    assert ingress_direct_answers(cluster(), odd(503), services, blind).unreadable


CLOSED = b'{"kind":"Status","message":"error trying to reach service: dial tcp 10.0.0.1:9999: connect: connection refused"}'


@pytest.mark.parametrize("backend", [response("503 Unavailable", CLOSED)], indirect=True)
def test_a_port_on_which_nothing_listens_is_told_by_the_api_server(backend: str) -> None:
    ((_, found),) = ingress_direct_answers(cluster(backend), odd(502), listing("Service", [SERVICE]), READY)
    assert (found.status, "dial tcp 10.0.0.1:9999: connect: connection refused" in found.refused) == (0, True)


def test_an_api_server_that_does_not_listen_says_nothing_of_the_backend() -> None:
    found = ingress_direct_answers(cluster(), odd(502), listing("Service", [SERVICE]), READY)
    assert (found.values, len(found.unreadable)) == ((), 1)


STATUS = b'{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no endpoints available for service \\"api\\""}'


@pytest.mark.parametrize("backend", [response("503 Unavailable", STATUS), response("403 Forbidden", STATUS)], indirect=True)
def test_a_refusal_of_the_api_server_is_no_answer_of_the_backend(backend: str) -> None:
    found = ingress_direct_answers(cluster(backend), odd(), listing("Service", [SERVICE]), READY)
    assert not found.values
    assert "no endpoints available" in found.unreadable[0].reason


@pytest.mark.parametrize("given", [odd(200), odd(401), odd(404, changes="rewrite-target")])
def test_a_backend_is_only_asked_where_that_can_tell_something(given: Readings[HostAnswer]) -> None:
    found = ingress_direct_answers(cluster(), given, listing("Service", [SERVICE]), READY)
    assert (found.values, found.unreadable) == ((), ())
