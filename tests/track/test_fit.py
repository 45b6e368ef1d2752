"""The joint fit finds coefficients that are known."""

import numpy as np
import pytest

from headroom.face.build import similarity
from headroom.face.camera import rotation_matrix
from headroom.track.solve.fit import fit_clip, fit_motion


def angles_between(a, b):
    """(T,) degrees between rotations (T, 3)."""
    relative = rotation_matrix(a) @ np.swapaxes(rotation_matrix(b), 1, 2)
    return np.degrees(np.arccos(np.clip((np.trace(relative, axis1=1, axis2=2) - 1) / 2, -1, 1)))


def test_pose_expression_and_identity_are_found(known):
    fit = fit_clip(known.model, known.landmarks(), 25.0, 640, 480)
    assert angles_between(fit.rotation, known.rotation).mean() < 1.0
    assert np.nanmean(fit.error) < 0.01
    neutral, truth = known.model.shape(fit.identity), known.model.shape(known.identity)
    scale, rotation, shift = similarity(neutral.astype(float), truth.astype(float), np.ones(len(truth)))
    assert np.linalg.norm(scale * neutral @ rotation.T + shift - truth, axis=1).mean() < 1.6


def test_expression_is_found_when_camera_and_identity_are_known(known):
    fit = fit_motion(known.model, known.landmarks(), 25.0, known.camera, known.identity)
    found = known.model.shape(known.identity, fit.expression)
    truth = known.model.shape(known.identity, known.expression)
    assert np.linalg.norm(found - truth, axis=2).mean() < 1.0
    assert angles_between(fit.rotation, known.rotation).mean() < 0.5


def test_lost_frames_are_carried_over(known):
    landmarks = known.landmarks()
    landmarks[15:19] = np.nan
    fit = fit_motion(known.model, landmarks, 25.0, known.camera, known.identity)
    assert np.isnan(fit.error[15:19]).all() and np.isfinite(fit.error[:15]).all()
    assert angles_between(fit.rotation, known.rotation)[15:19].max() < 6
    steps = np.abs(np.diff(fit.rotation, axis=0)).max(1)
    assert steps[14:19].max() < 2 * np.delete(steps, np.arange(14, 19)).max() and np.isfinite(fit.expression).all()


def test_one_wild_frame_does_not_pull_its_neighbours(known):
    landmarks = known.landmarks()
    wild = landmarks.copy()
    wild[20, :, 0] += np.random.default_rng(0).normal(0, 25, 478)
    clean = fit_motion(known.model, landmarks, 25.0, known.camera, known.identity)
    shaken = fit_motion(known.model, wild, 25.0, known.camera, known.identity)
    assert angles_between(clean.rotation, shaken.rotation)[[17, 18, 22, 23]].max() < 0.5


def test_landmark_noise_does_not_become_shaking(known):
    still = known.landmarks()[:1].repeat(40, 0)
    noise = np.random.default_rng(1).normal(0, 0.004 * 70, still.shape)
    fit = fit_motion(known.model, (still + noise).astype(np.float32), 25.0, known.camera, known.identity)
    assert np.degrees(np.abs(np.diff(fit.rotation, 2, axis=0))).mean() < 0.08


def test_the_rate_of_the_clip_does_not_matter(known):
    slow = fit_motion(known.model, known.landmarks(), 25.0, known.camera, known.identity)
    twice = np.repeat(known.landmarks(), 2, axis=0)
    fast = fit_motion(known.model, twice, 50.0, known.camera, known.identity)
    assert angles_between(slow.rotation, fast.rotation[::2]).mean() < 0.3


def test_the_focal_length_is_found_from_a_turning_head(known):
    fit = fit_clip(known.model, known.landmarks(), 25.0, 640, 480)
    assert abs(np.log(fit.camera.focal_px / known.camera.focal_px)) < 0.25


@pytest.mark.parametrize("spoil", ["swapped", "collapsed", "far away"])
def test_bad_frames_do_not_disturb_their_neighbours(known, spoil):
    landmarks = known.landmarks()
    bad = landmarks.copy()
    for frame in (12, 27):
        bad[frame] = {"swapped": bad[frame][::-1], "collapsed": bad[frame].mean(0, keepdims=True),
                      "far away": bad[frame] + [150, 60, 0]}[spoil]
    clean, spoilt = (fit_motion(known.model, p, 25.0, known.camera, known.identity) for p in (landmarks, bad))
    away = [frame for frame in range(40) if min(abs(frame - 12), abs(frame - 27)) >= 2]
    assert angles_between(clean.rotation, spoilt.rotation)[away].max() < 0.5
    moved = (clean.expression - spoilt.expression)[away] @ known.model.expression_basis.reshape(-1, 64).T
    assert np.linalg.norm(moved.reshape(len(away), -1, 3), axis=2).mean(1).max() < 0.5
