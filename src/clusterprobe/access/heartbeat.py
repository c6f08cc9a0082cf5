"""Tells something outside the cluster that a run came to its end: what goes missing there is how a dead job is noticed."""

from __future__ import annotations

from clusterprobe.access import urls
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Http
from clusterprobe.access.proxies import proxy_of
from clusterprobe.access.session import Origin
from clusterprobe.errors import BadAddress, Unreadable


def beat(url: str, limit: Deadline) -> str:
    """Call the URL; an empty text if it was taken, else why not. The URL itself is a secret, and never in the text."""
    try:
        address = urls.parse(url)
    except BadAddress:
        return "the heartbeat's address is not an http or https URL"
    host, _ = urls.place_of(address.origin)
    try:
        http = Http(Origin(address.origin, proxy=proxy_of(address.origin)))
        http.send("GET", address.path, limit, query=address.query, accept=(200, 201, 202, 204))
    except Unreadable as error:
        return f"the heartbeat was not taken by {host}: {type(error).__name__}"
    return ""
