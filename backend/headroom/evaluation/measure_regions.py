"""Measuring a picture region by region, at the size of the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headroom.common.networks.image_features import feature_distance
from headroom.common.networks.image_features_file import bundled_image_features
from headroom.evaluation import measures
from headroom.evaluation.figures import RegionFigures, mean_figures
from headroom.evaluation.regions import REGIONS, Regions, face_window


def measure_regions(
    truth: NDArray[np.uint8], made: NDArray[np.uint8], points: NDArray[np.floating]
) -> dict[str, RegionFigures]:
    """Return the figures of each region; none where there is no face.

    truth, made: (H, W, 3) uint8 full frames.
    points: (478, 2 or 3) landmarks of the true frame, pixels; NaN where there is no face.
    """
    if not np.isfinite(points).all():
        return {}
    rows, columns = window = face_window(points, *truth.shape[:2])
    truth, made = truth[window], made[window]
    regions = Regions.of(points[:, :2] - [columns.start, rows.start], *truth.shape[:2])
    masks = {name: mask for name, mask in regions.items() if mask.any()}
    if not masks:
        return {}
    distances = perceptual_distances(truth, made, list(masks.values()))
    return {name: RegionFigures(measures.psnr(truth, made, mask), measures.sharpness(truth, made, mask), distance)
            for (name, mask), distance in zip(masks.items(), distances)}


def mean_regions(frames: Sequence[dict[str, RegionFigures]]) -> dict[str, RegionFigures | None]:
    """Return the mean of each region's figures over the frames that have it; None where none has."""
    rows = {name: [frame[name] for frame in frames if name in frame] for name in REGIONS}
    return {name: mean_figures(figures) if figures else None for name, figures in rows.items()}


@torch.inference_mode()
def perceptual_distances(
    truth: NDArray[np.uint8], made: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]]
) -> list[float]:
    """Return the perceptual distance of two pictures (H, W, 3) uint8 inside each of the masks (H, W).

    0 is identical, 4 the largest possible (`headroom.common.networks.image_features`).
    """
    features = bundled_image_features()
    true_features, made_features = (features(_as_tensor(picture)) for picture in (truth, made))
    return [float(feature_distance(true_features, made_features, torch.from_numpy(mask)[None, None].float()))
            for mask in masks]


def _as_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """Return a picture as (1, 3, H, W), 0..1."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 255
