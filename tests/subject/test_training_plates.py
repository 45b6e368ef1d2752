"""Training plates show other moments of the clip; each frame's grey level tells its number."""

import numpy as np
import pytest
from rendered_plates import CAMERA, CROP, FRONTAL, LOOKING_LEFT, OPEN, SIZE, expression

from headroom.common.errors import Cancelled
from headroom.face.camera import pose_vertices
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.plate.composite import crop_frame
from headroom.plate.match import pose_vectors
from headroom.subject.training_plates import training_plates
from headroom.track.track import Track

FPS, RESOLUTION = 25.0, 64
LANDMARKS = (13, 14, 468, 473, 151, 50, 280)
"""MediaPipe's, of mouth, irises, forehead and cheeks."""


def tracked(count):
    """Return a track of a moving head that speaks and looks around."""
    random = np.random.default_rng(0)
    rotation = np.radians(random.normal(0, 4, (count, 3)))
    translation = FRONTAL + random.normal(0, 4, (count, 3))
    expressions = np.stack([expression({OPEN: random.normal(), LOOKING_LEFT: random.normal()}) for _ in range(count)])
    return Track(FPS, CAMERA, CROP, np.zeros(80), np.zeros(80), AMBIENT, expressions, rotation, translation,
                 np.ones(count))


def numbered_frames(count):
    """Return flat frames whose level is four times their number."""
    return [np.full((SIZE, SIZE, 3), 4 * number, np.uint8) for number in range(count)]


def sources(track, plates, frame):
    """Return the numbers of the frames that the landmarks of a frame's plate and its corner come from."""
    model = bundled_model()
    vertices = [model.vertex_of(landmark) for landmark in LANDMARKS]
    points = model.mean[vertices] + model.expression_basis[vertices] @ track.expression[frame]
    posed = pose_vertices(points, track.rotation[frame], track.translation[frame])
    columns, rows = (CAMERA.project(posed) * RESOLUTION / SIZE).astype(int).T
    levels = np.concatenate([plates[frame, rows, columns, 0], plates[frame, 0, :1, 0]])
    return levels / 4


@pytest.fixture(scope="module")
def clip():
    """A track of 40 frames, in two of which no face was found, and its plates."""
    track = tracked(40)
    track.confidence[[5, 30]] = 0
    return track, training_plates(bundled_model(), track, numbered_frames(40), RESOLUTION)


def test_every_part_of_a_plate_comes_from_more_than_half_a_second_away(clip):
    track, plates = clip
    assert plates.shape == (40, RESOLUTION, RESOLUTION, 4) and plates.dtype == np.uint8
    radius = min(0.5 * FPS, 39 / 4)
    for frame in np.flatnonzero(track.confidence > 0):
        used = sources(track, plates, frame)
        assert (used == used.astype(int)).all() and (np.abs(used - frame) > radius).all()
        assert not set(used) & {5, 30}


def test_frames_without_a_face_have_no_plate(clip):
    track, plates = clip
    assert not plates[[5, 30]].any()
    assert all(plates[frame, ..., 3].any() for frame in np.flatnonzero(track.confidence > 0))


def test_some_plates_have_the_nearest_pose_and_others_do_not(clip):
    track, plates = clip
    poses = pose_vectors(track.performance.pose)
    nearest = []
    for frame in np.flatnonzero(track.confidence > 0):
        others = (np.abs(np.arange(40) - frame) > 39 / 4) & (track.confidence > 0)
        distance = np.where(others, np.linalg.norm(poses - poses[frame], axis=1), np.inf)
        nearest.append(sources(track, plates, frame)[-1] == np.argmin(distance))
    assert all(nearest[:7]) and 0.4 < np.mean(nearest) < 0.9


def test_mouth_and_eyes_come_from_other_plates_than_the_rest(clip):
    track, plates = clip
    used = np.stack([sources(track, plates, frame) for frame in np.flatnonzero(track.confidence > 0)])
    for part in (used[:, 0], used[:, 2]):
        assert (part != used[:, 4]).mean() > 0.5
    assert (used[:, 4] == used[:, -1]).all()


def test_half_a_second_is_left_out_of_a_long_clip():
    track, frames = tracked(60), numbered_frames(60)
    track.confidence[2:44] = 0  # frames 44 to 59 are nearer to each other than to 0 and 1
    plates = training_plates(bundled_model(), track, frames, RESOLUTION)
    for frame in np.flatnonzero(track.confidence > 0):
        assert (np.abs(sources(track, plates, frame) - frame) > 0.5 * FPS).all()


def test_a_clip_of_a_few_frames_has_plates_of_its_other_frames():
    track = tracked(4)
    plates = training_plates(bundled_model(), track, numbered_frames(4), RESOLUTION)
    for frame in range(4):
        used = sources(track, plates, frame)
        assert (used != frame).all()


def test_a_photo_gives_its_own_picture():
    photo = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    track = tracked(1)
    plates = training_plates(bundled_model(), track, [photo], SIZE)
    assert np.abs(plates[0, ..., :3].astype(int) - crop_frame(photo, track.crop, SIZE)).max() <= 2
    assert (plates[0, ..., 3] > 250).mean() > 0.98


def test_the_same_clip_has_the_same_plates_again_and_can_be_stopped():
    track = tracked(3)
    first, again = (training_plates(bundled_model(), track, numbered_frames(3), RESOLUTION) for _ in range(2))
    assert np.array_equal(first, again)

    def stop(fraction, message):
        raise Cancelled

    with pytest.raises(Cancelled):
        training_plates(bundled_model(), track, numbered_frames(3), RESOLUTION, stop)
