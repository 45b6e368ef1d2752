"""Made-up people whose coefficients are known, drawn over pieces of real pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headroom.common.progress import Progress, no_progress
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture
from headroom.track.regressor.crop import DISTANCE_MM, FOCAL, Deep3DCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points
from headroom.track.regressor.examples import MARGIN, UNIT, Examples, TrackedPerson

_TURNS = np.radians([20.0, 35.0, 15.0])
"""The furthest pitch, yaw and roll."""
_TEXTURE_SIDE = 256


def draw_examples(
    model: FaceModel, people: Sequence[TrackedPerson], behind: np.ndarray, count: int, rng: np.random.Generator,
    progress: Progress = no_progress,
) -> Examples:
    """`count` renders over the pictures `behind` (K, S, S, 3) uint8, whose size they have.

    Half wear the detailed skin of one of the people, half a random one of the texture model.
    """
    side = behind.shape[1]
    lens = Camera(FOCAL * side / MARGIN, side, side)
    raster = Rasterizer(model, lens, Crop(0, 0, side), side)
    examples = []
    for index in range(count):
        if index % 50 == 0:
            progress(index / count, "Drawing made-up people")
        guess, albedo = _made_up(model, people, rng)
        raster.set_look(albedo, guess.light)
        vertices = pose_vertices(model.shape(guess.identity, guess.expression), guess.rotation, guess.translation)
        drawn = raster.render(vertices)
        alpha = drawn[..., 3:] / np.float32(255)
        picture = drawn[..., :3] * alpha + behind[rng.integers(len(behind))] * (1 - alpha)
        landmarks = UNIT.project(vertices[model.landmark_vertices]).astype(np.float32)
        examples.append(Examples(np.rint(picture)[None].astype(np.uint8), landmarks[None], guess.coefficients[None],
                                 np.zeros(1, bool)))
    return Examples.joined(examples)


def _made_up(model: FaceModel, people: Sequence[TrackedPerson], rng: np.random.Generator) -> tuple[FaceEstimate, np.ndarray]:
    """Somebody in the middle of the window, and their skin (S, S, 3) uint8."""
    wearer, mover, lit = (people[rng.integers(len(people))] for _ in range(3))
    identity = rng.normal(0, 0.8, len(wearer.identity))
    if rng.random() < 0.5:
        texture, albedo = wearer.look.texture, wearer.look.albedo
        identity = 0.6 * identity + wearer.identity
    else:
        texture = rng.normal(0, 0.8, len(wearer.look.texture))
        albedo = albedo_texture(model, model.albedo(texture), _TEXTURE_SIDE)
    moved = mover.expression[rng.integers(len(mover.expression))]
    expression = rng.uniform(0.6, 1.5) * moved + rng.normal(0, 0.3, len(moved))
    rotation = rng.triangular(-1, 0, 1, 3) * _TURNS
    guess = FaceEstimate(UNIT, identity, expression, texture, rotation, _light(lit.look.light, rng),
                  np.array([0, 0, -DISTANCE_MM]))
    return _centred(model, guess), albedo


def _light(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A person's light (9, 3), brighter or darker, with more from some side."""
    side = np.concatenate([np.zeros((1, 1)), rng.normal(0, 0.35, (3, 1)), rng.normal(0, 0.12, (5, 1))])
    return (light * rng.uniform(0.7, 1.2) + side).astype(np.float32)


def _centred(model: FaceModel, guess: FaceEstimate) -> FaceEstimate:
    """The same person where their own five points put the window."""
    frame = Camera(FOCAL, 1, 1)
    crop = Deep3DCrop.around(five_points(guess.landmarks(model)) + 0.5)
    rotation, translation = crop.pose_from(frame, guess.rotation, guess.translation)
    return FaceEstimate(UNIT, guess.identity, guess.expression, guess.texture, rotation, guess.light, translation)
