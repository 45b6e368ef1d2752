"""Standard output reserved for the command line's own lines while Blender prints."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def reserved_stdout() -> Iterator[Callable[[str], None]]:
    """Yield a function that writes a line to stdout; everything else written to stdout in the block is dropped.

    Blender prints render statistics from C, so replacing `sys.stdout` alone would not silence it.
    """
    try:
        sys.stdout.flush()
        real = os.dup(1)
    except OSError:  # a process with a window may have no stdout
        yield lambda line: None
        return
    with open(os.devnull, "w") as silence, redirect_stdout(silence):
        os.dup2(silence.fileno(), 1)
        try:
            yield lambda line: _write(real, line)
        finally:
            with suppress(OSError, AttributeError, TypeError):
                ctypes.CDLL(None).fflush(None)  # otherwise C's buffer would follow our lines on the restored stdout
            os.dup2(real, 1)
            os.close(real)


def _write(descriptor: int, line: str) -> None:
    """Write a whole line, because `os.write` may write only a part."""
    data = (line + "\n").encode()
    while data:
        data = data[os.write(descriptor, data):]
