from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.tls import Address
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.profile_sections import IngressProfile
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.certificates import ingress_certificates
from clusterprobe.systems.ingress.entrances import Surroundings, candidates
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
    doors = Readings(tuple((subject, Entrance(address, True)) for subject, _ in ingresses))
    return ingress_certificates(cluster(), Profile(), ingresses, doors)


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
        doors = Readings(tuple((subject, Entrance(address, True)) for subject, _ in two))
        found = ingress_certificates(cluster(), Profile(), two, doors)
    assert len(found) == 2
    assert len(seen) == 2, "one that verifies the chain, and one more because it did not; not one for each Ingress"


def test_an_ingress_without_tls_is_no_reason_to_be_blind() -> None:
    bare = listing("Ingress", [ingress(tls=False)])
    blind: Readings[Entrance] = Readings((), (make_unread(bare.values[0][0]),))
    found = ingress_certificates(cluster(), Profile(), bare, blind)
    assert found.complete
    assert found.absent


def make_unread(subject: Subject) -> Any:
    return make(type(refused("x")), subject=subject, reason="nothing listens")
