"""The measured style of one speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headroom.motion.style.blinks import Blinks

FRONTAL_POSE = np.array([0, 0, 0, 0, 0, -600], np.float32)
"""Pose of a head that faces the camera at a distance of 0.6 m."""
_AVERAGED = ("expression_mean", "expression_deviation", "rest", "lip_opening", "lid_opening", "lip_shape",
             "lip_curve", "pose_correlation")
_DECIMETRE = 100.0  # mm, the unit of the paper's face model


@dataclass(frozen=True)
class SpeakerStyle:
    """What is measured of one person at 25 Hz. Arrays are float32; units are those of `Performance`.

    expression_mean, expression_deviation: (E,).
    pose_mean, pose_deviation: (6,) radians and millimetres.
    rest: (E,) expression of the silent face with open lids.
    lip_opening, lid_opening: (E,) millimetres per unit of expression.
    lip_shape: (E, 2) width and protrusion of the lips, millimetres per unit of expression.
    gaze_modes: indices of the coefficients that turn the eyes left and up; empty for face models without gaze.
    lip_curve: (2, Q) predicted lip openings, and those that the person has as often, millimetres, rising.
    blinks: rate and shape of the person's blinks.
    pose: (N, 6) of the clip.
    levels: (N,) loudness of the clip's frames, dB below its loud parts.
    gaze: (N, 2) of the clip, or (N, 0).
    pose_correlation: (6,) between the network's pose and the true one on held-out frames, 0..1.
    accents: (N,) prominence of the accents of the clip's speech; (0,) in files that are older than accents.
    brow_modes: indices of the coefficients that move the brows; empty where these are predicted.
    brow_raise: (B,) millimetres by which one unit of each raises the brows.
    brows: (N, B) of the clip.
    """

    expression_mean: np.ndarray
    expression_deviation: np.ndarray
    pose_mean: np.ndarray
    pose_deviation: np.ndarray
    rest: np.ndarray
    lip_opening: np.ndarray
    lid_opening: np.ndarray
    lip_shape: np.ndarray
    gaze_modes: tuple[int, ...]
    lip_curve: np.ndarray
    blinks: Blinks
    pose: np.ndarray
    levels: np.ndarray
    gaze: np.ndarray
    pose_correlation: np.ndarray
    accents: np.ndarray
    brow_modes: tuple[int, ...]
    brow_raise: np.ndarray
    brows: np.ndarray

    @property
    def lip_direction(self) -> np.ndarray:
        """(E,) millimetres of lip opening per unit of normalised expression."""
        return self.expression_deviation * self.lip_opening

    @property
    def opening_direction(self) -> np.ndarray:
        """(E,) the most likely change of expression that opens the lips by a millimetre and keeps their shape."""
        effects = np.column_stack([self.lip_opening, self.lip_shape]).astype(np.float64)
        weighted = effects * self.expression_deviation[:, None] ** 2
        return weighted @ np.linalg.pinv(effects.T @ weighted, rcond=1e-6)[:, 0]

    @property
    def mean_lip_opening(self) -> float:
        """The lip opening of the mean expression, millimetres."""
        return float(self.expression_mean @ self.lip_opening)


def average_style(styles: Sequence[SpeakerStyle], longest: SpeakerStyle) -> SpeakerStyle:
    """Return the mean style of many people.

    The clip's pose, gaze and brows cannot be averaged; they are those of `longest`, moved to a head that faces the
    camera with mean brows.
    """
    means = {name: np.mean([getattr(style, name) for style in styles], 0) for name in _AVERAGED}
    return SpeakerStyle(
        **means,
        gaze_modes=longest.gaze_modes,
        blinks=Blinks(float(np.mean([style.blinks.rate for style in styles])),
                      np.mean([style.blinks.shape for style in styles], 0)),
        pose_mean=FRONTAL_POSE,
        pose_deviation=longest.pose_deviation,
        pose=longest.pose - np.median(longest.pose, 0) + FRONTAL_POSE,
        levels=longest.levels,
        gaze=longest.gaze - np.median(longest.gaze, axis=0),
        accents=longest.accents,
        brow_modes=longest.brow_modes,
        brow_raise=longest.brow_raise,
        brows=longest.brows - longest.brows.mean(0) + means["expression_mean"][list(longest.brow_modes)],
    )


def unnormalised_style(style: SpeakerStyle) -> SpeakerStyle:
    """Return `style` with a normalisation that gives the paper's targets: coefficients, radians and decimetres.

    Only the person's mean position is subtracted, because where somebody sat is not how they move.
    """
    position = np.concatenate([np.zeros(3), style.pose_mean[3:]]).astype(np.float32)
    return replace(
        style,
        expression_mean=np.zeros_like(style.expression_mean),
        expression_deviation=np.ones_like(style.expression_deviation),
        pose_mean=position,
        pose_deviation=np.array([1, 1, 1, _DECIMETRE, _DECIMETRE, _DECIMETRE], np.float32),
    )
