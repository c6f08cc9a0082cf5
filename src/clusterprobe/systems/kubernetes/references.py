"""Lists against what other objects name: a list that lacks what is in use shows only a part, and proves no absence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from clusterprobe.access.cluster import Resource
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings

Value = TypeVar("Value")


def whole(listed: Readings[Value], resource: Resource, named: Mapping[tuple[str, str], Subject]) -> Readings[Value]:
    """The list, with what it lacks as unreadable; `named` are the (namespace, name) that are in use, each with what uses it."""
    odd = {(one.subject.namespace, one.subject.name) for one in listed.unreadable}
    known = listed.by_name().keys() | odd
    missing = {key: user for key, user in named.items() if key not in known and not _explained(listed, key[0])}
    if not missing:
        return listed
    if not listed.values:
        blind = [_unchecked(resource, "", f"is empty, but {_users(missing)} name {_counted(resource, len(missing))}")]
    else:
        places: dict[str, list[str]] = defaultdict(list)
        for (namespace, name), user in sorted(missing.items()):
            places[namespace].append(f"{name}, which {user} names")
        blind = [_unchecked(resource, place, f"lacks {len(ones)} in use, such as {ones[0]}") for place, ones in places.items()]
    return replace(listed, unreadable=(*listed.unreadable, *blind))


def _explained(listed: Readings[Value], namespace: str) -> bool:
    """Whether it is known already that the list is not whole there."""
    return any(not one.subject.name and one.subject.namespace in ("", namespace) for one in listed.unreadable)


def _unchecked(resource: Resource, namespace: str, lack: str) -> Unchecked:
    return Unchecked(subject=Subject(kind=f"{resource.kind}List", namespace=namespace), reason=f"the list of {resource.plural} {lack}")


def _users(missing: Mapping[tuple[str, str], Subject]) -> str:
    return f"{next(iter(missing.values())).kind.lower()}s"


def _counted(resource: Resource, count: int) -> str:
    return f"{count} {resource.plural if count != 1 else resource.kind.lower()}"
