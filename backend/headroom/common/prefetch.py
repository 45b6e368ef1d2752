"""Work in threads: preparing the next items of a stream in advance, and several items at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from headroom.common.errors import Cancelled

S = TypeVar("S")
T = TypeVar("T")

DEPTH = 2  # items: one that waits and one in work
THREADS = 2  # for work that is half Python: more threads would wait for each other
_END: Any = object()

log = logging.getLogger(__name__)


def prefetch(items: Iterable[T], depth: int = DEPTH) -> Generator[T, None, None]:
    """Yield the items in order; a thread prepares up to `depth` items in advance.

    An exception of `items` is raised here at the item's place in the order. Closing this generator closes `items` in
    its thread and waits for the item in work; an exception that this item raises is logged, because nobody waits for
    the item any more.
    """
    iterator = iter(items)
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(1, "prefetch") as thread:
        try:
            while True:
                waiting.extend(thread.submit(next, iterator, _END) for _ in range(depth + 1 - len(waiting)))
                item = waiting.popleft().result()
                if item is _END:
                    return
                yield item
        finally:
            _abandon(waiting)
            if hasattr(iterator, "close"):
                thread.submit(iterator.close).result()


def parallel_map(function: Callable[[S], T], items: Iterable[S]) -> Generator[T, None, None]:
    """Yield function(item) of all items in order, computed by several threads.

    Closing this generator skips the items that no thread has started and waits for the others; their exceptions are
    logged.
    """
    with ThreadPoolExecutor(THREADS, "parallel_map") as pool:
        waiting = deque(pool.submit(function, item) for item in items)
        try:
            while waiting:
                yield waiting.popleft().result()
        finally:
            _abandon(waiting)


def _abandon(waiting: Iterable[Future[Any]]) -> None:
    """Cancel the futures that have not started; log the exceptions of the others when they end."""
    for future in waiting:
        if not future.cancel():
            future.add_done_callback(_log_exception)


def _log_exception(future: Future[Any]) -> None:
    error = future.exception()
    if error is not None and not isinstance(error, Cancelled):
        log.warning("A thread failed after its result was no longer needed", exc_info=error)
