"""Where people look, and what their eyeballs look like, found in what is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from known_person import Known

from headroom.face.camera import Crop
from headroom.face.eyeballs import TEXTURE_CENTRES, TEXTURE_RADIUS
from headroom.face.light import AMBIENT
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture
from headroom.face.topology import LEFT_IRIS, RIGHT_IRIS
from headroom.track.appearance.albedo import averaged_albedo
from headroom.track.solve.fit import Fit, fit_clip

FRAMES = 30


@pytest.fixture(scope="module")
def looking(known):
    """The known person with a still face, looking about."""
    expression = np.zeros((FRAMES, 64))
    left, up = known.model.gaze_modes
    expression[:, left] = np.linspace(-1.5, 1.5, FRAMES)
    expression[:, up] = 0.5 * np.sin(np.arange(FRAMES) / 4)
    return replace_motion(known, expression)


def replace_motion(known, expression) -> Known:
    return replace(known, expression=expression, rotation=known.rotation[:FRAMES],
                   translation=known.translation[:FRAMES])


def test_gaze_is_found_in_exact_landmarks(looking):
    fit = fit_clip(looking.model, looking.landmarks(), 25.0, 640, 480)
    for number in looking.model.gaze_modes:
        found, true = fit.expression[:, number], looking.expression[:, number]
        assert np.corrcoef(found, true)[0, 1] > 0.95
    left = looking.model.gaze_modes[0]
    assert np.polyfit(looking.expression[:, left], fit.expression[:, left], 1)[0] == pytest.approx(1, abs=0.1)


def test_misplaced_irises_change_the_gaze_and_nothing_else(looking):
    points = looking.landmarks()
    moved = points.copy()
    moved[:, [RIGHT_IRIS, LEFT_IRIS], 0] += 4.0
    first, second = (fit_clip(looking.model, p, 25.0, 640, 480) for p in (points, moved))
    left = looking.model.gaze_modes[0]
    assert (second.expression[:, left] - first.expression[:, left]).min() > 0.5
    # what lids do as eyes turn keeps it from being nothing at all
    assert np.abs(np.degrees(second.rotation - first.rotation)).max() < 0.6
    assert np.abs(second.identity - first.identity).max() < 0.6


def test_an_eye_that_is_shut_tells_no_gaze(looking):
    """The landmark network puts the iris of a shut eye somewhere on its lid."""
    points = looking.landmarks()
    lost = points.copy()
    shut = slice(12, 16)
    for upper, lower in (((159, 158, 160), (145, 153, 144)), ((386, 385, 387), (374, 380, 373))):
        lost[shut, upper] = points[shut, lower]
    lost[shut, RIGHT_IRIS, :2] += [9, 6]
    lost[shut, LEFT_IRIS, :2] += [9, 6]
    left = looking.model.gaze_modes[0]
    found = fit_clip(looking.model, lost, 25.0, 640, 480).expression[:, left]
    assert np.abs(found[shut] - looking.expression[shut, left]).max() < 0.3


def test_the_iris_is_collected_where_it_was_painted(looking):
    """A green right and a blue left iris in white eyeballs come back in their places of the texture."""
    model = looking.model
    painted = albedo_texture(model, np.maximum(model.albedo(np.zeros(80)), 0.05), 512)
    for centre, colour in zip(TEXTURE_CENTRES, ((20, 160, 30), (30, 60, 200))):
        at = (round(centre[0] * 512), round((1 - centre[1]) * 512))
        cv2.circle(painted, at, round(TEXTURE_RADIUS * 512), (225, 225, 225), -1)
        cv2.circle(painted, at, round(TEXTURE_RADIUS * 512 * 0.3), colour, -1)
    raster = Rasterizer(model, looking.camera, Crop(80, 0, 480), 480)
    raster.set_look(painted, AMBIENT)
    frames = []
    for frame in range(FRAMES):
        picture = np.full((480, 640, 3), 90, np.uint8)
        drawn = raster.render(looking.vertices(frame))
        picture[:, 80:560] = np.where(drawn[..., 3:] > 127, drawn[..., :3], 90)
        frames.append(picture)
    fit = Fit(looking.camera, looking.identity, looking.expression, looking.rotation, looking.translation,
              np.full(FRAMES, 0.01))
    found = averaged_albedo(model, fit, frames, np.zeros(80), AMBIENT).astype(int)
    for centre, colour in zip(TEXTURE_CENTRES, ((20, 160, 30), (30, 60, 200))):
        u, v = round(centre[0] * 512), round((1 - centre[1]) * 512)
        assert np.abs(found[v, u] - colour).max() < 20
        white = round(TEXTURE_RADIUS * 512 * 0.45)
        assert np.abs(found[v, u - white] - 225).max() < 30 and np.abs(found[v, u + white] - 225).max() < 30
        # what the lids always hide has the colour of its circle
        assert np.abs(found[v - white, u] - 225).max() < 45


def test_lids_do_not_get_into_the_eyeballs(looking):
    """Skin as red as can be leaves the eyeball's texture white."""
    model = looking.model
    painted = np.full((512, 512, 3), (200, 20, 20), np.uint8)
    for centre in TEXTURE_CENTRES:
        at = (round(centre[0] * 512), round((1 - centre[1]) * 512))
        cv2.circle(painted, at, round(TEXTURE_RADIUS * 512), (220, 220, 220), -1)
    raster = Rasterizer(model, looking.camera, Crop(80, 0, 480), 480)
    raster.set_look(painted, AMBIENT)
    frames = []
    for frame in range(FRAMES):
        picture = np.zeros((480, 640, 3), np.uint8)
        picture[:, 80:560] = raster.render(looking.vertices(frame))[..., :3]
        frames.append(picture)
    fit = Fit(looking.camera, looking.identity, looking.expression, looking.rotation, looking.translation,
              np.full(FRAMES, 0.01))
    found = averaged_albedo(model, fit, frames, np.zeros(80), AMBIENT).astype(int)
    for centre in TEXTURE_CENTRES:
        u, v = round(centre[0] * 512), round((1 - centre[1]) * 512)
        around = found[v - 20 : v + 21, u - 20 : u + 21]
        redness = around[..., 0] - around[..., 1]
        assert np.median(redness) < 30 and np.mean(redness > 60) < 0.1
