from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.tls import Address
from clusterprobe.model import Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.profile_sections import IngressProfile
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress import certificates as certificates_of
from clusterprobe.systems.ingress.certificates import ingress_certificates
from clusterprobe.systems.ingress.entrances import Surroundings, candidates, doors
from clusterprobe.systems.ingress.other_routes import OtherRoute, RouteTls
from clusterprobe.systems.ingress.sources import Entrance, ingress_entrances, watched_ingresses
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass, Node, Service
from tests.factories import labelled, listing, make, refused
from tests.tls_server import Behaviour, make_pair, plain, resetting, serving, showing

HOST = "api.example.org"
PORTS = [{"name": "web", "port": 80, "nodePort": 30080}, {"name": "websecure", "port": 443, "nodePort": 30443}]
READY = {"conditions": [{"type": "Ready", "status": "True"}], "addresses": [{"type": "InternalIP", "address": "10.0.0.5"}]}


def ingress(addresses: list[Any] | None = None, tls: bool = True, **spec: Any) -> Ingress:
    entry = [{"hosts": [HOST], "secretName": "api-tls"}] if tls else None
    wanted = {"ingressClassName": "traefik", "tls": entry, "rules": [{"host": HOST}], **spec}
    return labelled(Ingress, "shop", "api", spec=wanted, status={"loadBalancer": {"ingress": addresses or []}})


def around(profile: Profile | None = None, route: str = "proxy", **changes: Any) -> Surroundings:
    service = labelled(
        Service,
        "traefik",
        "traefik",
        {"app.kubernetes.io/name": "traefik"},
        spec={"clusterIP": "10.96.0.7", "ports": PORTS},
        status={"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}},
    )
    fields = {
        "classes": listing("IngressClass", [labelled(IngressClass, "", "traefik", spec={"controller": "traefik.io/ingress-controller"})]),
        "services": listing("Service", [service, labelled(Service, "shop", "api", spec={"clusterIP": "10.96.0.8", "ports": PORTS})]),
        "nodes": listing("Node", [labelled(Node, "", "one", status=READY), labelled(Node, "", "two", status={**READY, "conditions": []})]),
        **changes,
    }
    return Surroundings(route, profile or Profile(), **fields)


def tried(one: Ingress, surroundings: Surroundings) -> list[str]:
    return [str(each) for each in candidates(one, surroundings)]


def test_the_address_in_the_status_comes_first_then_the_controllers_service() -> None:
    found = tried(ingress([{"ip": "192.0.2.1"}, {"hostname": "x.example.org"}]), around())
    assert found == ["192.0.2.1:443", "x.example.org:443", "lb.example.org:443", "10.0.0.5:30443"]


def test_the_address_of_a_node_that_does_not_report_is_tried_only_where_there_is_no_other() -> None:
    silent = labelled(Node, "", "two", status={"conditions": [], "addresses": [{"type": "InternalIP", "address": "10.0.0.6"}]})
    surroundings = around(nodes=listing("Node", [silent]))
    assert tried(ingress([{"ip": "10.0.0.6"}, {"ip": "10.0.0.5"}]), surroundings) == ["10.0.0.5:443", "lb.example.org:443"]
    alone = around(nodes=listing("Node", [silent]), services=Readings(()))
    assert tried(ingress([{"ip": "10.0.0.6"}]), alone) == ["10.0.0.6:443"]


def test_inside_the_cluster_the_service_is_asked_at_its_own_address() -> None:
    assert tried(ingress(), around(route="in-cluster")) == ["10.96.0.7:443"]


def test_an_ingress_without_tls_is_asked_on_the_plain_port() -> None:
    assert tried(ingress([{"ip": "192.0.2.1"}], tls=False), around()) == ["192.0.2.1:80", "lb.example.org:80", "10.0.0.5:30080"]


def test_an_address_in_the_profile_is_the_only_one() -> None:
    profile = Profile(ingress=IngressProfile(address="[2001:db8::1]:8443"))
    (found,) = candidates(ingress([{"ip": "192.0.2.1"}]), around(profile))
    assert (str(found), found.found) == ("[2001:db8::1]:8443", False)
    assert tried(ingress(tls=False), around(profile)) == ["[2001:db8::1]:80"]


@pytest.mark.parametrize("bad", ["example.org", "https://example.org:443", "user@example.org:443", "example.org:https"])
def test_an_address_without_a_port_or_with_more_than_that_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="address"):
        IngressProfile(address=bad)


def test_a_class_of_a_controller_that_is_not_known_leads_nowhere() -> None:
    other = listing("IngressClass", [labelled(IngressClass, "", "traefik", spec={"controller": "example.com/own"})])
    assert tried(ingress(), around(classes=other)) == []


