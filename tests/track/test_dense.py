"""The dense fit: every frame's picture corrects its motion."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from headroom.face.topology import eye_distance
from headroom.track.solve.dense import image_information
from headroom.track.solve.face_patch import FacePatch
from headroom.track.solve.frame_selection import rotated_frames
from headroom.track.solve.landmark_fit import fit_motion, refit_motion
from headroom.track.solve.photometric import fit_key_frames
from headroom.track.solve.residuals import Residuals
from headroom.track.solve.shading import PosedSkin, ShadingResiduals


@pytest.fixture(scope="module")
def unsteady(person):
    """Landmarks with errors of 2 % of the eye distance that are alike for neighbours and change over time."""
    points = person.landmarks()
    rng, positions = np.random.default_rng(3), person.model.mean[person.model.landmark_vertices]
    waves = gaussian_filter1d(rng.normal(size=(len(points), 4)), 1, axis=0)
    pattern = np.stack([np.sin(positions[:, 1] / 25), np.cos(positions[:, 0] / 25)])
    shift = np.einsum("tka,al->tlk", (waves / waves.std(0)).reshape(-1, 2, 2), pattern)
    points[:, person.model.landmark_ids, :2] += 0.02 * np.median(eye_distance(points)) * shift
    return points


@pytest.fixture(scope="module")
def solved(person, pictures, unsteady):
    """The fit to the landmarks, the skin's appearance, and a function from pictures and landmarks to information."""
    fit = fit_motion(person.model, person.clip(unsteady), person.camera, person.identity)
    chosen = rotated_frames(fit, 8)
    key_pictures = [pictures[frame] for frame in chosen]
    _, appearance = fit_key_frames(person.model, fit.at(chosen), key_pictures, unsteady[chosen], known_face=True)

    def information(frames, points):
        residuals = Residuals(person.model, points, 0.05)
        return image_information(person.model, person.clip(points, frames), fit, appearance, residuals)

    return fit, appearance, information


def motion_errors(person, fit):
    """Mean error of the rotation, degrees, and of the expression, mm."""
    difference = (fit.expression - person.expression) @ person.model.expression_basis.reshape(-1, 64).T
    distance = np.linalg.norm(difference.reshape(len(difference), -1, 3), axis=2).mean()
    return np.array([np.degrees(np.abs(fit.rotation - person.rotation).mean()), distance])


def test_pictures_halve_the_error_of_rotation_and_reduce_that_of_expression(person, pictures, unsteady, solved):
    fit, _, information = solved
    found = information(pictures, unsteady)
    start = fit.with_state(found.state)
    improved = refit_motion(person.model, person.clip(unsteady), start, information=found)
    errors, errors_before = motion_errors(person, improved), motion_errors(person, fit)
    assert (errors < [0.5, 0.75] * errors_before).all(), (errors_before, errors)


def test_frames_without_a_face_have_no_information(pictures, unsteady, solved):
    fit, _, information = solved
    points = unsteady.copy()
    points[[4, 5]] = np.nan
    found = information(pictures, points)
    assert not found.normal[[4, 5]].any() and not found.right[[4, 5]].any()
    assert np.array_equal(found.state[[4, 5]], fit.state[[4, 5]])
    assert found.normal[6].any()


def test_a_change_of_light_is_not_taken_for_motion(person, pictures, unsteady, solved):
    fit, _, information = solved
    darker = [np.rint(picture * 0.95).astype(np.uint8) for picture in pictures]
    same, dark = (fit.with_state(information(frames, unsteady).state) for frames in (pictures, darker))
    assert (motion_errors(person, dark) < 1.2 * motion_errors(person, same)).all()


def test_residuals_change_as_their_derivatives_predict(person, pictures, solved):
    _, appearance, _ = solved
    frame, points = 12, person.landmarks()
    exact = fit_motion(person.model, person.clip(points), person.camera, person.identity)
    patch = FacePatch.of(pictures[frame], points[frame], 2.0)

    def shaded(column, step):
        state = exact.state.copy()
        state[frame, column] += step
        fit, neutral = exact.with_state(state), person.model.shape(person.identity)
        posed = PosedSkin.of(appearance.skin, fit, neutral, frame)
        return ShadingResiduals.of(fit, frame, posed, patch, appearance.albedo, appearance.light)

    by_motion = shaded(0, 0).by_motion(appearance.skin)
    for column, step in ((2, 0.1), (50, 0.1), (64, 2e-3), (65, 2e-3), (66, 2e-3), (67, 0.2), (69, 1.0)):
        change = (shaded(column, step).residual - shaded(column, -step).residual) / (2 * step)
        # lids are small, and the derivatives of their normals are those of the neutral face
        assert np.corrcoef(-change, by_motion[:, column])[0, 1] > (0.85 if column == 50 else 0.97), column


def test_points_in_clipped_white_have_no_weight(person, pictures, solved):
    _, appearance, _ = solved
    points = person.landmarks()
    picture = pictures[0].copy()
    picture[:, :320] = 255
    fit = fit_motion(person.model, person.clip(points), person.camera, person.identity)
    posed = PosedSkin.of(appearance.skin, fit, person.model.shape(person.identity), 0)
    patch = FacePatch.of(picture, points[0], 0.5)
    weights = ShadingResiduals.of(fit, 0, posed, patch, appearance.albedo, appearance.light).weights
    left = posed.pixels[:, 0] < 320
    assert not weights[left].any() and weights[~left].any()


def test_a_large_face_gives_the_same_brightness_as_a_small_one(person, pictures):
    picture, points = pictures[0], person.landmarks()[0]
    large = cv2.resize(picture, None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    pixels = person.camera.project(person.vertices(0))[::7]
    small_patch, large_patch = FacePatch.of(picture, points, 1.0), FacePatch.of(large, 5 * points, 5.0)
    grey, along_u, along_v, _ = small_patch.sample(pixels)
    grey_large, large_u, large_v, _ = large_patch.sample(5 * pixels)
    assert max(large_patch.grey.shape) <= 512 < 5 * max(small_patch.grey.shape)
    assert np.abs(grey_large - grey).mean() < 0.005
    for gradient, other in ((along_u, large_u), (along_v, large_v)):
        assert np.abs(5 * other - gradient).mean() < 0.15 * np.abs(gradient).mean()
