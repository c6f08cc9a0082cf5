"""The servers that run in a cluster, and the way to each: the profile's URL, the pod, or its Service."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.errors import Unauthenticated
from clusterprobe.profile import EndpointProfile, Profile
from clusterprobe.readings import Readings


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to ask over HTTP: a pod, a Service, or what a profile's URL leads to.

    `name` is that of the custom resource, or of the release where there is none; `custom` tells which.
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

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name


def reach(cluster: Cluster, profile: Profile, server: Server) -> Endpoint:
    """The way to a server: the profile's URL with its credentials, else as the connection's route has it."""
    if server.url:
        return _explicit(cluster, next(one for one in profile.endpoints if one.url == server.url))
    if server.service:
        return cluster.service(server.namespace, server.service, server.port, scheme=server.scheme, prefix=server.prefix)
    return cluster.pod(server.namespace, server.pod, server.ip, server.port, scheme=server.scheme, prefix=server.prefix)


def _explicit(cluster: Cluster, one: EndpointProfile) -> Endpoint:
    def headers() -> Mapping[str, str]:
        if one.bearer_token_env or one.bearer_token_file:
            return {"Authorization": f"Bearer {_secret(one.bearer_token_env, one.bearer_token_file)}"}
        if one.basic:
            password = _secret(one.basic.password_env, one.basic.password_file)
            pair = base64.b64encode(f"{one.basic.username}:{password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}

    verify: bool | str = False if one.insecure_skip_tls_verify else one.ca_file or True
    fixed = {"X-Scope-OrgID": one.tenant} if one.tenant else {}
    return cluster.url(one.url.rstrip("/"), headers=headers, verify=verify, fixed=fixed)


def _secret(variable: str, file: str) -> str:
    try:
        value = os.environ.get(variable, "") if variable else Path(file).expanduser().read_text().strip()
    except OSError as error:
        raise Unauthenticated(f"the credential file {file} cannot be read: {error.strerror}") from None
    if not value:
        raise Unauthenticated(f"the credential that the profile names ({variable or file}) is empty")
    return value


def read_each(cluster: Cluster, profile: Profile, servers: Readings[Server], read: Callable[[Endpoint, Server], Any]) -> Readings[Any]:
    """Read something of every server; what fails is unreadable by itself."""
    return cluster.each(servers, lambda subject, server: read(reach(cluster, profile, server), server))
