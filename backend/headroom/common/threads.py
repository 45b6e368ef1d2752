"""Number of processor threads that torch uses for small networks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread; also a decorator.

    Layers of 64 values are computed before a second thread has started: on a busy machine two threads took 25 times
    longer.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
