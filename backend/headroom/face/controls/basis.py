"""The 52 ARKit shapes as directions in the expression space of a face model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from headroom.face import topology as top
from headroom.face.controls.names import CONTROL_NAMES, GROUPS, mirrored
from headroom.face.controls.targets import (
    FREE,
    LOWER_LID,
    UPPER_LID,
    Mirror,
    Targets,
    defining_landmarks,
    shape_targets,
)
from headroom.face.model import GAZE_DEGREES, FaceModel, bundled_model

LOOK_DEGREES = 30.0
"""Angle of both eyes when both sides' eyeLook shapes are 1."""
_STILL_FROM_MM = 16.0
"""Landmarks this far from all that a shape moves are held still."""
_STILL_WEIGHT, _DEFINING_WEIGHT = 0.4, 1.75
"""Weights of landmarks that are held still; the second one is for those that define another shape, or that the shape's
own targets hold. Higher weights give less cross-talk and larger errors of performances by the controls alone.
"""
_PRIORS, _REACHED = (1.0, 0.3, 0.1, 0.03, 0.01), 0.6
"""Weights of the squared coefficients, which are in standard deviations, against squared millimetres. The first one
counts with which a shape moves its landmarks by this part of their targets: the likeliest face that does it.
"""
_LEAST_EFFECT = 1.0
"""A model that moves the landmarks towards their targets by less, in squared millimetres, lacks the shape."""
_MOST_SCALE = 2.0
"""A shape that the model makes badly stays weaker than wanted, because a stronger one would distort the face."""
_LOWER_LID_SHARE = 0.12
"""Part of a blink that the lower lid does."""


def control_directions(model: FaceModel, neutral: np.ndarray) -> np.ndarray:
    """Return the expression coefficients (52, E) float32 of one unit of each control of a person.

    neutral: (V, 3) mm, the person's face at rest, which says how far the lids close. Controls that the model cannot
    make are zero: the tongue, and the gaze of a model without eyeballs. Shapes of the eyes reach their targets when
    both sides are 1, because the bundled model moves lids and eyes of both sides together: tracked people hardly wink.
    """
    landmarks = Landmarks.of(model, neutral)
    mirror = landmark_mirror().__getitem__
    targets = {**shape_targets(mirror), **_blinks(landmarks, mirror)}
    defining = {landmark for wanted in targets.values() for landmark in defining_landmarks(wanted)}
    still = landmarks.still_weights(defining)
    shapes = {name: landmarks.direction(wanted, still) for name, wanted in targets.items()}
    directions = np.zeros((len(CONTROL_NAMES), landmarks.basis.shape[2]))
    for name, wanted in targets.items():
        together = shapes[name] + shapes[mirrored(name)] if name in GROUPS["Eyes"] else shapes[name]
        scale = landmarks.scale(together, wanted)
        directions[CONTROL_NAMES.index(name)] = shapes[name] * (min(scale, _MOST_SCALE) if scale < np.inf else 0)
    opening = model.opening_direction(top.UPPER_INNER_LIP, top.LOWER_INNER_LIP)
    jaw, close = (directions[CONTROL_NAMES.index(name)] for name in ("jawOpen", "mouthClose"))
    if opening @ close < 0:  # both at the same value leave the lips closed
        close *= -(opening @ jaw) / (opening @ close)
    for name, direction in _looks(model).items():
        directions[CONTROL_NAMES.index(name)] = direction
    return directions.astype(np.float32)


