"""Work in threads gives the same items in the same order, never too far in advance, and loses no error."""

import threading
import time

import pytest

from headroom.common.errors import Cancelled
from headroom.common.prefetch import parallel_map, prefetch


def numbers(count, made, closed=None):
    """Yield numbers; note which are made, and the thread in which the generator is closed."""
    try:
        for number in range(count):
            made.append(number)
            yield number
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


def running_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith(("prefetch", "parallel_map"))]


@pytest.mark.parametrize("depth", [0, 1, 2, 50])
def test_the_items_come_in_order(depth):
    assert list(prefetch(numbers(20, []), depth)) == list(range(20))
    assert list(prefetch([], depth)) == []
    assert not running_threads()


def test_no_more_than_depth_items_are_made_in_advance():
    made = []
    stream = prefetch(numbers(20, made), 3)
    for taken in range(1, 5):
        next(stream)
        time.sleep(0.02)
        assert len(made) <= taken + 3
    stream.close()


def test_the_next_item_is_made_while_the_last_one_is_in_use():
    second = threading.Event()

    def items():
        yield 1
        second.set()
        yield 2

    stream = prefetch(items(), 1)
    assert next(stream) == 1 and second.wait(5)
    assert list(stream) == [2]


def test_an_error_is_raised_at_its_place_in_the_order():
    def items():
        yield 1
        yield 2
        raise KeyError("third")

    received = []
    with pytest.raises(KeyError, match="third"):
        for item in prefetch(items()):
            received.append(item)
    assert received == [1, 2] and not running_threads()


def test_closing_ends_the_thread_and_closes_the_items_in_it():
    made, closed = [], []
    stream = prefetch(numbers(1000, made, closed))
    assert next(stream) == 0
    stream.close()
    assert len(made) <= 3 and not running_threads()
    assert len(closed) == 1 and closed[0].startswith("prefetch")


def test_nested_streams_end_together():
    closed = []
    stream = prefetch(prefetch(numbers(1000, [], closed)))
    assert next(stream) == 0
    stream.close()
    assert len(closed) == 1 and not running_threads()


@pytest.mark.parametrize("error, logged", [(KeyError("the second item"), True), (Cancelled("Stopped."), False)])
def test_an_error_that_nobody_waits_for_is_logged_unless_the_user_stopped(caplog, error, logged):
    started, closing = threading.Event(), threading.Event()

    def items():
        yield 1
        started.set()
        closing.wait(5)
        raise error

    stream = prefetch(items())
    assert next(stream) == 1 and started.wait(5)
    threading.Timer(0.05, closing.set).start()
    stream.close()
    assert ("the second item" in caplog.text) == logged
    assert ("no longer needed" in caplog.text) == logged


def test_parallel_results_come_in_order_from_several_threads():
    both = threading.Barrier(2, timeout=5)

    def double(number):
        both.wait()  # returns only when two threads are in it
        return 2 * number

    assert list(parallel_map(double, range(6))) == [0, 2, 4, 6, 8, 10]


def test_closing_parallel_work_skips_what_has_not_started():
    made = []

    def slow(number):
        made.append(number)
        time.sleep(0.01)

    stream = parallel_map(slow, range(100))
    next(stream)
    stream.close()
    assert len(made) < 10 and not running_threads()


def test_of_parallel_errors_the_first_is_raised_and_the_others_are_logged(caplog):
    both = threading.Barrier(2, timeout=5)

    def fail(number):
        both.wait()
        raise KeyError(f"item {number}")

    with pytest.raises(KeyError, match="item 0"):
        list(parallel_map(fail, range(2)))
    assert "item 1" in caplog.text