@pytest.mark.parametrize(
    ("spec", "annotations", "default", "leads"),
    [
        ({"ingressClassName": ""}, {}, "true", True),
        ({"ingressClassName": ""}, {}, "false", False),
        ({"ingressClassName": ""}, {"kubernetes.io/ingress.class": "traefik"}, "false", True),
        ({"ingressClassName": "other"}, {}, "true", False),
    ],
)
def test_the_default_class_and_the_old_annotation_count(spec: Any, annotations: Any, default: str, leads: bool) -> None:
    metadata = {"annotations": {"ingressclass.kubernetes.io/is-default-class": default}}
    one = labelled(IngressClass, "", "traefik", metadata=metadata, spec={"controller": "traefik.io/ingress-controller"})
    asked = labelled(Ingress, "shop", "api", spec={**spec, "tls": [{"hosts": [HOST]}]}, metadata={"annotations": annotations})
    assert bool(tried(asked, around(classes=listing("IngressClass", [one])))) is leads


def test_only_the_classes_of_the_profile_are_watched_and_no_proofs_of_a_domain() -> None:
    solver = labelled(Ingress, "shop", "solver", {"acme.cert-manager.io/http01-solver": "true"}, spec={"ingressClassName": "traefik"})
    every = listing("Ingress", [ingress(), labelled(Ingress, "shop", "other", spec={"ingressClassName": "nginx"}), solver])
    names = [one.metadata.name for one in watched_ingresses(Profile(), every).items]
    chosen = Profile(ingress=IngressProfile(classes=["nginx"]))
    assert (names, [one.metadata.name for one in watched_ingresses(chosen, every).items]) == (["api", "other"], ["other"])


# --- over real sockets --------------------------------------------------------------------------------------------------


def cluster() -> Cluster:
    return Cluster(Connection(Origin("http://127.0.0.1:1"), "test", "somebody", "default", "proxy"), Deadline.after(10))


def entrances(address: Address | None, **changes: Any) -> Readings[Entrance]:
    profile = Profile(ingress=IngressProfile(address=str(address))) if address else Profile()
    surroundings = around(profile, **changes)
    return ingress_entrances(
        cluster(), profile, listing("Ingress", [ingress()]), surroundings.classes, surroundings.services, surroundings.nodes
    )


def test_the_first_address_that_listens_is_the_entrance() -> None:
    with serving(plain()) as address:
        ((_, found),) = entrances(address)
    assert (str(found.address), found.encrypted) == (str(address), True)


def test_where_nothing_listens_what_was_tried_is_told() -> None:
    with serving(plain()) as address:
        pass
    (blind,) = entrances(address).unreadable
    assert str(address) in blind.reason
    assert "ingress.address of the profile" in blind.reason
    assert blind.subject.name == "api"


def test_without_any_address_the_profile_is_pointed_at_and_what_could_not_be_read_is_named() -> None:
    (blind,) = entrances(None, services=listing("Service", [])).unreadable
    assert "no Service of a controller of its class traefik was recognised; to say where it listens, set `ingress.address`" in blind.reason
    (blind,) = entrances(None, services=Readings((), (refused("ServiceList", reason="not allowed to list services"),))).unreadable
    assert "not allowed to list services" in blind.reason


def certificates(address: Address, one: Ingress | None = None) -> Readings[Any]:
    ingresses = listing("Ingress", [one or ingress()])
    entrances_ = Readings(tuple((subject, Entrance(address, True)) for subject, _ in ingresses))
    return ingress_certificates(cluster(), Profile(), ingresses, entrances_, Readings(), Readings(), Readings())


def test_each_host_is_shown_its_own_certificate() -> None:
    rules = [{"host": HOST}, {"host": "www.example.org"}]
    with serving(showing(make_pair(["default"]), {HOST: make_pair([HOST])})) as address:
        found = certificates(address, ingress(rules=rules))
    names = {value.host: (value.shown.certificate.names, value.secret_name, value.listed) for _, value in found}
    assert names == {HOST: ([HOST], "api-tls", True), "www.example.org": (["default"], "", False)}


@pytest.mark.parametrize("behaviour", [plain(), resetting])
def test_a_handshake_that_fails_leaves_the_ingress_unreadable(behaviour: Behaviour) -> None:
    with serving(behaviour) as address:
        found = certificates(address)
    assert not found.values
    assert found.unreadable[0].subject.name == "api"
    assert HOST in found.unreadable[0].reason


