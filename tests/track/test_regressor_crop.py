"""The regressor's crop, and poses converted between its camera and the clip's."""

import cv2
import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.track.regressor.crop import DISTANCE_MM, FOCAL, REFERENCE, RegressorCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points

CROP = RegressorCrop(211.3, 97.8, 240.6)


def test_a_face_of_102_pixels_a_decimetre_has_a_crop_of_224_pixels():
    points = REFERENCE[:, :2] * [102, -102] + [500, 300]
    crop = RegressorCrop.around(points)
    assert np.allclose([crop.x, crop.y, crop.size], [500 - 112, 300 - 112, 224])


def test_the_crops_camera_is_the_published_one():
    rng = np.random.default_rng(0)
    vertices = rng.normal(0, 0.8, (50, 3))  # decimetres, the camera at z = 10
    depth = 10 - vertices[:, 2]
    u, v = 1015 * vertices[:, 0] / depth + 112, 224 - (1015 * vertices[:, 1] / depth + 112)
    pixels = RegressorCrop(0, 0, 224).project(vertices * 100 - [0, 0, DISTANCE_MM])
    assert np.allclose(pixels, np.stack([u, v], 1))


def test_poses_round_trip_through_the_clips_camera(person):
    rotation, translation = CROP.pose_from(person.camera, person.rotation, person.translation)
    again = CROP.pose_in(person.camera, rotation, translation)
    assert np.allclose(again[0], person.rotation) and np.allclose(again[1], person.translation)


def test_a_crop_with_the_clips_camera_changes_no_pose(person):
    size = 2 * min(person.camera.width, person.camera.height)
    camera = Camera(FOCAL * size, 640, 480)
    rotation, translation = RegressorCrop(320 - size / 2, 240 - size / 2, size).pose_in(
        camera, person.rotation, person.translation
    )
    assert np.allclose(rotation, person.rotation) and np.allclose(translation, person.translation)


def test_converted_coefficients_project_to_the_clips_landmarks(person):
    """The perspective of the two cameras differs by a fraction of the crop's 224 pixels."""
    for frame in range(0, 40, 8):
        points = person.landmarks()[frame]
        crop = RegressorCrop.around(five_points(points))
        pose = crop.pose_from(person.camera, person.rotation[frame], person.translation[frame])
        estimate = FaceEstimate(crop, person.identity, person.expression[frame], np.zeros(80), pose[0],
                                np.zeros((9, 3)), pose[1])
        ids = person.model.landmark_ids
        away = np.linalg.norm((estimate.landmarks(person.model) - points)[ids, :2], axis=1) / crop.size * 224
        assert away.mean() < 0.7
        assert np.allclose(estimate.pose(person.camera)[0], person.rotation[frame])


def test_the_cut_picture_shows_the_cropped_part():
    picture = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(picture, (300, 200), 9, (255, 255, 255), -1)
    for resolution in (64, 224, 400):
        cut = CROP.cut(picture, resolution)[..., 0].astype(float)
        rows, columns = np.indices(cut.shape) + 0.5
        middle = np.array([(cut * columns).sum(), (cut * rows).sum()]) / cut.sum()
        assert np.allclose(middle / resolution * CROP.size + [CROP.x, CROP.y], [300.5, 200.5], atol=0.3)


def test_a_crop_beyond_the_picture_repeats_its_edge():
    picture = np.full((20, 20, 3), 90, np.uint8)
    assert (RegressorCrop(-30, 5, 60).cut(picture, 32) == 90).all()


def test_a_converted_pose_looks_the_same(person):
    camera, vertices = Camera(900, 640, 480), person.model.mean[::50]
    crop = RegressorCrop(300, 150, 200)
    rotation, translation = crop.pose_in(camera, np.array([0.1, 0.3, -0.2]), np.array([4.0, -3, -1000]))
    pixels = camera.project(pose_vertices(vertices, rotation, translation))
    same = crop.project(pose_vertices(vertices, np.array([0.1, 0.3, -0.2]), np.array([4.0, -3, -1000])))
    assert np.linalg.norm(pixels - same, axis=1).mean() < 0.005 * crop.size
