"""What Prometheus, Loki and their relatives wrap their answers in, and whether an answer is a whole one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Endpoint
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt


class Answer(msgspec.Struct):
    """The wrapping: `warnings` and `isPartial` (VictoriaMetrics) say that stores did not answer, the token that there is more."""

    status: str = ""
    error: str = ""
    warnings: list[str] | None = None
    is_partial: bool = msgspec.field(default=False, name="isPartial")
    group_next_token: str = msgspec.field(default="", name="groupNextToken")

    @property
    def lack(self) -> str:
        """Why it is no whole answer; empty if it is one."""
        if self.status != "success" or self.error:
            return f"status {self.status}: {excerpt(self.error, 300) or 'without the expected data'}"
        if self.warnings or self.is_partial:
            return f"a partial answer: {excerpt((self.warnings or ['not all that stores data has answered'])[0], 300)}"
        return "a partial answer: there are more groups" if self.group_next_token else ""


Whole = TypeVar("Whole", bound=Answer)


def whole(answer: Whole, what: str) -> Whole:
    """The answer; a partial one is unreadable."""
    if answer.lack:
        raise BadResponse(f"{what}: {answer.lack}")
    return answer


def asked(
    endpoint: Endpoint, path: str, kind: type[Whole], query: Mapping[str, Any] | None = None, *, limit_bytes: int = bodies.QUERY
) -> Whole:
    """The whole answer of that shape, with data. Raises an `Unreadable`."""
    answer = whole(endpoint.json(path, kind, query, limit_bytes=limit_bytes), f"{endpoint.url}{path}")
    if getattr(answer, "data", None) is None:
        raise BadResponse(f"{endpoint.url}{path}: it has no data")
    return answer
