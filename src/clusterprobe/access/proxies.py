"""Which proxy the environment names for an address, as requests, kubectl and most others read it."""

from __future__ import annotations

import ipaddress
import os

from requests.utils import get_environ_proxies, select_proxy, should_bypass_proxies

from clusterprobe.access.urls import place_of


def proxy_of(url: str) -> str:
    """The URL of the proxy that HTTPS_PROXY or HTTP_PROXY names; empty if there is none, or if NO_PROXY names the host."""
    if _is_direct(url) or should_bypass_proxies(url, no_proxy=None):
        return ""
    return select_proxy(url, get_environ_proxies(url)) or ""


def _is_direct(url: str) -> bool:
    """What kubectl asks without a proxy and requests does not: this machine, a `*` among others, IPv6 networks, an IP with a port."""
    host, port = place_of(url)
    named = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").replace(" ", "").split(",")
    if host == "localhost" or "*" in named or (f"[{host}]:{port}" if ":" in host else f"{host}:{port}") in named:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for one in named if (network := _network(one)))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
