"""Why a certificate is not issued: by what its challenges say, and its last attempt."""

from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.acme import Challenge
from clusterprobe.systems.custom_resources.objects import CustomKind
from clusterprobe.verdict import Verdict
from probes.objects.probe_conditions import probe_conditions
from tests.factories import assert_blindness_is_no_health, judged, labelled, outcome, reasons
from tests.unit.custom_resources.custom_world import NOW, condition, kind, raw, readings

NOT_THERE = condition(reason="DoesNotExist", message="Issuing certificate as Secret does not exist")
WAITS = "Waiting for HTTP-01 challenge propagation: "


def certificate(*conditions: Any, hosts: tuple[str, ...] = ("shop.example.org",)) -> CustomKind:
    spec = {"secretName": "shop-tls", "dnsNames": list(hosts)}
    return kind("certificates.cert-manager.io", "Certificate", raw("tls", *(conditions or (NOT_THERE,)), spec=spec))


def challenge(reason: str, host: str = "shop.example.org", by: str = "HTTP-01", state: str = "pending", **spec: Any) -> Challenge:
    given = {"dnsName": host, "type": by, **spec}
    return labelled(Challenge, "shop", "tls-1-2-3", spec=given, status={"state": state, "reason": reason})


def world(one: CustomKind, *challenges: Challenge) -> dict[str, Any]:
    told = Readings(tuple((Subject(kind="Challenge", namespace="shop", name=each.metadata.name), each) for each in challenges))
    kinds = {
        "custom_kinds": readings(one),
        "own_kinds": readings(),
        "acme_challenges": told,
        "object_warnings": Readings(),
        "pods": Readings(),
    }
    return {**kinds, "profile": Profile(), "clock": Clock(NOW)}


def judge(one: CustomKind, *challenges: Challenge) -> Verdict:
    return judged(probe_conditions, **world(one, *challenges))


def test_a_challenge_of_its_host_says_why_and_what_to_change() -> None:
    (finding,) = judge(certificate(), challenge(f"{WAITS}wrong status code '404', expected '200'")).findings
    assert finding.severity is Severity.ERROR
    assert finding.cause == (
        "By HTTP the host leads to something else than cert-manager's solver. Its controller says “Issuing certificate as Secret does not "
        f"exist”. The challenge for shop.example.org (HTTP-01) says “{WAITS}wrong status code '404', expected '200'”."
    )
    assert "$ kubectl -n shop describe challenges.acme.cert-manager.io tls-1-2-3" in finding.fix
    assert "$ kubectl -n shop get pods,services,ingresses -l acme.cert-manager.io/http01-solver=true" in finding.fix
    assert "/.well-known/acme-challenge/" in finding.fix
    assert "Correct the issuer" not in finding.fix


@pytest.mark.parametrize(
    ("reason", "by", "why"),
    [
        (f"{WAITS}did not get expected response when querying endpoint", "HTTP-01", "By HTTP the host leads to something else"),
        (
            f"{WAITS}failed to perform self check GET request: dial tcp: lookup shop.example.org: no such host",
            "HTTP-01",
            "does not resolve",
        ),
        (f"{WAITS}Get http://shop: dial tcp 192.0.2.7:80: connect: connection refused", "HTTP-01", "Port 80 of the host is not reached"),
        (f"{WAITS}context deadline exceeded (Client.Timeout exceeded)", "HTTP-01", "Port 80 of the host is not reached"),
        ("Error accepting authorization: 403 urn:ietf:params:acme:error:unauthorized: Invalid response", "HTTP-01", "By HTTP the host"),
        ("Error: 400 urn:ietf:params:acme:error:dns: DNS problem: NXDOMAIN looking up A", "HTTP-01", "does not resolve"),
        ("403 urn:ietf:params:acme:error:caa: CAA record for example.org prevents issuance", "DNS-01", "CAA record"),
        ('DNS record for "shop.example.org" not yet propagated', "DNS-01", "does not see the challenge's TXT record"),
        ('error getting route53 secret: secrets "dns" not found', "DNS-01", "The Secret with the credentials"),
        ("User: arn is not authorized to perform: route53:ChangeResourceRecordSets", "DNS-01", "refuses the credentials"),
        ("Cloudflare API Error for GET /zones: Error: 9109: Invalid access token", "DNS-01", "refuses the credentials"),
        ("failed to determine Route 53 hosted zone ID: zone example.org. not found", "DNS-01", "The zone of this name is not found"),
    ],
)
def test_what_a_challenge_says(reason: str, by: str, why: str) -> None:
    (finding,) = judge(certificate(), challenge(reason, by=by)).findings
    assert why in finding.cause
    assert ("http01-solver" in finding.fix) is (by == "HTTP-01")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("order is errored: 429 urn:ietf:params:acme:error:rateLimited: too many certificates already issued", "asked too often"),
        ("400 urn:ietf:params:acme:error:rejectedIdentifier: does not end with a valid public suffix", "does not sign for such a name"),
        ("no configured challenge solvers can be used for this challenge", "No solver of the issuer fits"),
    ],
)
def test_an_attempt_that_failed_says_why_without_a_challenge(message: str, why: str) -> None:
    failed = condition("Issuing", reason="Failed", message=f"The certificate request has failed to complete and will be retried: {message}")
    (finding,) = judge(certificate(NOT_THERE, failed)).findings
    assert why in finding.cause
    assert message in finding.cause
    assert finding.severity is Severity.ERROR


def test_a_renewal_that_fails_while_the_old_is_valid_is_a_warning() -> None:
    failed = condition("Issuing", reason="Failed", message="will be retried: 429 too many certificates")
    (finding,) = judge(certificate(condition(status="True"), failed)).findings
    assert finding.severity is Severity.WARNING
    assert finding.problem == "Certificate shop/tls has had Issuing=False (Failed) for 60 min."


@pytest.mark.parametrize("issuing", [condition("Issuing", "True", reason="Renewing"), condition("Issuing", reason="Issued")])
def test_a_renewal_that_is_under_way_or_done_is_no_fault(issuing: Any) -> None:
    assert outcome(judge(certificate(condition(status="True"), issuing))) == "pass"


@pytest.mark.parametrize(
    "other",
    [
        challenge("wrong status code '404'", host="other.example.org"),
        challenge("wrong status code '404'", state="valid"),
        challenge("wrong status code '404'", wildcard=True),
        challenge(""),
    ],
    ids=["of another host", "that succeeded", "of the wildcard", "that says nothing"],
)
def test_a_challenge_that_is_not_its_own_is_not_quoted(other: Challenge) -> None:
    (finding,) = judge(certificate(), other).findings
    assert finding.cause == "Its controller says “Issuing certificate as Secret does not exist”."
    assert "Correct the issuer" in finding.fix


def test_a_wildcard_has_challenges_of_its_own() -> None:
    one = certificate(hosts=("*.example.org",))
    (finding,) = judge(one, challenge("not yet propagated", host="example.org", by="DNS-01", wildcard=True)).findings
    assert "The challenge for *.example.org (DNS-01) says" in finding.cause


def test_challenges_of_a_certificate_that_is_ready_are_nobodys_fault() -> None:
    assert reasons(judge(certificate(condition(status="True")), challenge("wrong status code '404'"))) == []


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_conditions, world(certificate(), challenge("wrong status code '404'")))
