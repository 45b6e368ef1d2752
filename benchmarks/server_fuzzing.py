"""Send the server requests that nobody would send and count the answers: python benchmarks/server_fuzzing.py [NUMBER]

One in fifty is made from the OpenAPI document by schemathesis, four fifths have impossible values, and the others are
hardly HTTP. A status of 500, a request without an answer, a traceback in the log, and memory that grows are faults.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests" / "server"
sys.path[:0] = [str(TESTS), str(TESTS.parents[1])]

from fuzzing import fuzz, fuzz_lines, fuzz_values  # noqa: E402
from running import served  # noqa: E402


def resident_mb(pid: int) -> float:
    """Return the memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Print the counts."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (process, announcement):
        start, rounds, faults, statuses, sent = time.monotonic(), 4, [], Counter(), 0
        for part in range(rounds):
            url, token, size = announcement["url"], announcement["token"], number // rounds
            for found, wrong in (fuzz(url, token, size // 50, part), fuzz_values(url, token, size * 4 // 5, part)):
                statuses.update(found)
                faults += wrong
            lines = size - size // 50 - size * 4 // 5
            faults += fuzz_lines(url, token, lines, part)
            sent += lines
            print(f"{time.monotonic() - start:6.0f} s: {sum(statuses.values())} answers, {sent} lines, "
                  f"{resident_mb(process.pid):.1f} MB", flush=True)
        print(", ".join(f"{count} of status {status}" for status, count in sorted(statuses.items())))
        if "Traceback" in (Path(folder) / "stderr.log").read_text(encoding="utf-8"):
            faults.append("a traceback in the log")
        print("\n".join(faults) or "no fault")


if __name__ == "__main__":
    main()
