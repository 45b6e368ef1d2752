"""How fast is a shot refined and composited, beside the authors' generator, and how does memory behave?

    python benchmarks/refining_speed.py SUBJECT [--minutes 10]

The shot repeats the subject's own motion with the head rotated a little, so that every plate is reprojected.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from authors_generator import AuthorsGenerator
from process_memory import memory_in_use, peak_memory
from rich.console import Console
from rich.table import Table

from headroom import pipeline
from headroom.face.performance import Performance, PoseTrack
from headroom.media.image import read_picture, write_picture
from headroom.media.video import VideoWriter
from headroom.plate.match import PlateMatch
from headroom.plate.shot_renders import Render
from headroom.refine.generator import INPUT_FRAMES
from headroom.refine.inputs import RefinerInput, input_array, prepare_frame
from headroom.refine.refined_crops import CropCache
from headroom.subject.shot_refiner import ShotRefiner, open_shot_refiner

console = Console(width=110)
FPS = 25.0
ROTATION = 0.02  # radians, added to the subject's own motion
RENDERS = 75  # different ones, repeated
TARGETS = {"fps": 20.0, "times": 5.0, "bytes": 2 * 2**30}


@dataclass(frozen=True)
class Shot:
    """A shot to refine: the subject's refiner, render files, plates, and a folder for results."""

    refiner: ShotRefiner
    renders: list[Render]
    match: PlateMatch
    folder: Path

    def writer(self, name: str) -> VideoWriter:
        """Return a writer of a movie of this shot."""
        camera = self.refiner.track.camera
        return VideoWriter(self.folder / name, FPS, camera.width, camera.height)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", type=Path, help="folder that `learn` wrote")
    parser.add_argument("--minutes", type=float, default=0.0, help="also measure memory over a shot of this length")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shot = rendered_shot(arguments.subject, Path(folder))
        print_stages(shot, stage_seconds(shot))
        print_speed(shot)
        print_generators(shot.refiner)
        if arguments.minutes:
            print_memory(shot, round(arguments.minutes * 60 * FPS))


def rendered_shot(subject: Path, folder: Path) -> Shot:
    """Render the first frames of the subject's own motion, rotated."""
    refiner = open_shot_refiner(subject)
    own = refiner.track.performance
    count = min(RENDERS, len(own))
    match = pipeline.match_plates(
        subject, PoseTrack(own.fps, own.rotation[:count] + ROTATION, own.translation[:count]))
    motion = Performance(own.fps, own.expression[:count], match.rotation, match.translation)
    renders = [Render(folder / "renders" / f"{number:06d}.png", folder / "renders" / f"{number:06d}.npy")
               for number in range(count)]
    for render, drawn in zip(renders, pipeline.render_crops(subject, motion)):
        write_picture(render.picture, drawn.picture)
        np.save(render.mesh, drawn.vertices)
    return Shot(refiner, renders, match, folder)


