"""A small world of objects that a printed command changes as kubectl would, so that a test can judge again what is repaired.

`World.run` knows what our fixes print: patch, label, annotate, scale and delete. Anything else is refused, for what a test does not do it
must not pass over.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from clusterprobe.model import Command, Finding, Step, Subject
from clusterprobe.readings import Readings

Value = TypeVar("Value")
Json = dict[str, Any]


class World:
    """Objects as the API serves them. An object is found by its kind, namespace and name."""

    def __init__(self, *objects: Json) -> None:
        self.objects = [copy.deepcopy(one) for one in objects]

    def of(self, kind: str) -> list[Json]:
        return [one for one in self.objects if one["kind"] == kind]

    def readings(self, kind: str, struct: type[Value]) -> Readings[Value]:
        """The objects of a kind, as their source would read them."""
        found = []
        for one in self.of(kind):
            metadata = one["metadata"]
            subject = Subject(kind=kind, namespace=metadata.get("namespace", ""), name=metadata["name"])
            found.append((subject, msgspec.convert(one, struct)))
        return Readings(tuple(found), (), f"there is no {kind}")

    def repair(self, finding: Finding) -> int:
        """Do what every step of a fix prints, in order; returns how many commands changed something."""
        return sum(self.run(command) for command in _changing(finding.steps))

    def run(self, command: Command) -> bool:
        """Do what one command does; False for one that changes nothing."""
        (words,) = command.pipeline
        before = copy.deepcopy(self.objects)
        assert words[0] == "kubectl", words
        namespace, rest = (words[2], words[3:]) if words[1] == "-n" else ("", words[1:])
        flags = {one for one in rest if one.startswith("--")}
        match rest[0]:
            case "patch":
                self._patch(namespace, rest[1:])
            case "label":
                one, pairs = self._named(namespace, [each for each in rest[1:] if each not in flags])
                _set(one["metadata"].setdefault("labels", {}), pairs, overwrite="--overwrite" in flags)
            case "annotate":
                one, pairs = self._named(namespace, [each for each in rest[1:] if each not in flags])
                _set(one["metadata"].setdefault("annotations", {}), pairs, overwrite="--overwrite" in flags)
            case "scale":
                one, _ = self._named(namespace, [each for each in rest[1:] if each not in flags])
                (count,) = [each.partition("=")[2] for each in flags if each.startswith("--replicas=")]
                one["spec"]["replicas"] = int(count)
            case "delete":
                for name in rest[2:]:
                    self.objects.remove(self._named(namespace, [rest[1], name])[0])
            case other:
                raise AssertionError(f"a test cannot do {other}: {words}")
        return self.objects != before

    def _named(self, namespace: str, words: list[str]) -> tuple[Json, list[str]]:
        """The object that `TYPE NAME` or `TYPE/NAME` names, and what follows."""
        kind, slash, name = words[0].partition("/")
        after = words[1:] if slash else words[2:]
        name = name if slash else words[1]
        singular = kind.partition(".")[0].lower()
        for one in self.objects:
            own, metadata = one["kind"].lower(), one["metadata"]
            if singular in (own, f"{own}s", f"{own}es") and (metadata.get("namespace", ""), metadata["name"]) == (namespace, name):
                return one, after
        raise AssertionError(f"there is no {kind} {namespace}/{name}")

    def _patch(self, namespace: str, words: list[str]) -> None:
        one, options = self._named(namespace, words)
        given = dict(zip(options[::2], options[1::2], strict=True))
        change, how = json.loads(given.pop("-p")), given.pop("--type", "strategic")
        assert not given, given
        if how == "json":
            _edit(one, change)
        else:
            _merge(one, change, by_name=how == "strategic")


def _changing(steps: Iterable[Step]) -> Iterator[Command]:
    for step in steps:
        yield from step.commands if step.kind != "look" else []


def _set(there: dict[str, str], pairs: list[str], *, overwrite: bool) -> None:
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            there.pop(key.removesuffix("-"), None)
            continue
        assert overwrite or there.get(key, value) == value, f"kubectl refuses to overwrite {key}"
        there[key] = value


def _merge(target: Json, change: Json, *, by_name: bool) -> None:
    """RFC 7386; `by_name` as the API merges lists of containers, volumes and the like."""
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            below = target.get(key)
            target[key] = below if isinstance(below, dict) else {}
            _merge(target[key], value, by_name=by_name)
        elif by_name and isinstance(value, list) and all(isinstance(one, dict) and "name" in one for one in value):
            there = target.setdefault(key, [])
            for one in value:
                known = next((each for each in there if each.get("name") == one["name"]), None)
                if known is None:
                    there.append(known := {})
                _merge(known, one, by_name=True)
        else:
            target[key] = value


def _edit(target: Json, operations: list[Json]) -> None:
    """RFC 6902, as far as our fixes use it. An operation that does not fit fails, as the API refuses it."""
    for one in operations:
        *parents, last = [each.replace("~1", "/").replace("~0", "~") for each in one["path"].split("/")[1:]]
        place: Any = target
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place[name]
        index: Any = (len(place) if last == "-" else int(last)) if isinstance(place, list) else last
        match one["op"]:
            case "test":
                assert place[index] == one["value"], one
            case "replace":
                assert index in place or isinstance(place, list)
                place[index] = one["value"]
            case "add" if isinstance(place, list):
                place.insert(index, one["value"])
            case "add":
                place[index] = one["value"]
            case "remove":
                del place[index]
            case other:
                raise AssertionError(f"a test cannot do {other}")
