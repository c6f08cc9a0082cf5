"""Commands that only look, and need nothing beside kubectl: logs of a pod, and questions through the API server's proxy."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.access import urls
from clusterprobe.access.servers import Server
from clusterprobe.access.urls import Query
from clusterprobe.errors import BadAddress
from clusterprobe.fixes import shell
from clusterprobe.model import Command

MAX_PODS = 3


def log_of(namespace: str, pod: str, pattern: str, since: str = "1h") -> Command | None:
    """The lines of a pod's log that a pattern of ours matches, of whatever containers it has."""
    return shell("kubectl -n {} logs {} --all-containers --since={} | grep -iE {}", namespace, pod, since, pattern)


def logs_of(namespace: str, pods: Iterable[str], pattern: str, since: str = "10m") -> list[Command | None]:
    """The same of the first of some pods, each by its name: labels differ from chart to chart."""
    return [log_of(namespace, one, pattern, since) for one in sorted(pods)[:MAX_PODS]]


def asked_again(server: Server, path: str, query: Query | None = None) -> Command | None:
    """The same question to a server by hand: through the API server, as images may lack a shell, or at the profile's URL."""
    if server.url:
        return shell("curl -sS {}", server.url.rstrip("/") + urls.with_query(urls.as_path(path), query))
    kind, name = ("services", server.service) if server.service else ("pods", server.pod)
    return proxied(server.namespace, kind, name, server.port, path, query, server.scheme, server.prefix)


def proxied(
    namespace: str,
    kind: str,
    name: str,
    port: int,
    path: str,
    query: Query | None = None,
    scheme: str = "http",
    prefix: str = "",
) -> Command | None:
    """A GET of a pod's or Service's path through the API server; `kind` is `pods` or `services`. None where it may lead elsewhere."""
    try:
        where = urls.proxied(kind, namespace, name, port, scheme) / urls.written(prefix) / urls.written(path)
    except BadAddress:
        return None
    return shell("kubectl get --raw {}", urls.with_query(where, query))


def owner_of_secret(namespace: str, name: str) -> Command | None:
    """What made a Secret: its owners and labels, and nothing of its data."""
    return shell("kubectl -n {} get secret {} -o jsonpath='{.metadata.ownerReferences}{.metadata.labels}'", namespace, name)
