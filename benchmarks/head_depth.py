"""Does measuring the head's depth bring carried plates nearer to the footage?

    python benchmarks/head_depth.py SUBJECT...

Measures the depth in the first 60 % of each subject's plates, carries plates of that part to poses 2 to 8 degrees away
that the rest of the clip shows, and prints the PSNR at the rim (hairline, temples, ears and jaw) with the guessed and
with the measured surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from headroom.common.subject_files import MATTES
from headroom.evaluation.measures import psnr
from headroom.evaluation.regions import Regions
from headroom.plate.layers import ALL_PERSON, BackgroundLayers
from headroom.plate.match import pose_vectors
from headroom.plate.matte import load_mattes
from headroom.plate.reprojected_plates import ReprojectedPlates
from headroom.plate.source_choice import WantedFace
from headroom.subject.folder import Subject
from headroom.subject.track_plates import head_surface, plates_of_track, with_head_depth

LEARNED = 0.6  # of the plates
PAIRS = 36
NEAREST, FARTHEST = 2.0, 8.0  # degrees between the poses of a pair
LANDMARKS = 468  # without the irises


@dataclass(frozen=True)
class Pair:
    """A learned plate, and a frame of the rest that it is carried to."""

    plate: int
    frame: int


def main(subjects: Annotated[list[Path], typer.Argument(help="Folders that `learn` wrote.")]) -> None:
    """Print the rim's PSNR of each subject with both surfaces."""
    table = Table("subject", "pairs", "guessed, dB", "measured, dB", "median gain", "worst gain",
                  title=f"PSNR at the rim, {NEAREST:g} to {FARTHEST:g} degrees away")
    for folder in subjects:
        guessed, measured = psnr_of(Subject.open(folder))
        gain = measured - guessed
        table.add_row(folder.name, str(len(gain)), *(f"{value:.2f}" for value in (guessed.mean(), measured.mean())),
                      *(f"{value:+.2f}" for value in (np.median(gain), gain.min())))
    Console(width=110).print(table)


def psnr_of(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return the PSNR (P,), dB, of all pairs with the guessed and with the measured surface."""
    track, model = replace(subject.track, head_depth=None), subject.model
    learned = int(LEARNED * len(track))
    layers = BackgroundLayers.open(subject.folder, track.camera, head_surface(model, track))
    known = (subject.folder / MATTES).is_file()
    mattes = load_mattes(subject.folder / MATTES) if known else np.stack([ALL_PERSON] * len(track))
    part = with_head_depth(model, track.slice(0, learned), layers.plates, mattes[:learned])
    plates = plates_of_track(model, track, layers, subject.resolution)
    pairs = list(choose_pairs(pose_vectors(track.performance.pose), track.confidence > 0, learned))
    guessed = np.array([rim_psnr(plates, pair, learned) for pair in pairs])
    layers.surface = head_surface(model, part)
    measured = np.array([rim_psnr(plates, pair, learned) for pair in pairs])
    plates.close()
    return guessed, measured


def choose_pairs(poses: np.ndarray, usable: np.ndarray, learned: int) -> Iterator[Pair]:
    """Yield at most `PAIRS` random pairs of T plates with poses (T, 6), degrees."""
    distance = np.linalg.norm(poses[:learned, None] - poses[None, learned:], axis=-1)
    fits = (distance > NEAREST) & (distance < FARTHEST) & usable[:learned, None] & usable[None, learned:]
    found = np.argwhere(fits)
    chosen = np.random.default_rng(0).choice(len(found), min(PAIRS, len(found)), replace=False)
    for plate, frame in found[chosen]:
        yield Pair(int(plate), int(frame) + learned)


def rim_psnr(plates: ReprojectedPlates, pair: Pair, learned: int) -> float:
    """Return the PSNR, dB, of a plate that is carried to another frame, at that frame's rim."""
    faces, camera = plates.faces, plates.layers.camera
    truth, vertices = plates.layers.plates[pair.frame], faces.vertices(pair.frame)
    pixels = camera.project(vertices[[faces.model.vertex_of(landmark) for landmark in range(LANDMARKS)]])
    rim = Regions.of(np.pad(pixels, ((0, 10), (0, 0)), mode="edge"), *truth.shape[:2]).rim
    allowed = np.arange(len(faces)) < learned
    carried = plates.reprojected(pair.plate, WantedFace(vertices, faces.pose(pair.frame)), allowed).picture
    return psnr(truth, carried, rim)


if __name__ == "__main__":
    typer.run(main)
