"""Reprojected plates against pictures of the same face drawn in the wanted pose and expression."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from rendered_plates import (
    BACKGROUND,
    CAMERA,
    FRONTAL,
    LOOKING_LEFT,
    LOOKING_UP,
    OPEN,
    SIZE,
    SMILING,
    Scene,
    expression,
    psnr,
)

from headroom.face.camera import Crop
from headroom.face.light import AMBIENT
from headroom.plate.layers import BackgroundLayers
from headroom.plate.reprojection import FaceMaps, FaceReprojector, FaceSource
from headroom.plate.warp import HeadMotion, head_displacement
from headroom.subject.track_plates import head_surface, plates_of_track

ASIDE = FRONTAL + np.array([3000, 0, 0])
NEUTRAL = ((0, 0, 0), FRONTAL, expression())
SPEAKING, ASKANCE = expression({OPEN: 1.5}), expression({LOOKING_LEFT: 1.5})
SOURCES = [NEUTRAL, ((0, 3, 0), FRONTAL, SPEAKING), ((2, 0, 0), FRONTAL, ASKANCE), ((0, 12, 0), FRONTAL, SPEAKING),
           ((4, 0, 0), FRONTAL, ASKANCE)]
"""A neutral face, and mouth and gaze each in a near and in a farther pose."""
MOUTH, EYES, ELSEWHERE = (13, 14, 61, 291), (468, 473), (151, 50, 280, 4)
"""MediaPipe's landmarks."""


@pytest.fixture(scope="module")
def neutral():
    return Scene([NEUTRAL])


@pytest.fixture
def levels():
    """A scene whose plates are flat, each of a level of its own, which tells where a pixel comes from."""
    scene = Scene(SOURCES)
    for number, frame in enumerate(scene.frames):
        frame[:] = 40 + 30 * number
    return scene


def at_landmarks(scene, picture, wanted, landmarks):
    """Return what a picture of the frame shows at some landmarks of a face: (L, ...)."""
    vertices = wanted.vertices[[scene.model.vertex_of(landmark) for landmark in landmarks]]
    columns, rows = scene.camera.project(vertices).astype(int).T
    return picture[rows, columns]


def sources_at(scene, plate, wanted, landmarks):
    """Return the set of plates that the pixels at some landmarks come from."""
    return set(((at_landmarks(scene, plate.picture, wanted, landmarks)[:, 0] - 40.0) / 30).tolist())


@pytest.mark.parametrize("modes", [{}, {OPEN: 1.0, SMILING: 1.0}, {OPEN: -1.0, LOOKING_UP: 1.0}])
@pytest.mark.parametrize("rotation", [(0, 0, 0), (3, 8, 2), (-5, -10, 4)])
def test_a_reprojected_plate_is_the_picture_of_the_wanted_pose_and_expression(neutral, rotation, modes):
    wanted = neutral.wanted(rotation, FRONTAL + np.array([6, -4, 20]), modes)
    truth, made = neutral.picture(wanted.vertices), neutral.plates.reprojected(0, wanted)
    shown = neutral.face(wanted.vertices) & (made.valid > 250)
    assert shown.sum() > 0.9 * neutral.face(wanted.vertices).sum()
    assert psnr(made.picture, truth, shown) > 36
    warped = neutral.plates.warped(0, wanted.pose).picture
    assert not modes or psnr(made.picture, truth, shown) > psnr(warped, truth, shown) + 6


def test_a_face_reprojected_to_itself_is_its_plate(neutral):
    made = neutral.plates.reprojected(0, neutral.wanted((0, 0, 0)))
    assert np.abs(made.picture.astype(int) - neutral.frames[0]).max() <= 2


def test_reprojecting_leaves_the_plates_themselves_unchanged(neutral):
    before = neutral.frames[0].copy()
    for rotation in ((0, 0, 0), (0, 5, 0)):
        neutral.plates.reprojected(0, neutral.wanted(rotation, modes={OPEN: 1.0}))
    assert np.array_equal(neutral.frames[0], before)


