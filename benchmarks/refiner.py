"""How well the refiner paints people whom no weights have seen.

    python benchmarks/refiner.py CLIP...                    # general weights alone, and learnt from the person
    python benchmarks/refiner.py --preset standard --no-scratch CLIP...     # another preset, for as long as it learns
    python benchmarks/refiner.py --ablations CLIP...        # the paper's Figure 4: one table and one picture

Learns from the first seconds of each clip; the rest is drawn from its own tracked motion, over its own frames whose
face is erased. PSNR in dB over three regions of the crop: the face (the hull of the true frame's landmarks, where
something is drawn), the mouth and the eyes (boxes around their landmarks). The paper's render has the texture model's
albedo; ours the clip's. Flicker is the mean second difference over time, in the face, over the truth's own. `--save`
keeps a picture of four moments: truth, our render, what was painted.
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

from headroom.evaluation import measures
from headroom.face.model import bundled_model
from headroom.media.image import write_picture
from headroom.media.video import probe, read_frames
from headroom.refine.dataset import TrainingPairs
from headroom.refine.general import general_refiner
from headroom.refine.generator import WINDOW
from headroom.refine.refiner import Refiner
from headroom.refine.train import PAPER_EPOCHS, PRESETS, TrainConfig, train_refiner
from headroom.subject.refiner_training import TrackedFrames, training_pairs
from headroom.track.appearance.albedo import texture_model_albedo
from headroom.track.tracker import track_clip, track_known_face

SIZE = 256
MOUTH = (61, 291, 0, 17, 13, 14, 37, 267, 84, 314)
EYES = (33, 133, 159, 145, 362, 263, 386, 374, 70, 300)
AROUND = 8  # pixels about the landmarks of a box
MOMENTS = 4
console = Console(width=140)


@dataclass(frozen=True)
class Rest:
    """The part of a clip that was not learnt.

    pairs of T frames; plain (T, R, R, 4): renders with the paper's albedo; landmarks (T, 478, 2) crop pixels, NaN
    where no face was found.
    """

    name: str
    pairs: TrainingPairs
    plain: np.ndarray
    landmarks: np.ndarray


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips longer than what is learnt.")],
    learn_seconds: float = 12.0,
    preset: str = "draft",
    seconds: Annotated[float | None, typer.Option(help="Instead of the preset's.")] = None,
    scratch: Annotated[bool, typer.Option(help="Also learn without the general weights.")] = True,
    ablations: Annotated[bool, typer.Option(help="Leave out one part of the network after the other.")] = False,
    save: Annotated[Path | None, typer.Option(help="Folder for pictures.")] = None,
) -> None:
    config = PRESETS[preset] if seconds is None else replace(PRESETS[preset], seconds=seconds)
    length = f"{PAPER_EPOCHS} epochs" if config.seconds is None else f"{config.seconds:g} s of learning"
    table = Table(title=f"Learnt from {learn_seconds:g} s, preset {preset}, {length}")
    for heading in ("clip", "painted by", "face", "mouth", "eyes", "flicker", "s"):
        table.add_column(heading, justify="left" if heading in ("clip", "painted by") else "right")
    for clip in clips:
        learnt, rest = halves(clip, learn_seconds)
        shown = [rest.pairs.frames]
        table.add_row(clip.stem, "the paper's render", *figures(rest, over_frames(rest, rest.plain)))
        shown.append(over_frames(rest, rest.pairs.renders))
        table.add_row("", "our render", *figures(rest, shown[-1]))
        for name, refiner, took in ablated(learnt, config) if ablations else learnt_refiners(learnt, config, scratch):
            shown.append(painted(refiner, rest))
            table.add_row("", name, *figures(rest, shown[-1]), f"{took:.0f}")
        if save:
            save.mkdir(parents=True, exist_ok=True)
            write_picture(save / f"{clip.stem}.png", sheet(shown))
    console.print(table)


def halves(clip: Path, seconds: float) -> tuple[TrainingPairs, Rest]:
    """What is learnt from, and the rest with the same person's track and look."""
    model, info = bundled_model(), probe(clip)
    frames = list(read_frames(clip))
    count = round(seconds * info.fps)
    tracked = track_clip(frames[:count], info.fps, model)
    look = tracked.look
    rest = track_known_face(tracked.track, look.albedo, frames[count:], model)
    pairs = training_pairs(model, TrackedFrames(rest, look.albedo, frames[count:]), SIZE)
    low = texture_model_albedo(model, None, [], look.texture, look.light, lambda *told: None)
    plain = training_pairs(model, TrackedFrames(rest, low, frames[count:]), SIZE).renders
    return (training_pairs(model, TrackedFrames(tracked.track, look.albedo, frames[:count]), SIZE),
            Rest(clip.stem, pairs, plain, landmarks_of(pairs.frames, info.fps)))


