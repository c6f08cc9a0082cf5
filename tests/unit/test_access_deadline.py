import threading
import time

import pytest

from clusterprobe.access.deadline import Deadline, call_within
from clusterprobe.errors import TimedOut


def test_a_deadline_counts_down_to_nothing_and_no_further():
    assert 9 < Deadline.after(10).remaining <= 10
    assert Deadline.after(-1).remaining == 0
    assert Deadline.after(-1).passed
    assert not Deadline.after(10).passed


def test_the_earlier_of_two_deadlines_holds():
    assert Deadline.after(10).within(1).remaining <= 1
    assert Deadline.after(1).within(10).remaining <= 1


def test_a_call_in_time_gives_its_value():
    assert call_within(Deadline.after(5), "it", lambda: 42) == 42


def test_a_call_that_raises_raises_the_same():
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        call_within(Deadline.after(5), "it", fail)


def test_a_call_that_raises_a_time_out_of_its_own_is_not_taken_for_late():
    def fail() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        call_within(Deadline.after(5), "it", fail)


def test_a_call_that_blocks_is_left_behind_at_the_deadline():
    never, begun = threading.Event(), time.monotonic()
    with pytest.raises(TimedOut, match="asking: no whole answer in time"):
        call_within(Deadline.after(0.2), "asking", never.wait)
    assert time.monotonic() - begun < 1
    never.set()
