"""Poses that the head tells count in the fit beside landmarks and pictures, where the frames then agree better."""

from types import SimpleNamespace

import numpy as np
import pytest

from headroom.face.pose_information import PoseInformation
from headroom.track.solve.dense import fit_all_frames
from headroom.track.solve.fit import Information
from headroom.track.solve.landmark_fit import fit_motion
from headroom.track.solve.photometric import fit_key_frames


@pytest.fixture(scope="module")
def dense(person, pictures):
    """The dense fit to exact landmarks and pictures."""
    points = person.landmarks()
    fit = fit_motion(person.model, person.clip(points), person.camera, person.identity)
    chosen = np.arange(0, len(points), max(len(points) // 8, 1))[:8]
    _, appearance = fit_key_frames(
        person.model, fit.at(chosen), [pictures[frame] for frame in chosen], points[chosen], known_face=True)
    return fit_all_frames(person.model, person.clip(points, pictures), points, fit, appearance)


def certain(rotation, translation):
    """Return nearly certain information that poses are these."""
    poses = PoseInformation.none(rotation, translation)
    return PoseInformation(poses.pose, np.tile(np.diag([1e10] * 3 + [1e4] * 3), (len(rotation), 1, 1)), poses.right)


class Head:
    """A head in whose poses everything agrees the better, the nearer they are to the given ones."""

    def __init__(self, rotation, poses):
        self.rotation, self.poses, self.starts = rotation, poses, []

    def posed(self, fit):
        def measure_poses():
            self.starts.append(fit.rotation)
            return self.poses

        disagreement = float(np.abs(fit.rotation - self.rotation).mean())
        return SimpleNamespace(measure_poses=measure_poses, disagreement=lambda: disagreement)


def test_the_fit_follows_poses_that_are_certain_and_the_face_stays_in_its_place(person, dense):
    turned = dense.fit.rotation + np.radians([0.0, 0.5, 0.0])
    head = Head(turned, certain(turned, dense.fit.translation))
    fit = dense.with_head(person.model, head)
    assert np.degrees(np.abs(fit.rotation - turned)).max() < 0.05
    assert len(head.starts) == 2 and np.array_equal(head.starts[0], dense.fit.rotation)
    assert np.degrees(np.abs(head.starts[1] - turned)).max() < 0.1
    assert np.nanmean(fit.error) < np.nanmean(dense.fit.error) + 0.01  # expression makes up for it


def test_poses_in_which_the_frames_agree_less_are_not_taken(person, dense):
    turned = dense.fit.rotation + np.radians([0.0, 0.5, 0.0])
    head = Head(dense.fit.rotation, certain(turned, dense.fit.translation))
    assert dense.with_head(person.model, head) is dense.fit


def test_a_head_that_cannot_be_measured_changes_nothing(person, dense):
    assert dense.with_head(person.model, Head(dense.fit.rotation, None)) is dense.fit


def test_no_information_about_poses_leaves_the_solution(person, dense):
    nothing = PoseInformation.none(dense.fit.rotation, dense.fit.translation)
    fit = dense.with_head(person.model, Head(dense.fit.rotation + 1, nothing))
    assert np.degrees(np.abs(fit.rotation - dense.fit.rotation)).max() < 0.02


def test_information_is_added_at_its_own_point():
    random = np.random.default_rng(0)
    states, pose = random.normal(size=(2, 8)), random.normal(size=(2, 6))
    normal = np.tile(np.diag(np.arange(1.0, 7.0)), (2, 1, 1))
    nothing = Information(states, np.zeros((2, 8, 8)), np.zeros((2, 8)))
    added = nothing.with_poses(PoseInformation(pose, normal, np.zeros((2, 6))))
    there = states.copy()
    there[:, 2:] = pose
    assert np.abs(added.gradient(there, slice(0, 2))).max() < 1e-12
    assert np.allclose(added.gradient(states, slice(0, 2))[:, 2:], (pose - states[:, 2:]) * np.arange(1.0, 7.0))
