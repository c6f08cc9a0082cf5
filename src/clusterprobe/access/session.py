"""The one place where requests leave: to the address that was meant, without cookies, and with no credential in clear to a proxy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from clusterprobe import __version__
from clusterprobe.access import urls
from clusterprobe.access.urls import Query, UrlPath
from clusterprobe.errors import BadAddress, Unauthenticated

Headers = Mapping[str, str | tuple[str, ...]]

_CONTROLS = frozenset(map(chr, [*range(9), *range(10, 32), 127]))

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # only ever off because a kubeconfig or profile says so


@dataclass(frozen=True)
class Origin:
    """A server and how to identify to it.

    `headers` are asked for each request, since tokens rotate; a tuple is sent as a header for each of its values. `found`: the
    cluster says where it is, so it may not be this machine or its link, whatever a name resolves to.
    """

    url: str
    headers: Callable[[], Headers] = field(default=dict)
    verify: bool | str = True
    certificate: tuple[str, str] | None = None
    server_name: str = ""
    proxy: str = ""
    found: bool = False


class Session:
    """Sends requests to one origin. Safe to use from several threads. Raises `BadAddress` for an origin that is no URL."""

    def __init__(self, origin: Origin, connections: int) -> None:
        self.origin = origin
        base = urls.base_of(origin.url)
        self._base = base.origin + str(base.path).removesuffix("/")
        self._session = requests.Session()
        # Neither ~/.netrc nor proxy variables: no credential may reach a server that it was not meant for.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # what one server sets, another must not get
        self._session.verify = origin.verify
        self._session.cert = origin.certificate
        self._session.headers["User-Agent"] = f"clusterprobe/{__version__}"
        if origin.proxy:
            self._session.proxies = {"http": origin.proxy, "https": origin.proxy}
        adapter = _Adapter(origin, connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def begin(
        self,
        method: str,
        path: UrlPath,
        *,
        query: Query | None,
        data: bytes | None,
        headers: Headers,
        timeout: tuple[float, float],
    ) -> requests.Response:
        """Send a request, and return the answer with its body still to be read. A redirect is an answer.

        Raises `BadAddress` before anything is sent, and what requests raises.
        """
        request = self._prepare(method, path, query, data, {**self.origin.headers(), **headers})
        settings = self._session.merge_environment_settings(request.url, {}, True, None, None)
        return self._session.send(request, timeout=timeout, allow_redirects=False, **settings)

    def _prepare(self, method: str, path: UrlPath, query: Query | None, data: bytes | None, headers: Headers) -> requests.PreparedRequest:
        wanted = self._base + str(path)
        _check_values(headers)
        single = {name: value for name, value in headers.items() if isinstance(value, str)}
        request = self._session.prepare_request(requests.Request(method, wanted, params=query, data=data, headers=single))
        self._check(request, wanted)
        for name, values in headers.items():
            if isinstance(values, tuple):
                _repeat(request, name, values)
        return request

    def _check(self, request: requests.PreparedRequest, wanted: str) -> None:
        """The libraries below resolve and encode once more: what they would ask has to be what was meant."""
        address = (request.url or "").partition("?")[0]
        if address not in (wanted, f"{wanted}/" if wanted == self._base else wanted):
            raise BadAddress(f"{wanted[:200]!r} is not asked: it would become {address[:200]!r}")
        if self.origin.proxy and address.startswith("http:") and "Authorization" in request.headers:
            host, _ = urls.place_of(self.origin.proxy)
            raise BadAddress(
                f"{self._base} is asked over plain http, so the proxy {host} would read the credential: "
                "use https, or name the server in NO_PROXY"
            )


def _check_values(headers: Headers) -> None:
    """The libraries below check as well; but what they say quotes the value, and it may be a credential."""
    for name, values in headers.items():
        if not all(map(_can_be_sent, (values,) if isinstance(values, str) else values)):
            raise Unauthenticated(f"the header {name} is not sent: its value has a line feed, a blank in front, or what no header may have")


def _can_be_sent(value: str) -> bool:
    return not value[:1].isspace() and max(value, default="") <= "\xff" and _CONTROLS.isdisjoint(value)


def _repeat(request: requests.PreparedRequest, name: str, values: tuple[str, ...]) -> None:
    """A header for each value: a list in one header is another value to the API server."""
    whole = urllib3.HTTPHeaderDict(request.headers.items())
    for value in values:
        whole.add(name, value)
    request.headers = whole  # type: ignore[assignment]  # urllib3 sends what requests' own mapping cannot hold


# --- connections ------------------------------------------------------------------------------------------------------


class _Adapter(HTTPAdapter):
    """Connects under another TLS name where a kubeconfig says so (`tls-server-name`), and not to this machine if it was found."""

    def __init__(self, origin: Origin, connections: int) -> None:
        name = origin.server_name
        self._names = {"server_hostname": name, "assert_hostname": name} if name else {}
        self._found = origin.found
        super().__init__(pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        options.update(self._names)
        super().init_poolmanager(*arguments, **options)
        if self._found:
            self.poolmanager.pool_classes_by_scheme = {"http": _FoundPool, "https": _FoundTlsPool}


def _connected_elsewhere(connection: HTTPConnection) -> Any:
    """A connection's socket; `BadAddress` if the name that it was made for leads back to this machine or its link."""
    connected = super(type(connection), connection)._new_conn()  # type: ignore[misc]  # where both kinds connect
    ip = connected.getpeername()[0]
    if why := urls.not_a_pod(ip):
        connected.close()
        raise BadAddress(f"{connection.host} leads to {ip}, which is not asked because the cluster says so: {why}")
    return connected


class _Found(HTTPConnection):
    def _new_conn(self) -> Any:
        return _connected_elsewhere(self)


class _FoundTls(HTTPSConnection):
    def _new_conn(self) -> Any:
        return _connected_elsewhere(self)


class _FoundPool(HTTPConnectionPool):
    ConnectionCls = _Found


class _FoundTlsPool(HTTPSConnectionPool):
    ConnectionCls = _FoundTls