def test_one_handshake_for_each_address_and_name() -> None:
    seen = []
    own = showing(make_pair([HOST]))

    def counting(connection: Any) -> None:
        seen.append(connection)
        own(connection)

    two = listing("Ingress", [ingress(), labelled(Ingress, "shop", "also", spec={"tls": [{"hosts": [HOST]}]})])
    with serving(counting) as address:
        entrances_ = Readings(tuple((subject, Entrance(address, True)) for subject, _ in two))
        found = ingress_certificates(cluster(), Profile(), two, entrances_, Readings(), Readings(), Readings())
    assert len(found) == 2
    assert len(seen) == 2, "one that verifies the chain, and one more because it did not; not one for each Ingress"


def test_an_ingress_without_tls_is_no_reason_to_be_blind() -> None:
    bare = listing("Ingress", [ingress(tls=False)])
    blind: Readings[Entrance] = Readings((), (make_unread(bare.values[0][0]),))
    found = ingress_certificates(cluster(), Profile(), bare, blind, Readings(), Readings(), Readings())
    assert found.complete
    assert found.absent


def make_unread(subject: Subject) -> Any:
    return make(type(refused("x")), subject=subject, reason="nothing listens")


# --- routes beside the Ingress -------------------------------------------------------------------------------------------

ROUTE = Subject(api_version="traefik.io/v1alpha1", kind="IngressRoute", namespace="shop", name="api")


def route_tls(**changes: Any) -> RouteTls:
    return RouteTls(**{"hosts": [HOST], "controller": {"app.kubernetes.io/name": "traefik"}, **changes})


def traefik(name: str, ports: Any, **selector: str) -> Service:
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}} if ports == PORTS else {}
    spec = {"clusterIP": "10.96.0.9", "ports": ports, "selector": selector}
    return labelled(Service, "traefik", name, {"app.kubernetes.io/name": "traefik"}, spec=spec, status=status)


def of_doors(tls: RouteTls, **changes: Any) -> list[list[str]]:
    return [[str(one) for one in door] for door in doors(tls, around(**changes))]


def test_a_route_of_traefik_is_asked_at_the_services_of_traefik() -> None:
    assert of_doors(route_tls()) == [["lb.example.org:443", "10.0.0.5:30443"]]
    assert of_doors(route_tls(entry_points=["websecure"]), route="in-cluster") == [["10.96.0.7:443"]]
    assert of_doors(route_tls(controller={})) == [[]]


def test_two_services_of_the_same_pods_are_one_door_and_those_of_others_another() -> None:
    same = [traefik("a", PORTS, app="one"), traefik("b", PORTS, app="one")]
    assert len(of_doors(route_tls(), services=listing("Service", same))) == 1
    assert len(of_doors(route_tls(), services=listing("Service", [*same, traefik("c", PORTS, app="two")]))) == 2


def test_an_entry_point_of_its_own_is_the_port_of_that_name_wherever_https_is() -> None:
    profile = Profile(ingress=IngressProfile(address="198.51.100.1:443"))
    assert of_doors(route_tls(), profile=profile) == [["198.51.100.1:443"]]
    own = listing("Service", [traefik("a", [*PORTS, {"name": "db", "port": 5432}], app="one")])
    assert of_doors(route_tls(entry_points=["db"]), profile=profile, route="in-cluster", services=own) == [["10.96.0.9:5432"]]
    assert of_doors(route_tls(entry_points=["db"]), profile=profile) == [[]]


def test_a_route_of_openshift_is_asked_where_its_router_says_and_then_at_its_services() -> None:
    label = {"ingresscontroller.operator.openshift.io/owning-ingresscontroller": "default"}
    router = labelled(Service, "openshift-ingress", "router-internal-default", label, spec={"clusterIP": "10.0.0.1", "ports": PORTS})
    tls = route_tls(controller=label, addresses=["router.apps.example.org"])
    found = of_doors(tls, services=listing("Service", [router]), route="in-cluster")
    assert found == [["router.apps.example.org:443", "10.0.0.1:443"]]


def of_route(tls: RouteTls, *addresses: Address, monkeypatch: Any = None) -> Readings[Any]:
    """What is read of a route that each of these addresses may serve."""
    if monkeypatch:
        monkeypatch.setattr(certificates_of, "doors", lambda *_: [[one] for one in addresses])
    none: Readings[Any] = Readings(absent="there is no Ingress in the cluster")
    routes = Readings(((ROUTE, OtherRoute([], tls=tls)),))
    return ingress_certificates(cluster(), Profile(), none, Readings(), routes, Readings(), Readings())


