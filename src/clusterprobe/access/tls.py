"""What a TLS server shows to anybody: its certificate for a name, and what it answers to one plain request.

No credential is ever sent, no redirect followed, no body read. Whether a certificate is trusted is told, not enforced:
an expired one has to be seen too.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

import msgspec

from clusterprobe import __version__
from clusterprobe.access import bodies, urls
from clusterprobe.access.deadline import Deadline, call_within
from clusterprobe.errors import BadResponse, TimedOut, Unauthenticated, Unreachable, Unreadable
from clusterprobe.excerpt import excerpt

Value = TypeVar("Value")

SECONDS = 5.0
UNKNOWN_NAME = "TLSV1_UNRECOGNIZED_NAME"
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
OUT_OF_DATE = (9, 10)  # OpenSSL's verdicts: not yet valid, expired


class Address(msgspec.Struct, frozen=True):
    """A host and port, and where that was found. `found`: in the cluster, so it may not lead back to our own machine."""

    host: str
    port: int
    origin: str = ""
    found: bool = True

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A server's own certificate. Times are epoch seconds; `names` are its DNS names and addresses."""

    subject: str
    issuer: str
    names: list[str]
    begins: float
    ends: float

    @property
    def self_signed(self) -> bool:
        return self.subject == self.issuer


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a server shows for a name: no certificate if it refuses that name. `distrust` says why the chain does not verify."""

    address: str
    name: str
    certificate: Certificate | None = None
    distrust: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The head of an answer."""

    address: str
    status: int
    location: str = ""
    content_type: str = ""


def connects(address: Address, deadline: Deadline) -> None:
    """Whether something listens there. Raises an `Unreadable` that says why not."""
    _within(deadline, str(address), address.host, lambda limit: _connect(address, limit).close())


def show(address: Address, name: str, deadline: Deadline, authority: str = "") -> Shown:
    """The certificate that is shown for this name (SNI). `authority`: a file of CA certificates, beside the system's."""
    what = f"TLS handshake with {address} for {name}"
    contexts = (_verifying(authority), _believing())
    return _within(deadline, what, name, lambda limit: _show(address, name, limit, contexts))


def ask(address: Address, host: str, path: urls.UrlPath, deadline: Deadline, *, encrypted: bool) -> Reply:
    """The status and a few headers that a GET for this host and path is answered with."""
    what = f"GET {'https' if encrypted else 'http'}://{urls.name(host)}{path} at {address}"
    return _within(deadline, what, host, lambda limit: _ask(address, host, path, limit, encrypted=encrypted))


def _within(deadline: Deadline, what: str, host: str, function: Callable[[Deadline], Value]) -> Value:
    """Call it under a real deadline, with foreign exceptions as ours."""
    limit = deadline.within(SECONDS)
    if limit.passed:
        raise TimedOut(f"{what}: no time left")

    def call() -> Value:
        try:
            host.encode("idna")  # the ssl module would find out too late, with a socket that nobody closes
            return function(limit)
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a name that no server can have
            raise _translate(error, what) from None

    return call_within(limit, what, call)


def _connect(address: Address, limit: Deadline) -> socket.socket:
    connection = socket.create_connection((address.host, address.port), timeout=limit.remaining or 0.01)
    if address.found and (why := urls.not_a_pod(connection.getpeername()[0])):
        connection.close()
        raise Unreachable(f"{address} is not asked because the cluster says so: {why}")
    return connection


def _show(address: Address, name: str, limit: Deadline, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Shown:
    """One handshake, if the chain verifies; else one more, since a refused handshake does not show what it refused."""
    verifying, believing = contexts
    distrust = ""
    try:
        try:
            raw = _handshake(address, name, limit, verifying)
        except ssl.SSLCertVerificationError as error:
            distrust = "" if error.verify_code in OUT_OF_DATE else str(error.verify_message)
            raw = _handshake(address, name, limit, believing)
    except ssl.SSLError as error:
        if error.reason != UNKNOWN_NAME:
            raise
        return Shown(address=str(address), name=name)
    return Shown(address=str(address), name=name, certificate=read_certificate(raw), distrust=distrust)


def _handshake(address: Address, name: str, limit: Deadline, context: ssl.SSLContext) -> bytes:
    with _connect(address, limit) as plain, context.wrap_socket(plain, server_hostname=name) as encrypted:
        return encrypted.getpeercert(binary_form=True) or b""


def _ask(address: Address, host: str, path: urls.UrlPath, limit: Deadline, *, encrypted: bool) -> Reply:
    with _connect(address, limit) as plain:
        stream = _believing().wrap_socket(plain, server_hostname=host) if encrypted else plain
        with stream:
            agent = f"User-Agent: clusterprobe/{__version__}\r\nAccept: */*\r\nConnection: close"
            head = f"GET {path or '/'} HTTP/1.1\r\nHost: {host}\r\n{agent}\r\n\r\n"
            stream.sendall(head.encode("ascii"))
            with contextlib.closing(bodies.Bounded(stream, method="GET")) as response:
                response.begin()
                return Reply(
                    address=str(address),
                    status=response.status,
                    location=excerpt(response.headers.get("Location", ""), 300),
                    content_type=response.headers.get("Content-Type", "")[:100],
                )


@functools.cache
def _believing() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@functools.cache
def _verifying(authority: str) -> ssl.SSLContext:
    """Verifies the chain against the system's authorities and this file's; names are compared elsewhere."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_default_certs()
    if authority:
        try:
            context.load_verify_locations(cafile=authority)
        except (OSError, ssl.SSLError) as error:
            raise Unauthenticated(f"the file of CA certificates {authority} cannot be used: {error}") from None
    return context


def read_certificate(raw: bytes) -> Certificate:
    """A certificate in DER. Raises `BadResponse` for what is none."""
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(raw)
        try:
            extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = [*extension.get_values_for_type(x509.DNSName), *map(str, extension.get_values_for_type(x509.IPAddress))]
        except x509.ExtensionNotFound:
            names = []
        return Certificate(
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            names=names,
            begins=found.not_valid_before_utc.timestamp(),
            ends=found.not_valid_after_utc.timestamp(),
        )
    except (ValueError, x509.DuplicateExtension) as error:
        raise BadResponse(f"what was shown is not a certificate: {error}") from None


def _translate(error: Exception, what: str) -> Unreadable:
    reason = getattr(error, "reason", "") or ""
    if isinstance(error, TimeoutError):
        return TimedOut(f"{what}: no whole answer in time")
    if isinstance(error, ssl.SSLError) and reason in NO_TLS:
        return BadResponse(f"{what}: what listens there does not speak TLS")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return BadResponse(f"{what}: TLS: {reason or error}")
    if isinstance(error, ConnectionError | ssl.SSLEOFError):
        return Unreachable(f"{what}: {_words(error)}")
    if isinstance(error, OSError):
        return Unreachable(f"{what}: {_words(error)}")
    return BadResponse(f"{what}: no HTTP answer: {type(error).__name__}: {excerpt(str(error), 200)}")


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLEOFError | ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return "it hung up during the handshake or before it answered"
    if isinstance(error, ConnectionRefusedError):
        return "refused: nothing listens there"
    return error.strerror or str(error)
