"""The refiner's training in the terminal: a file with the result so far, and Ctrl+C that finishes early."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from headroom.cli.console import out
from headroom.common.files import atomic_write
from headroom.common.temporary import temporary_folder

PICTURE = "result_so_far.jpg"


class TerminalMonitor:
    """Writes the result so far into a file, and ends the training after the first Ctrl+C that comes during it."""

    def __init__(self, picture: Path):
        self._picture = picture
        self._training = self._interrupted = self._said = False

    def show(self, picture: bytes) -> None:
        """Replace the picture; name its file the first time."""
        with atomic_write(self._picture) as temporary:
            temporary.write_bytes(picture)
        if not self._training:
            out.print(f"Result so far, footage | refined: {self._picture}", markup=False, soft_wrap=True)
            out.print("Ctrl+C finishes now, with what has been learned.", markup=False)
        self._training = True

    def wants_end(self) -> bool:
        """Return whether Ctrl+C was pressed; say so once."""
        if self._interrupted and not self._said:
            self._said = True
            out.print("Finishing with what has been learned. Ctrl+C once more cancels.", markup=False)
        return self._interrupted

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle Ctrl+C: ask the training to end, or cancel where it does not run or was asked before.

        The terminal is left to `wants_end`, because a handler may come in the middle of what is printed.
        """
        if not self._training or self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True


@contextmanager
def terminal_monitor() -> Iterator[TerminalMonitor]:
    """Yield a monitor; while the block runs, its picture is in a temporary folder and it handles Ctrl+C."""
    before = signal.getsignal(signal.SIGINT)
    with temporary_folder() as folder:
        monitor = TerminalMonitor(folder / PICTURE)
        if before != signal.SIG_IGN:  # as for a shell's background jobs
            signal.signal(signal.SIGINT, monitor.interrupt)
        try:
            yield monitor
        finally:
            signal.signal(signal.SIGINT, before)
