"""How well does the refiner generate people whom no weights have been trained on?

    python benchmarks/refiner.py CLIP...                    # the general weights alone, and trained on the person
    python benchmarks/refiner.py --preset standard --no-scratch CLIP...     # another preset, for its full time
    python benchmarks/refiner.py --ablations CLIP...        # the paper's figure 4: one table and one picture

Trains on the first seconds of each clip. The rest is rendered from its own tracked motion, over its own frames with the
face erased. PSNR in dB over three regions of the crop: the face (the convex hull of the true frame's landmarks, where
the render is not empty), the mouth and the eyes (boxes around their landmarks). The paper's render has the texture
model's albedo, ours the clip's. Flicker is the mean second difference over time in the face, divided by that of the
true frames. `--save` writes a picture of four moments: true frame, our render, refined frames.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from headroom.common.progress import no_progress
from headroom.evaluation import measures, regions
from headroom.face.model import bundled_model
from headroom.media.image import write_picture
from headroom.media.video import probe, read_frames
from headroom.refine.dataset import TrainingPairs
from headroom.refine.general import general_refiner
from headroom.refine.generator import INPUT_FRAMES
from headroom.refine.refiner import Refiner
from headroom.refine.train import train_refiner
from headroom.refine.train_config import PAPER_EPOCHS, PRESETS, RefinerTrainConfig
from headroom.subject.refiner_training import TrackedFrames, training_pairs
from headroom.track.appearance.albedo import texture_model_albedo
from headroom.track.tracker import track_clip, track_known_face

SIZE = 256
MOUTH = (61, 291, 0, 17, 13, 14, 37, 267, 84, 314)
EYES = (33, 133, 159, 145, 362, 263, 386, 374, 70, 300)
BOX_MARGIN = 8  # pixels around the landmarks of a box
MOMENTS = 4
console = Console(width=140)


@dataclass(frozen=True)
class HeldOut:
    """The part of a clip that is not trained on.

    pairs: true and rendered crops of T frames.
    paper_renders: (T, R, R, 4), renders with the paper's albedo.
    landmarks: (T, 478, 2) crop pixels, NaN where no face was found.
    """

    name: str
    pairs: TrainingPairs
    paper_renders: np.ndarray
    landmarks: np.ndarray


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips longer than what is trained on.")],
    learn_seconds: Annotated[float, typer.Option(help="Length of the part that is trained on.")] = 12.0,
    preset: Annotated[str, typer.Option(help="Preset of `learn`: draft, standard or paper.")] = "draft",
    seconds: Annotated[float | None, typer.Option(help="Training time, instead of the preset's.")] = None,
    scratch: Annotated[bool, typer.Option(help="Also train without the general weights.")] = True,
    ablations: Annotated[bool, typer.Option(help="Leave out one part of the network at a time.")] = False,
    save: Annotated[Path | None, typer.Option(help="Folder for pictures.")] = None,
) -> None:
    """Print PSNR and flicker of each clip's renders and refined frames."""
    config = PRESETS[preset] if seconds is None else replace(PRESETS[preset], seconds=seconds)
    length = f"{PAPER_EPOCHS} epochs" if config.seconds is None else f"{config.seconds:g} s of training"
    table = Table(title=f"{learn_seconds:g} s of the clip, preset {preset}, {length}")
    for heading in ("clip", "frames from", "face", "mouth", "eyes", "flicker", "s"):
        table.add_column(heading, justify="left" if heading in ("clip", "frames from") else "right")
    for clip in clips:
        learned, held_out = split_clip(clip, learn_seconds)
        columns = [held_out.pairs.frames]
        paper = over_true_frames(held_out, held_out.paper_renders)
        table.add_row(clip.stem, "the paper's render", *figures(held_out, paper))
        columns.append(over_true_frames(held_out, held_out.pairs.renders))
        table.add_row("", "our render", *figures(held_out, columns[-1]))
        refiners = ablated_refiners(learned, config) if ablations else trained_refiners(learned, config, scratch)
        for name, refiner, train_seconds in refiners:
            columns.append(refined_frames(refiner, held_out))
            table.add_row("", name, *figures(held_out, columns[-1]), f"{train_seconds:.0f}")
        if save:
            save.mkdir(parents=True, exist_ok=True)
            write_picture(save / f"{clip.stem}.png", contact_sheet(columns))
    console.print(table)


def split_clip(clip: Path, seconds: float) -> tuple[TrainingPairs, HeldOut]:
    """Return training pairs of the first seconds, and the rest, tracked with the same person and appearance."""
    model, info = bundled_model(), probe(clip)
    frames = list(read_frames(clip))
    count = round(seconds * info.fps)
    tracked = track_clip(frames[:count], info.fps, model)
    appearance = tracked.appearance
    rest = track_known_face(tracked.track, appearance.albedo, frames[count:], model)
    pairs = training_pairs(model, TrackedFrames(rest, appearance.albedo, frames[count:]), SIZE)
    albedo = texture_model_albedo(model, None, [], appearance.texture, appearance.light, no_progress)
    paper_renders = training_pairs(model, TrackedFrames(rest, albedo, frames[count:]), SIZE).renders
    return (training_pairs(model, TrackedFrames(tracked.track, appearance.albedo, frames[:count]), SIZE),
            HeldOut(clip.stem, pairs, paper_renders, landmarks_of(pairs.frames, info.fps)))