def stage_seconds(shot: Shot) -> dict[str, list[float]]:
    """Return the processor time of each stage of each frame, one stage after the other."""
    seconds: dict[str, list[float]] = defaultdict(list)

    def timed(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = time.process_time()
        result = function(*arguments)
        seconds[stage].append(time.process_time() - start)
        return result

    cache, recent, refiner = CropCache(shot.folder / "stages"), [], shot.refiner.refiner
    with shot.writer("stages.mp4") as writer:
        for number, each in enumerate(shot.renders):
            render = timed("read the render", read_picture, each.picture, True)
            vertices = each.vertices(len(np.load(each.mesh)))
            plate = timed("reproject the plate", shot.refiner.plate, shot.match, number, vertices)
            frame = timed("composite the render", prepare_frame, render, shot.refiner.crop_plate(plate), refiner.region)
            recent = [*(recent or [frame] * (INPUT_FRAMES - 1)), frame][-INPUT_FRAMES:]
            inputs = RefinerInput(input_array(recent, refiner.uses_plates), refiner.identity.mean, frame.mask)
            painted = timed("generate", refiner.generate, [inputs])[0]
            crop = timed("store the crop", cache.save, f"{number:064d}",
                         (np.ascontiguousarray(painted[..., :3]), frame.mask * painted[..., 3] / np.float32(255)))
            finished = timed("composite", shot.refiner.composite, shot.match, number, each, crop)
            timed("write to the movie", writer.write, finished)
    return seconds


def print_stages(shot: Shot, seconds: dict[str, list[float]]) -> None:
    """Print the processor time of each stage."""
    camera, size = shot.refiner.track.camera, shot.refiner.refiner.resolution
    table = Table(title=f"One frame, crop {size} into {camera.width} x {camera.height}, processor ms of each stage")
    for heading in ("stage", "median", "mean"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, values in seconds.items():
        table.add_row(stage, f"{1000 * np.median(values):.1f}", f"{1000 * np.mean(values):.1f}")
    table.add_row("sum", "", f"{1000 * sum(np.mean(values) for values in seconds.values()):.1f}")
    console.print(table)


def print_speed(shot: Shot) -> None:
    """Print frames per second of refining a shot, whose stages run at the same time."""
    refiner = shot.refiner.refiner
    table = Table(title=f"Frames per second on {refiner.device}, {torch.get_num_threads()} threads")
    for heading in ("", "frames per second", "target"):
        table.add_column(heading, justify="left" if not heading else "right")
    for label, encode in (("refine + composite", False), ("refine + composite + movie", True)):
        rates = [frames_per_second(shot, f"{encode}{turn}", encode) for turn in range(3)]
        table.add_row(label, f"{np.median(rates):.1f}", "" if encode else f"{TARGETS['fps']:g}")
    console.print(table)


def frames_per_second(shot: Shot, name: str, encode: bool) -> float:
    """Return the rate at which a shot is refined, nothing of which is in a cache."""
    shot.refiner._recent.clear()
    frames = shot.refiner.composites(shot.renders, shot.match, CropCache(shot.folder / name))
    start = time.perf_counter()
    if encode:
        with shot.writer("movie.mp4") as writer:
            writer.write_all(frames)
    else:
        for _ in frames:
            pass
    return len(shot.renders) / (time.perf_counter() - start)


@torch.inference_mode()
def print_generators(shot_refiner: ShotRefiner) -> None:
    """Print the time of our generator and of the authors' layers, each in its fastest precision, measured in turns."""
    refiner = shot_refiner.refiner
    size = refiner.resolution
    theirs = AuthorsGenerator().to(refiner.device).eval().bfloat16()
    renders = torch.rand(1, 9, size, size, device=refiner.device).bfloat16()
    identity = torch.rand(1, 512, device=refiner.device).bfloat16()
    shape = (size, size, refiner.generator.config.input_channels)
    pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    inputs = RefinerInput(pixels, refiner.identity.mean, np.ones((size, size), np.float32))
    networks: dict[str, tuple[torch.nn.Module, Callable[[], Any]]] = {
        "ours, pixels in and out": (refiner.generator, lambda: refiner.generate([inputs])),
        "the authors', network alone, bf16": (theirs, lambda: theirs(renders, identity).cpu()),
    }
    seconds: dict[str, list[float]] = defaultdict(list)
    for turn in range(12):
        for label, (_, run) in networks.items():
            start = time.perf_counter()
            run()
            if turn > 1:
                seconds[label].append(time.perf_counter() - start)
    table = Table(title=f"Generators at {size} x {size}, batch 1, in turns")
    for heading in ("", "weights, M", "ms", "relative to ours", "target"):
        table.add_column(heading, justify="left" if not heading else "right")
    ours = float(np.median(next(iter(seconds.values()))))
    for label, (network, _) in networks.items():
        weights = sum(each.numel() for each in network.parameters()) / 1e6
        median = float(np.median(seconds[label]))
        table.add_row(label, f"{weights:.1f}", f"{1000 * median:.1f}", f"{median / ours:.1f}",
                      "" if median == ours else f"{TARGETS['times']:g}")
    console.print(table)


def print_memory(shot: Shot, count: int) -> None:
    """Print the memory in use after each tenth of a long shot, with cache and movie as in a real one."""
    table = Table(title=f"Memory over {count} frames ({count / FPS / 60:.1f} minutes), MiB")
    for heading in ("frames", "in use", "peak so far", "frames per second"):
        table.add_column(heading, justify="right")
    start = time.perf_counter()
    with shot.writer("long.mp4") as writer:
        for number, frame in enumerate(long_shot(shot, count), 1):
            writer.write(frame)
            if number % max(count // 10, 1) == 0:
                rate = number / (time.perf_counter() - start)
                table.add_row(str(number), f"{memory_in_use() / 2**20:.0f}", f"{peak_memory() / 2**20:.0f}",
                              f"{rate:.1f}")
    console.print(table)
    console.print(f"Target: {TARGETS['bytes'] / 2**20:.0f} MiB, constant.")


def long_shot(shot: Shot, count: int) -> Iterator[np.ndarray]:
    """Yield the finished frames of the shot repeated forwards and backwards, with a drift that makes poses differ."""
    order = np.resize([*range(len(shot.renders)), *range(len(shot.renders) - 2, 0, -1)], count)
    drift = np.linspace(0, 1e-3, count, dtype=np.float32)[:, None]
    match = shot.match
    long_match = PlateMatch(match.plate[order], match.rotation[order] + drift, match.translation[order],
                            match.distance[order], match.position[order])
    renders = [shot.renders[frame] for frame in order]
    return shot.refiner.composites(renders, long_match, CropCache(shot.folder / "long"))


if __name__ == "__main__":
    main()
