"""How does a batch scale with its workers, and what becomes of it when processes are killed?

    python benchmarks/batch.py SUBJECT SPEECH [--shots 24] [--workers 1 2 4] [--kills 50] [--pin]
    python benchmarks/batch.py SUBJECT SPEECH --shots 1 --seconds 180 --chunk 30 --workers 1 3

Makes shots of a subject with the fast engine. The first table has the seconds and whether the frames of every movie are
those of the first row, byte for byte; with --pin there are as many cores as workers. The second has what became of
batches of which a process was killed at a random moment: the client, a worker, or a backend or a Blender that a worker
had started; the same command then goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
from kill_results import results_table
from rich.console import Console
from rich.table import Table

from headroom.media.audio import read_audio, write_wav
from headroom.media.video import read_frames

console = Console(width=110)
SETTLE_SECONDS = 15.0  # within which the processes that a killed one has left must have ended


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--shots", type=int, default=24)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--killed-shots", type=int, default=4, help="in a batch of which a process is killed")
    parser.add_argument("--seconds", type=float, default=1.0, help="of speech in a shot")
    parser.add_argument("--chunk", type=float, default=0.0, help="seconds of the chunks of a shot; 0 splits none")
    parser.add_argument("--pin", action="store_true", help="let a batch use as many cores as it has workers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_wav(Path(folder) / "line.wav", read_audio(arguments.speech, to_seconds=arguments.seconds))
        print_scaling(Path(folder), arguments)
        if arguments.kills:
            print_kills(Path(folder), arguments)


def write_jobs(folder: Path, name: str, subject: Path, shots: int) -> Path:
    """Write a job file whose movies lie in a folder of its name."""
    jobs = [{"kind": "shot", "subject": str(subject.absolute()), "speech": "line.wav", "seed": seed, "engine": "fast",
             "output": f"{name}/{seed}.mp4"} for seed in range(shots)]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"headroom": 1, "jobs": jobs}))
    return path


def start(file: Path, workers: int, arguments: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start a batch."""
    command = [sys.executable, "-m", "headroom", "batch", str(file), "--jobs", str(workers), "--chunk",
               str(arguments.chunk)]
    pinned = ["taskset", "--cpu-list", f"0-{workers - 1}"] if arguments.pin else []
    return subprocess.Popen([*pinned, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def digests(folder: Path, shots: int) -> list[str]:
    """Return a digest of the decoded frames of each movie; empty for a missing one."""
    found = []
    for seed in range(shots):
        path, digest = folder / f"{seed}.mp4", hashlib.sha256()
        for frame in read_frames(path) if path.exists() else ():
            digest.update(frame.tobytes())
        found.append(digest.hexdigest() if path.exists() else "")
    return found


def print_scaling(folder: Path, arguments: argparse.Namespace) -> None:
    """Print the time of the same batch with several numbers of workers."""
    table = Table(title=f"{arguments.shots} shots of {arguments.seconds:g} s on {os.cpu_count()} cores")
    for heading in ("workers", "seconds", "times as fast", "same frames"):
        table.add_column(heading, justify="right")
    first: tuple[float, list[str]] | None = None
    for workers in arguments.workers:
        file = write_jobs(folder, f"workers {workers}", arguments.subject, arguments.shots)
        begin = time.perf_counter()
        code = start(file, workers, arguments).wait()
        seconds = time.perf_counter() - begin
        frames = digests(folder / file.stem, arguments.shots)
        first = first or (seconds, frames)
        same = sum(a == b != "" for a, b in zip(frames, first[1]))
        table.add_row(str(workers), f"{seconds:.0f}", f"{first[0] / seconds:.2f}",
                      f"{same} of {arguments.shots}, rc {code}")
    console.print(table)


def print_kills(folder: Path, arguments: argparse.Namespace) -> None:
    """Print what became of batches with a killed process."""
    rng, results, seconds, shots = random.Random(0), Counter[str](), 30.0, arguments.killed_shots
    truth: list[str] = []
    for number in range(arguments.kills + 1):
        file = write_jobs(folder, f"kill {number}", arguments.subject, shots)
        others, begin = orphans(), time.perf_counter()
        process = start(file, 2, arguments)
        if number:
            time.sleep(rng.uniform(0.5, seconds))
            results[f"killed: {kill_one(process, rng)}"] += 1
        process.wait()
        left = leftovers(others)
        if process.returncode < 0 or (number and process.returncode):
            results["went on with the same command"] += 1
            results["ended well then"] += start(file, 2, arguments).wait() == 0
        frames = digests(folder / file.stem, shots)
        if not number:
            truth, seconds = frames, time.perf_counter() - begin
            continue
        results["processes left"] += left
        results["results equal"] += frames == truth
        results["files beside the results"] += len(list((folder / file.stem).iterdir())) - shots
        results["chunks left"] += (folder / f"{file.stem}_report" / "chunks").exists()
    console.print(results_table(
        f"{arguments.kills} batches of {shots} shots, {seconds:.0f} s; a process killed in each", results))


def kill_one(client: subprocess.Popen[bytes], rng: random.Random) -> str:
    """Kill a random process of a batch; return what it was."""
    family = [psutil.Process(client.pid), *psutil.Process(client.pid).children(recursive=True)]
    kinds = {"headroom batch": "client", "headroom serve": "backend", ".zip": "Blender", "spawn_main": "worker"}
    found: dict[int, str] = {}
    for process in family:
        with suppress(psutil.Error, StopIteration):  # it has just ended, or is none of these
            words = " ".join(process.cmdline())
            found[process.pid] = next(kind for part, kind in kinds.items() if part in words)
    if not found:
        return "nothing, it had just ended"
    chosen = rng.choice(sorted(found))
    with suppress(ProcessLookupError):
        os.kill(chosen, signal.SIGKILL)
    return found[chosen]


def orphans() -> set[int]:
    """Return the processes of Headroom without a parent."""
    return {process.pid for process in psutil.process_iter(["cmdline", "ppid"])
            if process.info["ppid"] == 1 and "headroom" in " ".join(process.info["cmdline"] or ())}


def leftovers(others: set[int]) -> int:
    """Return how many processes a killed one has left after some seconds, besides those that were there before."""
    end = time.monotonic() + SETTLE_SECONDS
    while (left := orphans() - others) and time.monotonic() < end:
        time.sleep(0.5)
    return len(left)


if __name__ == "__main__":
    main()
