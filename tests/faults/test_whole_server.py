"""Faults of a whole server, and what must hold of every request: who asks, what is asked, and of whom."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusterprobe.access import http
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.deadline import Deadline
from clusterprobe.evidence import Evidence
from clusterprobe.model import ProbeVerdict
from clusterprobe.profile import EndpointProfile
from clusterprobe.sources import all_sources
from tests.faults import faults
from tests.faults.faults import FAULTS, Fault, plain
from tests.faults.harness import SLACK_SECONDS, Baseline, Outcome, connection, default_profile, is_unasked, run, wrongs
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer, Request, Talk, status

REVIEW = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews"
ENTRANCE = ("/version", "/selfsubjectreviews")


def assert_nothing_passes(outcome: Outcome, healthy: Baseline) -> None:
    fine = (ProbeVerdict.PASS, ProbeVerdict.NOT_APPLICABLE)
    assert [one.id for one in outcome.results.values() if one.verdict in fine and not is_unasked(one)] == []
    assert wrongs(outcome, healthy.outcome) == []


# --- nobody there ------------------------------------------------------------------------------------------------------


def test_a_refused_connection_is_no_way_in(healthy: Baseline):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = run(f"http://127.0.0.1:{port}", 4)
    assert "refused" in outcome.hopeless
    assert_nothing_passes(outcome, healthy)


def test_a_name_that_does_not_exist_is_no_way_in(healthy: Baseline):
    outcome = run("http://no-such-host.invalid", 4)
    assert outcome.hopeless
    assert_nothing_passes(outcome, healthy)
    assert outcome.seconds < 4 + SLACK_SECONDS


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address where connecting neither succeeds nor fails: the queue of a socket that accepts nothing is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_black_hole_costs_no_more_than_the_deadline(black_hole: str, healthy: Baseline):
    outcome = run(black_hole, 1)
    assert outcome.hopeless
    assert_nothing_passes(outcome, healthy)
    assert outcome.seconds < 1 + SLACK_SECONDS


@pytest.mark.parametrize("after", [2, 5, 12, 25])
def test_a_server_that_goes_away_half_way_makes_no_finding(after: int, recording: Recording, healthy: Baseline):
    def leave(talk: Talk, request: Request, reply: object) -> None:
        talk.server.stop_listening()
        talk.server.hang_up()
        talk.reset()

    with FaultServer(recording) as server, server.misbehaving(leave, lambda request: len(server.seen) > after):
        outcome = run(server.url, 4)
    assert wrongs(outcome, healthy.outcome) == []
    assert outcome.seconds < 4 + SLACK_SECONDS


# --- certificates ------------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of the test's own, with its certificates in a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = self._signed(self.subject, self.key, 30).add_extension(constraint, critical=True).sign(self.key, hashes.SHA256())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float) -> x509.CertificateBuilder:
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        return (
            x509.CertificateBuilder(self.subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=60))
            .not_valid_after(end)
        )

    def context(self, *, address: str = "127.0.0.1", days: float = 30) -> ssl.SSLContext:
        """For a server whose certificate is for that address, and ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = self._signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")]), key, days)
        certificate = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        file = self.folder / "server.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def test_a_server_with_a_good_certificate_is_asked(tmp_path: Path, recording: Recording, healthy: Baseline):
    authority = Authority(tmp_path)
    with FaultServer(recording, tls=authority.context()) as server:
        outcome = run(server.url, 30, verify=str(authority.file))
    assert outcome.verdicts() == healthy.outcome.verdicts()


@pytest.mark.parametrize(
    ("certificate", "said"),
    [({"days": -1}, "expired"), ({"address": "10.1.2.3"}, "127.0.0.1"), ({}, "unable to get local issuer|self.signed")],
    ids=["expired", "for another host", "by an unknown authority"],
)
def test_a_bad_certificate_is_no_way_in(certificate: dict[str, object], said: str, tmp_path: Path, recording: Recording, healthy: Baseline):
    authority = Authority(tmp_path)
    trusted = authority if certificate else Authority(tmp_path, "another")
    with FaultServer(recording, tls=authority.context(**certificate)) as server:
        outcome = run(server.url, 4, verify=str(trusted.file), headers=lambda: {"Authorization": "Bearer secret"})
    assert "TLS" in outcome.hopeless
    assert any(word in outcome.hopeless for word in said.split("|"))
    assert server.seen == []
    assert_nothing_passes(outcome, healthy)