def test_a_route_is_shown_its_own_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(showing(make_pair([HOST]))) as address:
        ((subject, found),) = of_route(route_tls(secret_name="api-tls", resolver=""), address, monkeypatch=monkeypatch)
    assert (subject, found.host, found.secret_name, found.shown.certificate.names) == (ROUTE, HOST, "api-tls", [HOST])


def test_of_two_controllers_the_one_counts_that_shows_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(showing(make_pair(["default"]))) as other, serving(showing(make_pair([HOST]))) as own:
        ((_, found),) = of_route(route_tls(), other, own, monkeypatch=monkeypatch)
    assert found.shown.address == str(own)


def test_of_two_certificates_for_the_host_the_one_counts_that_ends_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(showing(make_pair([HOST], ends=1))) as stale, serving(showing(make_pair([HOST]))) as own:
        ((_, found),) = of_route(route_tls(), stale, own, monkeypatch=monkeypatch)
    assert found.shown.address == str(own)


def test_of_two_controllers_that_show_something_else_none_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(showing(make_pair(["default"]))) as one, serving(showing(make_pair(["other"]))) as two:
        found = of_route(route_tls(), one, two, monkeypatch=monkeypatch)
    assert not found.values
    assert found.unreadable[0].reason.startswith(
        "2 controllers may serve it, and what is shown for it is not its own; to say where it listens, set"
    )


def test_a_controller_to_which_no_way_leads_may_be_the_one_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(plain()) as closed:
        pass
    with serving(showing(make_pair(["default"]))) as one:
        assert not of_route(route_tls(), one, closed, monkeypatch=monkeypatch).values
    inside = [traefik("public", PORTS, app="one"), traefik("inside", [{"name": "websecure", "port": 443}], app="two")]
    assert of_doors(route_tls(), services=listing("Service", inside)) == [["192.0.2.7:443", "10.0.0.5:30443"], []]


def test_where_not_every_service_was_read_another_controller_may_serve_it() -> None:
    blind: Readings[Any] = Readings((), (refused("ServiceList", reason="not allowed to list services"),))
    found, given = Address("192.0.2.7", 443), Address("192.0.2.7", 443, found=False)
    doubt = certificates_of.doubt_of(route_tls(), [[found]], blind)
    assert doubt.startswith("another controller may serve it, since not every Service was read: not allowed to list services; to say where")
    assert certificates_of.doubt_of(route_tls(), [[given]], blind) == ""
    assert certificates_of.doubt_of(route_tls(addresses=["router.example.org"]), [[found]], blind) == ""
    assert certificates_of.doubt_of(route_tls(), [[found]], Readings()) == ""


def test_one_controller_that_shows_something_else_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(showing(make_pair(["default"]))) as one:
        ((_, found),) = of_route(route_tls(), one, monkeypatch=monkeypatch)
    assert found.shown.certificate.names == ["default"]


def test_a_route_that_cannot_be_asked_is_unreadable_with_a_way_out() -> None:
    (blind,) = of_route(route_tls()).unreadable
    assert (blind.subject, "with the label app.kubernetes.io/name=traefik was recognised; to say where" in blind.reason) == (ROUTE, True)
    (blind,) = of_route(route_tls(entry_points=["db"])).unreadable
    assert "and a port db was recognised; it is looked for at the Service of Traefik that has a port db" in blind.reason
    (blind,) = of_route(route_tls(hosts=[], hostless=["it names no host"])).unreadable
    assert blind.reason == "it names no host"


def test_routes_without_tls_and_lists_of_the_gateway_api_are_no_reason_to_be_blind() -> None:
    group = "gateway.networking.k8s.io"
    blind = [
        Unchecked(subject=Subject(kind="HTTPRoute", api_version=f"{group}/v1"), reason="x"),
        Unchecked(subject=Subject(kind="APIGroup", name=group), reason="x"),
        Unchecked(subject=Subject(kind="IngressRoute", api_version="traefik.io/v1alpha1"), reason="not allowed"),
    ]
    none: Readings[Any] = Readings(absent="there is no Ingress in the cluster")
    routes = Readings(((ROUTE, OtherRoute([])),), tuple(blind[:2]))
    found = ingress_certificates(cluster(), Profile(), none, Readings(), routes, Readings(), Readings())
    assert (found.complete, found.absent) == (True, "no Ingress, and no route of Traefik or OpenShift, asks for TLS for a host")
    routes = Readings((), tuple(blind))
    found = ingress_certificates(cluster(), Profile(), none, Readings(), routes, Readings(), Readings())
    assert [one.subject.kind for one in found.unreadable] == ["IngressRoute"]
    assert found.absent == "there is no Ingress in the cluster"
