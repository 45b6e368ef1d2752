"""The regressor predicts frames without landmarks, and they count as far as its predictions agree."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.face.topology import eye_distance
from headroom.track.regressor.crop import DISTANCE_MM
from headroom.track.regressor.estimate import FaceEstimate
from headroom.track.regressor.missing_frames import fill_missing_frames
from headroom.track.regressor.network import Regressor, RegressorConfig
from headroom.track.solve.landmark_fit import fit_motion

MISSING = slice(15, 22)


class PerfectRegressor:
    """Takes the frame's number from the picture and returns the person's coefficients."""

    def __init__(self, person):
        self.person = person

    def predict(self, picture, crop):
        frame, person = int(picture[0, 0, 0]), self.person
        rotation, translation = crop.pose_from(person.camera, person.rotation[frame], person.translation[frame])
        return FaceEstimate(crop, person.identity, person.expression[frame], np.zeros(80), rotation, np.zeros((9, 3)),
                            translation)


@pytest.fixture
def clip(person):
    """Pictures whose pixels are the frame's number, with landmarks that are missing in some frames."""
    frames = [np.full((480, 640, 3), index, np.uint8) for index in range(len(person.expression))]
    points = person.landmarks()
    points[MISSING] = np.nan
    return person.clip(points, frames)


def fit(person, clip):
    return fit_motion(person.model, clip, person.camera, person.identity)


def errors(fit, person):
    """(T,) mean landmark error in eye distances."""
    fitted = replace(person, identity=fit.identity, expression=fit.expression, rotation=fit.rotation,
                     translation=fit.translation).landmarks()
    target = person.landmarks()
    distance = np.linalg.norm((fitted - target)[:, person.model.landmark_ids, :2], axis=2).mean(1)
    return distance / eye_distance(target[..., :2])


def test_predictions_are_better_than_interpolation(person, clip):
    filled = fill_missing_frames(clip, person.model, PerfectRegressor(person))
    assert (filled.noise_scale[MISSING] > 1).all() and (filled.noise_scale[MISSING] < 3).all()
    assert (np.delete(filled.noise_scale, np.r_[MISSING]) == 1).all()
    predicted, interpolated = fit(person, filled), fit(person, clip)
    assert errors(predicted, person)[MISSING].mean() < 0.5 * errors(interpolated, person)[MISSING].mean()
    assert np.isnan(predicted.error[MISSING]).all()
    assert np.isfinite(np.delete(predicted.error, np.r_[MISSING])).all()


def test_an_untrained_regressor_hardly_counts(person, clip):
    """It predicts the mean face in the middle of every crop, so its predictions disagree."""
    untrained = Regressor(RegressorConfig(blocks=(1, 1, 1, 1), width=4, resolution=32)).eval()
    untrained.target_mean[-1] = -DISTANCE_MM
    filled = fill_missing_frames(clip, person.model, untrained)
    assert (filled.noise_scale[MISSING] > 8).all()
    predicted, interpolated = fit(person, filled), fit(person, clip)
    assert errors(predicted, person)[MISSING].mean() < 1.3 * errors(interpolated, person)[MISSING].mean()
