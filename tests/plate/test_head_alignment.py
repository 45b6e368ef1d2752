"""Poses of a head by all that turns with it: found again where they were disturbed, and only where something tells."""

from dataclasses import replace

import numpy as np
import pytest
from smooth_face import smooth_face
from turning_head import NOBODY, PERSON, skin, turning

from headroom.plate.head_alignment import find_head_detail
from headroom.plate.head_surface import HeadSurface
from headroom.plate.head_views import HeadViews

TURNS = np.radians([(pitch, yaw, 0) for pitch in (-4, 0, 4) for yaw in (-6, -2, 2, 6)])
SURFACE = HeadSurface.of(smooth_face())


def views_of(picture: np.ndarray, matte: np.ndarray = PERSON, light: float = 1.0) -> HeadViews:
    """Return frames of a head with a known surface that turns; light: factor of every second one's brightness."""
    views = turning(SURFACE, np.degrees(TURNS), picture, matte)
    views.frames[::2] = [(frame * light).astype(np.uint8) for frame in views.frames[::2]]
    return views


def disturbed(views: HeadViews) -> HeadViews:
    """Return the views with poses that are wrong by 0.4 degrees and a millimetre (standard deviation)."""
    random = np.random.default_rng(1)
    return replace(views, rotation=views.rotation + random.normal(0, np.radians(0.4), (len(TURNS), 3)),
                   translation=views.translation + random.normal(0, 1, (len(TURNS), 3)))


def solved(information) -> np.ndarray:
    """Return the poses (T, 6) that the information alone gives."""
    step = np.linalg.solve(information.normal + 1e-6 * np.eye(6), information.right[..., None])[..., 0]
    return information.pose + step


def degrees_off(rotation: np.ndarray) -> float:
    """Return the root mean square error of rotations (T, 3), degrees."""
    return float(np.degrees(np.sqrt(np.mean((rotation - TURNS) ** 2))))


@pytest.mark.parametrize("light", [1.0, 0.7])
def test_disturbed_poses_are_found_again_whatever_the_light(light):
    views = views_of(skin(2), light=light)
    wrong = disturbed(views)
    found = solved(find_head_detail(SURFACE, views).align(wrong))
    assert degrees_off(wrong.rotation) > 0.3
    assert degrees_off(found[:, :3]) < 0.12


def test_poses_come_closer_where_only_disturbed_ones_are_known():
    wrong = disturbed(views_of(skin(2)))
    for _ in range(3):
        found = solved(find_head_detail(SURFACE, wrong).align(wrong))
        wrong = replace(wrong, rotation=found[:, :3], translation=found[:, 3:])
    errors = wrong.rotation - TURNS
    relative = errors - errors.mean(axis=0)  # what all poses share, the learned surface shares too
    assert np.degrees(relative.std()) < 0.15


def test_something_in_front_of_a_frame_moves_its_pose_little():
    views = views_of(skin(2))
    detail = find_head_detail(SURFACE, views)
    views.frames[5][100:240, 300:400] = np.random.default_rng(2).integers(0, 255, (140, 100, 3))
    found = solved(detail.align(views))
    assert degrees_off(found[:, :3]) < 0.15


def test_the_background_and_plain_surfaces_tell_nothing():
    textured, plain = views_of(skin(2)), views_of(np.full((480, 480, 3), 130, np.uint8))
    told = np.linalg.norm(find_head_detail(SURFACE, textured).align(textured).normal)
    assert np.linalg.norm(find_head_detail(SURFACE, plain).align(plain).normal) < 1e-6 * told
    hidden = views_of(skin(2), NOBODY)
    assert np.linalg.norm(find_head_detail(SURFACE, hidden).align(hidden).normal) == 0


def test_frames_without_a_face_have_no_information():
    views = views_of(skin(2))
    some = replace(views, usable=np.arange(len(TURNS)) < 6)
    information = find_head_detail(SURFACE, some).align(some)
    assert (np.abs(information.normal).sum(axis=(1, 2)) > 0).tolist() == some.usable.tolist()
    assert find_head_detail(SURFACE, replace(views, usable=np.arange(len(TURNS)) < 3)) is None
