"""How does a batch scale with its workers?

    python benchmarks/batch.py SUBJECT SPEECH [--shots 24] [--workers 1 2 4] [--pin] [--apart]
    python benchmarks/batch.py SUBJECT SPEECH --shots 1 --seconds 180 --chunk 30 --workers 1 3

Makes shots of a subject with the fast engine. The table has the seconds and whether the frames of every movie are those
of the first row, byte for byte; with --pin there are as many cores as workers. With --apart, as many batches as workers
share the shots, each with one core and one worker, which shows what the machine allows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from headroom.media.audio import SAMPLE_RATE, read_audio, write_wav
from headroom.media.video import read_frames

console = Console(width=110)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--shots", type=int, default=24)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=1.0, help="of speech in a shot")
    parser.add_argument("--chunk", type=float, default=0.0, help="seconds of the chunks of a shot; 0 splits none")
    parser.add_argument("--apart", action="store_true", help="also as batches of one worker at once, each on a core")
    parser.add_argument("--pin", action="store_true", help="let a batch use as many cores as it has workers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_lines(Path(folder), arguments.speech, arguments.seconds, arguments.shots)
        print_scaling(Path(folder), arguments)


def write_lines(folder: Path, speech: Path, seconds: float, count: int) -> None:
    """Write what is said in each shot: parts of a speech, because equal shots would share refined frames."""
    samples, length = read_audio(speech), round(seconds * SAMPLE_RATE)
    if len(samples) < length + count - 1:
        raise SystemExit(f"{speech} is too short for {count} different shots of {seconds:g} s.")
    for number in range(count):
        start = (len(samples) - length) * number // count
        write_wav(folder / f"line {number}.wav", samples[start:start + length])


def write_jobs(folder: Path, name: str, jobs: Sequence[Mapping[str, object]]) -> Path:
    """Write a job file whose results lie in a folder of its name."""
    inside = [{**job, "output": f"{name}/{job['output']}"} for job in jobs]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"headroom": 1, "jobs": inside}))
    return path


def shots_of(subject: Path, count: int) -> list[dict[str, object]]:
    """Return the jobs of shots that differ by their speech and seeds."""
    return [{"kind": "shot", "subject": str(subject.absolute()), "speech": f"line {seed}.wav", "seed": seed,
             "engine": "fast", "output": f"{seed}.mp4"} for seed in range(count)]


def frames_digest(path: Path) -> str:
    """Return a digest of the decoded frames of a movie, empty for a missing one."""
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    for frame in read_frames(path):
        digest.update(frame.tobytes())
    return digest.hexdigest()


def print_scaling(folder: Path, arguments: argparse.Namespace) -> None:
    """Print the time of the same shots with several numbers of workers, of one batch or of a batch for each worker."""
    table = Table(title=f"{arguments.shots} shots of {arguments.seconds:g} s on {os.cpu_count()} cores")
    for heading in ("workers", "seconds", "times as fast", "same frames"):
        table.add_column(heading, justify="right")
    rows = [(workers, 1) for workers in arguments.workers]
    if arguments.apart:
        rows += [(workers, workers) for workers in arguments.workers if workers > 1]
    first: tuple[float, list[str]] | None = None
    for workers, batches in rows:
        seconds, codes, frames = run_batches(folder, workers, batches, arguments)
        first = first or (seconds, frames)
        same = sum(a == b != "" for a, b in zip(frames, first[1]))
        table.add_row(f"{workers} apart" if batches > 1 else str(workers), f"{seconds:.0f}",
                      f"{first[0] / seconds:.2f}", f"{same} of {arguments.shots}, rc {max(codes)}")
    console.print(table)


def run_batches(folder: Path, workers: int, batches: int, arguments: argparse.Namespace
                ) -> tuple[float, list[int], list[str]]:
    """Share the shots between batches that run at once; return seconds, exit codes, and a digest of each movie."""
    shots = shots_of(arguments.subject, arguments.shots)
    files = [write_jobs(folder, f"{workers} workers {number} of {batches}", shots[number::batches])
             for number in range(batches)]
    every = f"0-{workers - 1}" if arguments.pin else ""
    begin = time.perf_counter()
    running = [start(file, workers // batches, arguments.chunk, str(number) if batches > 1 else every)
               for number, file in enumerate(files)]
    codes = [process.wait() for process in running]
    seconds = time.perf_counter() - begin
    return seconds, codes, [frames_digest(folder / files[seed % batches].stem / f"{seed}.mp4")
                            for seed in range(arguments.shots)]


def start(file: Path, workers: int, chunk: float, cores: str) -> subprocess.Popen[bytes]:
    """Start a batch; an empty text gives it all cores."""
    pinned = ["taskset", "--cpu-list", cores] if cores else []
    command = [*pinned, sys.executable, "-m", "headroom", "batch", str(file), "--jobs", str(workers)]
    return subprocess.Popen([*command, "--chunk", str(chunk)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
