"""Measuring a person's manner from a tracked clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from headroom.face.performance import Performance
from headroom.motion.audio.features import loudness, speech_levels
from headroom.motion.model.model import SpeakerStyle
from headroom.motion.model.network import POSE
from headroom.motion.style.blinks import find_blinks, measure_blinks
from headroom.motion.train.dataset import pose_of

PAUSE_DB = -35.0  # frames quieter than this are pauses
PAUSE_FRAMES = 12  # pauses needed to see the mouth at rest; else its least open moments are taken
LEAST_OPEN = 0.15  # share of frames
SHORT_FRAMES = 50  # a clip shorter than this tells a person's mean, but not how much they move
DECIMETRE = 100.0  # mm: what the paper's face model measures in
LEAST_DEVIATION = 0.05  # of a dimension, as a share of the median one: a still dimension is not blown up


def measure_style(samples: np.ndarray, truth: Performance, lip_opening: np.ndarray, lid_opening: np.ndarray,
                   gaze_modes: Sequence[int] = ()) -> SpeakerStyle:
    """The manner in `truth` at 25 Hz beside its sound (N,), 16 kHz, already in step with the lips."""
    expression, pose = truth.expression.astype(np.float32), pose_of(truth)
    levels = speech_levels(samples, 0, len(truth), loudness(samples)[1])
    opening = expression @ lip_opening
    blinks = measure_blinks(expression, lid_opening, lip_opening)
    deviation = expression.std(0)
    return SpeakerStyle(
        expression_mean=expression.mean(0),
        expression_deviation=np.maximum(deviation, max(LEAST_DEVIATION * float(np.median(deviation)), 1e-6)),
        pose_mean=pose.mean(0),
        pose_deviation=np.maximum(pose.std(0), [1e-3, 1e-3, 1e-3, 0.1, 0.1, 0.1]).astype(np.float32),
        rest=rest_expression(expression, opening, levels, find_blinks(expression, lid_opening)),
        lip_opening=np.asarray(lip_opening, np.float32),
        lid_opening=np.asarray(lid_opening, np.float32),
        lip_range=np.percentile(opening, [1, 99.5]).astype(np.float32),
        pose=pose,
        levels=levels.astype(np.float32),
        blink=blinks.shape,
        blink_rate=np.array([blinks.rate], np.float32),
        pose_evidence=np.zeros(POSE, np.float32),
        lip_gain=np.ones(1, np.float32),
        gaze_modes=np.array(gaze_modes, np.float32),
        gaze=np.ascontiguousarray(expression[:, list(gaze_modes)]),
    )


def rest_expression(expression: np.ndarray, opening: np.ndarray, levels: np.ndarray, blinks: np.ndarray) -> np.ndarray:
    """The face (64,) while silent, lids open: mean over pauses with closed lips, else over the least open moments."""
    awake = np.ones(len(expression), bool)
    for frame in blinks:
        awake[max(0, frame - 3):frame + 5] = False
    awake = awake if awake.sum() > len(awake) / 4 else np.ones(len(expression), bool)
    silent = awake & (levels < PAUSE_DB) & (opening <= np.median(opening))
    if silent.sum() < PAUSE_FRAMES:
        silent = awake & (opening <= np.quantile(opening[awake], LEAST_OPEN))
    return expression[silent].mean(0)


def normalise_motion(truth: Performance, style: SpeakerStyle) -> np.ndarray:
    """Motion (T, 70): expression then pose, each dimension with the person's mean 0 and deviation 1."""
    return np.concatenate([(truth.expression - style.expression_mean) / style.expression_deviation,
                           (pose_of(truth) - style.pose_mean) / style.pose_deviation], 1).astype(np.float32)


def unnormalised_style(style: SpeakerStyle) -> SpeakerStyle:
    """`manner` without the person: targets are coefficients, radians and decimetres, as in the paper.

    Decimetres are counted from the person's place, for where somebody sat is no part of how they move.
    """
    place = np.concatenate([np.zeros(3), style.pose_mean[3:]]).astype(np.float32)
    unit = np.array([1, 1, 1, DECIMETRE, DECIMETRE, DECIMETRE], np.float32)
    return replace(style, expression_mean=np.zeros_like(style.expression_mean), pose_mean=place,
                   expression_deviation=np.ones_like(style.expression_deviation), pose_deviation=unit)


def pool_deviations(styles: Sequence[SpeakerStyle], frames: Sequence[int]) -> list[SpeakerStyle]:
    """`manners` of clips of so many `frames`, the short ones with the deviations of everybody together.

    The speaker of a clip of one word (LRW: 29 frames, nobody named) is known by nothing else, so each such clip has its
    own mean; a deviation of one second would be the word's, not the person's.
    """
    def common(name: str) -> np.ndarray:
        squares = [getattr(style, name).astype(np.float64) ** 2 for style in styles]
        return np.sqrt(np.average(squares, axis=0, weights=frames)).astype(np.float32)

    if min(frames) >= SHORT_FRAMES:
        return list(styles)
    shared = {name: common(name) for name in ("expression_deviation", "pose_deviation")}
    return [replace(style, **shared) if count < SHORT_FRAMES else style for style, count in zip(styles, frames)]
