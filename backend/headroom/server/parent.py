"""Waiting for the end of the process that started the server."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


def call_after_end(pid: int, callback: Callable[[], None]) -> None:
    """Call `callback`, from a thread, once the process `pid` has ended."""

    def wait() -> None:
        try:
            _wait_for_end(pid)
        except Exception:  # without its parent the server would run for ever, so an unknown parent counts as ended
            log.exception("Cannot wait for the process %s", pid)
        callback()

    threading.Thread(target=wait, name="wait for parent", daemon=True).start()


def _wait_for_end(pid: int) -> None:
    if sys.platform == "win32":
        _wait_for_end_on_windows(pid)
        return
    # A parent that has ended stays in the process table until its exit code is collected; then getppid() differs.
    is_our_parent = os.getppid() == pid
    while _exists(pid) and (os.getppid() == pid or not is_our_parent):
        time.sleep(POLL_SECONDS)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _wait_for_end_on_windows(pid: int) -> None:
    """Wait for the process handle, because os.kill(pid, 0) ends the process on Windows."""
    import ctypes

    synchronize, infinite = 0x00100000, 0xFFFFFFFF
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(synchronize, False, pid)
    if handle:
        kernel.WaitForSingleObject(handle, infinite)
        kernel.CloseHandle(handle)
