"""Traefik, and hosts with TLS: their certificates, from an authority of the lab's own, and what they show and answer from outside."""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509

from lab import api
from lab.build.images import published
from lab.build.modules import Module
from lab.cluster.certificates import AN_HOUR, Authority
from lab.errors import LabError
from lab.layout import WORKERS
from lab.paths import STATE
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.platform.system import System

FOLDER = STATE / "ingress-pki"
SECRET = "fastapi-tls"
DOMAIN = "lab.internal"
_SERVICE = "/api/v1/namespaces/traefik/services/traefik"
_DAYS_LEFT = 60
_SECONDS = 5.0

# Of its dependencies 900 of 2,500 packages are the clients of DNS services, for certificates by DNS challenge: half of the build.
_NO_DNS_SERVICES = """package dns

import (
\t"fmt"

\t"github.com/go-acme/lego/v5/challenge"
)

func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
\treturn nil, fmt.Errorf("%s: built without DNS services", name)
}
"""
# What its makers add to it lies in a module beside it, which the proxy does not have: here nothing is added.
_NOTHING_ADDED = "package ext\n\ntype HTTP struct{}\n\ntype Router struct{}\n"
_MODULE = Module(
    "github.com/traefik/traefik/v3",
    "v3.7.13",
    {"traefik": "cmd/traefik"},
    {"github.com/traefik/traefik/v3/pkg/version.Version": "3.7.13"},
    instead={
        "github.com/traefik/traefik/dynamic/ext": {"ext.go": _NOTHING_ADDED},
        "github.com/abbot/go-http-auth": "github.com/containous/go-http-auth v0.4.1-0.20200324110947-a37a7636d23e",
    },
    without={"github.com/go-acme/lego/v5": {"providers/dns/zz_gen_dns_providers.go": _NO_DNS_SERVICES}},
)


@dataclass(frozen=True)
class Shown:
    """The certificate that a host shows."""

    subject: str
    names: frozenset[str]
    ends: dt.datetime


def host_of(environment: Environment) -> str:
    return f"{environment.workload_namespace}.{DOMAIN}"


def ingress_path(environment: Environment, name: str = "fastapi") -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{environment.workload_namespace}/ingresses/{name}"


def secret_path(environment: Environment) -> str:
    return f"/api/v1/namespaces/{environment.workload_namespace}/secrets/{SECRET}"


def balance_load() -> None:
    """Do what a cloud's load balancer does: say that port 80 and 443 of the workers lead to the Service. kube-proxy sees to it."""
    addresses = [{"ip": node.address} for node in WORKERS]
    api.patch(f"{_SERVICE}/status", {"status": {"loadBalancer": {"ingress": addresses}}})


def put_certificate(environment: Environment, names: Sequence[str] = (), days_left: float = _DAYS_LEFT) -> None:
    """The Secret of the environment's host, with a new certificate: for that host, unless other names are given."""
    put_secret(environment.workload_namespace, f"{environment.name}-{SECRET}", list(names) or [host_of(environment)], days_left)


def put_secret(namespace: str, stem: str, names: Sequence[str], days_left: float = _DAYS_LEFT) -> None:
    """The namespace's Secret with a new certificate for these names; its files are kept under the stem."""
    data = {name: base64.b64encode(one).decode() for name, one in issued(stem, names, days_left).items()}
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": SECRET, "namespace": namespace},
        "data": data,
    }
    path = f"/api/v1/namespaces/{namespace}/secrets/{SECRET}"
    if api.find(path) is None:
        api.create(f"/api/v1/namespaces/{namespace}/secrets", body)
    else:
        api.patch(path, {"data": data})


def issued(stem: str, names: Sequence[str], days_left: float = _DAYS_LEFT) -> dict[str, bytes]:
    """A new certificate for these names and its key, as a Secret has them."""
    ends = dt.timedelta(days=days_left)
    begins = min(-AN_HOUR, ends - dt.timedelta(days=90))
    Authority(FOLDER, "Lab ingress CA").issue(stem, names[0], names=names, validity=(begins, ends))
    return {f"tls.{kind}": (FOLDER / f"{stem}.{kind}").read_bytes() for kind in ("crt", "key")}


def shown(host: str) -> Shown:
    """What the host shows at the load balancer's address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _connect() as plain, context.wrap_socket(plain, server_hostname=host) as encrypted:
            certificate = x509.load_der_x509_certificate(encrypted.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError) as error:
        raise LabError(f"TLS with {host}: {error}") from error
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = frozenset(names.get_values_for_type(x509.DNSName))
    return Shown(certificate.subject.rfc4514_string(), found, certificate.not_valid_after_utc)


def status(host: str, path: str, port: int = 443) -> int:
    """The status that the host answers with at the load balancer's address: with TLS on port 443, plain on others."""
    address = WORKERS[0].address
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _connect(port) as plain:
            stream = context.wrap_socket(plain, server_hostname=host) if port == 443 else plain
            connection = http.client.HTTPConnection(address, port, timeout=_SECONDS)
            connection.sock = stream
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse().status
            connection.close()
            return answer
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"GET {path} at {host}: {error}") from error


def _connect(port: int = 443) -> socket.socket:
    return socket.create_connection((WORKERS[0].address, port), timeout=_SECONDS)


def _show_certificates() -> None:
    """The Secrets of the hosts, and the load balancer that leads to them."""
    balance_load()
    for environment in ENVIRONMENTS:
        put_certificate(environment)


def _problems() -> Iterator[str]:
    """What keeps the environments' hosts from being well."""
    for environment in ENVIRONMENTS:
        host = host_of(environment)
        found = shown(host)
        if host not in found.names:
            yield f"{host} shows the certificate of {found.subject}"
        answered = status(host, "/health")
        if answered != http.client.OK:
            yield f"{host} answers {answered}"
        if not api.get(ingress_path(environment))["status"].get("loadBalancer", {}).get("ingress"):
            yield f"the Ingress of {host} has no address"


SYSTEM = System(
    name="traefik",
    modules=(_MODULE,),
    images=(published("docker.io/library/traefik:v3.7.13", _MODULE, "/usr/local/bin/traefik"),),
    manifests=("traefik",),
    per_environment=("ingress",),
    finish=_show_certificates,
    problems=_problems,
)
