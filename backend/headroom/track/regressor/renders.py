"""Synthetic training examples: random people with known coefficients, rendered over pieces of real pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headroom.common.progress import Progress, no_progress
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture
from headroom.track.regressor.crop import DISTANCE_MM, FOCAL, RegressorCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points
from headroom.track.regressor.examples import MARGIN, UNIT_CROP, Examples, TrackedPerson

_MAX_ROTATION = np.radians([20.0, 35.0, 15.0])
"""Largest pitch, yaw and roll."""
_TEXTURE_SIDE = 256


def render_examples(
    model: FaceModel, people: Sequence[TrackedPerson], backgrounds: np.ndarray, count: int, rng: np.random.Generator,
    progress: Progress = no_progress,
) -> Examples:
    """Render `count` synthetic people over random backgrounds (K, S, S, 3) uint8, at the backgrounds' size.

    Half have the albedo texture of one of the tracked people, half a random one of the texture model.
    """
    side = backgrounds.shape[1]
    camera = Camera(FOCAL * side / MARGIN, side, side)
    raster = Rasterizer(model, camera, Crop(0, 0, side), side)
    examples = []
    for index in range(count):
        if index % 50 == 0:
            progress(index / count, "Rendering synthetic people")
        person, albedo = _random_person(model, people, rng)
        raster.set_appearance(albedo, person.light)
        vertices = pose_vertices(model.shape(person.identity, person.expression), person.rotation, person.translation)
        render = raster.render(vertices)
        alpha = render[..., 3:] / np.float32(255)
        picture = render[..., :3] * alpha + backgrounds[rng.integers(len(backgrounds))] * (1 - alpha)
        landmarks = UNIT_CROP.project(vertices[model.landmark_vertices]).astype(np.float32)
        examples.append(Examples(np.rint(picture)[None].astype(np.uint8), landmarks[None], person.coefficients[None],
                                 np.zeros(1, bool)))
    return Examples.joined(examples)


def _random_person(
    model: FaceModel, people: Sequence[TrackedPerson], rng: np.random.Generator
) -> tuple[FaceEstimate, np.ndarray]:
    """Return a random person in the middle of the crop, and their albedo texture (S, S, 3) uint8.

    Skin, expression and light come from three tracked people, each varied at random.
    """
    skin, motion, lit = (people[rng.integers(len(people))] for _ in range(3))
    identity = rng.normal(0, 0.8, len(skin.identity))
    if rng.random() < 0.5:
        texture, albedo = skin.appearance.texture, skin.appearance.albedo
        identity = 0.6 * identity + skin.identity
    else:
        texture = rng.normal(0, 0.8, len(skin.appearance.texture))
        albedo = albedo_texture(model, model.albedo(texture), _TEXTURE_SIDE)
    tracked = motion.expression[rng.integers(len(motion.expression))]
    expression = rng.uniform(0.6, 1.5) * tracked + rng.normal(0, 0.3, len(tracked))
    rotation = rng.triangular(-1, 0, 1, 3) * _MAX_ROTATION
    person = FaceEstimate(UNIT_CROP, identity, expression, texture, rotation,
                          _random_light(lit.appearance.light, rng), np.array([0, 0, -DISTANCE_MM]))
    return _centred(model, person), albedo


def _random_light(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a person's light (9, 3), brighter or darker, with more light from a random side."""
    side = np.concatenate([np.zeros((1, 1)), rng.normal(0, 0.35, (3, 1)), rng.normal(0, 0.12, (5, 1))])
    return (light * rng.uniform(0.7, 1.2) + side).astype(np.float32)


def _centred(model: FaceModel, person: FaceEstimate) -> FaceEstimate:
    """Return the person posed as in the crop around their own five points."""
    camera = Camera(FOCAL, 1, 1)
    crop = RegressorCrop.around(five_points(person.landmarks(model)) + 0.5)
    rotation, translation = crop.pose_from(camera, person.rotation, person.translation)
    return FaceEstimate(UNIT_CROP, person.identity, person.expression, person.texture, rotation, person.light,
                        translation)
