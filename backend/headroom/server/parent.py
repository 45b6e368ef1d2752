"""Noticing that the process that started us has gone."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

LOOK_EVERY_SECONDS = 0.5


def when_gone(pid: int, act: Callable[[], None]) -> None:
    """Call `act`, from a thread, once the process `pid` is no longer there."""

    def watch() -> None:
        _wait_for_end(pid)
        act()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def _wait_for_end(pid: int) -> None:
    if sys.platform == "win32":
        _wait_for_end_on_windows(pid)
        return
    is_our_parent = os.getppid() == pid  # then its end shows even while nobody has collected its exit code
    while _exists(pid) and (os.getppid() == pid or not is_our_parent):
        time.sleep(LOOK_EVERY_SECONDS)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _wait_for_end_on_windows(pid: int) -> None:
    """os.kill(pid, 0) would end the process there, so its handle is waited for."""
    import ctypes

    synchronize, infinite = 0x00100000, 0xFFFFFFFF
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(synchronize, False, pid)
    if handle:
        kernel.WaitForSingleObject(handle, infinite)
        kernel.CloseHandle(handle)
