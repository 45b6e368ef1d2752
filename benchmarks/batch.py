"""How does a batch scale with its workers, and what becomes of it when processes are killed?

    python benchmarks/batch.py SUBJECT SPEECH [--shots 24] [--workers 1 2 4] [--kills 50] [--pin]
    python benchmarks/batch.py SUBJECT SPEECH --shots 1 --seconds 180 --chunk 30 --workers 1 3

Makes shots of a subject with the fast engine. The first table has the seconds and whether the frames of every movie are
those of the first row, byte for byte; with --pin there are as many cores as workers. The second has what became of
batches on a cluster of two workers of which a process was killed at a random moment: the client, the scheduler, a
worker, its nanny, or a backend or a Blender that a worker had started. Processes of the cluster that have ended are
started again, and the same command goes on. `--killed-kind perform` is the quickest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from distributed import Client
from kill_results import results_table
from rich.console import Console
from rich.table import Table

from headroom.media.audio import read_audio, write_wav
from headroom.media.video import read_frames

console = Console(width=110)
ENDINGS = {"shot": ".mp4", "perform": ".npz"}
REJOIN_SECONDS = 15.0  # within which workers that were killed are started again by their nannies
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
    parser.add_argument("--killed-kind", choices=list(ENDINGS), default="shot", help="of the jobs of such a batch")
    parser.add_argument("--seconds", type=float, default=1.0, help="of speech in a shot")
    parser.add_argument("--chunk", type=float, default=0.0, help="seconds of the chunks of a shot; 0 splits none")
    parser.add_argument("--pin", action="store_true", help="let a batch use as many cores as it has workers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_wav(Path(folder) / "line.wav", read_audio(arguments.speech, to_seconds=arguments.seconds))
        print_scaling(Path(folder), arguments)
        if arguments.kills:
            print_kills(Path(folder), arguments)


def write_jobs(folder: Path, name: str, subject: Path, shots: int, kind: str = "shot") -> Path:
    """Write a job file whose results lie in a folder of its name."""
    more = {"engine": "fast"} if kind == "shot" else {}
    jobs = [{"kind": kind, "subject": str(subject.absolute()), "speech": "line.wav", "seed": seed,
             "output": f"{name}/{seed}{ENDINGS[kind]}", **more} for seed in range(shots)]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"headroom": 1, "jobs": jobs}))
    return path


def start(file: Path, where: list[str], arguments: argparse.Namespace, pinned: Sequence[str] = ()
          ) -> subprocess.Popen[bytes]:
    """Start a batch.

    where: the options that say on which workers.
    """
    command = [*pinned, sys.executable, "-m", "headroom", "batch", str(file), *where, "--chunk", str(arguments.chunk)]
    return started(command)


def started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process that says nothing."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def digests(folder: Path, shots: int) -> list[str]:
    """Return a digest of the decoded frames of each movie, or of each motion's numbers; empty for a missing one."""
    found = []
    for seed in range(shots):
        path = next((path for ending in ENDINGS.values() if (path := folder / f"{seed}{ending}").exists()), None)
        digest = hashlib.sha256()
        for array in _content(path) if path else ():
            digest.update(array.tobytes())
        found.append(digest.hexdigest() if path else "")
    return found


def _content(path: Path) -> Iterable[np.ndarray]:
    if path.suffix == ".mp4":
        return read_frames(path)
    with np.load(path) as stored:
        return [stored[name] for name in sorted(stored)]


