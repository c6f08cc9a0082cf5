"""Queries that Loki turned away with HTTP 429, as its own log has them.

Two kinds of line are proof: `err="… too many outstanding requests"` of the front end, and the server's line on the request itself,
`msg="GET /loki/api/v1/query_range?… (429) 1.2ms"`. Most versions write both for one query, so the larger count is that of queries.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clusterprobe.patterns import ours
from clusterprobe.systems.formats.logfmt import fields_of, line_time

QUEUE_FULL = "too many outstanding requests"
_SAID = ours(rf"(?:^|desc = |: ){QUEUE_FULL}")
_ANSWERED = ours(r"^(?:GET|POST) [^\s?]*/loki/api/v1/(?:query|query_range|series|labels?|index|detected)\b\S* \(429\)")


class RefusedQueries(msgspec.Struct, frozen=True):
    """One tenant's queries that were turned away: the lines that name the full queue, and the answers 429; times are epoch seconds."""

    tenant: str
    queue_full: int = 0
    answers: int = 0
    first: float = 0.0
    last: float = 0.0

    @property
    def times(self) -> int:
        return max(self.queue_full, self.answers)

    def plus(self, other: RefusedQueries) -> RefusedQueries:
        """Both together, of the same tenant."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return RefusedQueries(self.tenant, self.queue_full + other.queue_full, self.answers + other.answers, first, last)


def refused_of(lines: list[bytes]) -> list[RefusedQueries]:
    """What these lines say was turned away, by tenant."""
    found: dict[str, RefusedQueries] = {}
    for one in _each(lines):
        found[one.tenant] = found[one.tenant].plus(one) if one.tenant in found else one
    return list(found.values())


def _each(lines: list[bytes]) -> Iterator[RefusedQueries]:
    for line in lines:
        at = line_time(line) if b"(429)" in line or b"too many outstanding" in line else None
        if at is None:
            continue
        fields = fields_of(line.decode("utf-8", "replace").partition(" ")[2].strip())
        tenant = fields.get("org_id", "") or fields.get("orgID", "")
        full = any(_SAID.search(fields.get(key, "")) for key in ("err", "error"))
        answered = bool(_ANSWERED.search(fields.get("msg", "")))
        if full or answered:
            yield RefusedQueries(tenant, int(full), int(answered), at, at)
