"""Measuring remade frames and motions against the held-out part of a clip."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.evaluation import measures
from headroom.evaluation.figures import (
    FaceFigures,
    FrameFigures,
    HeadFigures,
    ResultFigures,
    TruthFigures,
    mean_figures,
)
from headroom.evaluation.held_out import SIZE, ClipPart, HeldOutPart, embeddings, find_landmarks_or_nan
from headroom.evaluation.measure_regions import mean_regions, measure_regions
from headroom.evaluation.regions import face_mask
from headroom.face.performance import Performance
from headroom.plate.composite import crop_frame
from headroom.subject.shot_refiner import Composite


def measure_result(
    held_out: HeldOutPart, composites: Iterable[Composite], motion: Performance, movie: Path
) -> ResultFigures:
    """Measure a remade movie and its motion of T frames; the frames are also written to `movie`."""
    part, crops, frames, regions = held_out.part, [], [], []
    with part.writer(movie, generated=True) as writer:
        for index, (truth, composite) in enumerate(zip(part.frames(), composites, strict=True)):
            writer.write(composite.frame)
            crops.append(crop_frame(composite.frame, part.track.crop, SIZE))
            frames.append(measure_frame(held_out, index, truth, composite))
            regions.append(measure_regions(truth, composite.frame, held_out.frame_landmarks(index)))
    return ResultFigures(mean_figures(frames), mean_regions(regions), measure_face(held_out, np.stack(crops)),
                         _head_figures(part, part.track.rotation, motion.rotation, motion),
                         measures.pose_speed_ratio(part.track.rotation, motion.rotation))


def measure_frame(
    held_out: HeldOutPart, index: int, truth: NDArray[np.uint8], composite: Composite
) -> FrameFigures:
    """Measure one remade frame against the true one (H, W, 3)."""
    frame, crop = composite.frame, held_out.part.track.crop
    true_crop, made_crop = (crop_frame(picture, crop, crop.size) for picture in (truth, frame))
    small_crop, small_plate = (crop_frame(picture, crop, SIZE) for picture in (frame, composite.plate))
    return FrameFigures(
        psnr_crop=measures.psnr(true_crop, made_crop),
        psnr_frame=measures.psnr(truth, frame),
        psnr_atvg=measures.psnr_atvg(true_crop, made_crop),
        ssim=measures.ssim(held_out.crops[index], small_crop),
        seam=measures.seam(small_plate, small_crop, measures.resized(composite.mask, SIZE)),
    )


def measure_face(held_out: HeldOutPart, crops: NDArray[np.uint8]) -> FaceFigures:
    """Measure the remade face over time; crops: (T, 256, 256, 3)."""
    track, truth = held_out.part.track, held_out.landmarks
    points = find_landmarks_or_nan(crops, track.fps)
    found = np.isfinite(points[:, 0, 0])
    both = bool((found & held_out.has_face).any())
    distance = measures.mouth_distance(truth, points) if both else None
    masks = np.stack([face_mask(frame, SIZE, SIZE) for frame in truth])
    true_identity, identity = held_out.embeddings, embeddings(held_out.arcface, crops, points)
    return FaceFigures(
        faces_found=float(found.mean()),
        lmd_256=distance,
        lmd_full=None if distance is None else distance * track.crop.size / SIZE,
        lip_correlation=measures.lip_correlation(truth, points) if both else None,
        flicker=measures.flicker_ratio(held_out.crops, crops, masks),
        identity=(None if true_identity is None or identity is None
                  else measures.identity_similarity(true_identity, identity)),
    )


def measure_truth(held_out: HeldOutPart) -> TruthFigures:
    """Measure the clip itself: the first half of its head motion against the second, and the jitter of all of it."""
    track = held_out.part.track
    half = len(track) // 2
    head = _head_figures(held_out.part, track.rotation[:half], track.rotation[half:], track.performance)
    second, vectors = max(round(track.fps), 1), held_out.embeddings
    identity = None if vectors is None else measures.identity_similarity(vectors[:-second], vectors[second:])
    return TruthFigures(head, float(held_out.has_face.mean()), identity)


def _head_figures(
    part: ClipPart, truth: NDArray[np.float32], rotation: NDArray[np.float32], motion: Performance
) -> HeadFigures:
    """Compare rotations (T, 3) with true ones, and measure the jitter of a motion."""
    return HeadFigures(
        hs=measures.head_pose_similarity(truth, rotation),
        hs_45=measures.head_pose_similarity(truth, rotation, limit_degrees=45),
        w1_degrees=measures.pose_distance_degrees(truth, rotation).tolist(),
        jitter_degrees=measures.pose_jitter_degrees(motion.rotation).tolist(),
        jitter_pixels=measures.pose_jitter_pixels(part.face_points(motion)),
    )