def test_skin_that_turns_towards_the_light_gets_brighter():
    light = AMBIENT.copy()
    light[3] += 0.8  # from the right
    scene = Scene([NEUTRAL], light, albedo=np.full((8, 8, 3), 140, np.uint8))
    wanted = scene.wanted((0, 14, 0))
    truth, made = scene.picture(wanted.vertices), scene.plates.reprojected(0, wanted)
    shown = scene.face(wanted.vertices) & (made.valid > 250)
    unlit = plates_of_track(scene.model, replace(scene.track, light=AMBIENT), scene.plates.layers, SIZE)
    assert psnr(unlit.reprojected(0, wanted).picture, truth, shown) < 30  # the light matters
    assert psnr(made.picture, truth, shown) > 42


def test_a_cheek_that_the_plate_shows_turned_away_is_not_valid():
    left, right = (50, 117, 123), (280, 346, 352)  # of the picture
    for yaw, shown, hidden in ((45, left, right), (-45, right, left)):
        scene = Scene([((0, yaw, 0), FRONTAL, expression())])
        wanted = scene.wanted((0, 0, 0))
        valid = scene.plates.reprojected(0, wanted).valid
        assert (at_landmarks(scene, valid, wanted, shown) == 255).all()
        assert (at_landmarks(scene, valid, wanted, hidden) < 30).all()
        assert (valid[:20] == 255).all()  # around the face the plate is what it is


def test_mouth_and_eyes_come_from_the_nearest_plates_that_show_them_and_the_rest_from_the_matched_one(levels):
    wanted = levels.wanted((0, 0, 0), modes={OPEN: 1.5, LOOKING_LEFT: 1.5})
    for matched in (0, 3):
        made = levels.plates.reprojected(matched, wanted)
        assert sources_at(levels, made, wanted, MOUTH) == {1}
        assert sources_at(levels, made, wanted, EYES) == {2}
        assert sources_at(levels, made, wanted, ELSEWHERE) == {matched}


def test_mouth_and_eyes_come_only_from_plates_that_are_allowed_and_show_a_face(levels):
    wanted = levels.wanted((0, 0, 0), modes={OPEN: 1.5, LOOKING_LEFT: 1.5})
    made = levels.plates.reprojected(0, wanted, np.array([True, False, False, True, True]))
    assert sources_at(levels, made, wanted, MOUTH) == {3} and sources_at(levels, made, wanted, EYES) == {4}
    levels.track.confidence[1:] = 0
    faceless = plates_of_track(levels.model, levels.track, levels.plates.layers, SIZE)
    made = faceless.reprojected(0, wanted)
    assert sources_at(levels, made, wanted, [*MOUTH, *EYES, *ELSEWHERE]) == {0}


def test_with_the_mouth_of_another_plate_its_inside_is_valid():
    wanted_modes = {OPEN: 1.5}
    open_mouth = ((0, 3, 0), FRONTAL, expression(wanted_modes))
    for faces, inside_is_valid in (([NEUTRAL], False), ([NEUTRAL, open_mouth], True)):
        scene = Scene(faces)
        wanted = scene.wanted((0, 0, 0), modes=wanted_modes)
        lips = scene.camera.project(wanted.vertices[[scene.model.vertex_of(landmark) for landmark in (13, 14)]])
        column, row = lips.mean(axis=0).astype(int)
        assert (scene.plates.reprojected(0, wanted).valid[row, column] > 200) == inside_is_valid


def test_what_the_nose_hides_in_the_plate_is_not_valid():
    scene = Scene([((0, 35, 0), FRONTAL, expression())])
    wanted = scene.wanted((0, 0, 0), FRONTAL, {})
    made, reprojector = scene.plates.reprojected(0, wanted), FaceReprojector(
        scene.model, CAMERA, scene.crop, AMBIENT, SIZE)
    unchecked = reprojector.projected(scene.plates.faces.vertices(0))
    turned_away = reprojector.draw(reprojector.projected(wanted.vertices), [FaceSource(unchecked)]).valid < 200
    error = np.abs(scene.picture(wanted.vertices).astype(int) - made.picture).mean(axis=2)
    hidden = (made.valid < 100) & ~turned_away
    assert hidden.sum() > 50 and error[hidden].mean() > 10 * error[made.valid > 200].mean()


