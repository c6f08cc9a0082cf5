"""Every address that is asked is made here: paths out of segments, hosts out of names and IP addresses.

What the cluster says (the path of a readiness probe, a route prefix, the IP of a pod) may be written by anybody who may create a
pod. So a name becomes one encoded segment, a path is taken only if it leads down, and a host only if it is a plain name or address.
Everything else is a `BadAddress`, which says why. What is made here is in the form in which it is sent: `session.py` compares.

    >>> str(UrlPath.of("api", "v1", "namespaces", "a/b") / "pods" / written("health"))
    '/api/v1/namespaces/a%2Fb/pods/health'
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit, urlunsplit

import requests

from clusterprobe.errors import BadAddress

Query = Mapping[str, Any] | str  # names and values, or as it is sent

_SENT = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})+)*/?")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN = "!$&'()*+,;=:@"  # beside letters, digits, and -._~: what requests leaves as it is
_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_ESCAPED_TIMES = 4  # how often a text is decoded: whoever is on the way may do so as well

# Where clouds keep the credentials of a machine, beside the link-local 169.254.169.254: Alibaba, Azure, Oracle, AWS, Google.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"))
)
# NAT64, its stateless kin, and addresses as they were at first: the last four bytes are an IPv4 address.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")


class UrlPath(str):
    """An absolute path as it is sent; the root is empty. `/` appends: a text as one segment, whatever is in it."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        """Raises `BadAddress` for what is no such path."""
        if not _SENT.fullmatch(text) or text == "/":
            raise _refused("path", text, "it is not in the form in which paths are sent")
        if _leads_up(text):
            raise _refused("path", text, "it has a dot segment, which leads elsewhere")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, *segments: str) -> Self:
        """Each segment encoded. Raises `BadAddress` for one that no encoding makes harmless."""
        return cls("".join(f"/{_segment(one)}" for one in segments))

    def __truediv__(self, below: str) -> UrlPath:
        if isinstance(below, UrlPath) and not below:
            return self
        return UrlPath(self.removesuffix("/") + (below if isinstance(below, UrlPath) else f"/{_segment(below)}"))


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that a user gave: where its server is (`https://host:port`), its path, and its query as it is written."""

    origin: str
    path: UrlPath
    query: str = ""


# --- paths ------------------------------------------------------------------------------------------------------------


def written(text: str) -> UrlPath:
    """A path that somebody wrote, such as a route prefix or a readiness probe's. A missing first slash is added, as the kubelet does.

    Raises `BadAddress` for what may lead elsewhere, also where it is encoded.
    """
    if "?" in text or "#" in text:
        raise _refused("path", text, "a path has no ? or #")
    decoded = _decoded(text)
    if decoded is None or (unquote(text) != decoded):
        raise _refused("path", text, "it is encoded more than once, or not as UTF-8")
    if "%2f" in text.lower():
        raise _refused("path", text, "it has an encoded slash")
    if not decoded.isprintable() or " " in decoded:
        raise _refused("path", text, "it has white space or control characters")
    if bad := next((one for one in "\\@?#" if one in decoded), ""):
        raise _refused("path", text, f"it has the character {bad}")
    if "//" in decoded:
        raise _refused("path", text, "it has an empty segment")
    path = decoded if decoded.startswith("/") or not decoded else f"/{decoded}"
    if _leads_up(path):
        raise _refused("path", text, "it has a dot segment, which leads elsewhere")
    return UrlPath("" if path == "/" else quote(path, safe=f"/{_PLAIN}"))


def asked(text: str) -> tuple[UrlPath, dict[str, list[str]]]:
    """A path that may have a query, as that of a kubelet's probe has. Raises `BadAddress`."""
    path, _, query = text.partition("?")
    if "#" in query:
        raise _refused("path", text, "a path has no #")
    try:
        return written(path), parse_qs(query, keep_blank_values=True)
    except ValueError:
        raise _refused("path", text, "its query has too many fields") from None


def with_query(path: UrlPath, query: Query | None) -> str:
    """What stands behind the host of a URL, for commands to copy."""
    text = query if query is None or isinstance(query, str) else urlencode(query, quote_via=quote)
    return f"{path}?{text}" if text else path


def as_path(path: str) -> UrlPath:
    """A path of ours; a text is one that stands in the code."""
    return path if isinstance(path, UrlPath) else written(path)


def _segment(text: str) -> str:
    if not text:
        raise _refused("segment", text, "it is empty")
    if not text.isprintable():
        raise _refused("segment", text, "it has control characters")
    if _leads_up(f"/{text}"):
        raise _refused("segment", text, "it is a dot segment, which leads elsewhere")
    return quote(text, safe=_PLAIN)


def _leads_up(path: str) -> bool:
    """Whether a part of it is `.` or `..` to anybody on the way: encoded, behind a backslash, or with parameters (`..;x`)."""
    text = path
    for _ in range(_ESCAPED_TIMES):
        if any(one.partition(";")[0].strip() in (".", "..") for one in re.split(r"[/\\]", text)):
            return True
        text = unquote(text)
    return False


