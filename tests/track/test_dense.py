"""Every frame's picture corrects its motion."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from headroom.face.topology import eye_distance
from headroom.track.solve.dense import image_information
from headroom.track.solve.face_patch import FacePatch
from headroom.track.solve.fit import fit_again, fit_motion, state_of, with_state
from headroom.track.solve.frame_selection import turned_frames
from headroom.track.solve.photometric import fit_key_frames
from headroom.track.solve.residuals import Residuals
from headroom.track.solve.shading import PosedSkin, ShadingResiduals


@pytest.fixture(scope="module")
def unsteady(known):
    """Landmarks whose mistakes are alike for neighbours and change from frame to frame, 2 % of the eye distance."""
    points = known.landmarks()
    rng, places = np.random.default_rng(3), known.model.mean[known.model.landmark_vertices]
    waves = gaussian_filter1d(rng.normal(size=(len(points), 4)), 1, axis=0)
    pattern = np.stack([np.sin(places[:, 1] / 25), np.cos(places[:, 0] / 25)])
    shift = np.einsum("tka,al->tlk", (waves / waves.std(0)).reshape(-1, 2, 2), pattern)
    points[:, known.model.landmark_ids, :2] += 0.02 * np.median(eye_distance(points)) * shift
    return points


@pytest.fixture(scope="module")
def looked(known, pictures, unsteady):
    """The fit to the landmarks, the skin's look, and a function from pictures and landmarks to evidence."""
    fit = fit_motion(known.model, unsteady, known.fps, known.camera, known.identity)
    chosen = turned_frames(fit, 8)
    begun, key_pictures = fit.at(chosen), [pictures[frame] for frame in chosen]
    _, look = fit_key_frames(known.model, begun, key_pictures, unsteady[chosen], known_face=True)

    def evidence(frames, points):
        return image_information(known.model, fit, frames, points, look, Residuals(known.model, points, 0.05))

    return fit, look, evidence


def off(known, fit):
    """Mean error of the turn, degrees, and of the expression, mm."""
    moved = (fit.expression - known.expression) @ known.model.expression_basis.reshape(-1, 64).T
    distance = np.linalg.norm(moved.reshape(len(moved), -1, 3), axis=2).mean()
    return np.array([np.degrees(np.abs(fit.rotation - known.rotation).mean()), distance])


def test_each_frame_comes_nearer_to_the_truth(known, pictures, unsteady, looked):
    fit, _, evidence = looked
    found = evidence(pictures, unsteady)
    nearer = fit_again(known.model, unsteady, known.fps, with_state(fit, found.state), evidence=found)
    assert (off(known, nearer) < [0.5, 0.75] * off(known, fit)).all(), (off(known, fit), off(known, nearer))


def test_frames_without_a_face_tell_nothing(pictures, unsteady, looked):
    fit, _, evidence = looked
    points = unsteady.copy()
    points[[4, 5]] = np.nan
    found = evidence(pictures, points)
    assert not found.normal[[4, 5]].any() and not found.right[[4, 5]].any()
    assert np.array_equal(found.state[[4, 5]], state_of(fit)[[4, 5]])
    assert found.normal[6].any()


def test_light_that_changes_is_not_taken_for_motion(known, pictures, unsteady, looked):
    fit, _, evidence = looked
    darker = [np.rint(picture * 0.95).astype(np.uint8) for picture in pictures]
    same, dark = (with_state(fit, evidence(frames, unsteady).state) for frames in (pictures, darker))
    assert (off(known, dark) < 1.2 * off(known, same)).all()


def test_differences_change_as_their_derivatives_say(known, pictures, looked):
    _, look, _ = looked
    frame, points = 12, known.landmarks()
    truth = fit_motion(known.model, points, known.fps, known.camera, known.identity)
    window = FacePatch.of(pictures[frame], points[frame], 2.0)

    def shaded(column, step):
        state = state_of(truth).copy()
        state[frame, column] += step
        fit, neutral = with_state(truth, state), known.model.shape(known.identity)
        return ShadingResiduals.of(fit, frame, PosedSkin.of(look.skin, fit, neutral, frame), window, look.albedo, look.light)

    by_motion = shaded(0, 0).by_motion(look.skin)
    for column, step in ((2, 0.1), (50, 0.1), (64, 2e-3), (65, 2e-3), (66, 2e-3), (67, 0.2), (69, 1.0)):
        moved = (shaded(column, step).missing - shaded(column, -step).missing) / (2 * step)
        # the lids are small and their normals turn a little differently in a face that is not at rest
        assert np.corrcoef(-moved, by_motion[:, column])[0, 1] > (0.85 if column == 50 else 0.97), column


def test_points_that_are_white_are_not_believed(known, pictures, looked):
    _, look, _ = looked
    points = known.landmarks()
    picture = pictures[0].copy()
    picture[:, :320] = 255
    fit = fit_motion(known.model, points, known.fps, known.camera, known.identity)
    posed = PosedSkin.of(look.skin, fit, known.model.shape(known.identity), 0)
    weights = ShadingResiduals.of(fit, 0, posed, FacePatch.of(picture, points[0], 0.5), look.albedo, look.light).weights
    left = posed.pixels[:, 0] < 320
    assert not weights[left].any() and weights[~left].any()


def test_a_large_face_is_read_as_a_small_one_is(known, pictures):
    picture, points = pictures[0], known.landmarks()[0]
    large = cv2.resize(picture, None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    places = known.camera.project(known.vertices(0))[::7]
    small_window, window = FacePatch.of(picture, points, 1.0), FacePatch.of(large, 5 * points, 5.0)
    (grey, along_u, along_v, _), (grey_large, large_u, large_v, _) = small_window.at(places), window.at(5 * places)
    assert max(window.grey.shape) <= 512 < 5 * max(small_window.grey.shape)
    assert np.abs(grey_large - grey).mean() < 0.005
    for slope, other in ((along_u, large_u), (along_v, large_v)):
        assert np.abs(5 * other - slope).mean() < 0.15 * np.abs(slope).mean()
