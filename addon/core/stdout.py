"""Keeping stdout for ourselves while Blender talks."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def own_stdout() -> Iterator[Callable[[str], None]]:
    """A function that writes a line to the real stdout; everything else written meanwhile is dropped.

    Blender prints render statistics from C, so replacing `sys.stdout` would not be enough.
    """
    try:
        sys.stdout.flush()
        real = os.dup(1)
    except OSError:  # no stdout at all, as in a window's process
        yield lambda line: None
        return
    with open(os.devnull, "w") as silence, redirect_stdout(silence):
        os.dup2(silence.fileno(), 1)
        try:
            yield lambda line: _write(real, line)
        finally:
            with suppress(OSError, AttributeError, TypeError):
                ctypes.CDLL(None).fflush(None)  # what C has buffered would otherwise follow our line
            os.dup2(real, 1)
            os.close(real)


def _write(descriptor: int, line: str) -> None:
    data = (line + "\n").encode()
    while data:
        data = data[os.write(descriptor, data):]