# --- who asks, and what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Exchange(201, "application/json", b'{"kind":"SelfSubjectReview","status":{"userInfo":{"username":"system:anonymous"}}}'),
        Exchange(403, "application/json", status(403, "Forbidden", 'forbidden: User "system:anonymous" cannot create resource')),
        Exchange(401, "application/json", status(401, "Unauthorized", "Unauthorized")),
    ],
    ids=["reviewed", "refused the review", "unauthorized"],
)
def test_nobody_asks_nothing(answer: Exchange, recording: Recording, healthy: Baseline):
    anonymous = replace(recording, exchanges={**recording.exchanges, REVIEW: answer})
    with FaultServer(anonymous) as server:
        outcome = run(server.url, 10)
    assert all(request.path.endswith(ENTRANCE) for request in server.seen)
    assert outcome.hopeless
    assert_nothing_passes(outcome, healthy)


@pytest.mark.parametrize("fault", [one for one in FAULTS if not one.slow], ids=lambda one: one.name)
@pytest.mark.parametrize("path", ENTRANCE)
def test_what_is_wrong_at_the_entrance_makes_no_finding(path: str, fault: Fault, server: FaultServer, healthy: Baseline):
    with server.misbehaving(fault.misbehave, lambda request: request.path.endswith(path) and fault.fits(request)):
        outcome = run(server.url, 10)
    assert wrongs(outcome, healthy.outcome) == []
    if outcome.hopeless:
        assert_nothing_passes(outcome, healthy)
        assert all(request.path.endswith(ENTRANCE) for request in server.seen)


def test_an_older_server_that_knows_no_review_is_asked_all_the_same(server: FaultServer, healthy: Baseline):
    with server.misbehaving(faults.BY_NAME["404"].misbehave, lambda request: request.method == "POST"):
        outcome = run(server.url, 30)
    assert outcome.verdicts() == healthy.outcome.verdicts()


def test_a_server_that_keeps_its_version_to_itself_is_asked_all_the_same(server: FaultServer, healthy: Baseline):
    with server.misbehaving(faults.BY_NAME["403"].misbehave, lambda request: request.path == "/version"):
        outcome = run(server.url, 30)
    assert outcome.verdicts() == healthy.outcome.verdicts()


def test_a_run_only_reads_and_reads_no_secret(server: FaultServer):
    server.seen.clear()
    run(server.url, 60)
    assert {request.key for request in server.seen if request.method != "GET"} <= {REVIEW}
    assert [request.path for request in server.seen if "/secrets" in request.path] == []


def test_every_list_is_asked_once_and_in_pages(server: FaultServer):
    server.seen.clear()
    run(server.url, 60)
    lists = [request for request in server.seen if request.pages > 1]
    assert len(lists) == len({(request.path, request.query.get("continue"), request.key) for request in lists})
    assert {request.query["limit"] for request in lists} == {"500"}


def test_a_run_without_active_starts_no_active_source(server: FaultServer):
    deadline = Deadline.after(30)
    names = [one.name for one in all_sources().values() if one.active]
    evidence = Evidence(names, default_profile(), cluster=Cluster(connection(server.url), deadline), deadline=deadline)
    evidence.start()
    assert [name for name in names if not evidence.get(name).absent] == []


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_of_ours_that_is_wrong_by_minutes_changes_no_verdict(
    minutes: int, recording: Recording, healthy: Baseline, monkeypatch: pytest.MonkeyPatch
):
    real, then = time.time, recording.clock - time.time()
    with FaultServer(recording) as server:
        monkeypatch.setattr(time, "time", lambda: real() + then + minutes * 60)
        server._skew = -minutes * 60
        outcome = run(server.url, 60)
    assert outcome.verdicts() == healthy.outcome.verdicts()


