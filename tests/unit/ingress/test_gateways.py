from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.tls import Address, Certificate, Shown
from clusterprobe.errors import Unreachable
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress import handshakes
from clusterprobe.systems.ingress.gateways import Gateway, HttpRoute, ListenerCertificate, gateway_certificates, hosts_of
from clusterprobe.verdict import Verdict
from probes.ingress.probe_gateways import probe_gateways
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused

NOW = 1_800_000_000.0
DAY = 86400.0
HOST = "shop.example.org"
GATEWAY = Subject(api_version="gateway.networking.k8s.io/v1", kind="Gateway", namespace="edge", name="public")


def certificate(names: list[str] | None = None, ends: float = 60, begins: float = -30, subject: str = f"CN={HOST}") -> Certificate:
    own = [HOST] if names is None else names
    return Certificate(subject=subject, issuer="CN=Our CA", names=own, begins=NOW + begins * DAY, ends=NOW + ends * DAY)


def seen(certificate: Certificate | None, host: str = HOST, secrets: list[str] | None = None, distrust: str = "") -> ListenerCertificate:
    shown = Shown(address="192.0.2.1:443", name=host, certificate=certificate, distrust=distrust)
    return ListenerCertificate(host=host, listener="websecure", secrets=["shop/tls"] if secrets is None else secrets, shown=shown)


def judge(*ones: ListenerCertificate) -> Verdict:
    readings = Readings(tuple((GATEWAY, one) for one in ones))
    return judged(probe_gateways, gateway_certificates=readings, profile=Profile(), clock=Clock(NOW))


# --- the judgement -----------------------------------------------------------------------------------------------------


def test_a_certificate_of_its_own_with_sixty_days_left_passes_and_is_shown() -> None:
    verdict = judge(seen(certificate()))
    assert (outcome(verdict), verdict.findings) == ("pass", [])
    assert verdict.exhibits[0].rows[0][:4] == [HOST, "edge/public", "websecure", "shop/tls"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("ends", "reason", "severity"),
    [(-3, "ListenerNotValid", "error"), (0, "ListenerNotValid", "error"), (13.99, "ListenerExpiring", "warning"), (14, "", "")],
)
def test_a_certificate_that_ended_or_ends_soon_is_found_on_its_side_of_the_threshold(ends: float, reason: str, severity: str) -> None:
    found = [(one.reason, str(one.severity)) for one in judge(seen(certificate(ends=ends))).findings]
    assert found == ([(reason, severity)] if reason else [])


def test_an_expired_certificate_names_the_listener_its_secret_and_how_to_renew_it() -> None:
    (finding,) = judge(seen(certificate(ends=-3))).findings
    assert finding.problem == f"The certificate of {HOST} expired 3 days ago, on 2027-01-12 08:00 UTC."
    assert finding.cause.startswith(
        "Its listener websecure names the Secret shop/tls, and it was not renewed. The certificate is that of CN="
    )
    assert "kubectl -n shop create secret tls tls --cert=tls.crt" in finding.fix
    assert finding.rests_on == ["Secret/shop/tls"]


@pytest.mark.parametrize(("begins", "found"), [(0.001, ["ListenerNotValid"]), (0, [])])
def test_a_certificate_that_is_not_valid_yet_is_an_error(begins: float, found: list[str]) -> None:
    assert reasons(judge(seen(certificate(begins=begins)))) == found


def test_the_default_certificate_of_the_controller_may_be_for_want_of_a_reference_grant() -> None:
    default = certificate(["af2.traefik.default"], subject="CN=TRAEFIK DEFAULT CERT")
    (finding,) = judge(seen(default)).findings
    assert (finding.reason, finding.problem) == ("ListenerShowsOther", f"{HOST} shows the default certificate of Traefik.")
    assert "or is in a namespace where no ReferenceGrant lets the Gateway use it" in finding.cause
    assert "ReferenceGrant" in finding.fix


def test_without_a_secret_none_is_blamed() -> None:
    (finding,) = judge(seen(certificate(["other.org"]), secrets=[])).findings
    assert finding.cause.startswith("Its listener websecure names no Secret. The certificate is that of")
    assert finding.rests_on == []


def test_a_name_that_is_refused_is_an_error() -> None:
    (finding,) = judge(seen(None)).findings
    assert (finding.reason, finding.problem) == ("ListenerRefusesName", f"{HOST} refuses TLS.")


def test_of_several_secrets_none_is_written_to_by_a_command() -> None:
    (finding,) = judge(seen(certificate(ends=-1), secrets=["shop/a", "shop/b"])).findings
    assert "the Secrets shop/a, shop/b" in finding.cause
    assert "kubectl -n shop create" not in finding.fix


def test_hosts_that_show_the_same_are_one_finding() -> None:
    wild = certificate(["*.example.org"], ends=1)
    (finding,) = judge(seen(wild), seen(wild, host="www.example.org")).findings
    assert finding.problem.startswith(f"The certificate of {HOST}, www.example.org expires in 1 day")


def test_a_private_authority_is_a_note() -> None:
    verdict = judge(seen(certificate(), distrust="unable to get local issuer certificate"))
    assert outcome(verdict) == "pass"
    assert "could not be verified (unable to get local issuer certificate)" in verdict.notes[0]


