import gc
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from clusterprobe.access.deadline import Deadline, ahead, call_within, ending, in_parallel
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


# --- several at once, and work of our own


def test_results_come_in_order_whatever_ends_first() -> None:
    assert in_parallel(lambda one: (time.sleep(one / 100), one)[1], [3, 1, 2], 2) == [3, 1, 2]
    assert in_parallel(str, [], 4) == []


def test_the_first_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda one: 1 // one, [1, 0, 2], 2)


class Answer:
    """A body, as what is refused has it in a local variable."""


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize(
    "ask",
    [
        lambda refuse: call_within(Deadline.after(5), "a request", refuse),
        lambda refuse: ahead(refuse)(),
        lambda refuse: in_parallel(lambda _: refuse(), [1, 2, 3], 2),
        lambda refuse: in_parallel(lambda _: call_within(Deadline.after(5), "a request", refuse), [1], 2),
    ],
    ids=["one", "ahead", "several", "both"],
)
def test_what_an_error_is_about_goes_with_the_error(ask: Callable[[Callable[[], None]], object]) -> None:
    answers = []

    def refuse() -> None:
        answer = Answer()
        answers.append(weakref.ref(answer))
        raise ValueError("too large")

    try:  # and not `pytest.raises`, which keeps the error
        ask(refuse)
    except ValueError as error:
        assert str(error) == "too large"
    until = time.monotonic() + 5  # the others are at work for a moment
    while any(one() for one in answers) and time.monotonic() < until:
        time.sleep(0.01)
    assert answers
    assert not [one for one in answers if one()]


def test_python_does_not_wait_for_what_is_left_to_do() -> None:
    program = (
        "import threading, time\n"
        "from clusterprobe.access.deadline import in_parallel\n"
        "threading.Thread(target=in_parallel, args=(time.sleep, [3600] * 100, 4), daemon=True).start()\n"
        "time.sleep(0.2)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_work_that_outlasts_its_deadline_is_ended_in_the_middle() -> None:
    with pytest.raises(TimedOut), ending(Deadline.after(0.05)):
        while True:
            pass


def test_work_that_ends_in_time_is_left_alone() -> None:
    with ending(Deadline.after(60)):
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
