"""Controls of a take."""

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.model import bundled_model
from headroom.face.performance import Performance
from headroom.motion.controls import UNTOUCHED, RegionControls, apply_controls, apply_region_controls, parse_controls
from headroom.motion.style.motion_graph import ping_pong

REGIONS = np.array(["Mouth"] * 40 + ["Eyes"] * 10 + ["Gaze"] * 2 + ["Brows"] * 12)


@pytest.fixture
def performance():
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.standard_normal((100, 70)), 0).astype(np.float32)
    return Performance(25.0, values[:, :64], values[:, 64:67] / 50, values[:, 67:])


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("expression", "rotation", "translation"))


def test_untouched_controls_change_nothing(performance):
    assert same(apply_controls(performance, UNTOUCHED, REGIONS), performance)
    assert parse_controls([]) == UNTOUCHED


def test_gain_is_about_the_median_which_stays(performance):
    played = apply_controls(performance, parse_controls(["mouth.gain=0.5"]), REGIONS).expression
    median = np.median(performance.expression[:, :40], 0)
    np.testing.assert_allclose(played[:, :40], median + 0.5 * (performance.expression[:, :40] - median), atol=1e-5)
    np.testing.assert_array_equal(played[:, 40:], performance.expression[:, 40:])


def test_a_positive_lag_is_later_and_the_ends_are_held(performance):
    lagged = apply_controls(performance, parse_controls(["upper.lag=0.12"]), REGIONS).expression
    np.testing.assert_allclose(lagged[3:, 40:], performance.expression[:-3, 40:], atol=1e-4)
    np.testing.assert_allclose(lagged[:3, 40:], performance.expression[:1, 40:].repeat(3, 0), atol=1e-4)
    np.testing.assert_array_equal(lagged[:, :40], performance.expression[:, :40])


def test_smoothing_matches_a_gaussian_written_by_hand():
    values = np.random.default_rng(1).standard_normal((30, 2))
    smoothed = apply_region_controls(values, 25.0, RegionControls(smoothing=0.06))
    for t in range(30):
        weights = {k: np.exp(-0.5 * (k / 1.5) ** 2) for k in range(-5, 6)}
        expected = sum(w * values[min(max(t + k, 0), 29)] for k, w in weights.items()) / sum(weights.values())
        np.testing.assert_allclose(smoothed[t], expected, atol=1e-6)


def test_the_head_can_be_held_and_turned(performance):
    held = apply_controls(performance, parse_controls(["head.hold=1", "head.yaw=90", "head.z=-5"]), REGIONS)
    expected = np.median(performance.rotation, 0) + np.array([0, np.pi / 2, 0])
    np.testing.assert_allclose(held.rotation, np.tile(expected, (100, 1)), atol=1e-5)
    np.testing.assert_allclose(held.translation[:, 2], np.median(performance.translation[:, 2]) - 5, atol=1e-4)
    np.testing.assert_array_equal(held.expression, performance.expression)


@pytest.mark.parametrize("control,mode", [("mouth.open", 0), ("upper.lids", 40), ("upper.left", 50), ("upper.up", 51),
                                          ("upper.brows", 52)])
def test_offsets_add_to_the_first_modes_of_their_region(performance, control, mode):
    moved = apply_controls(performance, parse_controls([f"{control}=0.7"]), REGIONS).expression - performance.expression
    np.testing.assert_allclose(moved[:, mode], 0.7, atol=1e-5)
    assert np.count_nonzero(np.abs(moved).max(0) > 1e-6) == 1


def test_the_bundled_model_has_the_regions_and_its_first_modes_open_mouth_and_eyes():
    model = bundled_model()
    assert set(model.regions) == {"Mouth", "Eyes", "Gaze", "Brows"}
    assert model.opening_direction(13, 14)[model.regions.index("Mouth")] > 0
    assert model.opening_direction(159, 145)[model.regions.index("Eyes")] > 0


@pytest.mark.parametrize("text", ["mouth.size=2", "gain=1", "mouth=1", ""])
def test_unknown_controls_are_refused(text):
    with pytest.raises(InputError, match=r"no control .*mouth\.gain"):
        parse_controls([text])


@pytest.mark.parametrize("text", ["mouth.gain", "mouth.gain=", "mouth.gain=much", "mouth.gain=nan"])
def test_values_that_are_not_numbers_are_refused(text):
    with pytest.raises(InputError, match="no number"):
        parse_controls([text])


def test_offsets_are_neither_scaled_nor_delayed(performance):
    moved = apply_controls(performance, parse_controls(["mouth.gain=0", "mouth.lag=1", "mouth.open=0.7"]), REGIONS)
    median = np.median(performance.expression[:, 0])
    np.testing.assert_allclose(moved.expression[:, 0], median + 0.7, atol=1e-5)


def test_ping_pong_plays_forwards_and_backwards_without_a_jump():
    assert ping_pong(4, 11).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2]
    assert ping_pong(1, 3).tolist() == [0, 0, 0]