def trained_refiners(
    learned: TrainingPairs, config: RefinerTrainConfig, scratch: bool
) -> Iterator[tuple[str, Refiner, float]]:
    """Yield the general refiner, the person's trained from it, and the person's trained from scratch."""
    general = general_refiner(learned.identity[0], learned.identity_feature) if config.from_general else None
    if general:
        yield "general", general, 0.0
        yield "personal", *timed_training(learned, config, general)
    if scratch or not general:
        yield "from scratch", *timed_training(learned, config, None)


def ablated_refiners(learned: TrainingPairs, config: RefinerTrainConfig) -> Iterator[tuple[str, Refiner, float]]:
    """Yield the whole network and the three of figure 4, each trained from scratch."""
    no_identity = replace(learned, identity=np.zeros_like(learned.identity))
    for name, pairs, without in (("whole", learned, {}), ("no identity, no memory", no_identity, {}),
                                 ("no attention", learned, {"attention": False}),
                                 ("no context frames", learned, {"use_context": False})):
        yield name, *timed_training(pairs, replace(config, generator=replace(config.generator, **without)), None)


def timed_training(
    pairs: TrainingPairs, config: RefinerTrainConfig, initial: Refiner | None
) -> tuple[Refiner, float]:
    """Train a refiner; return it and the seconds it took."""
    start = time.perf_counter()
    return train_refiner(pairs, config, initial=initial), time.perf_counter() - start


def refined_frames(refiner: Refiner, held_out: HeldOut) -> np.ndarray:
    """Return crops (T, R, R, 3) with the refined face over the true surroundings."""
    refined = refiner.refine(held_out.pairs.renders, held_out.pairs.frames)
    return np.stack([blend(frame, *crop) for frame, crop in zip(held_out.pairs.frames, refined)])


def over_true_frames(held_out: HeldOut, renders: np.ndarray) -> np.ndarray:
    """Return renders (T, R, R, 4) over the true frames, not refined."""
    return np.stack([blend(frame, render[..., :3], render[..., 3] / np.float32(255))
                     for frame, render in zip(held_out.pairs.frames, renders)])


def blend(frame: np.ndarray, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return `picture` over `frame` with alpha `mask` (R, R)."""
    blended = frame + mask[..., None] * (picture.astype(np.float32) - frame)
    return (blended + 0.5).clip(0, 255).astype(np.uint8)


def figures(held_out: HeldOut, made: np.ndarray) -> list[str]:
    """Return PSNR over face, mouth and eyes, and the flicker ratio, without the frames that lack context."""
    frames, rendered = held_out.pairs.frames, held_out.pairs.renders[..., 3] > 127
    times = [t for t in range(INPUT_FRAMES - 1, len(frames)) if np.isfinite(held_out.landmarks[t]).all()]
    faces = {t: regions.face_mask(held_out.landmarks[t], SIZE, SIZE) & rendered[t] for t in times}
    masks = [faces, *({t: box_mask(held_out.landmarks[t, points]) for t in times} for points in (MOUTH, EYES))]
    decibels = [np.mean([measures.psnr(frames[t], made[t], mask[t]) for t in times]) for mask in masks]
    flicker = measures.flicker_ratio(frames[times], made[times], np.stack([faces[t] for t in times]))
    return [*(f"{value:.2f}" for value in decibels), f"{flicker:.2f}"]


def box_mask(points: np.ndarray) -> np.ndarray:
    """Return (R, R) bool, the box around points (K, 2)."""
    left, top = np.floor(points.min(0) - BOX_MARGIN).astype(int).clip(0)
    right, bottom = np.ceil(points.max(0) + BOX_MARGIN).astype(int)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top:bottom, left:right] = True
    return mask


def landmarks_of(crops: np.ndarray, fps: float) -> np.ndarray:
    """Return landmarks (T, 478, 2) of crops, NaN where no face is found."""
    from headroom.track.landmarks.detect import find_landmarks

    return find_landmarks(crops, fps).points[..., :2]


def contact_sheet(columns: list[np.ndarray]) -> np.ndarray:
    """Return some moments below each other, the frames from each source side by side."""
    times = np.linspace(INPUT_FRAMES, len(columns[0]) - 1, MOMENTS).astype(int)
    return np.vstack([np.hstack([pictures[t] for pictures in columns]) for t in times])


if __name__ == "__main__":
    typer.run(main)