def test_a_face_in_the_same_pose_hides_nothing_of_itself():
    scene = Scene([((0, 35, 0), FRONTAL, expression())])
    assert (scene.plates.reprojected(0, scene.wanted((0, 35, 0), FRONTAL, {})).valid > 200).mean() > 0.995


def test_around_the_face_the_picture_follows_the_chin_and_stays_at_the_crops_border():
    at = FRONTAL * [1, 1, 1.5]
    scene = Scene([((0, 0, 0), at, expression())], crop=Crop(28, 28, 200))
    wanted = scene.wanted((0, 0, 0), at, {OPEN: 3.0})
    reprojector = FaceReprojector(scene.model, CAMERA, scene.crop, AMBIENT, SIZE)
    plate = reprojector.projected(scene.track.vertices(scene.model, 0))
    maps = reprojector.draw(reprojector.projected(wanted.vertices), [FaceSource(plate)])
    around = maps.surrounding(lambda points: np.zeros_like(points))
    chin, before = (scene.camera.project(vertices[[[scene.model.vertex_of(152)]]])
                    for vertices in (wanted.vertices, scene.track.vertices(scene.model, 0)))
    drop = chin[0, 0, 1] - before[0, 0, 1]
    assert drop > 3 and around.at(chin + np.array([0, 3]))[0, 0, 1] < -0.5 * drop  # below the chin it comes from above
    steps = np.linspace(0, scene.crop.size, 60)
    left, top, size = scene.crop.x, scene.crop.y, scene.crop.size
    border = np.stack([np.concatenate([left + steps, left + steps, 0 * steps + left, 0 * steps + left + size]),
                       np.concatenate([0 * steps + top, 0 * steps + top + size, top + steps, top + steps])], axis=-1)
    assert not around.at(border[None]).any() and not around.at(border[None] + np.array([0, 500])).any()


def test_pixels_that_nothing_moves_are_the_plates_own_bit_for_bit():
    far = FRONTAL * [1, 1, 2]
    scene = Scene([((0, 0, 0), far, expression())], crop=Crop(77, 77, 102))
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    background = (scene.frames[0] == BACKGROUND).all(axis=2)
    scene.frames[0][background] = noise[background]
    outside = np.ones((SIZE, SIZE), bool)
    outside[73:183, 73:183] = False  # the crop, and a step of the warp's grid
    made = scene.plates.reprojected(0, scene.wanted((0, 0, 0), far, {OPEN: 2.0})).picture
    assert np.array_equal(made[outside], scene.frames[0][outside])
    assert not np.array_equal(made, scene.frames[0])
    turned = scene.wanted((0, 8, 0), far, {OPEN: 2.0})
    made = scene.plates.reprojected(0, turned).picture
    assert np.array_equal(made[:, [0, 1, -2, -1]], scene.frames[0][:, [0, 1, -2, -1]])
    around = outside & (np.abs(np.arange(SIZE) - 128) < 100)[:, None] & (np.abs(np.arange(SIZE) - 128) < 80)
    warped = scene.plates.warped(0, turned.pose).picture  # outside of the crop only the pose moves anything
    assert np.array_equal(made[around], warped[around]) and not np.array_equal(warped[around], scene.frames[0][around])


def test_a_crop_that_reaches_beyond_the_frame_gives_the_same_face():
    at_the_edge = FRONTAL - np.array([95, 0, 0])
    scene = Scene([((0, 0, 0), at_the_edge, expression())], crop=Crop(-110, -30, 310))
    wanted = scene.wanted((2, -6, 0), at_the_edge - np.array([6, 0, 0]), {OPEN: 0.7})
    truth, made = scene.picture(wanted.vertices), scene.plates.reprojected(0, wanted)
    shown = scene.face(wanted.vertices)
    assert 2000 < shown.sum() and shown[:, 8].any()
    assert psnr(made.picture, truth, shown) > 28
    assert psnr(made.picture, truth, shown) > psnr(scene.plates.warped(0, wanted.pose).picture, truth, shown) + 6


