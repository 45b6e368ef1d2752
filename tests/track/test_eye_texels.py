"""Gaze and the eyeballs' texture are recovered from known ones."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from synthetic_person import SyntheticPerson

from headroom.face.camera import Crop
from headroom.face.eyeballs import TEXTURE_CENTRES, TEXTURE_RADIUS
from headroom.face.light import AMBIENT
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture
from headroom.face.topology import LEFT_IRIS, RIGHT_IRIS
from headroom.track.appearance.albedo import averaged_albedo
from headroom.track.solve.fit import Fit
from headroom.track.solve.landmark_fit import fit_clip

FRAMES = 30


@pytest.fixture(scope="module")
def looking(person):
    """The synthetic person with a still face and a moving gaze."""
    expression = np.zeros((FRAMES, 64))
    left, up = person.model.gaze_modes
    expression[:, left] = np.linspace(-1.5, 1.5, FRAMES)
    expression[:, up] = 0.5 * np.sin(np.arange(FRAMES) / 4)
    return replace(person, expression=expression, rotation=person.rotation[:FRAMES],
                   translation=person.translation[:FRAMES])


def fit_of(person: SyntheticPerson):
    """The known coefficients as a fit."""
    return Fit(person.camera, person.identity, person.expression, person.rotation, person.translation,
               np.full(FRAMES, 0.01))


def test_gaze_is_recovered_from_exact_landmarks(looking):
    fit = fit_clip(looking.model, looking.clip(), looking.size)
    for number in looking.model.gaze_modes:
        assert np.corrcoef(fit.expression[:, number], looking.expression[:, number])[0, 1] > 0.95
    left = looking.model.gaze_modes[0]
    assert np.polyfit(looking.expression[:, left], fit.expression[:, left], 1)[0] == pytest.approx(1, abs=0.1)


def test_misplaced_irises_change_the_gaze_and_nothing_else(looking):
    points = looking.landmarks()
    moved = points.copy()
    moved[:, [RIGHT_IRIS, LEFT_IRIS], 0] += 4.0
    first, second = (fit_clip(looking.model, looking.clip(p), looking.size) for p in (points, moved))
    left = looking.model.gaze_modes[0]
    assert (second.expression[:, left] - first.expression[:, left]).min() > 0.5
    # not exactly zero, because the gaze modes also move the lids
    assert np.abs(np.degrees(second.rotation - first.rotation)).max() < 0.6
    assert np.abs(second.identity - first.identity).max() < 0.6


def test_the_iris_of_a_closed_eye_is_ignored(looking):
    """The landmark network puts the iris of a closed eye somewhere on its lid."""
    points = looking.landmarks()
    shut = points.copy()
    closed = slice(12, 16)
    for upper, lower in (((159, 158, 160), (145, 153, 144)), ((386, 385, 387), (374, 380, 373))):
        shut[closed, upper] = points[closed, lower]
    shut[closed, RIGHT_IRIS, :2] += [9, 6]
    shut[closed, LEFT_IRIS, :2] += [9, 6]
    left = looking.model.gaze_modes[0]
    gaze = fit_clip(looking.model, looking.clip(shut), looking.size).expression[:, left]
    assert np.abs(gaze[closed] - looking.expression[closed, left]).max() < 0.3


def test_irises_return_to_their_position_in_the_texture(looking):
    """A green right and a blue left iris in white eyeballs."""
    model = looking.model
    painted = albedo_texture(model, np.maximum(model.albedo(np.zeros(80)), 0.05), 512)
    for centre, colour in zip(TEXTURE_CENTRES, ((20, 160, 30), (30, 60, 200))):
        at = (round(centre[0] * 512), round((1 - centre[1]) * 512))
        cv2.circle(painted, at, round(TEXTURE_RADIUS * 512), (225, 225, 225), -1)
        cv2.circle(painted, at, round(TEXTURE_RADIUS * 512 * 0.3), colour, -1)
    raster = Rasterizer(model, looking.camera, Crop(80, 0, 480), 480)
    raster.set_appearance(painted, AMBIENT)
    frames = []
    for frame in range(FRAMES):
        picture = np.full((480, 640, 3), 90, np.uint8)
        render = raster.render(looking.vertices(frame))
        picture[:, 80:560] = np.where(render[..., 3:] > 127, render[..., :3], 90)
        frames.append(picture)
    albedo = averaged_albedo(model, fit_of(looking), frames, np.zeros(80), AMBIENT).astype(int)
    for centre, colour in zip(TEXTURE_CENTRES, ((20, 160, 30), (30, 60, 200))):
        u, v = round(centre[0] * 512), round((1 - centre[1]) * 512)
        assert np.abs(albedo[v, u] - colour).max() < 20
        white = round(TEXTURE_RADIUS * 512 * 0.45)
        assert np.abs(albedo[v, u - white] - 225).max() < 30 and np.abs(albedo[v, u + white] - 225).max() < 30
        # texels that the lids always hide have the colour of their ring
        assert np.abs(albedo[v - white, u] - 225).max() < 45


def test_red_lids_leave_the_eyeballs_white(looking):
    model = looking.model
    painted = np.full((512, 512, 3), (200, 20, 20), np.uint8)
    for centre in TEXTURE_CENTRES:
        at = (round(centre[0] * 512), round((1 - centre[1]) * 512))
        cv2.circle(painted, at, round(TEXTURE_RADIUS * 512), (220, 220, 220), -1)
    raster = Rasterizer(model, looking.camera, Crop(80, 0, 480), 480)
    raster.set_appearance(painted, AMBIENT)
    frames = []
    for frame in range(FRAMES):
        picture = np.zeros((480, 640, 3), np.uint8)
        picture[:, 80:560] = raster.render(looking.vertices(frame))[..., :3]
        frames.append(picture)
    albedo = averaged_albedo(model, fit_of(looking), frames, np.zeros(80), AMBIENT).astype(int)
    for centre in TEXTURE_CENTRES:
        u, v = round(centre[0] * 512), round((1 - centre[1]) * 512)
        around = albedo[v - 20 : v + 21, u - 20 : u + 21]
        redness = around[..., 0] - around[..., 1]
        assert np.median(redness) < 30 and np.mean(redness > 60) < 0.1
