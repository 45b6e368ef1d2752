"""Camera and pose conventions of docs/architecture.md."""

import numpy as np

from headroom.face.camera import Camera, pose_vertices, rotation_and_derivatives, rotation_angles, rotation_matrix


def test_rotation_is_roll_after_yaw_after_pitch():
    pitch, yaw, roll = 0.2, -0.3, 0.5

    def about(axis, angle):
        matrix = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        matrix[a, a] = matrix[b, b] = np.cos(angle)
        matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
        return matrix

    expected = about(2, roll) @ about(1, yaw) @ about(0, pitch)
    assert np.allclose(rotation_matrix(np.array([pitch, yaw, roll])), expected)


def test_angles_round_trip_through_the_matrix():
    angles = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    assert np.allclose(rotation_angles(rotation_matrix(angles)), angles)


def test_derivatives_match_finite_differences():
    angles = np.random.default_rng(1).normal(0, 0.5, (4, 3))
    _, derivatives = rotation_and_derivatives(angles)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 1e-6
        numeric = (rotation_matrix(angles + step) - rotation_matrix(angles - step)) / 2e-6
        assert np.allclose(derivatives[:, axis], numeric, atol=1e-6)


def test_x_points_right_and_y_up_in_the_picture():
    camera = Camera(1000, 640, 480)
    assert np.allclose(camera.project(np.array([0, 0, -500.0])), [320, 240])
    assert np.allclose(camera.project(np.array([10.0, 0, -500])), [340, 240])
    assert np.allclose(camera.project(np.array([0, 10.0, -500])), [320, 220])


def test_a_pose_rotates_then_translates():
    vertices = np.random.default_rng(2).normal(size=(5, 3))
    rotation, translation = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2, 3])
    for vertex, posed in zip(vertices, pose_vertices(vertices, rotation, translation)):
        assert np.allclose(posed, rotation_matrix(rotation) @ vertex + translation)
