"""Sources: what can be read, each once, as a graph.

A source is a function that returns `Readings`. Its parameters are the names of the sources that it needs, and, for those
that do I/O, `cluster`. A source without `cluster` is derived: it is computed again when a bundle is replayed.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
import typing
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

from clusterprobe import background
from clusterprobe.errors import Unreadable
from clusterprobe.model import Subject
from clusterprobe.readings import Readings, unreadable

Function = TypeVar("Function", bound=Callable[..., Any])

CONTEXT = frozenset({"cluster", "profile"})  # parameters that are no sources
GIVEN = frozenset({*CONTEXT, "verdict", "environments", "clock", "conclusions", "confirmations"})  # what probes are given beside sources


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of request to the API server, as RBAC names it. `route` is empty for one that every route makes."""

    verb: str
    resource: str
    group: str = ""
    route: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that can be read. `active` sources change something in the cluster, and run only when asked to."""

    name: str
    function: Callable[..., Any]
    parameters: tuple[str, ...]
    calls: tuple[Call, ...]
    active: bool

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(name for name in self.parameters if name not in CONTEXT)

    @property
    def reads(self) -> bool:
        """Whether it does I/O, and so belongs into a bundle."""
        return "cluster" in self.parameters

    def value_type(self) -> Any:
        """The type of one value: the T of the function's `Readings[T]`."""
        annotation = self.function.__annotations__["return"]
        if isinstance(annotation, str):
            annotation = eval(annotation, self.function.__globals__)  # noqa: S307 - of a module that was run already
        return typing.get_args(annotation)[0]

    @property
    def lists_objects(self) -> bool:
        """Whether its values are objects of the API, with their metadata."""
        try:
            return "metadata" in getattr(self.value_type(), "__struct_fields__", ())
        except NameError:  # a user's own may name what is there for type checkers only
            return False

    @property
    def returns(self) -> str:
        """The type of one value, as it is written."""
        annotation = self.function.__annotations__["return"]
        if isinstance(annotation, str):
            return annotation.partition("[")[2].removesuffix("]")
        kind = typing.get_args(annotation)[0]
        return getattr(kind, "__name__", str(kind))

    @property
    def place(self) -> str:
        """Where it is written."""
        code = self.function.__code__
        return f"{self.name} in {code.co_filename}:{code.co_firstlineno}"


def source(*calls: Call, active: bool = False) -> Callable[[Function], Function]:
    """Declare a function as a source, with the calls that it makes itself."""

    def mark(function: Function) -> Function:
        parameters = tuple(inspect.signature(function).parameters)
        function.__clusterprobe_source__ = Source(  # type: ignore[attr-defined]
            function.__name__, function, parameters, calls, active
        )
        return function

    return mark


def proxied(kind: str) -> Call:
    """The call that reaches a pod or a service through the API server."""
    return Call("get", f"{kind}/proxy", route="proxy")


_OWN: list[ModuleType] = []  # modules of the user's own


def include(modules: Iterable[ModuleType]) -> None:
    """Look into these modules, too, and into none that were included before. Raises `TypeError` for sources that cannot be together."""
    before, _OWN[:] = list(_OWN), modules
    all_sources.cache_clear()
    try:
        all_sources()
    except TypeError:
        _OWN[:] = before
        raise


@cache
def all_sources() -> dict[str, Source]:
    """Every source of every module in `clusterprobe.systems`, and of those that are included, by name."""
    found: dict[str, Source] = {}
    for module in (*_shipped(), *_OWN):
        for value in vars(module).values():
            one = getattr(value, "__clusterprobe_source__", None)
            if isinstance(one, Source) and value.__module__ == module.__name__:
                if one.name in found or one.name in GIVEN:
                    other = found[one.name].place if one.name in found else "what every run has"
                    raise TypeError(f"two sources have one name: {one.place}, and {other}")
                found[one.name] = one
    _check(found)
    return found


@cache
def _shipped() -> list[ModuleType]:
    systems = importlib.import_module("clusterprobe.systems")
    names = sorted(module.name for module in pkgutil.walk_packages(systems.__path__, f"{systems.__name__}."))
    return [importlib.import_module(name) for name in names]


def _check(found: Mapping[str, Source]) -> None:
    for one in found.values():
        for need in one.needs:
            if need not in found:
                raise TypeError(f"the source {one.place} needs {need}, which is not a source")
        if not str(one.function.__annotations__.get("return", "")).partition("[")[0].endswith("Readings"):
            raise TypeError(f"the source {one.place} does not say what it returns: Readings[…]")
    closure(found, found)


def closure(names: Iterable[str], found: Mapping[str, Source] | None = None) -> list[Source]:
    """The named sources and all that they need, those that are needed first."""
    known = all_sources() if found is None else found
    ordered: dict[str, Source] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise TypeError("sources need each other in a circle: " + " → ".join([*path, name]))
        if name not in ordered:
            for need in known[name].needs:
                visit(need, (*path, name))
            ordered[name] = known[name]

    for name in names:
        visit(name, ())
    return list(ordered.values())


Read = Callable[[Source, Mapping[str, Any]], Any]


class Gathering:
    """The sources being read, each once, in threads of their own, as early as the graph allows."""

    def __init__(self, wanted: list[Source], read: Read, on_done: Callable[[str, float], None]) -> None:
        self._read, self._on_done = read, on_done
        self._futures: dict[str, Future[Any]] = {one.name: Future() for one in wanted}
        self._wanted = wanted
        self._reading: set[str] = set()
        self.seconds: dict[str, float] = {}

    def give(self, name: str, value: Any) -> None:
        """A value that is known before the reading starts."""
        self._futures[name].set_result(value)

    def start(self) -> None:
        """Read what was not given."""
        for one in self._wanted:
            if not self._futures[one.name].done():
                # Daemons: a reader that hangs in name resolution must not keep the process from ending.
                background.start(f"source-{one.name}", self._run, one)

    def _run(self, one: Source) -> None:
        needed = {name: self._futures[name].result() for name in one.needs}
        begun = time.monotonic()
        self._reading.add(one.name)
        value = guarded(one, lambda: self._read(one, needed))
        self.seconds[one.name] = time.monotonic() - begun
        self._futures[one.name].set_result(value)
        self._on_done(one.name, self.seconds[one.name])

    def result(self, name: str, deadline: float, late: str = "not read before the run's deadline (--timeout)") -> Any:
        """The value of a source, or, past the deadline (monotonic), readings that say why: `late`. Interruptible by signals."""
        future = self._futures[name]
        while not future.done() and time.monotonic() < deadline:
            try:
                return future.result(timeout=min(0.2, max(0.0, deadline - time.monotonic())))
            except TimeoutError:
                continue
        if future.done():
            return future.result()
        return unreadable(Subject(kind="source", name=name), late)

    def pending(self, names: Iterable[str]) -> list[str]:
        """Those that are being read: one that has not begun, when the run is interrupted, may never."""
        return [name for name in names if name in self._reading and not self._futures[name].done()]


def guarded(one: Source, read: Callable[[], Any]) -> Any:
    """Reading never raises: what could not be read says so, and a crash is marked as ours."""
    subject = Subject(kind="source", name=one.name)
    try:
        value = read()
    except Unreadable as error:
        return unreadable(subject, str(error))
    except Exception as error:  # a bug in a source must not take the other probes down
        from clusterprobe.redaction import redact

        return unreadable(subject, redact(f"the source {one.name} crashed: {type(error).__name__}: {error}"), broken=True)
    if not isinstance(value, Readings) and one.reads:
        return unreadable(subject, f"the source {one.name} returned no readings", broken=True)
    return value