def _decoded(text: str) -> str | None:
    """The text without any encoding; None where it is encoded in an odd way."""
    for _ in range(_ESCAPED_TIMES):
        if _ESCAPE.search(text):
            return None
        try:
            plain = unquote(text, errors="strict")
        except UnicodeDecodeError:
            return None
        if plain == text:
            return text
        text = plain
    return None


# --- hosts ------------------------------------------------------------------------------------------------------------


def name(text: str) -> str:
    """A name as DNS and Kubernetes have them, of lower-case labels. Raises `BadAddress`."""
    if not _NAME.fullmatch(text):
        raise _refused("name", text, "it is not a DNS name")
    return text


def pod_host(ip: str) -> str:
    """A pod's address as the host of a URL. Raises `BadAddress` for what is none, and for one that is this machine or its link."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        raise _refused("address", ip, "it is not an IP address") from None
    if "%" in ip:
        raise _refused("address", ip, "it has a zone")
    if why := not_a_pod(ip):
        raise _refused("address", ip, why)
    return f"[{address.compressed}]" if address.version == 6 else address.compressed


def not_a_pod(ip: str) -> str:
    """Why no pod can have this IP address; empty if one can. A status can be forged, and a name can lead anywhere."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback:
        translated = ipaddress.IPv4Address(address.packed[-4:]) if any(address in one for one in _TRANSLATED) else None
        address = address.ipv4_mapped or address.sixtofour or translated or address
    if address.is_loopback or address.is_unspecified or address in _THIS_NETWORK:
        return "it is this machine"
    if address.is_link_local or address in _METADATA:
        return "it is on the machine's own link, where clouds keep credentials"
    if address.is_multicast or str(address) == "255.255.255.255":
        return "it is not a single machine"
    return ""


def service_host(service: str, namespace: str) -> str:
    """A Service as the host of a URL inside the cluster. Raises `BadAddress`."""
    return f"{name(service)}.{name(namespace)}.svc"


def origin(scheme: str, host: str, port: int) -> str:
    """`https://host:port`; the host is one that was made here."""
    return f"{_scheme(scheme)}://{host}:{_port(port)}"


def proxied(kind: str, namespace: str, target: str, port: int, scheme: str) -> UrlPath:
    """Where the API server passes requests on to a pod or Service; `kind` is `pods` or `services`.

    With a slash at its end: without one the API server does not pass on what asks for the root, and answers 301 itself.
    """
    encrypted = "https:" if _scheme(scheme) == "https" else ""
    to = UrlPath.of("api", "v1", "namespaces", name(namespace), kind, f"{encrypted}{name(target)}:{_port(port)}", "proxy")
    return UrlPath(f"{to}/")


def _scheme(scheme: str) -> str:
    if scheme not in ("http", "https"):
        raise _refused("scheme", scheme, "only http and https are asked")
    return scheme


def _port(port: int) -> int:
    if not 0 < port < 65536:
        raise _refused("port", str(port), "it is not a number from 1 to 65535")
    return port


# --- URLs that users give, and that systems tell ----------------------------------------------------------------------


def parse(url: str) -> Url:
    """A URL of the profile, the kubeconfig or the environment. Raises `BadAddress` for what is not an http or https URL."""
    if "\\" in url:
        raise _refused("URL", url, "a backslash means a slash to some")
    try:
        prepared = requests.Request("GET", url).prepare().url or ""
        parts = urlsplit(prepared)
        if not parts.hostname or urlsplit(url).port == 0:  # which requests would leave out
            raise _refused("URL", url, "it has no host or port")
    except (ValueError, requests.RequestException):  # requests' own are mostly both
        raise _refused("URL", url, "it is not an http or https URL") from None
    _scheme(parts.scheme)
    return Url(f"{parts.scheme}://{parts.netloc}", UrlPath(parts.path.rstrip("/") if parts.path == "/" else parts.path), parts.query)


def base_of(url: str) -> Url:
    """A URL below which paths are asked, so that it has no query. Raises `BadAddress`."""
    found = parse(url)
    if found.query or "#" in url:
        raise _refused("URL", url, "an address below which paths are asked has no ? or #")
    return found


def place_of(url: str) -> tuple[str, int]:
    """The host and port that any text leads to if it is a URL, in lower case; an empty host if it is none."""
    try:
        parts = urlsplit(url)
        # What stands after a `%` keeps its case in `hostname`: as if it were the zone of an IPv6 address.
        return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", 0


def without_user(url: str) -> str:
    """A URL without user, password, query and fragment; empty for what is none."""
    try:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
    except ValueError:
        return ""


def _refused(what: str, text: str, why: str) -> BadAddress:
    shown = text if len(text) <= 100 else f"{text[:100]}…"
    return BadAddress(f"the {what} {shown!r} is not asked: {why}")