def test_what_cannot_be_read_is_no_pass_and_no_finding() -> None:
    for one in (certificate(), certificate(ends=-1)):
        told = {"gateway_certificates": Readings(((GATEWAY, seen(one)),)), "profile": Profile(), "clock": Clock(NOW)}
        assert_blindness_is_no_health(probe_gateways, told)


def test_where_there_is_no_gateway_it_does_not_apply() -> None:
    absent: Readings[ListenerCertificate] = Readings(absent="the API has no gateways")
    assert outcome(judged(probe_gateways, gateway_certificates=absent, profile=Profile(), clock=Clock(NOW))) == "not_applicable"


# --- whom to ask, and where --------------------------------------------------------------------------------------------


def gateway(*listeners: dict[str, Any], addresses: tuple[str, ...] = ("192.0.2.1",)) -> Gateway:
    status = {"addresses": [{"type": "IPAddress", "value": one} for one in addresses]}
    return labelled(Gateway, "edge", "public", spec={"listeners": list(listeners)}, status=status)


def listener(**changes: Any) -> dict[str, Any]:
    tls = {"certificateRefs": [{"kind": "Secret", "namespace": "shop", "name": "tls"}, {"kind": "Secret", "name": "own"}]}
    return {"name": "websecure", "port": 8443, "protocol": "HTTPS", "hostname": HOST, "tls": tls, **changes}


def route(*hosts: str, **parent: Any) -> HttpRoute:
    reference = {"name": "public", "namespace": "edge", **parent}
    return labelled(HttpRoute, "shop", "shop", spec={"hostnames": list(hosts), "parentRefs": [reference]})


def read(
    monkeypatch: pytest.MonkeyPatch, one: Gateway, *routes: HttpRoute, answers: dict[str, Certificate | None] | None = None
) -> Readings[ListenerCertificate]:
    """What is read where these addresses show these certificates, and nothing else listens."""
    there = {"192.0.2.1:443": certificate()} if answers is None else answers

    def connects(address: Address, _: Deadline) -> None:
        if str(address) not in there:
            raise Unreachable(f"{address}: connection refused")

    monkeypatch.setattr(handshakes, "connects", connects)
    monkeypatch.setattr(
        handshakes, "show", lambda address, name, *_: Shown(address=str(address), name=name, certificate=there[str(address)])
    )
    cluster = Cluster(Connection(Origin("http://127.0.0.1:1"), "test", "somebody", "default", "proxy"), Deadline.after(10))
    return gateway_certificates(cluster, Profile(), listing("Gateway", [one]), listing("HTTPRoute", routes))


def test_the_port_of_the_listener_is_tried_then_that_of_https(monkeypatch: pytest.MonkeyPatch) -> None:
    ((subject, value),) = read(monkeypatch, gateway(listener()))
    assert (subject.name, value.host, value.listener, value.secrets) == ("public", HOST, "websecure", ["shop/tls", "edge/own"])
    assert value.shown.address == "192.0.2.1:443"


def test_of_two_ports_that_answer_the_one_counts_that_shows_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"192.0.2.1:8443": certificate(["kubernetes"]), "192.0.2.1:443": certificate()}
    ((_, value),) = read(monkeypatch, gateway(listener()), answers=answers)
    assert value.shown.address == "192.0.2.1:443"


def test_a_listener_that_ends_no_tls_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, through = listener(protocol="HTTP"), listener(protocol="TLS", tls={"mode": "Passthrough"})
    found = read(monkeypatch, gateway(plain, through))
    assert found.complete
    assert found.absent == "no listener of a Gateway ends TLS"


def test_one_that_cannot_be_reached_is_unreadable_with_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    (blind,) = read(monkeypatch, gateway(listener()), answers={}).unreadable
    assert "192.0.2.1:8443: connection refused; 192.0.2.1:443: connection refused" in blind.reason
    (blind,) = read(monkeypatch, gateway(listener(), addresses=())).unreadable
    assert blind.reason.endswith(f"could not be asked for {HOST}: its status has no address")


@pytest.mark.parametrize(
    ("parent", "found"),
    [
        ({}, [HOST]),
        ({"sectionName": "websecure"}, [HOST]),
        ({"sectionName": "web"}, []),
        ({"port": 8443}, [HOST]),
        ({"port": 80}, []),
        ({"namespace": "shop"}, []),
        ({"kind": "Service"}, []),
    ],
)
def test_a_listener_for_every_host_is_asked_for_those_of_its_routes(parent: dict[str, Any], found: list[str]) -> None:
    one = gateway(listener(hostname=""))
    assert hosts_of(one, one.spec.listeners[0], listing("HTTPRoute", [route(HOST, **parent)])) == found  # type: ignore[index]


def test_without_any_host_it_is_said_that_nobody_knows_whom_to_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    (blind,) = read(monkeypatch, gateway(listener(hostname=""))).unreadable
    assert "its listener websecure names no host, and no HTTPRoute that was read does so for it: whom to ask for" in blind.reason


def test_gateways_that_could_not_be_read_stay_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(Connection(Origin("http://127.0.0.1:1"), "test", "somebody", "default", "proxy"), Deadline.after(10))
    blind: Readings[Gateway] = Readings((), (refused("GatewayList"),))
    assert gateway_certificates(cluster, Profile(), blind, listing("HTTPRoute", [])).unreadable == blind.unreadable
