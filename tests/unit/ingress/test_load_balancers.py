import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.evidence import Clock
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.addresses import Balanced, balanced
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass, Service
from clusterprobe.verdict import Verdict
from probes.ingress.probe_load_balancers import probe_load_balancers
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused
from tests.unit.kubernetes.test_sources import Handler

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
MADE = "2027-01-15T07:00:00Z"


def service(name: str = "web", kind: str = "LoadBalancer", ip: str = "", made: str = MADE, **spec: Any) -> Service:
    status = {"loadBalancer": {"ingress": [{"ip": ip}] if ip else None}}
    return labelled(Service, "shop", name, spec={"type": kind, **spec}, status=status, metadata={"creationTimestamp": made})


def ingress(name: str, class_name: str, hostname: str = "") -> Ingress:
    status = {"loadBalancer": {"ingress": [{"hostname": hostname}] if hostname else None}}
    return labelled(Ingress, "shop", name, spec={"ingressClassName": class_name}, status=status, metadata={"creationTimestamp": MADE})


def event(reason: str, message: str, kind: str = "Warning", last: str = "2027-01-15T07:30:00Z") -> dict[str, Any]:
    return {"type": kind, "reason": reason, "message": message, "lastTimestamp": last}


@pytest.fixture
def asked() -> Iterator[tuple[Cluster, dict[str, Any]]]:
    """A cluster whose answers to a list of events are those in the dictionary."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers = {}  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = Origin(f"http://127.0.0.1:{server.server_port}")
        yield Cluster(Connection(origin, "test", "somebody", "default", "proxy"), Deadline.after(5)), server.answers  # type: ignore[attr-defined]
        server.shutdown()


CLASSES = listing("IngressClass", [labelled(IngressClass, "", "edge", spec={"controller": "ingress.k8s.aws/alb"})])


def read(asked: tuple[Cluster, dict[str, Any]], services: list[Service], *ingresses: Ingress, **answers: Any) -> Readings[Balanced]:
    cluster, known = asked
    known["/api/v1/namespaces/shop/events"] = {"kind": "EventList", "items": [], **answers}
    return balanced(cluster, listing("Service", services), listing("Ingress", ingresses), CLASSES)


def judge(found: Readings[Balanced]) -> Verdict:
    return judged(probe_load_balancers, balanced=found, clock=CLOCK)


def test_what_has_its_address_passes_and_nothing_is_asked_of_it(asked: Any) -> None:
    found = read(asked, [service(ip="192.0.2.1"), service("inner", "ClusterIP")], ingress("api", "edge", "lb.example.org"), kind="Nothing")
    assert [one.addresses for one in found.items] == [["192.0.2.1"], ["lb.example.org"]]
    assert outcome(judge(found)) == "pass"


def test_without_anything_that_asks_for_one_it_is_not_applicable(asked: Any) -> None:
    found = read(asked, [service(kind="ClusterIP")], ingress("shared", "nginx"))
    assert outcome(judge(found)) == "not_applicable"


def test_who_refuses_is_quoted(asked: Any) -> None:
    words = 'Failed to allocate IP for "shop/web": no available IPs'
    items = [event("AllocationFailed", "older", last="2027-01-15T07:10:00Z"), event("AllocationFailed", words)]
    (finding,) = judge(read(asked, [service()], items=items)).findings
    assert (finding.reason, finding.severity) == ("AddressRefused", "warning")
    assert finding.problem == "Service shop/web asks for a load balancer, and has no address: it was refused."
    assert "no available IPs" in finding.cause
    assert "$ kubectl -n shop describe service web" in finding.fix


def test_an_ingress_of_a_controller_with_one_for_each_is_looked_at_as_well(asked: Any) -> None:
    items = [event("FailedBuildModel", "Failed build model due to couldn't auto-discover subnets")]
    (finding,) = judge(read(asked, [], ingress("api", "edge"), items=items)).findings
    assert finding.problem == "Ingress shop/api asks for a load balancer of the class edge, and has no address: it was refused."
    assert "couldn't auto-discover subnets" in finding.cause


def test_where_nothing_answers_it_is_only_said(asked: Any) -> None:
    before = event("SyncLoadBalancerFailed", "of the one before it", last="2027-01-15T06:00:00Z")
    items = [event("EnsuringLoadBalancer", "Ensuring load balancer", "Normal"), before]
    (finding,) = judge(read(asked, [service(loadBalancerClass="example.org/lb")], items=items)).findings
    assert (finding.reason, finding.severity) == ("NoAddress", "info")
    assert "of the class example.org/lb, and has had no address since it was made on 2027-01-15 07:00 UTC." in finding.problem


@pytest.mark.parametrize(("made", "told"), [("2027-01-15T07:55:01Z", []), ("2027-01-15T07:55:00Z", ["NoAddress"])])
def test_a_new_one_has_five_minutes(asked: Any, made: str, told: list[str]) -> None:
    assert reasons(judge(read(asked, [service(made=made)]))) == told


def test_one_that_does_not_say_since_when_and_one_whose_events_are_refused_are_unchecked(asked: Any) -> None:
    assert outcome(judge(read(asked, [service(made="")]))) == "inconclusive"
    assert outcome(judge(read(asked, [service()], kind="Status"))) == "inconclusive"


def test_an_ingress_whose_class_cannot_be_read_is_unchecked(asked: Any) -> None:
    blind = listing("IngressClass", [], unreadable=[refused("IngressClassList")])
    found = balanced(asked[0], listing("Service", [service(ip="192.0.2.1")]), listing("Ingress", [ingress("api", "edge")]), blind)
    assert outcome(judge(found)) == "inconclusive"


def test_blindness_is_no_health(asked: Any) -> None:
    found = read(asked, [service(ip="192.0.2.1")])
    assert_blindness_is_no_health(probe_load_balancers, {"balanced": found, "clock": CLOCK}, but=("clock",))
