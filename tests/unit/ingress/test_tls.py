from typing import Any

import pytest

from clusterprobe.access.tls import Certificate, Shown
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.certificates import Asked, HostCertificate, hosts_with_tls
from clusterprobe.systems.ingress.default_certificates import whose_default
from clusterprobe.systems.ingress.handshakes import covers, name_of
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass
from probes.ingress.probe_tls import probe_tls
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused

NOW = 1_800_000_000.0
DAY = 86400.0
HOST = "api.example.org"


def certificate(names: list[str] | None = None, ends: float = 60, begins: float = -30, **changes: str) -> Certificate:
    subject = changes.get("subject", f"CN={HOST}")
    issuer = changes.get("issuer", "CN=Our CA")
    own = [HOST] if names is None else names
    return Certificate(subject=subject, issuer=issuer, names=own, begins=NOW + begins * DAY, ends=NOW + ends * DAY)


TRAEFIK = certificate(["af2.traefik.default"], subject="CN=TRAEFIK DEFAULT CERT", issuer="CN=TRAEFIK DEFAULT CERT")


def ingress(name: str = "api", annotations: dict[str, str] | None = None, **spec: Any) -> Ingress:
    rules = [{"host": HOST}]
    wanted = {"ingressClassName": "traefik", "tls": [{"hosts": [HOST], "secretName": "api-tls"}], "rules": rules, **spec}
    return labelled(Ingress, "shop-prod", name, spec=wanted, metadata={"annotations": annotations or {}})


def platform(
    shown: Certificate | None,
    *,
    one: Ingress | None = None,
    host: str = HOST,
    secret: str = "api-tls",
    distrust: str = "",
    listed: bool = True,
) -> dict[str, Any]:
    ingresses = listing("Ingress", [one or ingress()])
    subject = ingresses.values[0][0]
    seen = Shown(address="10.0.0.9:443", name=host, certificate=shown, distrust=distrust)
    return {
        "watched_ingresses": ingresses,
        "ingress_certificates": Readings(((subject, HostCertificate(host=host, secret_name=secret, listed=listed, shown=seen)),)),
        "ingress_classes": listing("IngressClass", [labelled(IngressClass, "", "traefik", spec={"controller": "traefik.io/x"})]),
        "profile": Profile(),
        "clock": Clock(NOW),
    }


def test_a_certificate_of_its_own_with_sixty_days_left_passes_and_is_shown() -> None:
    verdict = judged(probe_tls, **platform(certificate()))
    assert outcome(verdict) == "pass"
    assert not verdict.findings
    assert verdict.exhibits[0].rows[0][:3] == [HOST, "shop-prod/api", "api-tls"]  # type: ignore[union-attr]


def test_a_wildcard_that_covers_the_host_passes() -> None:
    assert not judged(probe_tls, **platform(certificate(["*.example.org"]))).findings


@pytest.mark.parametrize(
    ("name", "host", "good"),
    [
        ("api.example.org", "api.example.org", True),
        ("API.example.org.", "api.Example.org", True),
        ("*.example.org", "api.example.org", True),
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.example.org", "*.example.org", True),
        ("api.example.org", "*.example.org", False),
        ("*", "localhost", False),
        ("*.", "localhost", False),
    ],
)
def test_a_wildcard_stands_for_exactly_one_label(name: str, host: str, good: bool) -> None:
    assert covers(name, host) is good


def test_the_default_certificate_names_the_secret_that_must_be_missing_or_broken() -> None:
    (finding,) = judged(probe_tls, **platform(TRAEFIK)).findings
    assert (finding.reason, finding.severity) == ("DefaultCertificate", "error")
    assert f"{HOST} shows the default certificate of Traefik" in finding.problem
    assert "names the Secret shop-prod/api-tls for it, but that Secret is missing" in finding.cause
    assert "$ kubectl -n shop-prod describe secret api-tls" in finding.fix
    assert finding.rests_on == ["Secret/shop-prod/api-tls"]