class Landmarks:
    """A person's landmarks: positions (L, 3) mm, what moves them (L, 3, E), and where each of MediaPipe's is."""

    def __init__(self, positions: np.ndarray, basis: np.ndarray, ids: np.ndarray, gaze: tuple[int, ...]):
        self.positions, self.basis = positions, basis.copy()
        self.index = {int(landmark): place for place, landmark in enumerate(ids)}
        self.basis[:, :, list(gaze)] = 0  # the gaze has controls of its own

    @staticmethod
    def of(model: FaceModel, neutral: np.ndarray) -> Landmarks:
        """Return the landmarks of a person, neutral: (V, 3) mm."""
        skin = model.landmark_ids < top.MESH_POINTS
        vertices = model.landmark_vertices[skin]
        return Landmarks(neutral[vertices].astype(np.float64), model.expression_basis[vertices].astype(np.float64),
                         model.landmark_ids[skin], model.gaze_modes)

    def height(self, landmark: int) -> float:
        """Return the y of a landmark, mm."""
        return float(self.positions[self.index[landmark], 1])

    def still_weights(self, defining: Iterable[int]) -> np.ndarray:
        """Return the weights (L,) with which landmarks are held; those that define any shape are held more firmly."""
        still = np.full(len(self.positions), _STILL_WEIGHT)
        still[[self.index[landmark] for landmark in defining]] = _DEFINING_WEIGHT
        return still

    def direction(self, targets: Targets, still: np.ndarray) -> np.ndarray:
        """Return the likeliest coefficients (E,) that move landmarks as wanted and hold the distant ones still.

        still: (L,), from `still_weights`.
        """
        places = [self.index[landmark] for landmark in targets]
        wanted = np.array(list(targets.values()), np.float64)
        given, wanted = np.isfinite(wanted), np.nan_to_num(wanted)
        moved = np.isin(list(targets), defining_landmarks(targets))
        away = np.linalg.norm(self.positions[:, None] - self.positions[places][moved][None], axis=2).min(1)
        weights = np.repeat(np.where(away > _STILL_FROM_MM, still, 0.0)[:, None], 3, axis=1)
        weights[places] = given * np.where(moved, 1.0, _DEFINING_WEIGHT)[:, None]
        goal = np.zeros_like(self.positions)
        goal[places] = wanted
        rows = (self.basis * weights[:, :, None]).reshape(-1, self.basis.shape[2])
        values = (goal * weights).ravel()
        normal, right = rows.T @ rows, rows.T @ values
        for prior in _PRIORS:
            direction = np.linalg.solve(normal + prior * np.eye(len(normal)), right)
            if self.scale(direction, targets) * _REACHED < 1:
                break
        return direction

    def scale(self, direction: np.ndarray, targets: Targets) -> float:
        """Return the factor by which a direction (E,) moves the landmarks as far as wanted; infinite if it does not."""
        wanted = np.nan_to_num(list(targets.values()))
        effect = float((wanted * (self.basis[[self.index[landmark] for landmark in targets]] @ direction)).sum())
        return float((wanted**2).sum()) / effect if effect > _LEAST_EFFECT else float("inf")


@lru_cache(maxsize=1)
def landmark_mirror() -> dict[int, int]:
    """Return the landmark on the other side of each of MediaPipe's, from the bundled face, which is symmetric."""
    model = bundled_model()
    skin = model.landmark_ids < top.MESH_POINTS
    ids, pairs = model.landmark_ids[skin], top.mirror_pairs(model.mean[model.landmark_vertices[skin]])
    return {int(landmark): int(ids[pair]) for landmark, pair in zip(ids, pairs)}


def _blinks(landmarks: Landmarks, mirror: Mirror) -> dict[str, Targets]:
    """Return targets that close the lids of a person."""
    def blink(uppers: Sequence[int], lowers: Sequence[int]) -> Targets:
        targets: Targets = {}
        for upper, lower in zip(uppers, lowers):
            gap = landmarks.height(lower) - landmarks.height(upper)
            targets[upper] = FREE, (1 - _LOWER_LID_SHARE) * gap, FREE
            targets[lower] = FREE, -_LOWER_LID_SHARE * gap, FREE
        return targets

    right = [mirror(each) for each in UPPER_LID], [mirror(each) for each in LOWER_LID]
    return {"eyeBlinkLeft": blink(UPPER_LID, LOWER_LID), "eyeBlinkRight": blink(*right)}


def _looks(model: FaceModel) -> dict[str, np.ndarray]:
    """Return the directions of the gaze. The model turns both eyes together, so each eye's shape makes half a turn."""
    if not model.gaze_modes:
        return {}
    left, up = np.eye(model.expression_basis.shape[2])[list(model.gaze_modes)] * (LOOK_DEGREES / GAZE_DEGREES / 2)
    turns = {"Up": (up, up), "Down": (-up, -up), "In": (-left, left), "Out": (left, -left)}
    return {f"eyeLook{name}{side}": turn[number] for name, turn in turns.items()
            for number, side in enumerate(("Left", "Right"))}
