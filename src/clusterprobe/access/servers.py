"""The servers that run in a cluster, and the way to each: the profile's URL, the pod, or its Service."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.errors import Unauthenticated, Unreachable
from clusterprobe.known_systems import SYSTEMS
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.profile import EndpointProfile, Profile
from clusterprobe.readings import Readings

Value = TypeVar("Value")
NO_TENANT = "no org id"  # what Loki says to who names none


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to ask over HTTP: a pod, a Service, or what a profile's URL leads to.

    `name` is that of the custom resource, or of the release where there is none; `custom` tells which. `entry` is the place
    among the profile's endpoints of the one that names its `url`: two of them may share it, and ask as another tenant or user. `tenant` is
    whom to ask as where discovery found the way.
    `dialect` is what it answers as, where systems that do one work differ in that; empty for the usual one.
    """

    system: str
    namespace: str
    name: str
    custom: bool = False
    pod: str = ""
    ip: str = ""
    service: str = ""
    port: int = 0
    scheme: str = "http"
    prefix: str = ""
    url: str = ""
    entry: int = 0
    dialect: str = ""
    tenant: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    def explicit(self, profile: Profile) -> EndpointProfile | None:
        """The profile's entry for it, where that is what it was found by."""
        one = next(iter(profile.endpoints[self.entry : self.entry + 1]), None)
        return one if one is not None and self.url and one.url == self.url else None


def servers_of(profile: Profile, system: str) -> list[Server]:
    """What the profile's endpoints of a system lead to, each under a name that no other one has."""
    entries = [(place, one) for place, one in enumerate(profile.endpoints) if one.system == system and one.url]
    names = [one.name or one.namespace or one.url for _, one in entries]
    found: list[Server] = []
    for (place, one), name in zip(entries, names, strict=True):
        own = f"{name} ({one.tenant})" if one.tenant and names.count(name) > 1 else name
        taken = [each.name for each in found]
        unique = next(text for text in (own, *(f"{own} ({number})" for number in range(2, len(entries) + 2))) if text not in taken)
        found.append(Server(system=system, namespace=one.namespace, name=unique, url=one.url, entry=place))
    return found


def reach(cluster: Cluster, profile: Profile, server: Server) -> Endpoint:
    """The way to a server: the profile's URL with its credentials, else as the connection's route has it."""
    if explicit := server.explicit(profile):
        return _explicit(cluster, explicit)
    if server.service:
        found = cluster.service(server.namespace, server.service, server.port, scheme=server.scheme, prefix=server.prefix)
    else:
        found = cluster.pod(server.namespace, server.pod, server.ip, server.port, scheme=server.scheme, prefix=server.prefix)
    return found.as_tenant(server.tenant) if server.tenant else found


def tenants_of(profile: Profile, server: Server) -> list[str]:
    """The tenants that the profile names of a server that discovery found."""
    own = (one for one in profile.endpoints if not one.url and one.system == server.system and one.namespace == server.namespace)
    return list(dict.fromkeys(one.tenant for one in own if one.name in ("", server.name)))


def has_credentials(server: Server, profile: Profile) -> bool:
    """Whether the profile says how to identify to this server."""
    one = server.explicit(profile)
    return one is not None and bool(one.bearer_token_env or one.bearer_token_file or one.basic)


@dataclass(frozen=True)
class _Identity:
    """The headers that identify to a server, read anew for each request. Equal ones may share connections."""

    one: EndpointProfile

    def __call__(self) -> Mapping[str, str]:
        one = self.one
        if one.bearer_token_env or one.bearer_token_file:
            return {"Authorization": f"Bearer {_secret(one.bearer_token_env, one.bearer_token_file)}"}
        if one.basic:
            password = _secret(one.basic.password_env, one.basic.password_file)
            pair = base64.b64encode(f"{one.basic.username}:{password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}


def _explicit(cluster: Cluster, one: EndpointProfile) -> Endpoint:
    verify: bool | str = False if one.insecure_skip_tls_verify else one.ca_file or True
    fixed = {"X-Scope-OrgID": one.tenant} if one.tenant else {}
    return cluster.url(one.url.rstrip("/"), headers=_Identity(one), verify=verify, fixed=fixed)


def _secret(variable: str, file: str) -> str:
    try:
        value = os.environ.get(variable, "") if variable else Path(file).expanduser().read_text().strip()
    except OSError as error:
        raise Unauthenticated(f"the credential file {file} cannot be read: {error.strerror}") from None
    if not value:
        raise Unauthenticated(f"the credential that the profile names ({variable or file}) is empty")
    return value


def read_each(cluster: Cluster, profile: Profile, servers: Readings[Server], read: Callable[[Endpoint, Server], Value]) -> Readings[Value]:
    """Read something of every server; what fails is unreadable by itself, and how to be let in is said."""

    def ask(_: Subject, server: Server) -> Value:
        try:
            return read(reach(cluster, profile, server), server)
        except Unauthenticated as refused:
            raise Unauthenticated(f"{refused}{_how_to_be_let_in(server, profile, str(refused))}") from None
        except Unreachable as error:
            if server.url or not _KEPT_OUT.search(str(error)):
                raise
            raise Unreachable(f"{error}{_how_to_get_there(server)}") from None

    return cluster.each(servers, ask)


# What the API server says where a pod takes no connection from it, although one may well listen there.
_KEPT_OUT = ours(r"(?i)error trying to reach service: .{0,200}(?:i/o timeout|timed out|deadline exceeded|connection reset|EOF\b)")


def _how_to_get_there(server: Server) -> str:
    """What settles it where the API server is kept out for good."""
    where = f"system: {server.system}" + (f", namespace: {server.namespace}" if server.namespace else "")
    return (
        "; if that lasts while the pod is ready, a NetworkPolicy, a firewall, or a mesh that asks for mTLS keeps the API server out: let "
        f"it in, or name an address that answers under `endpoints:` in the profile ({where})"
    )


def _how_to_be_let_in(server: Server, profile: Profile, refusal: str) -> str:
    """What to write into the profile for a server that asks for a tenant or credentials; empty where that is there, or does not help."""
    where = f"system: {server.system}" + (f", namespace: {server.namespace}" if server.namespace else "")
    if NO_TENANT in refusal:
        way = "`tenant` beside its url" if server.url else "each `tenant`"
        return f"; it serves several tenants: name {way} in an entry under `endpoints:` in the profile ({where})"
    if has_credentials(server, profile) or server.system not in {one.key for one in SYSTEMS}:
        return ""
    return f"; it asks for credentials: name its url under `endpoints:` in the profile ({where}), with basic or bearer_token_env"
