"""The fit to landmarks recovers known coefficients."""

import numpy as np
import pytest

from headroom.face.alignment import aligned
from headroom.face.camera import Camera, rotation_matrix
from headroom.track.solve.landmark_fit import fit_clip, fit_motion
from headroom.track.solve.tracker_input import TrackerInput


def angles_between(a, b):
    """(T,) degrees between rotations (T, 3)."""
    relative = rotation_matrix(a) @ np.swapaxes(rotation_matrix(b), 1, 2)
    return np.degrees(np.arccos(np.clip((np.trace(relative, axis1=1, axis2=2) - 1) / 2, -1, 1)))


def fit_with_known_face(person, points):
    return fit_motion(person.model, person.clip(points), person.camera, person.identity)


def test_pose_expression_and_identity_are_recovered(person):
    fit = fit_clip(person.model, person.clip(), person.size)
    assert angles_between(fit.rotation, person.rotation).mean() < 1.0
    assert np.nanmean(fit.error) < 0.01
    neutral, target = person.model.shape(fit.identity), person.model.shape(person.identity)
    distance = np.linalg.norm(aligned(neutral.astype(float), target.astype(float)) - target, axis=1)
    assert distance.mean() < 1.6


def test_expression_is_recovered_with_known_camera_and_identity(person):
    fit = fit_with_known_face(person, person.landmarks())
    fitted = person.model.shape(person.identity, fit.expression)
    target = person.model.shape(person.identity, person.expression)
    assert np.linalg.norm(fitted - target, axis=2).mean() < 1.0
    assert angles_between(fit.rotation, person.rotation).mean() < 0.5


def test_frames_without_a_face_are_interpolated(person):
    landmarks = person.landmarks()
    landmarks[15:19] = np.nan
    fit = fit_with_known_face(person, landmarks)
    assert np.isnan(fit.error[15:19]).all() and np.isfinite(fit.error[:15]).all()
    assert angles_between(fit.rotation, person.rotation)[15:19].max() < 6
    steps = np.abs(np.diff(fit.rotation, axis=0)).max(1)
    assert steps[14:19].max() < 2 * np.delete(steps, np.arange(14, 19)).max() and np.isfinite(fit.expression).all()


def test_one_noisy_frame_does_not_change_its_neighbours(person):
    landmarks = person.landmarks()
    noisy = landmarks.copy()
    noisy[20, :, 0] += np.random.default_rng(0).normal(0, 25, 478)
    clean_fit, noisy_fit = (fit_with_known_face(person, points) for points in (landmarks, noisy))
    assert angles_between(clean_fit.rotation, noisy_fit.rotation)[[17, 18, 22, 23]].max() < 0.5


def test_landmark_noise_does_not_shake_a_still_head(person):
    still = person.landmarks()[:1].repeat(40, 0)
    noise = np.random.default_rng(1).normal(0, 0.004 * 70, still.shape)
    fit = fit_with_known_face(person, (still + noise).astype(np.float32))
    assert np.degrees(np.abs(np.diff(fit.rotation, 2, axis=0))).mean() < 0.08


def test_the_frame_rate_does_not_change_the_fit(person):
    landmarks = person.landmarks()
    slow = fit_with_known_face(person, landmarks)
    doubled = TrackerInput((), np.repeat(landmarks, 2, axis=0), 50.0)
    fast = fit_motion(person.model, doubled, person.camera, person.identity)
    assert angles_between(slow.rotation, fast.rotation[::2]).mean() < 0.3


def test_the_focal_length_is_recovered_from_a_turning_head(person):
    fit = fit_clip(person.model, person.clip(), person.size)
    assert abs(np.log(fit.camera.focal_px / person.camera.focal_px)) < 0.25


@pytest.mark.parametrize("defect", ["swapped", "collapsed", "far away"])
def test_frames_with_bad_landmarks_do_not_change_other_frames(person, defect):
    landmarks = person.landmarks()
    bad = landmarks.copy()
    for frame in (12, 27):
        bad[frame] = {"swapped": bad[frame][::-1], "collapsed": bad[frame].mean(0, keepdims=True),
                      "far away": bad[frame] + [150, 60, 0]}[defect]
    clean_fit, bad_fit = (fit_with_known_face(person, points) for points in (landmarks, bad))
    others = [frame for frame in range(40) if min(abs(frame - 12), abs(frame - 27)) >= 2]
    assert angles_between(clean_fit.rotation, bad_fit.rotation)[others].max() < 0.5
    difference = (clean_fit.expression - bad_fit.expression)[others] @ person.model.expression_basis.reshape(-1, 64).T
    assert np.linalg.norm(difference.reshape(len(others), -1, 3), axis=2).mean(1).max() < 0.5


def test_a_fit_through_another_camera_keeps_the_heads_size(person):
    fit = fit_clip(person.model, person.clip(), person.size)
    other = fit.through(Camera(2 * fit.camera.focal_px, *person.size), fit.identity)
    scale = [f.camera.focal_px / -f.translation[:, 2] for f in (fit, other)]
    assert np.allclose(*scale)
