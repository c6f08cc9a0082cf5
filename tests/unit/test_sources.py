"""The graph of sources, proved on sources that depend on each other."""

import threading
import time
from typing import Any

import pytest

from clusterprobe.errors import Unreachable
from clusterprobe.model import Subject
from clusterprobe.readings import Readings, single
from clusterprobe.sources import Gathering, Source, all_sources, closure


def source(name: str, *needs: str) -> Source:
    def function(**needed: Any) -> Readings[str]:
        return single(Subject(kind="Word", name=name), name)

    return Source(name, function, ("cluster", *needs), (), False)


def graph(*sources: Source) -> dict[str, Source]:
    return {one.name: one for one in sources}


def gather(wanted: list[Source], read: Any) -> Gathering:
    gathering = Gathering(wanted, read, lambda name, seconds: None)
    gathering.start()
    return gathering


def soon() -> float:
    return time.monotonic() + 5


def test_the_closure_holds_what_is_needed_once_and_first() -> None:
    known = graph(source("a", "b", "c"), source("b", "d"), source("c", "d"), source("d"), source("other"))
    names = [one.name for one in closure(["a"], known)]
    assert sorted(names) == ["a", "b", "c", "d"]
    assert names.index("d") < names.index("b") < names.index("a")


def test_sources_that_need_each_other_are_refused() -> None:
    with pytest.raises(TypeError, match="a → b → a"):
        closure(["a"], graph(source("a", "b"), source("b", "a")))


def test_each_source_is_read_once_with_what_it_needs() -> None:
    known = graph(source("a", "c"), source("b", "c"), source("c"))
    read: list[str] = []

    def reader(one: Source, needed: Any) -> Any:
        read.append(one.name)
        assert all(readings.items == [name] for name, readings in needed.items())
        return one.function(**needed)

    gathering = gather(closure(known, known), reader)
    assert gathering.result("a", soon()).items == ["a"]
    assert gathering.result("b", soon()).items == ["b"]
    assert sorted(read) == ["a", "b", "c"]


def test_sources_that_do_not_need_each_other_are_read_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=5)

    def reader(one: Source, needed: Any) -> Any:
        barrier.wait()  # passes only if both are being read
        return one.function()

    gathering = gather([source("a"), source("b")], reader)
    assert gathering.result("a", soon()).complete
    assert gathering.result("b", soon()).complete


def test_what_cannot_be_read_carries_its_reason() -> None:
    def reader(one: Source, needed: Any) -> Any:
        raise Unreachable("connection refused")

    (unread,) = gather([source("a")], reader).result("a", soon()).unreadable
    assert (unread.reason, unread.broken) == ("connection refused", False)


def test_a_crash_is_marked_as_ours() -> None:
    def reader(one: Source, needed: Any) -> Any:
        raise KeyError(one.name)

    (unread,) = gather([source("a")], reader).result("a", soon()).unreadable
    assert unread.broken
    assert "KeyError" in unread.reason


def test_past_the_deadline_a_source_is_unreadable_and_not_waited_for() -> None:
    release = threading.Event()

    def reader(one: Source, needed: Any) -> Any:
        release.wait(5)
        return one.function()

    gathering = gather([source("a")], reader)
    (unread,) = gathering.result("a", time.monotonic()).unreadable
    release.set()
    assert "deadline" in unread.reason


def test_every_source_of_the_package_fits_into_the_graph() -> None:
    found = all_sources()
    assert len(closure(found)) == len(found) > 10
    assert all(one.value_type() is not None for one in found.values() if one.reads)
    assert all(one.function.__doc__ for one in found.values())


def test_a_source_lists_objects_by_the_type_of_its_values() -> None:
    assert all_sources()["pods"].lists_objects
    assert not all_sources()["loki_ready"].lists_objects

    def own(cluster: Any) -> Any: ...

    own.__annotations__["return"] = "Readings[OnlyForTypeCheckers]"
    assert not Source("own", own, ("cluster",), (), False).lists_objects