@pytest.mark.parametrize(
    ("subject", "names", "controller"),
    [
        ("CN=Kubernetes Ingress Controller Fake Certificate,O=Acme Co", ["ingress.local"], "ingress-nginx"),
        ("CN=TRAEFIK DEFAULT CERT", ["0.traefik.default"], "Traefik"),
        ("CN=localhost,OU=IT Department,O=Kong,L=San Francisco", [], "Kong"),
        ("CN=NGINXIngressController", [], "NGINX Ingress Controller"),
        ("CN=localhost", ["localhost"], ""),
        (f"CN={HOST}", [HOST], ""),
    ],
)
def test_default_certificates_are_recognised_by_what_their_controllers_write(subject: str, names: list[str], controller: str) -> None:
    assert whose_default(certificate(names, subject=subject)) == controller


def test_a_default_certificate_where_no_secret_is_named_says_that_none_is_named() -> None:
    one = ingress(tls=[{"hosts": [HOST]}])
    (finding,) = judged(probe_tls, **platform(TRAEFIK, one=one, secret="")).findings
    assert "names no Secret for it, but the controller has no default certificate of its own" in finding.cause
    assert finding.rests_on == []
    assert "Name a Secret with a certificate for api.example.org under `spec.tls`" in finding.fix


def test_the_default_certificate_of_an_ingress_whose_class_does_not_exist_is_not_blamed_on_the_secret() -> None:
    (finding,) = judged(probe_tls, **platform(TRAEFIK, one=ingress(ingressClassName="traefik-internal"))).findings
    assert "there is no IngressClass of that name (there are: traefik)" in finding.cause
    assert finding.rests_on == ["Ingress/shop-prod/api"]


def test_without_the_classes_the_secret_is_what_is_named() -> None:
    told = platform(TRAEFIK, one=ingress(ingressClassName="traefik-internal"))
    verdict = judged(probe_tls, **{**told, "ingress_classes": Readings((), (refused("IngressClassList"),))})
    assert "Secret" in verdict.findings[0].cause
    assert "IngressClass" not in verdict.findings[0].cause


def test_a_name_that_is_refused_is_an_error() -> None:
    (finding,) = judged(probe_tls, **platform(None)).findings
    assert (finding.reason, finding.severity) == ("NameRefused", "error")
    assert "unrecognized_name" in finding.cause


@pytest.mark.parametrize("names", [["old.example.org"], ["*.other.org"], []])
def test_a_certificate_for_other_names_is_an_error_that_lists_them(names: list[str]) -> None:
    (finding,) = judged(probe_tls, **platform(certificate(names))).findings
    assert (finding.reason, finding.severity) == ("WrongNames", "error")
    assert (names[0] if names else "no name at all") in finding.cause
    assert "shop-prod/api-tls" in finding.cause


@pytest.mark.parametrize(
    ("ends", "reason", "severity"),
    [(-3, "Expired", "error"), (0, "Expired", "error"), (0.001, "Expiring", "warning"), (13.99, "Expiring", "warning"), (14, "", "")],
)
def test_a_certificate_that_ended_or_ends_soon_is_found_on_its_side_of_the_threshold(ends: float, reason: str, severity: str) -> None:
    verdict = judged(probe_tls, **platform(certificate(ends=ends)))
    assert [(one.reason, str(one.severity)) for one in verdict.findings] == ([(reason, severity)] if reason else [])


def test_an_expired_certificate_says_since_when_and_that_nobody_renewed_it() -> None:
    (finding,) = judged(
        probe_tls, **platform(certificate(ends=-3), one=ingress(annotations={"cert-manager.io/cluster-issuer": "lets"}))
    ).findings
    assert "expired 3 days ago, on 2027-01-12" in finding.problem
    assert "it was not renewed" in finding.cause
    assert "cert-manager (lets) is to write it" in finding.fix


@pytest.mark.parametrize(("begins", "found"), [(0.001, ["NotYetValid"]), (0, [])])
def test_a_certificate_that_is_not_valid_yet_is_an_error(begins: float, found: list[str]) -> None:
    assert reasons(judged(probe_tls, **platform(certificate(begins=begins)))) == found


def test_the_hosts_of_one_secret_are_one_finding() -> None:
    told = platform(TRAEFIK)
    subject, first = told["ingress_certificates"].values[0]
    second = HostCertificate(host="www.example.org", secret_name="api-tls", shown=first.shown)
    (finding,) = judged(probe_tls, **{**told, "ingress_certificates": Readings(((subject, first), (subject, second)))}).findings
    assert f"{HOST}, www.example.org" in finding.problem


