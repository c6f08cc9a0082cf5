"""Whether the pages of a list are a whole."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from clusterprobe import errors
from clusterprobe.model import Subject


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None
    resource_version: str | None = None


class Pages:
    """What the pages of one list say of each other: together they are the whole list, or it is unreadable.

    `name` is that of the resource; `chosen`: the request has selectors, so that a page may be empty although more follow.
    """

    def __init__(self, name: str, *, chosen: bool) -> None:
        self._what, self._chosen = f"list {name}", chosen
        self._tokens: set[str] = set()
        self._names: set[tuple[str, str]] = set()
        self._version, self._count, self._promised = "", 0, 0

    def take(self, count: int, meta: ListMeta, subjects: Iterable[Subject]) -> str:
        """The token of the next page, after a page of so many objects; raises an `Unreadable` if they make no whole."""
        version, self._version = self._version, meta.resource_version or self._version
        if version and version != self._version:
            raise errors.Expired(f"{self._what}: it changed while it was read: its pages are of different moments")
        remaining, token = meta.remaining_item_count or 0, meta.continue_
        if token in self._tokens:
            raise errors.BadResponse(f"{self._what}: the server gives the same page again and again")
        self._tokens.add(token)
        for one in subjects:
            self._name(one)
        self._count += count
        self._promised = max(self._promised, self._count + remaining)
        if token and not count and not self._chosen:
            raise errors.BadResponse(f"{self._what}: a page without objects says that more follow")
        if not token and self._count < self._promised:
            missing = self._promised - self._count
            raise errors.BadResponse(f"{self._what}: only a part came: {self._count} objects, and {missing} more are there")
        return token

    def _name(self, one: Subject) -> None:
        key = one.namespace, one.name
        if key in self._names:
            raise errors.BadResponse(f"{self._what}: {one} came twice, so others may be missing")
        self._names.add(key)
