import socket
import time

import pytest

from clusterprobe.access.deadline import Deadline
from clusterprobe.access.tls import Address, ask, connects, read_certificate, show
from clusterprobe.errors import BadResponse, TimedOut, Unauthenticated, Unreachable, Unreadable
from tests.tls_server import Behaviour, dripping, make_pair, plain, resetting, serving, showing, silent

HOST = "api.example.org"
OWN = make_pair([HOST])
DEFAULT = make_pair(["abc.traefik.default"], subject="CN=TRAEFIK DEFAULT CERT")


def soon(seconds: float = 5) -> Deadline:
    return Deadline.after(seconds)


def test_the_certificate_for_the_name_is_shown_with_its_names_and_times() -> None:
    with serving(showing(DEFAULT, {HOST: OWN})) as address:
        shown = show(address, HOST, soon())
    assert shown.certificate is not None
    assert (shown.certificate.subject, shown.certificate.names) == (f"CN={HOST}", [HOST])
    assert shown.certificate.begins < time.time() < shown.certificate.ends
    assert shown.certificate.self_signed
    assert shown.address == str(address)


def test_a_name_that_the_server_does_not_know_gets_its_default() -> None:
    with serving(showing(DEFAULT, {HOST: OWN})) as address:
        shown = show(address, "other.example.org", soon())
    assert shown.certificate is not None
    assert shown.certificate.subject == "CN=TRAEFIK DEFAULT CERT"


def test_a_name_that_the_server_refuses_is_told_apart_from_trouble() -> None:
    with serving(showing(DEFAULT, {HOST: None})) as address:
        assert show(address, HOST, soon()).certificate is None


def test_a_chain_that_does_not_verify_says_why_and_a_known_authority_makes_it_verify(tmp_path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(OWN.certificate)
    with serving(showing(OWN)) as address:
        assert "self-signed" in show(address, HOST, soon()).distrust.replace("self signed", "self-signed")
        assert show(address, HOST, soon(), str(file)).distrust == ""


def test_a_certificate_without_its_issuer_is_not_verified() -> None:
    with serving(showing(make_pair([HOST], issuer="CN=Our CA"))) as address:
        shown = show(address, HOST, soon())
    assert "unable to get local issuer" in shown.distrust
    assert shown.certificate is not None
    assert not shown.certificate.self_signed


@pytest.mark.parametrize(("begins", "ends"), [(-30, -3), (3, 30)])
def test_a_certificate_out_of_its_time_is_shown_all_the_same(begins: float, ends: float, tmp_path) -> None:
    pair = make_pair([HOST], begins, ends)
    file = tmp_path / "ca.pem"
    file.write_bytes(pair.certificate)
    with serving(showing(pair)) as address:
        shown = show(address, HOST, soon(), str(file))
    assert shown.certificate is not None
    assert shown.certificate.names == [HOST]
    assert shown.distrust == "", "the probe tells the time; that is not a matter of trust"


def test_a_certificate_without_names_has_none() -> None:
    with serving(showing(make_pair([]))) as address:
        shown = show(address, HOST, soon())
    assert shown.certificate is not None
    assert shown.certificate.names == []


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [
        (plain(), BadResponse, "does not speak TLS"),
        (resetting, Unreachable, "hung up"),
        (silent, TimedOut, "no whole answer in time"),
        (dripping, TimedOut, "no whole answer in time"),
    ],
)
def test_a_handshake_that_fails_says_how_and_in_time(behaviour: Behaviour, error: type[Unreadable], words: str) -> None:
    begun = time.monotonic()
    with serving(behaviour) as address, pytest.raises(error, match=words):
        show(address, HOST, soon(0.7))
    assert time.monotonic() - begun < 1.5


def test_a_port_where_nothing_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    address = Address("127.0.0.1", port, found=False)
    with pytest.raises(Unreachable, match="nothing listens there"):
        connects(address, soon())
    with pytest.raises(Unreachable, match=f"TLS handshake with {address} for {HOST}"):
        show(address, HOST, soon())


def test_a_host_that_does_not_exist_is_unreachable() -> None:
    with pytest.raises(Unreadable):
        connects(Address("no-such-host.invalid", 443), soon())


def test_a_deadline_that_has_passed_asks_nothing() -> None:
    with pytest.raises(TimedOut, match="no time left"):
        connects(Address("127.0.0.1", 1, found=False), Deadline.after(-1))


def test_an_address_of_our_own_machine_is_not_asked_because_the_cluster_says_so() -> None:
    with serving(showing(OWN)) as address, pytest.raises(Unreachable, match="because the cluster says so"):
        show(Address(address.host, address.port, "its status.loadBalancer"), HOST, soon())


def test_a_name_that_no_server_can_have_is_unreadable() -> None:
    with serving(showing(OWN)) as address, pytest.raises(Unreadable):
        show(address, "a" * 70 + ".example.org", soon())


def test_a_file_of_authorities_that_is_missing_is_named() -> None:
    with serving(showing(OWN)) as address, pytest.raises(Unauthenticated, match=r"/nowhere/ca\.pem"):
        show(address, HOST, soon(), "/nowhere/ca.pem")


def test_what_is_no_certificate_is_unreadable() -> None:
    with pytest.raises(BadResponse, match="not a certificate"):
        read_certificate(b"hello")


@pytest.mark.parametrize("encrypted", [True, False])
def test_the_head_of_an_answer_is_read_with_and_without_tls(encrypted: bool) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: https://login.example.org/\r\nContent-Type: text/html\r\n\r\n"
    with serving(showing(OWN, answer=answer) if encrypted else plain(answer)) as address:
        reply = ask(address, HOST, "/health", soon(), encrypted=encrypted)
    assert (reply.status, reply.location, reply.content_type) == (302, "https://login.example.org/", "text/html")


def test_an_answer_whose_body_never_ends_is_still_an_answer() -> None:
    with serving(showing(OWN, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")) as address:
        assert ask(address, HOST, "/", soon(2), encrypted=True).status == 200


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n"])
def test_what_is_no_http_is_unreadable(answer: bytes) -> None:
    with serving(plain(answer)) as address, pytest.raises(Unreadable):
        ask(address, HOST, "/", soon(2), encrypted=False)


def test_an_address_of_version_six_is_written_in_brackets() -> None:
    assert str(Address("2001:db8::1", 443)) == "[2001:db8::1]:443"
