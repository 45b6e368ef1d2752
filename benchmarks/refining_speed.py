"""How fast a shot is refined and put over its plates, the authors' generator beside ours, and how memory behaves.

    python benchmarks/refining_speed.py SUBJECT [--minutes 10]

The shot repeats the subject's own motion with the head turned a little, so that every plate is warped.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from authors_generator import AuthorsGenerator
from rich.console import Console
from rich.table import Table

from headroom import pipeline
from headroom.face.performance import Performance, PoseTrack
from headroom.media.image import read_picture, write_picture
from headroom.media.video import VideoWriter
from headroom.plate.match import PlateMatch
from headroom.refine.dataset import prepare, window_array
from headroom.refine.generator import WINDOW
from headroom.refine.refined_crops import CropCache
from headroom.refine.refiner import RefinerInput
from headroom.subject.shot_refiner import ShotRefiner, open_shot_refiner

console = Console(width=110)
FPS = 25.0
TURNED = 0.02  # radians
RENDERS = 75  # different ones, repeated
BARS = {"fps": 20.0, "times": 5.0, "bytes": 2 * 2**30}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", type=Path, help="folder that `learn` wrote")
    parser.add_argument("--minutes", type=float, default=0.0, help="also watch memory over a shot of this length")
    given = parser.parse_args()
    studio = open_shot_refiner(given.subject)
    with tempfile.TemporaryDirectory() as scratch:
        renders, found = drawn_shot(given.subject, studio, Path(scratch) / "renders")
        print_stages(studio, stage_seconds(studio, renders, found, Path(scratch)))
        print_speed(studio, renders, found, Path(scratch))
        print_generators(studio)
        if given.minutes:
            print_memory(studio, renders, found, Path(scratch), round(given.minutes * 60 * FPS))


def drawn_shot(folder: Path, studio: ShotRefiner, where: Path) -> tuple[list[Path], PlateMatch]:
    """Render files and plates of the first frames of the subject's own motion."""
    own = studio.track.performance
    count = min(RENDERS, len(own))
    found = pipeline.match_plates(folder, PoseTrack(own.fps, own.rotation[:count] + TURNED, own.translation[:count]))
    motion = Performance(own.fps, own.expression[:count], found.rotation, found.translation)
    renders = pipeline.render_crops(folder, motion)
    paths = [where / f"{number:06d}.png" for number in range(count)]
    for path, render in zip(paths, renders):
        write_picture(path, render)
    return paths, found


def stage_seconds(studio: ShotRefiner, renders: list[Path], found: PlateMatch, scratch: Path) -> dict[str, list[float]]:
    """What each step of each frame takes when nothing else runs."""
    took: dict[str, list[float]] = defaultdict(list)

    def timed(stage: str, step: Callable[..., Any], *arguments: Any) -> Any:
        begun = time.perf_counter()
        result = step(*arguments)
        took[stage].append(time.perf_counter() - begun)
        return result

    crops, recent, camera = CropCache(scratch / "stages"), [], studio.track.camera
    with VideoWriter(scratch / "stages.mp4", FPS, camera.width, camera.height) as writer:
        for frame, path in enumerate(renders):
            render = timed("read the render", read_picture, path, True)
            timed("warp the plate", studio.plate, found, frame)
            plate = next(studio._plate_crops(found, frame))
            picture = timed("erase, lay over", prepare, render, plate, studio.refiner.region)
            recent = [*(recent or [picture] * (WINDOW - 1)), picture][-WINDOW:]
            window = RefinerInput(window_array(recent), studio.refiner.identity, picture.mask)
            painted = timed("paint", studio.refiner.paint, [window])[0]
            crop = timed("keep the crop", crops.save, f"{frame:064d}", (painted, picture.mask))
            finished = timed("composite", studio.composite, found, frame, crop)
            timed("write to the movie", writer.write, finished)
    return took