@pytest.mark.parametrize("before, after", [(FRONTAL, ASIDE), (ASIDE, FRONTAL)])
def test_a_face_outside_the_frame_is_no_error(before, after):
    scene = Scene([((0, 0, 0), before, expression())])
    made = scene.plates.reprojected(0, scene.wanted((0, 0, 0), after, {OPEN: 1.0}))
    assert made.picture.shape == (SIZE, SIZE, 3) and made.valid.shape == (SIZE, SIZE)
    if after[0] > 1000:
        assert np.array_equal(made.picture, scene.frames[0]) and made.picture is not scene.frames[0]


def test_without_an_expression_the_face_moves_as_its_surroundings_do(neutral):
    wanted = neutral.wanted((2, 5, -3))
    layers = BackgroundLayers(neutral.frames, CAMERA, head_surface(neutral.model, neutral.track))
    reprojector = FaceReprojector(neutral.model, CAMERA, neutral.crop, AMBIENT, SIZE)
    plate = reprojector.projected(neutral.plates.faces.vertices(0))
    maps = reprojector.draw(reprojector.projected(wanted.vertices), [FaceSource(plate)])
    motion = HeadMotion(neutral.plates.faces.pose(0), wanted.pose)
    around = maps.surrounding(lambda points: head_displacement(points, CAMERA, motion, layers.surface)[0])
    assert np.abs(around.displacement).max() < 2.5


def test_the_painted_face_is_that_of_a_loop_over_its_pixels():
    rng, crop, side = np.random.default_rng(0), Crop(4, -3, 50), 40
    plates = [cv2.GaussianBlur(rng.integers(0, 256, (60, 70, 3)).astype(np.uint8), (0, 0), 1.5) for _ in range(3)]
    y, x = np.mgrid[:side, :side] - side / 2
    covered = (np.hypot(x, y) < 15).astype(np.float32)
    maps = np.empty((3, side, side, 4), np.float32)
    maps[..., :2], maps[..., 2], maps[..., 3] = rng.normal(0, 3, (3, 1, 1, 2)), rng.uniform(0.8, 1.2), 1
    maps *= covered[..., None]
    shared = np.zeros((side, side, 4), np.float32)
    shared[..., 1], shared[..., 2] = covered * np.clip(x / 6, 0, 1), covered * np.clip(-x / 6, 0, 1)
    face, picture = FaceMaps(crop, maps, shared), np.full((60, 70, 3), 90, np.uint8)
    before = picture.copy()
    face.paint(plates, picture)
    opaque, checked = face.opaque(picture.shape), 0
    for row, column in np.ndindex(60, 70):
        place = [np.array([[(at + 0.5 - start) * side / crop.size - 0.5]], np.float32)
                 for at, start in ((column, crop.x), (row, crop.y))]

        def between(plane, place=place):
            return float(cv2.remap(np.ascontiguousarray(plane), *place, cv2.INTER_LINEAR)[0, 0])

        alpha = between(face._alpha)
        if alpha == 0:
            assert np.array_equal(picture[row, column], before[row, column]) and not opaque[row, column]
            continue
        coverage = between(maps[0, ..., 3])
        colour = np.zeros(3)
        for number, plate in enumerate(plates):
            u, v, ratio = (between(maps[number, ..., k]) / coverage for k in range(3))
            own = cv2.remap(plate, np.float32([[column + u]]), np.float32([[row + v]]), cv2.INTER_CUBIC,
                            borderMode=cv2.BORDER_REPLICATE)[0, 0]
            colour += (between(shared[..., number]) / coverage if number else 1) * (ratio * own - colour)
        expected = 90 + alpha * (np.clip(colour, 0, 255) - 90)
        assert np.abs(picture[row, column] - expected).max() < 4
        checked += 1
    assert checked > 400 and opaque.sum() > 200
