"""A real TLS server for tests, with certificates made on the spot, and servers that misbehave instead."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterprobe.access.tls import Address


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, as PEM."""

    certificate: bytes
    key: bytes


def make_pair(
    names: Sequence[str], begins: float = -1, ends: float = 60, subject: str = "", issuer: str = "", clock: float | None = None
) -> Pair:
    """A certificate for these names, valid from and until so many days from `clock`; signed by itself unless an issuer is named.

    `clock`: epoch seconds, of the clock that will judge it: a recording's where probes judge it, the process's own if none is given.
    """
    key = _key()
    now = dt.datetime.now(dt.UTC) if clock is None else dt.datetime.fromtimestamp(clock, dt.UTC)
    own = x509.Name.from_rfc4514_string(subject or f"CN={names[0] if names else 'nobody'}")
    by = x509.Name.from_rfc4514_string(issuer) if issuer else own
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begins))
        .not_valid_after(now + dt.timedelta(days=ends))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    signer = _key() if not issuer else _other_key()
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return Pair(builder.sign(signer, hashes.SHA256()).public_bytes(pem), private)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _other_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def context_of(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pair.pem"
        file.write_bytes(pair.certificate + pair.key)
        context.load_cert_chain(file)
    return context


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
Behaviour = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(behaviour: Behaviour) -> Iterator[Address]:
    """Accepts connections, and does that with each."""
    listener = socket.create_server(("127.0.0.1", 0))

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            behaviour(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield Address("127.0.0.1", listener.getsockname()[1], "a test", found=False)
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # or the thread that accepts would keep it open
        listener.close()


def showing(pair: Pair, by_name: dict[str, Pair | None] | None = None, answer: bytes = OK) -> Behaviour:
    """Shows this certificate, or the one for the name; refuses a name whose certificate is None. Then answers."""
    contexts = {name: each and context_of(each) for name, each in (by_name or {}).items()}
    context = context_of(pair)

    def choose(stream: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name in contexts and contexts[name] is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        stream.context = contexts.get(name or "") or context
        return None

    context.sni_callback = choose

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as stream:
            if stream.recv(65536):
                stream.sendall(answer)

    return behave


def plain(answer: bytes = OK) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        if connection.recv(65536):
            connection.sendall(answer)

    return behave


def silent(connection: socket.socket) -> None:
    """Takes everything, and says nothing."""
    while connection.recv(65536):
        pass


def resetting(connection: socket.socket) -> None:
    """Resets the connection as soon as the client speaks."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def dripping(connection: socket.socket) -> None:
    """Begins a TLS record that never ends, a byte every 0.1 s: a socket's own timeout never strikes."""
    connection.recv(1)
    for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 600:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.1)
