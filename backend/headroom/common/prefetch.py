"""Work in threads: on a stream while its consumer is busy with what came before, and on several items at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")

DEPTH = 2  # items: one that waits and one that is being made
THREADS = 2  # for work that is half Python: more would wait for each other
_END: Any = object()


def prefetch(items: Iterable[T], most: int = DEPTH) -> Generator[T, None, None]:
    """The items in order, made in a thread of their own, at most `most` more than were asked for.

    What goes wrong there is raised here, in its place in the order. Closing this iterator closes `items`, in their own
    thread, and waits for the item that is being made.
    """
    iterator = iter(items)
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(1, "prefetch") as thread:
        try:
            while True:
                waiting.extend(thread.submit(next, iterator, _END) for _ in range(most + 1 - len(waiting)))
                item = waiting.popleft().result()
                if item is _END:
                    return
                yield item
        finally:
            for each in waiting:
                each.cancel()
            if hasattr(iterator, "close"):
                thread.submit(iterator.close).result()


def parallel_map(make: Callable[[S], T], items: Iterable[S]) -> Generator[T, None, None]:
    """make(item) of all items, in order, by several threads; closing this leaves out what is not begun."""
    pool = ThreadPoolExecutor(THREADS, "side by side")
    try:
        yield from pool.map(make, items)
    finally:
        pool.shutdown(cancel_futures=True)