@pytest.mark.parametrize(("issuer", "reason"), [("CN=Our CA", "ChainNotVerified"), (f"CN={HOST}", "SelfSigned")])
def test_a_chain_that_does_not_verify_is_a_remark_for_private_authorities_are_normal(issuer: str, reason: str) -> None:
    verdict = judged(probe_tls, **platform(certificate(issuer=issuer), distrust="unable to get local issuer certificate"))
    assert [(one.reason, str(one.severity)) for one in verdict.findings] == [(reason, "info")]
    assert outcome(verdict) == "pass"
    assert "ingress.ca_file" in verdict.findings[0].fix


def test_a_host_of_the_rules_that_spec_tls_does_not_list_is_a_remark() -> None:
    verdict = judged(probe_tls, **platform(TRAEFIK, listed=False, secret=""))
    assert [(one.reason, str(one.severity)) for one in verdict.findings] == [("HostNotInTls", "info")]
    assert not judged(probe_tls, **platform(certificate(), listed=False, secret="")).findings
    assert not judged(probe_tls, **platform(None, listed=False, secret="")).findings


def test_what_passes_through_is_said_to_be_the_backends_and_rests_on_no_secret() -> None:
    one = ingress(annotations={"nginx.ingress.kubernetes.io/ssl-passthrough": "true"})
    (finding,) = judged(probe_tls, **platform(certificate(ends=-1), one=one)).findings
    assert "passes through to the backend" in finding.cause
    assert finding.rests_on == []


def test_what_cannot_be_read_is_no_pass_and_no_finding() -> None:
    for shown in (certificate(), TRAEFIK, certificate(ends=-1)):
        assert_blindness_is_no_health(probe_tls, platform(shown))


def test_a_host_that_did_not_answer_is_unchecked_and_the_others_are_judged() -> None:
    told = platform(certificate())
    values = told["ingress_certificates"].values
    blind = Readings(values, (refused("Ingress", "shop-prod", "its controller could not be reached"),))
    assert outcome(judged(probe_tls, **{**told, "ingress_certificates": blind})) == "inconclusive"


def test_no_ingress_with_tls_is_not_applicable_only_if_all_were_read() -> None:
    told = platform(certificate())
    assert outcome(judged(probe_tls, **{**told, "ingress_certificates": Readings(absent="no Ingress asks for TLS")})) == "not_applicable"


def test_an_entry_without_hosts_is_for_those_of_the_rules() -> None:
    one = ingress(tls=[{"secretName": "api-tls"}], rules=[{"host": HOST}, {"host": "www.example.org"}, {}])
    assert list(hosts_with_tls(one)) == [
        Asked(host=HOST, secret_name="api-tls"),
        Asked(host="www.example.org", secret_name="api-tls"),
    ]


def test_each_host_has_the_secret_of_its_entry_and_a_wildcard_entry_covers_those_of_the_rules() -> None:
    tls = [{"hosts": ["*.example.org"], "secretName": "wild"}, {"hosts": [HOST], "secretName": "own"}]
    one = ingress(tls=tls, rules=[{"host": HOST}, {"host": "www.example.org"}, {"host": "example.com"}])
    assert list(hosts_with_tls(one)) == [
        Asked(host="*.example.org", secret_name="wild"),
        Asked(host=HOST, secret_name="own"),
        Asked(host="example.com", listed=False),
    ]


def test_an_ingress_without_tls_has_no_host_to_shake_hands_with() -> None:
    assert list(hosts_with_tls(ingress(tls=None))) == []
    assert list(hosts_with_tls(make(Ingress, metadata={"name": "empty"}, spec={"tls": [{}]}))) == []


def test_no_client_asks_for_a_wildcard() -> None:
    assert name_of("*.example.org") == "clusterprobe.example.org"
    assert name_of(HOST) == HOST


# --- routes of Traefik and OpenShift -----------------------------------------------------------------------------------

INGRESS_ROUTE = Subject(api_version="traefik.io/v1alpha1", kind="IngressRoute", namespace="shop-prod", name="api")
OPENSHIFT_ROUTE = Subject(api_version="route.openshift.io/v1", kind="Route", namespace="shop-prod", name="api")


