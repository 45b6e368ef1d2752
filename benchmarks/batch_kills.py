"""What becomes of batches of shots whose processes are killed at random moments?

    python benchmarks/batch_kills.py SUBJECT SPEECH [--learn CLIP] [--kills 50] [--shots 2] [--chunk 0.7]

A batch learns a person from CLIP and makes a shot with it, makes shots of a subject, and one of twice their length,
which is split into chunks, all with the fast engine on a cluster of two workers. At random moments a process is killed:
the client, the scheduler, a worker, its nanny, or a backend, its process or a Blender that a worker has started. What
belongs to the cluster is started again, as its service manager would do it, and the same command is given again, as the
user would do it. The first batch is not disturbed; all others must have its results: every pixel of the movies and
every number of the learned subject.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from batch import frames_digest, shots_of, write_jobs, write_lines
from dask_cluster import DaskCluster, with_children
from kill_results import results_table
from rich.console import Console
from safetensors.numpy import load_file

from headroom.common.temporary import remove_abandoned
from headroom.media.audio import read_audio, write_wav

console, log = Console(width=110), Console(stderr=True, soft_wrap=True, markup=False)
KINDS = {"--command headroom": "Blender", ".zip batch": "Blender", "headroom serve": "backend",
         "dask scheduler": "scheduler", "dask worker": "nanny"}
"""What a process is, by words of its command; a worker and the process of a backend are known by their parents."""
CHILDREN = {"nanny": "worker", "backend": "backend's process"}
MARK = "HEADROOM_DATA"  # the environment variable by which the processes of a run are known
SETTLE_SECONDS = 60.0  # within which the processes that a killed one has left must have ended
HUNG_SECONDS = 1800.0
IDLE_SHARE = 0.02  # of the looks, several a second, in which a kill may also follow where no part of a job runs
DASK_FOLDER = "dask-scratch-space"  # which its next start empties
PERSON = "person"  # the subject that a job learns
LONG = "long.wav"  # the speech of the shot that is split


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--learn", type=Path, help="clip or photo that a job of each batch learns")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kills-in-batch", type=int, default=4, help="at most")
    parser.add_argument("--interval", type=float, default=20.0, help="most seconds before the next kill")
    parser.add_argument("--shots", type=int, default=2, help="in a batch, besides the others")
    parser.add_argument("--seconds", type=float, default=1.0, help="of speech in a shot")
    parser.add_argument("--chunk", type=float, default=0.7, help="seconds of the chunks of the longer shot")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for everything that is made; it stays")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Run((arguments.folder or Path(folder)).absolute(), arguments)
        run.kill_many(arguments.kills, arguments.kills_in_batch)
    console.print(results_table(f"{arguments.kills} kills in {run.number} batches of {len(run.jobs)} jobs; undisturbed "
                                f"they take {run.seconds:.0f} s", run.results))


class Run:
    """Batches of the same jobs in one folder, and what became of them."""

    def __init__(self, folder: Path, arguments: argparse.Namespace):
        self.folder, self.temporary = folder, folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.environment = os.environ | {MARK: str(folder / "data"), "TMPDIR": str(self.temporary)}
        self.results, self.rng = Counter[str](), random.Random(arguments.seed)
        self.jobs, self.options = list(jobs_of(arguments)), ["--chunk", str(arguments.chunk)]
        self.number, self.seconds, self.interval = 0, 0.0, arguments.interval
        write_lines(folder, arguments.speech, arguments.seconds, arguments.shots)
        write_wav(folder / LONG, read_audio(arguments.speech, to_seconds=2 * arguments.seconds))

    def kill_many(self, kills: int, kills_in_batch: int) -> None:
        """Run an undisturbed batch, and disturbed ones until enough processes were killed."""
        with DaskCluster(2, self.temporary, self.environment) as self.cluster:
            begin = time.monotonic()
            truth, _ = self._run_batch(0)
            self.seconds = time.monotonic() - begin
            log.print(f"undisturbed: {self.seconds:.0f} s, {truth}")
            left = kills
            while left > 0:
                found, killed = self._run_batch(min(left, kills_in_batch))
                left -= killed
                self.results["batches"] += 1
                self.results["results that differ"] += differences(found, truth)
                log.print(f"{left} kills left: {dict(self.results)}")
        self._settle(set())
        remove_abandoned(self.temporary)  # as the next start of Headroom does
        self._count("temporary file", [path for path in self.temporary.iterdir() if path.name != DASK_FOLDER])

    def _run_batch(self, kills: int) -> tuple[dict[str, str], int]:
        """Run a batch, kill processes meanwhile, and give its command again until it succeeds.

        Returns the digests of its results, and how many processes were killed.
        """
        name, self.number, killed = f"batch {self.number}", self.number + 1, 0
        jobs = [{**job, "subject": f"{name}/{PERSON}"} if job.get("subject") == PERSON else job for job in self.jobs]
        file, begin = write_jobs(self.folder, name, jobs), time.monotonic()
        client, moment = self._start(file), None
        while (code := client.poll()) != 0:
            if code is not None:
                self.results["command given again"] += 1
                self._count_failures(self.folder / f"{name}_report" / "report.json")
                self.cluster.wait_until_complete()
                client = self._start(file)
            if killed < kills and moment is None:
                moment = self._next_kill(client)
            if killed < kills and moment is not None and time.monotonic() > moment:
                killed, moment = killed + self._kill_one(client), None
            self.cluster.start_what_has_ended()
            if time.monotonic() > begin + HUNG_SECONDS:
                raise TimeoutError(f"{name} does not end.")
            time.sleep(0.2)
        self.cluster.wait_until_complete()
        self._settle({process.pid for process in self.cluster.processes()})
        self._count_files(name)
        return self._digests(self.folder / name), killed

    def _start(self, file: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "headroom", "batch", str(file), "--scheduler", self.cluster.address]
        with open(self.folder / "client.log", "ab") as output:
            return subprocess.Popen([*command, *self.options], env=self.environment, stdout=output, stderr=output)

    def _next_kill(self, client: subprocess.Popen[bytes]) -> float | None:
        """Return a random moment; most of them follow the start of a part of a job, None before it."""
        if self.rng.random() < IDLE_SHARE or any(map(self._part, self._started(client))):
            return time.monotonic() + self.rng.uniform(0.5, self.interval)
        return None

    def _started(self, client: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Return the processes of the cluster, and those that the client has started."""
        return [*self.cluster.processes(), *with_children(client.pid)[1:]]

    def _kill_one(self, client: subprocess.Popen[bytes]) -> bool:
        """Kill a random process, each kind as often; return whether that was possible."""
        processes = self._started(client)
        found = kinds_of(processes)
        if client.poll() is None:
            found.append(("client", client.pid))
        kind = self.rng.choice(sorted({kind for kind, _ in found}))
        pid = self.rng.choice([pid for each, pid in found if each == kind])
        running = sorted(filter(None, map(self._part, processes)))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.results[f"killed: {kind}"] += 1
        for part in set(running) or {"nothing"}:
            self.results[f"while this ran: {part}"] += 1
        return True

    def _part(self, process: psutil.Process) -> str:
        """Return which part of a job a process of Blender runs; empty for any other process."""
        words = " ".join(command_of(process))
        if not (only := re.search(r"--only (\d+)", words)) or ".zip" not in words:
            return ""
        if "--chunk-number" in words:
            return "a chunk"
        if "--chunk-folder" in words and "--chunk " not in words:
            return "joining chunks"
        return "splitting a shot" if int(only[1]) == self._long else str(self.jobs[int(only[1]) - 1]["kind"])

    @property
    def _long(self) -> int:
        """The number of the job whose shot is split."""
        return next(number for number, job in enumerate(self.jobs, 1) if job.get("speech") == LONG)

    def _count_failures(self, report: Path) -> None:
        with suppress(FileNotFoundError):
            for line in json.loads(report.read_text())["jobs"]:
                self.results[f"failed: {line.get('error')}"] += line["state"] == "failed"

    def _settle(self, running: set[int]) -> None:
        """Count the processes that a killed one has left after some seconds, besides those that run."""
        end = time.monotonic() + SETTLE_SECONDS
        while (left := self._marked() - running) and time.monotonic() < end:
            time.sleep(0.5)
        self.results["processes left"] += len(left)
        for pid in left:
            with suppress(psutil.Error):
                log.print(f"left: {command_of(psutil.Process(pid))}")

    def _marked(self) -> set[int]:
        """Return the processes of this run."""
        found = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.environment[MARK] and process.pid != os.getpid():
                    found.add(process.pid)
        return found

    def _count_files(self, name: str) -> None:
        """Count what lies beside the results, the report and its small pictures."""
        expected = {self.folder / name / str(job["output"]) for job in self.jobs}
        beside = [path for path in (self.folder / name).rglob("*")
                  if path not in expected and self.folder / name / PERSON not in path.parents]
        hidden = [path for path in (self.folder / name).rglob(".*") if PERSON in path.parts]
        report = self.folder / f"{name}_report"
        pictures = {report / "thumbnails" / f"{number:05d}.jpg" for number in range(1, len(self.jobs) + 1)}
        known = {report / "report.json", report / "report.html", report / "thumbnails", *pictures}
        self._count("file beside the results", [*beside, *hidden, *(set(report.rglob("*")) - known)])

    def _count(self, what: str, paths: Iterable[Path]) -> None:
        for path in paths:
            self.results[f"{what} left"] += 1
            log.print(f"left: {path}")
        self.results[f"{what} left"] += 0

    def _digests(self, folder: Path) -> dict[str, str]:
        found = {path.name: frames_digest(path) for path in sorted(folder.glob("*.mp4"))}
        return found | {path.name: content_digest(path) for path in sorted((folder / PERSON).glob("*"))}


