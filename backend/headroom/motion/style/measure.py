"""Measurement of a speaker's style in a tracked clip, and the normalisation of motion by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from headroom.face.directions import FaceDirections
from headroom.face.performance import Performance
from headroom.motion.audio.loudness import loudness, pause_level, speech_levels
from headroom.motion.style.accents import find_accents
from headroom.motion.style.blinks import find_blinks, measure_blinks
from headroom.motion.style.speaker_style import SpeakerStyle

MIN_PAUSE_FRAMES = 12  # with fewer, the mouth at rest is taken from its least open frames
REST_FRACTION = 0.15  # of all frames, those with the least open mouth
ORDINARY_FRACTION = 0.5  # of these, those most like the mean face: the others say B, M, P or W
LIP_QUANTILES = np.linspace(0.02, 0.98, 13)  # knots of the curve of lip openings
SHORT_FRAMES = 50  # shorter clips determine a person's mean but not the deviation
MIN_DEVIATION = 0.05  # of a dimension, relative to the median one, so that still dimensions are not amplified
MIN_POSE_DEVIATION = np.array([1e-3, 1e-3, 1e-3, 0.1, 0.1, 0.1])  # radians, millimetres


def measure_style(samples: np.ndarray, truth: Performance, directions: FaceDirections) -> SpeakerStyle:
    """Measure the style of `truth` at 25 Hz, whose sound (N,) at 16 kHz is synchronised with the lips."""
    expression, pose = truth.expression.astype(np.float32), truth.pose_vectors
    levels = speech_levels(samples, 0, len(truth), loudness(samples)[1])
    opening = expression @ directions.lip_opening
    return SpeakerStyle(
        expression_mean=expression.mean(0),
        expression_deviation=deviation_of(expression),
        pose_mean=pose.mean(0),
        pose_deviation=np.maximum(pose.std(0), MIN_POSE_DEVIATION).astype(np.float32),
        rest=rest_expression(expression, opening, levels, find_blinks(expression, directions.lid_opening)),
        lip_opening=np.asarray(directions.lip_opening, np.float32),
        lid_opening=np.asarray(directions.lid_opening, np.float32),
        lip_shape=directions.lip_shape.astype(np.float32),
        gaze_modes=directions.gaze_modes,
        lip_curve=lip_curve(opening, opening),
        blinks=measure_blinks(expression, directions.lid_opening, directions.lip_opening),
        pose=pose,
        levels=levels.astype(np.float32),
        gaze=np.ascontiguousarray(expression[:, list(directions.gaze_modes)]),
        pose_correlation=np.zeros(pose.shape[1], np.float32),
        accents=find_accents(samples, levels),
        brow_modes=directions.brow_modes,
        brow_raise=np.array(directions.brow_raise, np.float32),
        brows=np.ascontiguousarray(expression[:, list(directions.brow_modes)]),
    )


def deviation_of(expression: np.ndarray) -> np.ndarray:
    """Return the deviation (E,) of each dimension of an expression (T, E), limited where it would amplify noise."""
    deviation = expression.std(0)
    return np.maximum(deviation, max(MIN_DEVIATION * float(np.median(deviation)), 1e-6))


def lip_curve(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the curve (2, Q) that gives predicted lip openings (T,) the distribution of the true ones (T,).

    A prediction that is not sure is near to the mean, so closed lips and wide openings would be rare.
    """
    knots = np.stack([np.quantile(predicted, LIP_QUANTILES), np.quantile(true, LIP_QUANTILES)])
    knots[0] += np.arange(len(LIP_QUANTILES)) * 1e-6  # rises where the opening is constant
    return knots.astype(np.float32)


def rest_expression(expression: np.ndarray, opening: np.ndarray, levels: np.ndarray, blinks: np.ndarray) -> np.ndarray:
    """Return the expression (E,) of the silent face: the mean over pauses with a closed mouth and open lids.

    levels: (T,) loudness of the frames, dB below the loud parts. Clips with too few such frames give the mean over
    those of the least open frames whose face is ordinary otherwise.
    """
    awake = np.ones(len(expression), bool)
    for frame in blinks:
        awake[max(0, frame - 3):frame + 5] = False
    awake = awake if awake.sum() > len(awake) / 4 else np.ones(len(expression), bool)
    silent = awake & (levels < pause_level(levels)) & (opening <= np.median(opening))
    if silent.sum() >= MIN_PAUSE_FRAMES:
        return expression[silent].mean(0)
    closed = expression[awake & (opening <= np.quantile(opening[awake], REST_FRACTION))]
    unlikeness = (((closed - expression.mean(0)) / deviation_of(expression)) ** 2).sum(1)
    return closed[unlikeness <= np.quantile(unlikeness, ORDINARY_FRACTION)].mean(0)


def normalise_motion(truth: Performance, style: SpeakerStyle) -> np.ndarray:
    """Return motion (T, E + 6) float32, expression then pose, less the style's mean and divided by its deviation."""
    expression = (truth.expression - style.expression_mean) / style.expression_deviation
    pose = (truth.pose_vectors - style.pose_mean) / style.pose_deviation
    return np.concatenate([expression, pose], 1).astype(np.float32)


def pool_deviations(styles: Sequence[SpeakerStyle], frames: Sequence[int]) -> list[SpeakerStyle]:
    """Give the styles of short clips the pooled deviations of all clips.

    frames: length of each clip. A clip of one word (LRW: 29 frames, speakers without names) is all that is known of its
    speaker. It determines the mean; its deviation would be the word's, not the person's.
    """
    pooled = pooled_deviations(styles, frames)
    return [with_deviations(style, pooled) if count < SHORT_FRAMES else style for style, count in zip(styles, frames)]


def pooled_deviations(styles: Sequence[SpeakerStyle], frames: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the deviations (E,) of expression and (6,) of pose over all clips, each about its own mean."""
    def pooled(name: str) -> np.ndarray:
        squares = [getattr(style, name).astype(np.float64) ** 2 for style in styles]
        return np.sqrt(np.average(squares, axis=0, weights=frames)).astype(np.float32)

    return pooled("expression_deviation"), pooled("pose_deviation")


def with_deviations(style: SpeakerStyle, deviations: tuple[np.ndarray, np.ndarray]) -> SpeakerStyle:
    """Return a style with other deviations of expression and pose."""
    return replace(style, expression_deviation=deviations[0], pose_deviation=deviations[1])
