"""Do Eevee and the fast engine draw the same head, and how long does a shot take with each?

    python benchmarks/engines.py SUBJECT SPEECH [--frames 200] [--engines fast eevee]

Needs the bpy package. The first table compares pictures of the subject's own motion, the second times `headroom shot`.
CPU seconds are those of all its processes, which other programs on the machine change less.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from headroom.cli.blender import build_extension
from headroom.cli.shot import ShotOptions, make_shot
from headroom.evaluation.measures import psnr
from headroom.face.raster import Rasterizer
from headroom.media.audio import SAMPLE_RATE, read_audio, write_wav
from headroom.media.image import read_picture
from headroom.media.video import read_frames
from headroom.plate.shot_renders import Render
from headroom.subject.folder import Subject

console = Console(width=110)
FPS = 25.0
TARGETS = {"seconds": 40.0, "dB": 45.0}


@dataclass(frozen=True)
class Pictures:
    """One frame drawn by both engines, (R, R, 4) uint8, and how long each took."""

    eevee: np.ndarray
    fast: np.ndarray
    eevee_seconds: float
    fast_seconds: float


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", type=Path, help="folder that `learn` wrote")
    parser.add_argument("speech", type=Path, help="speech for the second table; the first frames of it are used")
    parser.add_argument("--frames", type=int, default=200, help="frames of that shot")
    parser.add_argument("--pictures", type=int, default=8, help="frames that the first table compares")
    parser.add_argument("--engines", nargs="*", default=["fast", "eevee"], help="engines that make the shot")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.pictures:
            print_pictures(list(drawn_by_both(arguments.subject, Path(folder), arguments.pictures)))
        speech = Path(folder) / "speech.wav"
        write_beginning(arguments.speech, arguments.frames / FPS, speech)
        print_shots(arguments.subject, speech, arguments.engines, Path(folder))


def drawn_by_both(subject: Path, folder: Path, count: int) -> Iterator[Pictures]:
    """Yield frames of the subject's own motion, drawn by both engines."""
    person = Subject.open(subject)
    track = person.track
    raster = Rasterizer(person.model, track.camera, track.crop, person.resolution)
    raster.set_appearance(person.albedo, track.light)
    scene = opened_in_blender(subject, folder)
    cache = scene.module("core.frame_cache").FrameCache([folder / "frames"])
    rendering = scene.module("scene.output.rendering")
    digest = scene.module("scene.output.render_digest").render_digest(scene.shot)
    for frame in np.linspace(0, len(track) - 1, count).astype(int):
        posed = rendering.PosedFrame(int(frame), track.rotation[frame], track.translation[frame])
        start = time.perf_counter()
        (evaluated,) = rendering.evaluate_frames(scene.shot, digest, [posed], cache, 0.0)
        fast = raster.render(Render(None, evaluated.render.mesh).vertices(len(person.model.mean)))
        middle = time.perf_counter()
        eevee = read_picture(rendering.render_face(scene.shot, posed, cache), alpha=True)
        yield Pictures(eevee, fast, time.perf_counter() - middle, middle - start)


def opened_in_blender(subject: Path, folder: Path) -> Any:
    """Return the subject's head with its own motion in an empty Blender file, and access to the extension's modules."""
    os.environ["BLENDER_USER_RESOURCES"] = str(folder / "blender")  # bpy reads it when it is imported
    import bpy

    archive = build_extension(folder)
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=str(archive), enable_on_install=True)

    def module(name: str) -> ModuleType:
        return importlib.import_module(f"bl_ext.user_default.headroom.{name}")

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    shot, track = module("scene.build.shot").open_subject(bpy.context.scene, subject), Subject.open(subject).track
    shot.root["headroom_start_frame"] = 0
    motion = module("core.performance").Performance(track.fps, track.expression, track.rotation, track.translation)
    for _ in module("scene.anim.takes").add_take(
            shot.ref, motion, module("core.take_settings").TakeSettings(Path("none.wav"))):
        pass
    module("scene.anim.compose").compose(shot)
    return SimpleNamespace(shot=shot, module=module)


def print_pictures(pictures: list[Pictures]) -> None:
    """Print how alike the pictures are, and how long they take."""
    table = Table(title=f"{len(pictures)} frames, Eevee and fast")
    for heading in ("", "median", "worst", "target"):
        table.add_column(heading, justify="right" if heading else "left")
    decibels = [psnr_over_face(each) for each in pictures]
    edges = [100 * np.mean((each.eevee[..., 3] > 127) != (each.fast[..., 3] > 127)) for each in pictures]
    table.add_row("PSNR over the face, dB", f"{np.median(decibels):.1f}", f"{min(decibels):.1f}", f"{TARGETS['dB']:g}")
    table.add_row("pixels in one silhouette only, %", f"{np.median(edges):.2f}", f"{max(edges):.2f}", "")
    for name in ("eevee", "fast"):
        seconds = [getattr(each, f"{name}_seconds") for each in pictures]
        table.add_row(f"{name}, ms a frame", f"{1000 * np.median(seconds):.0f}", f"{1000 * max(seconds):.0f}", "")
    console.print(table)


def psnr_over_face(pictures: Pictures) -> float:
    """Return the PSNR in dB where both pictures are opaque."""
    both = (pictures.eevee[..., 3] == 255) & (pictures.fast[..., 3] == 255)
    return psnr(pictures.eevee[..., :3], pictures.fast[..., :3], both)


def write_beginning(speech: Path, seconds: float, path: Path) -> None:
    """Write the first seconds of a speech, repeated where it is shorter."""
    write_wav(path, np.resize(read_audio(speech), round(seconds * SAMPLE_RATE)))


def print_shots(subject: Path, speech: Path, engines: list[str], folder: Path) -> None:
    """Print how long a shot takes from speech to movie, and how alike the movies are."""
    table = Table(title=f"Speech to movie, {os.cpu_count()} cores")
    for heading in ("engine", "frames", "seconds", "CPU seconds", "target, seconds", "PSNR to the first, dB"):
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    for engine in engines:
        movie, start, used = folder / f"{engine}.mp4", time.perf_counter(), children_seconds()
        frames = make_shot(subject, speech, movie, ShotOptions(engine=engine)).frames
        seconds, cpu = time.perf_counter() - start, children_seconds() - used
        alike = "" if engine == engines[0] else f"{movie_psnr(folder / f'{engines[0]}.mp4', movie):.1f}"
        table.add_row(engine, str(frames), f"{seconds:.1f}", f"{cpu:.1f}", f"{TARGETS['seconds']:g}", alike)
    console.print(table)


def movie_psnr(first: Path, second: Path) -> float:
    """Return the PSNR in dB of two movies over their whole frames."""
    errors = [np.mean(np.square(one.astype(np.float32) - other))
              for one, other in zip(read_frames(first), read_frames(second), strict=True)]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def children_seconds() -> float:
    """Return the processor time of the processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main())
