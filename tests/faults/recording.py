"""What an API server answered once, by request: a compact file that a fault server serves again."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

HEALTHY = Path(__file__).with_name("healthy.json.gz")

# What differs from run to run without asking for anything else: pages, and the window of a query.
PASSING = frozenset({"sinceSeconds", "limit", "continue", "time", "start", "end", "timeout"})
# Bulk that no source decodes, some of which people fill with what is nobody's business.
DROPPED = frozenset({"managedFields", "env", "envFrom"})
DROPPED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class Exchange:
    """A whole answer: its status, the type of its body, and the body."""

    status: int
    content_type: str
    body: bytes

    @cached_property
    def is_list(self) -> bool:
        """Whether it is a Kubernetes list of objects, which comes in pages."""
        if self.status != 200 or "json" not in self.content_type or "apidiscovery" in self.content_type:
            return False
        value = json.loads(self.body)
        return isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list)

    @property
    def items(self) -> list[Any]:
        """The objects of a list."""
        return list(json.loads(self.body)["items"])


@dataclass
class Recording:
    """Answers by request. `clock` is the API server's time when they were taken, in epoch seconds."""

    clock: float
    exchanges: dict[str, Exchange] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path = HEALTHY) -> Recording:
        stored = json.loads(gzip.decompress(path.read_bytes()))
        return cls(
            stored["clock"],
            {key: Exchange(one["status"], one["type"], one["body"].encode()) for key, one in stored["exchanges"].items()},
        )

    def add(self, method: str, target: str, exchange: Exchange) -> str:
        """Keep an answer without its bulk; returns its key. `ValueError` for one that says it is JSON, and is not."""
        key = key_of(method, target)
        if "json" in exchange.content_type:
            try:
                whole = slim(json.loads(exchange.body))
            except ValueError as error:
                raise ValueError(f"the answer to {key} is no JSON: {error}") from None
            exchange = replace(exchange, body=json.dumps(whole, separators=(",", ":")).encode())
        self.exchanges[key] = exchange
        return key

    def save(self, path: Path = HEALTHY) -> None:
        """Write the file; the same answers give the same bytes. `ValueError` for what does not belong into a repository."""
        if secret := [key for key in self.exchanges if "/secrets" in key]:
            raise ValueError(f"Secrets are not recorded: {secret[0]}")
        stored = {
            "clock": self.clock,
            "exchanges": {
                key: {"status": one.status, "type": one.content_type, "body": one.body.decode()}
                for key, one in sorted(self.exchanges.items())
            },
        }
        path.write_bytes(gzip.compress(json.dumps(stored, separators=(",", ":")).encode(), 9, mtime=0))


def key_of(method: str, target: str) -> str:
    """What a request asks for, without what differs from run to run.

    >>> key_of("GET", "/api/v1/pods?limit=500&continue=x")
    'GET /api/v1/pods'
    """
    parts = urlsplit(target)
    query = sorted((name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in PASSING)
    return f"{method} {parts.path}" + (f"?{urlencode(query)}" if query else "")


def slim(value: Any) -> Any:
    """The JSON without bulk."""
    if isinstance(value, dict):
        return {key: slim(one) for key, one in value.items() if key not in DROPPED and key != DROPPED_ANNOTATION}
    return [slim(one) for one in value] if isinstance(value, list) else value
