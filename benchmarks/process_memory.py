"""The memory of this process, for the benchmarks that print it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_memory() -> float:
    """Return this process's peak memory, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def memory_in_use() -> float:
    """Return this process's memory, bytes; its peak on systems that do not report it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return peak_memory()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return 1024.0 * int(line.split()[1])
