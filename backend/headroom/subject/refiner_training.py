"""Training the personal refiner: true and rendered crops of a tracked clip, and where the training starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headroom.common.choices import ChosenResolution, Resolution
from headroom.common.progress import Progress, TrainingMonitor, no_progress, subprogress
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.plate.composite import crop_frame
from headroom.refine.loss_weights import loss_weight_maps
from headroom.subject.identity import feature_name, identity_features
from headroom.subject.training_plates import training_plates
from headroom.track.render import render_track
from headroom.track.track import Track

if TYPE_CHECKING:
    from headroom.common.networks.arcface import ArcFace
    from headroom.refine.dataset import TrainingPairs
    from headroom.refine.refiner import Refiner
    from headroom.refine.spatial import SpatialNetwork
    from headroom.refine.train_config import RefinerTrainConfig

LARGE_CROP = 768
"""Side of the face crop in the footage, pixels, from which on it is painted with 512 pixels instead of 256."""


@dataclass(frozen=True)
class TrackedFrames:
    """Frames of a clip with their track.

    frames: T pictures (H, W, 3) uint8.
    albedo: (S, S, 3) uint8, the person's albedo texture.
    """

    track: Track
    albedo: NDArray[np.uint8]
    frames: Sequence[NDArray[np.uint8]]


def chosen_resolution(wanted: ChosenResolution, track: Track) -> tuple[Resolution, list[str]]:
    """Return the side of the face crop, pixels, and what the user should know about it."""
    if wanted != "auto":
        return wanted, []
    if track.crop.size < LARGE_CROP:
        return 256, []
    return 512, [large_face_note(track.crop.size)]


def large_face_note(pixels: int) -> str:
    """Return what the user should know about a large face; pixels: side of its crop in the footage."""
    return (f"The square around the face has {pixels} pixels, so 512 are painted across it. Choose 256 for a third of "
            "the time.")


def training_pairs(
    model: FaceModel, tracked: TrackedFrames, resolution: int, *, with_plates: bool, arcface: ArcFace | None = None,
    progress: Progress = no_progress,
) -> TrainingPairs:
    """Return true and rendered crops (R, R) of the frames in which the face was found.

    resolution: R, pixels.
    with_plates: return reprojected plates as well, for a generator with a plate term.
    arcface: computes each frame's identity feature; without it the feature is the face model's coefficients.
    """
    from headroom.refine.dataset import TrainingPairs, normalised_identity

    track, frames = tracked.track, tracked.frames
    has_face = track.confidence > 0
    crops = np.stack([crop_frame(frame, track.crop, resolution) for frame in frames])
    rendering = subprogress(progress, 0, 0.2)
    renders = np.stack(list(render_track(model, track, tracked.albedo, resolution, rendering)))
    progress(0.2, "Marking mouth and eyes")
    raster = Rasterizer(model, track.camera, track.crop, resolution)
    weights = loss_weight_maps(raster, [track.vertices(model, frame) for frame in range(len(track))])
    plates = None
    if with_plates:
        plates = training_plates(model, track, frames, resolution, subprogress(progress, 0.3, 0.7))[has_face]
    features = identity_features(model, track, frames, arcface, subprogress(progress, 0.7, 1))
    return TrainingPairs(crops[has_face], renders[has_face], weights[has_face], normalised_identity(features)[has_face],
                         feature_name(model, arcface), plates)


def train_personal_refiner(
    pairs: TrainingPairs, config: RefinerTrainConfig, spatial: SpatialNetwork | None = None,
    progress: Progress = no_progress, monitor: TrainingMonitor | None = None,
) -> tuple[Refiner, list[str]]:
    """Train the personal refiner, from the general one where `config` says so; return what the user should know too.

    spatial: describes renders for the memory where identity features differ; None is the bundled network.
    monitor: is shown the middle frame, which is not trained on, and may end the training.
    """
    from headroom.refine.general import general_refiner
    from headroom.refine.result_preview import ResultPreview
    from headroom.refine.train import train_refiner

    initial = general_refiner(pairs.identity[0], pairs.identity_feature) if config.from_general else None
    pairs = replace(pairs, left_out=len(pairs) // 2 if len(pairs) > 1 else None)
    preview = ResultPreview(pairs, config.region, monitor) if monitor else None
    return train_refiner(pairs, config, progress, initial, spatial, preview), preview.notes if preview else []
