"""Loki in three parts (read, write, backend) behind a gateway, with a tenant for each environment's store."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from lab import api
from lab.build.archives import Image
from lab.build.debian import DebianRecipe
from lab.platform import loki
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.platform.storage import NfsVolume, create_volume, remove_volume
from lab.platform.system import System

# What the chart runs is built of nginx 1.27; this is Debian's.
_GATEWAY = DebianRecipe(
    Image("docker.io/nginxinc/nginx-unprivileged:1.22", ("/usr/sbin/nginx", "-e", "stderr", "-g", "daemon off;")), ("nginx",)
)
_SHARED = NfsVolume("logs", "loki-shared", "10Gi", "ReadWriteMany")


def lines(environment: Environment, seconds: int = 30) -> list[str]:
    """The newest lines that the tenant of an environment's store has, asked for through the gateway."""
    query = urlencode({"query": '{app="till"}', "since": f"{seconds}s", "limit": 5})
    path = f"/api/v1/namespaces/logs/services/loki-gateway:80/proxy/loki/api/v1/query_range?{query}"
    streams = api.get(path, headers={"X-Scope-OrgID": f"store-{environment.name}"})["data"]["result"]
    return [line for stream in streams for _, line in stream["values"]]


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        if not lines(environment):
            yield f"the tenant store-{environment.name} has no recent line"


SYSTEM = System(
    name="loki-scalable",
    images=(*loki.SYSTEM.images, _GATEWAY),
    manifests=("loki-scalable",),
    per_environment=("loki-tenant",),
    prepare=lambda: create_volume(_SHARED),
    end=lambda: remove_volume(_SHARED),
    problems=_problems,
)
