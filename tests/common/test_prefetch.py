"""A stream that is made in a thread: the same things in the same order, never far prefetch, nothing left running."""

import threading
import time

import pytest

from headroom.common.prefetch import prefetch, parallel_map


def counted(count, made, closed=None):
    try:
        for number in range(count):
            made.append(number)
            yield number
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


def working():
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


@pytest.mark.parametrize("most", [0, 1, 2, 50])
def test_the_items_come_in_order(most):
    assert list(prefetch(counted(20, []), most)) == list(range(20))
    assert list(prefetch([], most)) == []
    assert not working()


def test_no_more_is_made_than_was_said():
    made = []
    stream = prefetch(counted(20, made), 3)
    for asked in range(1, 5):
        next(stream)
        time.sleep(0.02)
        assert len(made) <= asked + 3
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


def test_an_error_is_raised_in_its_place():
    def items():
        yield 1
        yield 2
        raise KeyError("third")

    got = []
    with pytest.raises(KeyError, match="third"):
        for item in prefetch(items()):
            got.append(item)
    assert got == [1, 2] and not working()


def test_closing_ends_the_thread_and_closes_the_items_in_it():
    made, closed = [], []
    stream = prefetch(counted(1000, made, closed))
    assert next(stream) == 0
    stream.close()
    assert len(made) <= 3 and not working()
    assert len(closed) == 1 and closed[0].startswith("prefetch")


def test_streams_of_streams_end_together():
    closed = []
    stream = prefetch(prefetch(counted(1000, [], closed)))
    assert next(stream) == 0
    stream.close()
    assert len(closed) == 1 and not working()


def test_what_is_made_side_by_side_comes_in_order_from_several_threads():
    together = threading.Barrier(2, timeout=5)

    def make(number):
        together.wait()  # returns only if two are being made at once
        return 2 * number

    assert list(parallel_map(make, range(6))) == [0, 2, 4, 6, 8, 10]


def test_side_by_side_leaves_out_what_is_not_begun_when_it_is_given_up():
    made = []

    def make(number):
        made.append(number)
        time.sleep(0.01)

    stream = parallel_map(make, range(100))
    next(stream)
    stream.close()
    assert len(made) < 10
    with pytest.raises(ZeroDivisionError):
        list(parallel_map(lambda number: 1 / number, [1, 0, 2]))
