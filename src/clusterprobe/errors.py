"""What can go wrong, as one tree.

    ClusterprobeError
    ├─ UsageError              the command line: bad flag, missing file                        → exit 4
    ├─ ProfileError            the user's profile: file, line, key, nearest valid name         → exit 4
    ├─ BundleError             a bundle that cannot be read                                    → exit 4
    ├─ NotInstalled            proved by discovery: the system is not there                    → not applicable
    └─ Unreadable              could not look                                                  → inconclusive
       ├─ Unreachable          refused, reset, no such host, TLS, 5xx
       ├─ TimedOut             a deadline passed
       │  └─ Silent            … although the other side had most of the time that there is for a request
       ├─ Unauthenticated      401, or no credentials at all
       ├─ Forbidden            403: verb, resource and namespace
       ├─ NotFound             404: the object or path is not there
       ├─ BadAddress           what would lead a request elsewhere: it is not sent
       ├─ BadResponse          an answer that cannot be what was asked for
       │  └─ TooLarge          more than this kind of answer may be
       └─ Expired              410: a list changed while it was read

Exceptions of other libraries are translated once, at the edge (`clusterprobe.access`).
"""

from __future__ import annotations

import os
from pathlib import Path


class ClusterprobeError(Exception):
    """Everything that this package raises on purpose."""


class UsageError(ClusterprobeError):
    """The command line asks for something that cannot be."""


class ProfileError(ClusterprobeError):
    """A profile that cannot be used; the message names file, line and key."""


class BundleError(ClusterprobeError):
    """A bundle that is not there, or not one of ours."""


class NotInstalled(ClusterprobeError):
    """The system is not there, and discovery proved it."""


class Unreadable(ClusterprobeError):
    """Something could not be looked at. It never becomes a pass."""


class Unreachable(Unreadable):
    """No conversation: refused, reset, no such host, TLS trouble, or a gateway's 5xx."""


class TimedOut(Unreadable):
    """The answer was not whole before the deadline."""


class Silent(TimedOut):
    """The other side was given its time, and did not answer: it is not that other requests took it."""


class Unauthenticated(Unreadable):
    """The server does not know who asks."""


class Forbidden(Unreadable):
    """The server knows who asks, and refuses.

    `verb`, `resource` (with its API group, as in `servicemonitors.monitoring.coreos.com`) and `namespace`
    (empty: cluster-wide) are those of the request.
    """

    def __init__(self, message: str, *, verb: str = "get", resource: str = "", namespace: str = "") -> None:
        super().__init__(message)
        self.verb, self.resource, self.namespace = verb, resource, namespace


class NotFound(Unreadable):
    """The object, or the path, is not there. By itself no proof that a system is not installed."""


class BadAddress(Unreadable):
    """A path, name or address that would lead a request elsewhere than it is meant to go. It is not sent."""


class BadResponse(Unreadable):
    """An answer that cannot be what was asked for: HTML, half a body, another kind, too large."""


class TooLarge(BadResponse):
    """An answer larger than its kind may be: a smaller part of it may be asked for."""


class Expired(Unreadable):
    """A list's continue token outlived its snapshot."""


def debugging() -> bool:
    """Whether whoever started us wants to see tracebacks."""
    return os.environ.get("CLUSTERPROBE_DEBUG", "") not in ("", "0")


def crashed(error: BaseException) -> str:
    """One sentence for what nobody foresaw. What an error says may quote anything, so it is redacted."""
    from clusterprobe.redaction import redact

    if isinstance(error, OSError) and error.strerror:
        return redact(f"it broke: {error.strerror}" + (f" ({error.filename})" if error.filename else ""))
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    said = " ".join(str(error).split())[:300]
    return redact(f"it broke, which is a defect of its own: {type(error).__name__}{where}: {said} (CLUSTERPROBE_DEBUG=1 shows more)")
