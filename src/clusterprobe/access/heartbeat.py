"""Tells something outside the cluster that a run came to its end: what goes missing there is how a dead job is noticed."""

from __future__ import annotations

from urllib.parse import urlsplit

from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Http, Origin
from clusterprobe.errors import Unreadable

SECONDS = 15.0


def beat(url: str) -> str:
    """Call the URL; an empty text if it was taken, else why not. The URL itself is a secret, and never in the text."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "the heartbeat's address is no http or https URL"
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    try:
        Http(Origin(f"{parts.scheme}://{parts.netloc}")).send("GET", path, Deadline.after(SECONDS), accept=(200, 201, 202, 204))
    except Unreadable as error:
        return f"the heartbeat was not taken by {parts.hostname}: {type(error).__name__}"
    return ""