# --- of whom -----------------------------------------------------------------------------------------------------------


def test_no_redirect_is_followed_and_no_credential_leaves_for_another_origin(recording: Recording, healthy: Baseline):
    with FaultServer(recording) as other, FaultServer(recording) as server:
        away = plain(307, "", ("Location", f"{other.url}/api/v1/pods"))
        with server.misbehaving(away, lambda request: not request.path.endswith(ENTRANCE)):
            outcome = run(server.url, 10, headers=lambda: {"Authorization": "Bearer secret"})
        assert {request.headers.get("authorization") for request in server.seen} == {"Bearer secret"}
    assert other.seen == []
    assert_nothing_passes(outcome, healthy)


def endpoints(url: str) -> list[EndpointProfile]:
    """Each system of the recording by an explicit address, as a profile gives it, with a credential of its own."""
    places = {
        ("prometheus", "monitoring-dev"): "pods/prometheus-monitoring-dev-kube-promet-prometheus-0:9090",
        ("prometheus", "monitoring-prod"): "pods/prometheus-monitoring-prod-kube-prome-prometheus-0:9090",
        ("alertmanager", "monitoring-dev"): "pods/alertmanager-monitoring-dev-kube-promet-alertmanager-0:9093",
        ("alertmanager", "monitoring-prod"): "pods/alertmanager-monitoring-prod-kube-prome-alertmanager-0:9093",
        ("loki", "logging"): "services/loki:3100",
    }
    return [
        EndpointProfile(
            system=system, namespace=namespace, url=f"{url}/api/v1/namespaces/{namespace}/{place}/proxy", bearer_token_env="SYSTEM_TOKEN"
        )
        for (system, namespace), place in places.items()
    ]


def test_the_api_servers_credential_goes_to_no_system(recording: Recording, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SYSTEM_TOKEN", "for-systems")
    with FaultServer(recording) as systems, FaultServer(recording) as server:
        profile = default_profile().model_copy(update={"endpoints": endpoints(systems.url), "expect": {}})
        outcome = run(server.url, 60, profile=profile, headers=lambda: {"Authorization": "Bearer for-the-api"})
    assert str(outcome.results["prometheus/cross-scrape"].verdict) == "pass"
    assert systems.seen
    assert {request.headers.get("authorization") for request in systems.seen} == {"Bearer for-systems"}
    assert {request.headers.get("authorization") for request in server.seen} == {"Bearer for-the-api"}


@pytest.mark.parametrize("fault", ["refused", "no such host", "black hole", "expired", *(one.name for one in FAULTS if not one.slow)])
def test_a_system_that_cannot_be_asked_makes_no_finding(
    fault: str, recording: Recording, healthy: Baseline, black_hole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SYSTEM_TOKEN", "for-systems")
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.2)
    tls = Authority(tmp_path).context(days=-1) if fault == "expired" else None
    with FaultServer(recording, tls=tls) as systems, FaultServer(recording) as server, contextlib.ExitStack() as stack:
        urls = {"refused": "http://127.0.0.1:1", "no such host": "http://no-such-host.invalid", "black hole": black_hole}
        if fault in faults.BY_NAME:
            one = faults.BY_NAME[fault]
            stack.enter_context(systems.misbehaving(one.misbehave, one.fits))
        profile = default_profile().model_copy(update={"endpoints": endpoints(urls.get(fault, systems.url))})
        outcome = run(server.url, 6, profile=profile)
    assert wrongs(outcome, healthy.outcome) == []
    if fault not in faults.BY_NAME or faults.BY_NAME[fault] in faults.EVERYWHERE:
        asked = [one for one in outcome.results if one in ("prometheus/cross-scrape", "alertmanager/receivers", "loki/query-range")]
        assert {str(outcome.results[one].verdict) for one in asked} == {"inconclusive"}