def jobs_of(arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield the jobs of a batch."""
    shots = shots_of(arguments.subject, arguments.shots)
    if arguments.learn:
        yield {"kind": "learn", "clip": str(arguments.learn.absolute()), "consent": True, "output": PERSON}
    yield {**shots[0], "speech": LONG, "output": "long.mp4"}
    yield from shots
    if arguments.learn:
        yield {**shots[0], "subject": PERSON, "output": "learned.mp4"}


def content_digest(path: Path) -> str:
    """Return a digest of a file of a subject, less times, and identifiers of credentials."""
    if path.suffix == ".mp4":
        return frames_digest(path)
    content = path.read_bytes()
    if path.suffix == ".safetensors":  # whose header has no fixed order
        content = b"".join(name.encode() + array.tobytes() for name, array in sorted(load_file(path).items()))
    if path.suffix == ".toml":
        content = content.partition(b"[measures.step_seconds]")[0]
    return hashlib.sha256(content).hexdigest()


def differences(found: dict[str, str], expected: dict[str, str]) -> int:
    """Return how many results differ, and print their names."""
    names = [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)]
    if names:
        log.print(f"differ: {sorted(names)}")
    return len(names)


def kinds_of(processes: Iterable[psutil.Process]) -> list[tuple[str, int]]:
    """Return what the processes are, less those that are none of Headroom's or Dask's."""
    kinds: dict[int, str] = {}
    for process in processes:  # parents come before their children
        with suppress(psutil.Error):
            words = " ".join(process.cmdline())
            kind = next((kind for part, kind in KINDS.items() if part in words), "")
            if "spawn_main" in words:
                kind = CHILDREN.get(kinds.get(process.ppid(), ""), "")
            kinds[process.pid] = kind
    return [(kind, pid) for pid, kind in kinds.items() if kind]


def command_of(process: psutil.Process) -> list[str]:
    """Return the command of a process, empty for one that has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


if __name__ == "__main__":
    main()