def print_scaling(folder: Path, arguments: argparse.Namespace) -> None:
    """Print the time of the same batch with several numbers of workers."""
    if not arguments.workers:
        return
    table = Table(title=f"{arguments.shots} shots of {arguments.seconds:g} s on {os.cpu_count()} cores")
    for heading in ("workers", "seconds", "times as fast", "same frames"):
        table.add_column(heading, justify="right")
    first: tuple[float, list[str]] | None = None
    for workers in arguments.workers:
        file = write_jobs(folder, f"workers {workers}", arguments.subject, arguments.shots)
        begin = time.perf_counter()
        pinned = ["taskset", "--cpu-list", f"0-{workers - 1}"] if arguments.pin else []
        code = start(file, ["--jobs", str(workers)], arguments, pinned).wait()
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
    with Cluster() as cluster:
        for number in range(-1, arguments.kills + 1):  # the first one starts Blender and the backends, which stay
            file = write_jobs(folder, f"kill {number}", arguments.subject, shots, arguments.killed_kind)
            others, begin = orphans(), time.perf_counter()
            process = start(file, cluster.options, arguments)
            if number > 0:
                time.sleep(rng.uniform(0.5, seconds))
                results[f"killed: {kill_one(process, cluster, rng)}"] += 1
            while process.poll() is None:  # without workers it waits for others
                time.sleep(1.0)
                cluster.start_what_has_ended()
            left = leftovers(others | cluster.pids())
            if number > 0 and process.returncode:
                cluster.start_what_has_ended()
                results["went on with the same command"] += 1
                results["ended well then"] += start(file, cluster.options, arguments).wait() == 0
            frames = digests(folder / file.stem, shots)
            if number <= 0:
                truth, seconds = frames, time.perf_counter() - begin
                continue
            cluster.start_what_has_ended()
            results["processes left"] += left
            results["results equal"] += frames == truth
            results["files beside the results"] += len(list((folder / file.stem).iterdir())) - shots
            results["chunks left"] += (folder / f"{file.stem}_report" / "chunks").exists()
            print(f"{number}: {dict(results)}", file=sys.stderr, flush=True)
    jobs = f"{shots} {arguments.killed_kind} jobs"
    console.print(results_table(
        f"{arguments.kills} batches of {jobs}, {seconds:.0f} s; a process killed in each", results))


class Cluster:
    """A scheduler and two workers; use it as a context manager."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._workers: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> list[str]:
        """What `headroom batch` is told."""
        return ["--scheduler", self.address]

    def __enter__(self) -> Cluster:
        self.start_what_has_ended()
        return self

    def __exit__(self, *exception: object) -> None:
        for process in filter(None, (self._workers, self._scheduler)):
            process.terminate()
            process.wait()

    def start_what_has_ended(self) -> None:
        """Start the scheduler and the workers where they do not run, and wait until the workers have connected."""
        program = [sys.executable, "-m", "dask"]
        if self._scheduler is None or self._scheduler.poll() is not None:
            host, port = self.address.removeprefix("tcp://").split(":")
            self._scheduler = started([*program, "scheduler", "--host", host, "--port", port, "--no-dashboard"])
        if self._workers is None or not self._connected(REJOIN_SECONDS):
            if self._workers is not None and self._workers.poll() is None:
                self._workers.terminate()
                self._workers.wait()
            self._workers = started([*program, "worker", self.address, "--nworkers", "2", "--nthreads", "1",
                                     "--no-dashboard"])
            self._connected(120.0)

    def _connected(self, seconds: float) -> bool:
        """Return whether both workers are connected within a time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(OSError), Client(self.address, timeout=10) as client:
                if len(client.nthreads()) == 2:
                    return True
            time.sleep(0.5)
        return False

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the cluster that run, and those that they have started."""
        found = []
        for started_one in filter(None, (self._scheduler, self._workers)):
            with suppress(psutil.Error):
                parent = psutil.Process(started_one.pid)
                found += [parent, *parent.children(recursive=True)]
        return found

    def pids(self) -> set[int]:
        """Return the numbers of those processes."""
        return {process.pid for process in self.processes()}


KINDS = {"--command headroom": "Blender", "headroom serve": "backend", ".zip": "Blender", "spawn_main": "worker",
         "dask scheduler": "scheduler", "dask worker": "nanny"}
"""What a process is, by words of its command."""


def kill_one(client: subprocess.Popen[bytes], cluster: Cluster, rng: random.Random) -> str:
    """Kill a random process of a batch, each kind as often; return what it was."""
    found: dict[str, list[int]] = defaultdict(list)
    if client.poll() is None:
        found["client"].append(client.pid)
    for process in cluster.processes():
        with suppress(psutil.Error, StopIteration):  # it has just ended, or is none of these
            words = " ".join(process.cmdline())
            found[next(kind for part, kind in KINDS.items() if part in words)].append(process.pid)
    kind = rng.choice(sorted(found))
    with suppress(ProcessLookupError):
        os.kill(rng.choice(found[kind]), signal.SIGKILL)
    return kind


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
