"""How fast are corpora prepared, in how much memory, and what becomes of them when processes are killed?

    python benchmarks/corpus.py FOLDER CLIP... [--clips 50000] [--measured 40] [--kills 10] [--workers 2] [--real 100]

Cuts clips of one word from the given clips and copies them, each with a comment of its own, into FOLDER in LRW's
layout.
The first table has the CPU time of tracking and encoding such clips, and what follows for 488,766 of them. The second
prepares the whole corpus with a scheduler and workers of Dask; results that were computed before stand in for tracking
and encoding, everything else is done as always. Client and worker are killed on the way. The third has what became of a
smaller corpus when processes were killed at random moments. With --real, a small corpus of clips that all differ, and
of two that cannot be used, is prepared by the command itself, without stand-ins; the client is killed once.
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
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import psutil
from corpus_stages import NO_FACE, StandIn, marked, store_results
from dask_cluster import DaskCluster
from kill_results import results_table
from rich.console import Console
from rich.table import Table

from headroom.cli.corpus import prepare_shards
from headroom.cli.dask_workers import open_workers
from headroom.common.progress import no_progress
from headroom.face.model import bundled_model
from headroom.media.audio import SAMPLE_RATE, as_float, read_audio, write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, probe, read_frames
from headroom.motion.train.config import GENERAL
from headroom.training.shards.clip import encode_speech, track_speech
from headroom.training.shards.plan import open_corpus, plan_shards
from headroom.training.shards.report import write_report

console = Console(width=110)
LRW_CLIPS, CORES = 488_766, (8, 64, 512)
SIDE, FPS, FRAMES, WORD_CLIPS = 256, 25, 29, 500
BAD_EVERY = 500  # clips, of which one shows no face
KILLED_CLIPS, KILLED_SHARD, KILLED_SECONDS = 1000, 25, 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sources", type=Path, nargs="*")
    parser.add_argument("--clips", type=int, default=50_000)
    parser.add_argument("--measured", type=int, default=40)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--real", type=int, default=0, help="clips to prepare without stand-ins")
    parser.add_argument("--client", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client:
        prepare(**arguments.client)
        return
    folder = arguments.folder.absolute()
    words = write_words(folder / "words", arguments.sources)
    if arguments.real:
        print_real(folder, words[:arguments.real], arguments.workers)
    if not arguments.clips and not arguments.kills and not arguments.measured:
        return
    store_results(folder / "results", words, bundled_model(), GENERAL)
    if arguments.measured:
        print_speed(words, arguments.measured)
    if arguments.clips:
        write_corpus(folder / "lrw", words, arguments.clips)
        print_corpus(folder, arguments.clips, arguments.workers)
    if arguments.kills:
        write_corpus(folder / "small", words, KILLED_CLIPS)
        print_kills(folder, arguments.kills, arguments.workers)


def write_words(folder: Path, sources: list[Path]) -> list[Path]:
    """Cut clips of LRW's size and length from the middle of other clips."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        for part in range(int(min(probe(source).seconds, 4.0) * FPS / FRAMES)):
            path = folder / f"{source.stem}-{part}.mp4"
            if path.exists():
                continue
            start, end = part * FRAMES / FPS, (part + 1) * FRAMES / FPS
            frames = [square(frame) for frame in read_frames(source, start, end)]
            frames = [frames[round(index)] for index in np.linspace(0, len(frames) - 1, FRAMES)]
            sound = path.with_suffix(".wav")
            write_wav(sound, read_audio(source, SAMPLE_RATE, start, end))
            with VideoWriter(path, FPS, SIDE, SIDE, sound=SoundtrackSource(sound)) as writer:
                writer.write_all(frames)
            sound.unlink()
    return sorted(folder.glob("*.mp4"))