def judge_route(shown: Certificate | None, subject: Subject = INGRESS_ROUTE, **asked: Any) -> Any:
    seen = HostCertificate(host=HOST, shown=Shown(address="10.0.0.9:443", name=HOST, certificate=shown), **asked)
    return judged(probe_tls, **{**platform(certificate()), "ingress_certificates": Readings(((subject, seen),))})


def test_a_route_with_its_own_certificate_passes_and_is_shown_as_what_it_is() -> None:
    verdict = judge_route(certificate(), secret_name="api-tls")
    assert (outcome(verdict), verdict.findings) == ("pass", [])
    assert verdict.exhibits[0].rows[0][:3] == [HOST, "IngressRoute shop-prod/api", "api-tls"]


def test_an_expired_secret_of_a_route_is_named_with_how_to_renew_it() -> None:
    (finding,) = judge_route(certificate(ends=-3), secret_name="api-tls").findings
    assert (finding.reason, finding.subject.kind) == ("Expired", "IngressRoute")
    assert finding.cause.startswith(
        "spec.tls of IngressRoute shop-prod/api names the Secret shop-prod/api-tls for it, and it was not renewed."
    )
    assert "kubectl -n shop-prod create secret tls api-tls --cert=tls.crt" in finding.fix
    assert finding.rests_on == ["Secret/shop-prod/api-tls"]


def test_traefiks_default_certificate_for_a_route_may_be_that_of_a_traefik_that_does_not_take_it() -> None:
    (finding,) = judge_route(TRAEFIK, secret_name="api-tls").findings
    assert finding.reason == "DefaultCertificate"
    assert "that Secret is missing in this namespace" in finding.cause
    assert "or the Traefik that was asked does not take this route" in finding.cause


def test_a_resolver_that_has_got_no_certificate_is_named_and_no_secret_is() -> None:
    (finding,) = judge_route(TRAEFIK, resolver="letsencrypt").findings
    assert "names Traefik's resolver letsencrypt for it, but that has got no certificate for it" in finding.cause
    assert finding.rests_on == []
    assert "$ kubectl get pods -A -l app.kubernetes.io/name=traefik" in finding.fix
    assert "create secret" not in finding.fix
    assert "$ kubectl -n shop-prod get ingressroute.traefik.io api -o yaml" in finding.fix


def test_a_name_that_is_refused_without_a_secret_blames_none() -> None:
    (finding,) = judge_route(None, resolver="letsencrypt").findings
    assert finding.cause.endswith("(unrecognized_name): it has no certificate for it.")


def test_a_route_that_passes_tls_through_is_renewed_in_its_backend() -> None:
    (finding,) = judge_route(certificate(ends=-1), passes_through=True).findings
    assert "Its TLS passes through to the backend, so it is the backend that shows this certificate." in finding.cause
    assert "Renew the certificate in the backend itself" in finding.fix
    (finding,) = judge_route(TRAEFIK, passes_through=True).findings
    assert "but the Traefik that was asked does not take this route" in finding.cause
    assert "Let a Traefik take the route." in finding.fix


def test_the_key_of_a_route_of_openshift_is_not_printed_by_what_is_to_be_looked_at() -> None:
    (finding,) = judge_route(certificate(["*.apps.example.org"]), OPENSHIFT_ROUTE).findings
    assert (finding.reason, finding.subject) == ("WrongNames", finding.subject)
    assert finding.cause.startswith("spec.tls of Route shop-prod/api names no Secret for it")
    assert "get route.route.openshift.io api -o jsonpath='{.spec.tls.termination} {.spec.tls.externalCertificate.name}'" in finding.fix
    assert f"Give the route a certificate for {HOST} and its key under `spec.tls`" in finding.fix


def test_an_ingress_and_a_route_of_one_name_are_two_findings() -> None:
    told = platform(TRAEFIK, one=ingress(tls=[{"hosts": [HOST]}]), secret="")
    both = (*told["ingress_certificates"].values, (INGRESS_ROUTE, told["ingress_certificates"].items[0]))
    assert len(judged(probe_tls, **{**told, "ingress_certificates": Readings(both)}).findings) == 2