def print_stages(studio: ShotRefiner, took: dict[str, list[float]]) -> None:
    camera, size = studio.track.camera, studio.resolution
    table = Table(title=f"One frame, crop {size} into {camera.width} x {camera.height}, one step after the other, ms")
    for heading in ("step", "median", "mean"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for stage, seconds in took.items():
        table.add_row(stage, f"{1000 * np.median(seconds):.1f}", f"{1000 * np.mean(seconds):.1f}")
    means = [np.mean(seconds) for seconds in took.values()]
    table.add_row("sum", "", f"{1000 * sum(means):.1f}")
    console.print(table)


def print_speed(studio: ShotRefiner, renders: list[Path], found: PlateMatch, scratch: Path) -> None:
    """Frames a second of the stream, which keeps the steps going side by side."""
    table = Table(title=f"Frames a second on {studio.refiner.device}, {torch.get_num_threads()} threads")
    for heading in ("", "frames a second", "bar"):
        table.add_column(heading, justify="left" if not heading else "right")
    for label, encode in (("refine + composite", False), ("refine + composite + movie", True)):
        rates = [rate(studio, renders, found, scratch / f"{encode}{turn}", encode) for turn in range(3)]
        table.add_row(label, f"{np.median(rates):.1f}", "" if encode else f"{BARS['fps']:g}")
    console.print(table)


def rate(studio: ShotRefiner, renders: list[Path], found: PlateMatch, scratch: Path, encode: bool) -> float:
    """Frames a second of a shot of which nothing is kept from before."""
    studio._warped.clear()
    camera, frames = studio.track.camera, studio.composites(renders, found, CropCache(scratch))
    begun = time.perf_counter()
    if encode:
        with VideoWriter(scratch / "movie.mp4", FPS, camera.width, camera.height) as writer:
            writer.write_all(frames)
    else:
        for _ in frames:
            pass
    return len(renders) / (time.perf_counter() - begun)


@torch.inference_mode()
def print_generators(studio: ShotRefiner) -> None:
    """Our generator and the authors' layers, each in its own best precision, in turns."""
    size, refiner = studio.resolution, studio.refiner
    theirs = AuthorsGenerator().to(refiner.device).eval()
    window = torch.rand(1, 9, size, size, device=refiner.device)
    feature = torch.rand(1, 512, device=refiner.device)
    pixels = np.random.default_rng(0).integers(0, 255, (size, size, 11), dtype=np.uint8)
    seen = RefinerInput(pixels, refiner.identity, np.ones((size, size), np.float32))
    half = theirs.bfloat16()
    networks: dict[str, tuple[torch.nn.Module, Callable[[], Any]]] = {
        "ours, pixels in and out": (refiner.generator, lambda: refiner.paint([seen])),
        "the authors', network alone, bf16": (half, lambda: half(window.bfloat16(), feature.bfloat16()).cpu()),
    }
    took: dict[str, list[float]] = defaultdict(list)
    for turn in range(12):
        for label, (_, step) in networks.items():
            begun = time.perf_counter()
            step()
            if turn > 1:
                took[label].append(time.perf_counter() - begun)
    table = Table(title=f"Generators at {size} x {size}, batch 1, in turns")
    for heading in ("", "weights, M", "ms", "times as long as ours", "bar"):
        table.add_column(heading, justify="left" if not heading else "right")
    ours = float(np.median(next(iter(took.values()))))
    for label, (network, _) in networks.items():
        weights = sum(each.numel() for each in network.parameters()) / 1e6
        seconds = float(np.median(took[label]))
        table.add_row(label, f"{weights:.1f}", f"{1000 * seconds:.1f}", f"{seconds / ours:.1f}",
                      "" if seconds == ours else f"{BARS['times']:g}")
    console.print(table)


def print_memory(studio: ShotRefiner, renders: list[Path], found: PlateMatch, scratch: Path, count: int) -> None:
    """Memory in use after each tenth of a long shot, crops kept and movie written as in a real one."""
    table = Table(title=f"Memory over {count} frames ({count / FPS / 60:.1f} minutes), MiB")
    for heading in ("frames", "in use", "most so far", "frames a second"):
        table.add_column(heading, justify="right")
    camera, begun = studio.track.camera, time.perf_counter()
    with VideoWriter(scratch / "long.mp4", FPS, camera.width, camera.height) as writer:
        for number, frame in enumerate(long_shot(studio, renders, found, scratch, count), 1):
            writer.write(frame)
            if number % max(count // 10, 1) == 0:
                rate_now = number / (time.perf_counter() - begun)
                table.add_row(str(number), f"{in_use() / 2**20:.0f}", f"{most_used() / 2**20:.0f}", f"{rate_now:.1f}")
    console.print(table)
    console.print(f"Bar: {BARS['bytes'] / 2**20:.0f} MiB, flat.")


def long_shot(
    studio: ShotRefiner, renders: list[Path], found: PlateMatch, scratch: Path, count: int
) -> Iterator[np.ndarray]:
    """The finished frames of the shot played there and back; poses drift, so that no frame is like another."""
    order = np.resize([*range(len(renders)), *range(len(renders) - 2, 0, -1)], count)
    drift = np.linspace(0, 1e-3, count, dtype=np.float32)[:, None]
    shot = PlateMatch(found.plate[order], found.rotation[order] + drift, found.translation[order],
                      found.distance[order], found.position[order])
    return studio.composites([renders[frame] for frame in order], shot, CropCache(scratch / "long"))


def most_used() -> float:
    """Bytes of this process, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_use() -> float:
    """Bytes of this process now; on systems that do not say, the most so far."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return most_used()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return 1024.0 * int(line.split()[1])


if __name__ == "__main__":
    main()
