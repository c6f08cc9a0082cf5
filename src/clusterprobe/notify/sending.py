"""Sends JSON to an address of the user's: the address is a secret, and never in what is said of it."""

from __future__ import annotations

from typing import Any

from clusterprobe.access import urls
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Http
from clusterprobe.access.proxies import proxy_of
from clusterprobe.access.session import Origin
from clusterprobe.errors import BadAddress, Unreadable


def post(url: str, path: str, body: Any, limit: Deadline) -> str:
    """Send it once, below the URL's own path; an empty text if it was taken, else why not. The next run tells again."""
    if not url:
        return "the environment variable that is to hold its address is not set"
    try:
        address = urls.parse(url)
    except BadAddress:
        return "its address is not an http or https URL"
    host, _ = urls.place_of(address.origin)
    below = urls.as_path(str(address.path).removesuffix("/") + path) if path else address.path
    try:
        http = Http(Origin(address.origin, proxy=proxy_of(address.origin)))
        http.send("POST", below, limit, query=address.query, body=body, accept=(200, 201, 202, 204), retry=False)
    except Unreadable as error:
        return f"{host}: {type(error).__name__}"
    return ""
