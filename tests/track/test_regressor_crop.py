"""The regressor's window, and poses that go from its camera to the clip's and back."""

import cv2
import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.track.regressor.crop import DISTANCE_MM, FOCAL, REFERENCE, Deep3DCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points

CROP = Deep3DCrop(211.3, 97.8, 240.6)


def test_a_face_of_102_pixels_a_decimetre_has_a_window_of_224():
    points = REFERENCE[:, :2] * [102, -102] + [500, 300]
    crop = Deep3DCrop.around(points)
    assert np.allclose([crop.x, crop.y, crop.size], [500 - 112, 300 - 112, 224])


def test_the_published_camera_sees_what_the_window_does():
    rng = np.random.default_rng(0)
    vertices = rng.normal(0, 0.8, (50, 3))  # decimetres, the camera at z = 10
    depth = 10 - vertices[:, 2]
    u, v = 1015 * vertices[:, 0] / depth + 112, 224 - (1015 * vertices[:, 1] / depth + 112)
    ours = Deep3DCrop(0, 0, 224).project(vertices * 100 - [0, 0, DISTANCE_MM])
    assert np.allclose(ours, np.stack([u, v], 1))


def test_poses_come_back_from_the_clip_s_camera(known):
    rotation, translation = CROP.pose_from(known.camera, known.rotation, known.translation)
    again = CROP.pose_in(known.camera, rotation, translation)
    assert np.allclose(again[0], known.rotation) and np.allclose(again[1], known.translation)


def test_a_window_whose_camera_is_the_clip_s_changes_no_pose(known):
    size = 2 * min(known.camera.width, known.camera.height)
    camera = Camera(FOCAL * size, 640, 480)
    rotation, translation = Deep3DCrop(320 - size / 2, 240 - size / 2, size).pose_in(
        camera, known.rotation, known.translation
    )
    assert np.allclose(rotation, known.rotation) and np.allclose(translation, known.translation)


def test_known_coefficients_lie_where_they_were_drawn(known):
    """Only the perspective differs between the two cameras: a fraction of a pixel in the window's 224."""
    for frame in range(0, 40, 8):
        points = known.landmarks()[frame]
        crop = Deep3DCrop.around(five_points(points))
        pose = crop.pose_from(known.camera, known.rotation[frame], known.translation[frame])
        guess = FaceEstimate(crop, known.identity, known.expression[frame], np.zeros(80), pose[0], np.zeros((9, 3)), pose[1])
        seen = known.model.landmark_ids
        away = np.linalg.norm((guess.landmarks(known.model) - points)[seen, :2], axis=1) / crop.size * 224
        assert away.mean() < 0.7
        assert np.allclose(guess.pose(known.camera)[0], known.rotation[frame])


def test_what_is_cut_out_lies_where_the_window_says():
    picture = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(picture, (300, 200), 9, (255, 255, 255), -1)
    for resolution in (64, 224, 400):
        cut = CROP.cut(picture, resolution)[..., 0].astype(float)
        rows, columns = np.indices(cut.shape) + 0.5
        middle = np.array([(cut * columns).sum(), (cut * rows).sum()]) / cut.sum()
        assert np.allclose(middle / resolution * CROP.size + [CROP.x, CROP.y], [300.5, 200.5], atol=0.3)


def test_a_window_beyond_the_picture_repeats_its_edge():
    picture = np.full((20, 20, 3), 90, np.uint8)
    assert (Deep3DCrop(-30, 5, 60).cut(picture, 32) == 90).all()


def test_a_head_that_moves_through_the_picture_looks_the_same_in_its_window(known):
    camera, vertices = Camera(900, 640, 480), known.model.mean[::50]
    crop = Deep3DCrop(300, 150, 200)
    rotation, translation = crop.pose_in(camera, np.array([0.1, 0.3, -0.2]), np.array([4.0, -3, -1000]))
    pixels = camera.project(pose_vertices(vertices, rotation, translation))
    same = crop.project(pose_vertices(vertices, np.array([0.1, 0.3, -0.2]), np.array([4.0, -3, -1000])))
    assert np.linalg.norm(pixels - same, axis=1).mean() < 0.005 * crop.size
