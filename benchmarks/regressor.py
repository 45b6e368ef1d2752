"""Landmark error of the regressor on single pictures, without any fit.

    python benchmarks/regressor.py CLIPS_AND_PHOTOS…
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from headroom.common.paths import REGRESSOR_WEIGHTS
from headroom.face.model import FaceModel, bundled_model
from headroom.face.topology import MESH_POINTS, eye_distance
from headroom.media.photo import is_photo, read_photo
from headroom.media.video import read_frames
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.regressor.crop import RegressorCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points
from headroom.track.regressor.network import Regressor

TARGET = 6.0  # % of the eye distance
NOISE = 0.06  # standard deviation of the five points in the column "noisy points", eye distances
_FPS, _SECONDS, _EVERY = 25.0, 6.0, 12


def main(
    paths: Annotated[list[Path], typer.Argument(help="Clips and photos of one person each.")],
    weights: Annotated[Path, typer.Option(help="Regressor to measure.")] = REGRESSOR_WEIGHTS,
) -> None:
    """Print the landmark error of the regressor on single pictures."""
    console, model = Console(), bundled_model()
    network = Regressor.load(weights, model)
    table = Table(title="Landmark error over eye distance, % (mean of 468 landmarks)")
    for heading in ("picture", "frames", "regressor", "worst frame", "noisy points", "mean face", "ms"):
        table.add_column(heading, justify="left" if heading == "picture" else "right")
    rows = []
    for path in paths:
        measured = np.array([measure(network, model, *one) for one in pictures(path)])
        mean, worst = measured.mean(0), measured[:, 0].max()
        rows.append(mean)
        table.add_row(path.name, str(len(measured)), *(f"{value:.2f}" for value in (mean[0], worst, *mean[1:3])),
                      f"{mean[3]:.0f}")
    mean = np.mean(rows, 0)
    table.add_section()
    table.add_row("all", "", f"{mean[0]:.2f}", f"{max(row[0] for row in rows):.2f}",
                  *(f"{value:.2f}" for value in mean[1:3]), f"{mean[3]:.0f}")
    console.print(table)
    console.print(f"The target is {TARGET:.0f} %: {'met' if mean[0] < TARGET else 'missed'}.")


def pictures(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pictures (H, W, 3) uint8 with their landmarks (478, 3); of a clip, one about every half second."""
    photo = is_photo(path)
    frames = [read_photo(path)] if photo else list(read_frames(path, to_seconds=_SECONDS, fps=_FPS))
    landmarks = find_landmarks(frames, _FPS)
    for frame in np.flatnonzero(landmarks.found)[::_EVERY]:
        yield frames[frame], landmarks.points[frame]


def measure(network: Regressor, model: FaceModel, picture: np.ndarray, points: np.ndarray) -> tuple[float, ...]:
    """Return errors, %, of the estimate, of that from noisy points and of the mean face; and milliseconds."""
    eyes = float(eye_distance(points[:, :2]))

    def error(estimate: FaceEstimate) -> float:
        away = np.linalg.norm(estimate.landmarks(model)[:MESH_POINTS, :2] - points[:MESH_POINTS, :2], axis=1)
        return float(away.mean()) / eyes * 100

    five = five_points(points)
    start = time.perf_counter()
    estimate = network.predict(picture, RegressorCrop.around(five))
    milliseconds = (time.perf_counter() - start) * 1000
    noisy = five + np.random.default_rng(0).normal(0, NOISE * eyes, five.shape)
    from_noisy = network.predict(picture, RegressorCrop.around(noisy))
    mean_face = FaceEstimate.of(network.target_mean.numpy(), estimate.crop)
    return error(estimate), error(from_noisy), error(mean_face), milliseconds


if __name__ == "__main__":
    typer.run(main)
