"""Frames that the landmark network lost are read by the regressor, and trusted as far as it is sure."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.face.topology import eye_distance
from headroom.track.landmarks.detect import Landmarks
from headroom.track.regressor.crop import DISTANCE_MM
from headroom.track.regressor.estimate import FaceEstimate
from headroom.track.regressor.missing_frames import fill_missing_frames
from headroom.track.regressor.network import Regressor, RegressorConfig
from headroom.track.solve.fit import fit_motion

LOST = slice(15, 22)


class Seer:
    """Reads the frame's number in the picture and knows the person's coefficients there."""

    def __init__(self, known):
        self.known = known

    def read(self, picture, crop):
        frame, known = int(picture[0, 0, 0]), self.known
        pose = crop.pose_from(known.camera, known.rotation[frame], known.translation[frame])
        return FaceEstimate(crop, known.identity, known.expression[frame], np.zeros(80), pose[0], np.zeros((9, 3)), pose[1])


@pytest.fixture
def clip(known):
    """Pictures that say which frame they are, true landmarks, and those with some frames lost."""
    frames = [np.full((480, 640, 3), index, np.uint8) for index in range(len(known.expression))]
    true = known.landmarks()
    points = true.copy()
    points[LOST] = np.nan
    return frames, true, Landmarks(points, 1)


def away(fit, known, true):
    """(T,) mean landmark error over the eye distance."""
    found = replace(known, identity=fit.identity, expression=fit.expression, rotation=fit.rotation,
                    translation=fit.translation).landmarks()
    errors = np.linalg.norm((found - true)[:, known.model.landmark_ids, :2], axis=2).mean(1)
    return errors / eye_distance(true[..., :2])


def test_what_the_regressor_sees_beats_what_lies_between(known, clip):
    frames, true, landmarks = clip
    points, noise_scale = fill_missing_frames(frames, landmarks, known.model, Seer(known))
    assert (noise_scale[LOST] > 1).all() and (noise_scale[LOST] < 3).all() and (np.delete(noise_scale, np.r_[LOST]) == 1).all()
    read = fit_motion(known.model, points, 25.0, known.camera, known.identity, noise_scale=noise_scale)
    between = fit_motion(known.model, landmarks.points, 25.0, known.camera, known.identity)
    assert away(read, known, true)[LOST].mean() < 0.5 * away(between, known, true)[LOST].mean()
    assert np.isnan(read.error[LOST]).all() and np.isfinite(np.delete(read.error, np.r_[LOST])).all()


def test_a_regressor_that_sees_nothing_is_not_believed(known, clip):
    """Untrained, it puts the mean face into the middle of every window, so that its looks differ."""
    frames, true, landmarks = clip
    blind = Regressor(RegressorConfig(blocks=(1, 1, 1, 1), width=4, resolution=32)).eval()
    blind.middle[-1] = -DISTANCE_MM
    points, noise_scale = fill_missing_frames(frames, landmarks, known.model, blind)
    assert (noise_scale[LOST] > 8).all()
    read = fit_motion(known.model, points, 25.0, known.camera, known.identity, noise_scale=noise_scale)
    between = fit_motion(known.model, landmarks.points, 25.0, known.camera, known.identity)
    assert away(read, known, true)[LOST].mean() < 1.3 * away(between, known, true)[LOST].mean()