def learnt_refiners(learnt: TrainingPairs, config: TrainConfig, scratch: bool) -> Iterator[tuple[str, Refiner, float]]:
    """The general refiner as it comes, the person's from it where that is meant, and the person's from nothing."""
    general = general_refiner(learnt.identity[0], learnt.feature) if config.from_general else None
    if general:
        yield "general", general, 0.0
        yield "personal", *timed(learnt, config, general)
    if scratch or not general:
        yield "from scratch", *timed(learnt, config, None)


def ablated(learnt: TrainingPairs, config: TrainConfig) -> Iterator[tuple[str, Refiner, float]]:
    """The whole network and the three of Figure 4, each from nothing."""
    nobody = replace(learnt, identity=np.zeros_like(learnt.identity))
    for name, pairs, without in (("whole", learnt, {}), ("no identity, no memory", nobody, {}),
                                 ("no attention", learnt, {"attention": False}),
                                 ("no window", learnt, {"window": False})):
        yield name, *timed(pairs, replace(config, generator=replace(config.generator, **without)), None)


def timed(pairs: TrainingPairs, config: TrainConfig, initial: Refiner | None) -> tuple[Refiner, float]:
    begun = time.perf_counter()
    return train_refiner(pairs, config, initial=initial), time.perf_counter() - begun


def painted(refiner: Refiner, rest: Rest) -> np.ndarray:
    """Crops (T, R, R, 3) with the refined face over the true surroundings."""
    made = refiner.refine(rest.pairs.renders, rest.pairs.frames)
    return np.stack([blended(frame, *crop) for frame, crop in zip(rest.pairs.frames, made)])


def over_frames(rest: Rest, renders: np.ndarray) -> np.ndarray:
    """Renders (T, R, R, 4) over the true frames, as they are."""
    return np.stack([blended(frame, render[..., :3], render[..., 3] / np.float32(255))
                     for frame, render in zip(rest.pairs.frames, renders)])


def blended(frame: np.ndarray, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    mixed = frame + mask[..., None] * (picture.astype(np.float32) - frame)
    return (mixed + 0.5).clip(0, 255).astype(np.uint8)


def figures(rest: Rest, made: np.ndarray) -> list[str]:
    """PSNR over face, mouth and eyes, and the flicker ratio; the first window is left out."""
    frames, drawn = rest.pairs.frames, rest.pairs.renders[..., 3] > 127
    seen = [t for t in range(WINDOW - 1, len(frames)) if np.isfinite(rest.landmarks[t]).all()]
    faces = {t: measures.face_mask(rest.landmarks[t], SIZE, SIZE) & drawn[t] for t in seen}
    masks = [faces, *({t: box(rest.landmarks[t, points]) for t in seen} for points in (MOUTH, EYES))]
    decibels = [np.mean([measures.psnr(frames[t], made[t], mask[t]) for t in seen]) for mask in masks]
    flicker = measures.flicker_ratio(frames[seen], made[seen], np.stack([faces[t] for t in seen]))
    return [*(f"{value:.2f}" for value in decibels), f"{flicker:.2f}"]


def box(points: np.ndarray) -> np.ndarray:
    """(R, R) bool around points (K, 2)."""
    left, top = np.floor(points.min(0) - AROUND).astype(int).clip(0)
    right, bottom = np.ceil(points.max(0) + AROUND).astype(int)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top:bottom, left:right] = True
    return mask


def landmarks_of(crops: np.ndarray, fps: float) -> np.ndarray:
    from headroom.track.landmarks.detect import find_landmarks

    return find_landmarks(crops, fps).points[..., :2]


def sheet(shown: list[np.ndarray]) -> np.ndarray:
    """Some moments below each other, what was made of them side by side."""
    times = np.linspace(WINDOW, len(shown[0]) - 1, MOMENTS).astype(int)
    return np.vstack([np.hstack([pictures[t] for pictures in shown]) for t in times])


if __name__ == "__main__":
    typer.run(main)