def square(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return cv2.resize(frame[top:top + side, left:left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def write_corpus(folder: Path, words: list[Path], clips: int) -> None:
    """Write clips in LRW's layout with their metadata; also its other parts, which are not for training."""
    movies = [path.read_bytes() for path in words]
    for number in range(clips):
        word = f"WORD{number // WORD_CLIPS:03d}"
        for part in ("train",) if number % WORD_CLIPS else ("train", "val", "test"):
            path = folder / "lipread_mp4" / word / part / f"{word}_{number % WORD_CLIPS + 1:05d}.mp4"
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            source = NO_FACE if number % BAD_EVERY == BAD_EVERY - 1 else number % len(words)
            path.write_bytes(marked(movies[number % len(words)], path.stem, source))
            path.with_suffix(".txt").write_text("Disk reference: 1\nChannel: 1\nProgram start: 1\nClip start: 1.16\n"
                                                "Clip end: 2.32\nDuration: 0.40 seconds\n")


def print_speed(words: list[Path], count: int) -> None:
    """Print the CPU seconds that the real stages take for a clip, and what follows for LRW."""
    model, spent = bundled_model(), Counter[str]()
    track_speech(words[0], model)  # loads what is loaded once
    for number in range(count):
        movie = words[number % len(words)]
        begin = time.process_time()
        tracked = track_speech(movie, model)
        middle = time.process_time()
        encode_speech(as_float(tracked.sound), FRAMES, GENERAL, number)
        spent["tracking"] += middle - begin
        spent["speech encoding"] += time.process_time() - middle
    table = Table(title=f"{count} clips of {FRAMES} frames, {SIDE}x{SIDE}, really tracked and encoded by one process")
    for heading in ("stage", "CPU s a clip", "clips a second and core"):
        table.add_column(heading, justify="right")
    for stage, seconds in [*spent.items(), ("both", spent.total())]:
        table.add_row(stage, f"{seconds / count:.3f}", f"{count / seconds:.2f}")
    console.print(table)
    hours = LRW_CLIPS * spent.total() / count / 3600
    console.print(f"{LRW_CLIPS:,} clips: " + ", ".join(f"{hours / cores:.1f} h on {cores} cores" for cores in CORES))


def prepare(data: str, output: str, stand_in: dict, scheduler: str, workers: int, clips_per_shard: int) -> None:
    """Do what `headroom train corpus` does, with stand-ins for two stages."""
    corpus = open_corpus(Path(output), bundled_model(), GENERAL, clips_per_shard)
    plan_shards(corpus, [Path(data)])
    stages = StandIn(Path(stand_in["folder"]), Path(stand_in["log"]), stand_in["seconds"]).stages()
    with open_workers(scheduler, workers) as client:
        failures = prepare_shards(client, corpus, GENERAL, no_progress, stages)
    write_report(corpus)
    sys.exit(bool(failures))


def start(data: Path, output: Path, results: Path, *, seconds: float = 0.0, scheduler: str = "", workers: int = 2,
          clips_per_shard: int = 200) -> subprocess.Popen[bytes]:
    """Start a client; the log of tracked clips lies beside its corpus."""
    log = output.with_suffix(".log")
    log.mkdir(parents=True, exist_ok=True)
    given = {"data": str(data), "output": str(output), "scheduler": scheduler, "workers": workers,
             "stand_in": {"folder": str(results), "log": str(log), "seconds": seconds},
             "clips_per_shard": clips_per_shard}
    return subprocess.Popen([sys.executable, __file__, str(data), "--client", json.dumps(given)])


def dask_cluster(workers: int, folder: Path) -> DaskCluster:
    """Return a cluster whose workers can import the stand-ins."""
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return DaskCluster(workers, folder, {**os.environ, "PYTHONPATH": paths})


def worker_of(nanny: subprocess.Popen[bytes]) -> psutil.Process | None:
    """Return the process that works; its nanny starts another one when it is killed."""
    children = psutil.Process(nanny.pid).children()
    return max(children, key=lambda each: each.memory_info().rss, default=None)


def megabytes(process: psutil.Process | None) -> str:
    try:
        return f"{process.memory_info().rss / 1e6:.0f}" if process else "-"
    except psutil.Error:
        return "-"


def print_real(folder: Path, words: list[Path], workers: int) -> None:
    """Prepare real clips with `headroom train corpus`, whose client is killed once; print what became of them."""
    data, output = folder / "real", folder / "real corpus"
    for number, movie in enumerate(words):
        path = data / "lipread_mp4" / f"WORD{number % 10:03d}" / "train" / f"WORD{number % 10:03d}_{number:05d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(movie.read_bytes())
        path.with_suffix(".txt").write_text("Disk reference: 1\nDuration: 0.40 seconds\n")
    bad = data / "lipread_mp4" / "WORD000" / "train"
    (bad / "WORD000_99998.mp4").write_bytes(words[0].read_bytes()[:2000])
    with VideoWriter(bad / "WORD000_99999.mp4", FPS, SIDE, SIDE) as writer:
        writer.write_all(np.full((SIDE, SIDE, 3), 128, np.uint8) for _ in range(FRAMES))
    command = [sys.executable, "-m", "headroom", "train", "corpus", str(data), "-o", str(output),
               "--jobs", str(workers), "--clips-per-shard", "10"]
    begin, client = time.monotonic(), subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list((output / "shards").glob("*.tar"))) < 3:
        time.sleep(0.5)
    before = {path.name: path.stat().st_mtime_ns for path in (output / "shards").glob("*.tar")}
    client.kill()
    client.wait()
    code = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode
    touched = sum(path.stat().st_mtime_ns != before[path.name] for path in (output / "shards").glob("*.tar")
                  if path.name in before)
    statistics = json.loads((output / "statistics.json").read_text())
    console.print(f"{len(words)} clips that all differ and 2 bad ones, {workers} workers: "
                  f"{time.monotonic() - begin:.0f} s with a killed client, rc {code}; {len(before)} shards were "
                  f"finished before, {touched} of them were touched again.")
    console.print(statistics)
    console.print((output / "left_out.csv").read_text())


def print_corpus(folder: Path, clips: int, workers: int) -> None:
    """Print memory and speed while a large corpus is prepared; a client and a worker are killed on the way."""
    data, output, results = folder / "lrw", folder / f"corpus {clips}", folder / "results"
    table = Table(title=f"{clips:,} clips, shards of 200, scheduler and {workers} workers; stand-ins for tracking and "
                        "speech encoding")
    for heading in ("shards", "min", "client MB", "scheduler MB", "workers MB", "what"):
        table.add_column(heading, justify="right")
    begin, busy = time.monotonic(), 0.0
    with tempfile.TemporaryDirectory() as temporary, dask_cluster(workers, Path(temporary)) as cluster:
        client = start(data, output, results, scheduler=cluster.address)
        shares, kills = [0.001, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95], {0.4: "client", 0.7: "worker"}
        while client.poll() is None:
            time.sleep(0.5)
            done = len(list((output / "shards").glob("*.tar")))
            if not shares or done < shares[0] * clips / 200:
                continue
            share, processes = shares.pop(0), [worker_of(nanny) for nanny in cluster.nannies]
            killed = kills.get(share, "")
            table.add_row(str(done), f"{(time.monotonic() - begin) / 60:.1f}", megabytes(psutil.Process(client.pid)),
                          megabytes(psutil.Process(cluster.scheduler.pid)), ", ".join(map(megabytes, processes)),
                          f"{killed} killed" if killed else "")
            if killed == "worker" and processes[0]:
                processes[0].send_signal(signal.SIGKILL)
            if killed == "client":
                client.kill()
                client.wait()
                client = start(data, output, results, scheduler=cluster.address)
        busy = sum(json.loads(path.read_text())["work_seconds"] for path in (output / "summaries").glob("*.json"))
    table.add_row(str(len(list((output / "shards").glob("*.tar")))), f"{(time.monotonic() - begin) / 60:.1f}",
                  "", "", "", f"rc {client.returncode}")
    console.print(table)
    tracked, twice, late = count_log(output)
    console.print(f"Everything but the two stages: {1000 * busy / clips:.1f} ms of a worker for a clip. {tracked} "
                  f"clips tracked, {twice} of them in a shard that a kill interrupted and therefore again, {late} "
                  "after their shard was finished.")
    console.print(json.loads((output / "statistics.json").read_text()))


def count_log(output: Path) -> tuple[int, int, int]:
    """Return how many clips were tracked, how many of them again, and how many when their shard was finished."""
    shard_of = {json.loads(line)[1].rpartition("/")[2]: path.stem
                for path in (output / "manifests").glob("*.jsonl") for line in path.read_text().splitlines()}
    finished = {path.stem: path.stat().st_mtime for path in (output / "shards").glob("*.tar")}
    counts, late = Counter[str](), 0
    for path in output.with_suffix(".log").glob("*.txt"):
        for line in path.read_text().splitlines():
            moment, name = line.split()
            counts[name] += 1
            late += float(moment) > finished[shard_of[name]]
    return len(counts), sum(count - 1 for count in counts.values()), late


def contents(output: Path) -> dict[str, str]:
    """Return a digest of every file of a corpus, less the times in the summaries."""
    found = {}
    for path in sorted(path for path in output.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.parent.name == "summaries" or path.name in ("statistics.json", "corpus.json"):
            values = json.loads(content)
            content = json.dumps({name: value for name, value in values.items()
                                  if name not in ("work_seconds", "id")}).encode()
        found[str(path.relative_to(output))] = hashlib.sha256(content).hexdigest()
    return found


def print_kills(folder: Path, kills: int, workers: int) -> None:
    """Print what became of corpora of which a process was killed at a random moment."""
    rng, results, seconds, truth = random.Random(0), Counter[str](), 30.0, {}
    for number in range(kills + 1):
        output = folder / f"killed {number}"
        client = partial(start, folder / "small", output, folder / "results", seconds=KILLED_SECONDS, workers=workers,
                         clips_per_shard=KILLED_SHARD)
        begin, process = time.monotonic(), client()
        if number:
            time.sleep(rng.uniform(0.2, 0.95) * seconds)
            results[f"killed: {kill_one(process, rng)}"] += 1
        if process.wait():
            results["went on with the same command"] += 1
            results["ended well then"] += client().wait() == 0
        if not number:
            truth, seconds = contents(output), time.monotonic() - begin
            continue
        tracked, twice, late = count_log(output)
        results["same files"] += contents(output) == truth
        results["clips tracked again, in interrupted shards"] += twice
        results["clips tracked after their shard was finished"] += late
        results["clips tracked"] += tracked
    console.print(results_table(f"{kills} corpora of {KILLED_CLIPS} clips in shards of {KILLED_SHARD}, "
                                f"{seconds:.0f} s; a process killed in each", results))


def kill_one(client: subprocess.Popen[bytes], rng: random.Random) -> str:
    """Kill the client or one of its workers; return which."""
    try:
        workers = [each for each in psutil.Process(client.pid).children(recursive=True)
                   if "spawn_main" in " ".join(each.cmdline())]
        chosen = rng.choice([client.pid, *(each.pid for each in workers)])
        os.kill(chosen, signal.SIGKILL)
    except (psutil.Error, ProcessLookupError):
        return "nothing, it had just ended"
    return "client" if chosen == client.pid else "worker"


if __name__ == "__main__":
    main()
