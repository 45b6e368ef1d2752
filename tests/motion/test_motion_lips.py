"""Lips: their curve of openings, closure at bilabials and in pauses, and sound that is degraded for training."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_speaker import DIRECTIONS, LIP, speaker

from headroom.common.arrays import correlation
from headroom.face.phone_track import PhoneTrack
from headroom.motion.predict import LipMotion, predict, to_expression
from headroom.motion.style.lip_closure import SHAPE_IN_PAUSES, close_at_bilabials, shape_gate, speech_gate
from headroom.motion.style.measure import lip_curve, measure_style, rest_expression
from headroom.motion.train.sound_augment import DEGRADATIONS, degrade
from headroom.motion.train.sound_offset import OFFSET_LAGS, UNCERTAIN, offset_of_scores


def phones(*segments, confidence=0.9):
    symbols, starts, ends = map(np.array, zip(*segments))
    return PhoneTrack(symbols, starts, ends, np.full(len(symbols), confidence, np.float32))


def test_lips_close_at_a_bilabial_and_nowhere_else():
    opening = 3 + np.sin(np.arange(50) / 3)
    track = phones(("AA", 0.0, 0.8), ("M", 0.8, 0.88), ("IY", 0.88, 2.0))
    closed = close_at_bilabials(opening, track, closed=0.5, median=3.0)
    assert closed[19:24].min() == pytest.approx(0.5)
    changed = np.flatnonzero(closed != opening)
    assert changed.min() >= 18 and changed.max() <= 24 and len(changed) == 3
    np.testing.assert_array_equal(close_at_bilabials(opening, phones(("S", 0.0, 2.0)), 0.5, 3.0), opening)


def test_a_misheard_bilabial_and_one_of_little_confidence_leave_wide_lips_open():
    opening = np.full(25, 9.0)
    segment = ("B", 0.4, 0.48)
    np.testing.assert_array_equal(close_at_bilabials(opening, phones(segment), 0.5, 3.0), opening)
    moderate = np.full(25, 3.0)
    np.testing.assert_array_equal(close_at_bilabials(moderate, phones(segment, confidence=0.1), 0.5, 3.0), moderate)
    assert close_at_bilabials(moderate, phones(segment), 0.5, 3.0).min() == pytest.approx(0.5)


def test_the_gate_closes_in_pauses_and_not_within_words():
    levels = np.full(100, -5.0)
    levels[20:24] = -60  # 160 ms, as before a P
    levels[50:65] = -60  # 600 ms
    gate = speech_gate(levels, -20.0)
    assert gate[:48].min() > 0.95 and gate[55:61].max() < 0.05 and gate[70:].min() > 0.95
    assert not speech_gate(levels, -80.0).any()  # a silent recording


def test_the_gate_closes_in_the_pauses_of_a_noisy_recording_and_not_in_quiet_speech():
    rng = np.random.default_rng(0)
    levels = rng.uniform(-20, 0, 100)
    assert speech_gate(levels, -20.0).min() > 0.95
    levels[50:65] = rng.uniform(-37, -34, 15)  # breath and room
    gate = speech_gate(levels, -20.0)
    assert gate[:48].min() > 0.95 and gate[55:61].max() < 0.05 and gate[70:].min() > 0.95


def test_digital_silence_around_a_noisy_recording_changes_nothing_within_it():
    rng = np.random.default_rng(0)
    levels = rng.uniform(-20, 0, 100)
    levels[50:65] = rng.uniform(-37, -34, 15)  # breath and room
    silence = np.full(40, -60.0)  # as where others speak in the sound files of a conversation
    padded = speech_gate(np.concatenate([silence, levels, silence]), -20.0)
    np.testing.assert_array_equal(padded[45:-45], speech_gate(levels, -20.0)[5:-5])
    assert padded[:30].max() < 0.05 and not speech_gate(silence, -20.0).any()


def test_in_a_pause_lips_close_and_their_shape_is_between_the_predicted_one_and_that_of_the_face_at_rest():
    samples, truth = speaker(6.0)
    style = measure_style(samples, truth, replace(DIRECTIONS, lip_width=np.eye(64)[5]))
    style = replace(style, rest=np.full(64, 2, np.float32))
    predicted = np.tile(np.random.default_rng(0).standard_normal(64).astype(np.float32), (20, 1))
    speech = np.repeat([1.0, 0.0], 10)
    expression = to_expression(style, predicted, LipMotion(np.full(20, 5.0), speech, shape_gate(speech)))
    closed = min(style.rest @ style.lip_opening, style.lip_curve[1, 0])
    openings = expression @ style.lip_opening
    np.testing.assert_allclose(openings, np.where(speech, 5, closed), atol=1e-3)
    widths = expression @ style.lip_shape[:, 0]
    np.testing.assert_allclose(widths[14:], SHAPE_IN_PAUSES * widths[0] + (1 - SHAPE_IN_PAUSES) * 2, atol=1e-3)
    assert abs(widths[0] - 2) > 0.5


def test_a_silent_recording_shows_the_face_at_rest():
    speech = speech_gate(np.full(50, -5.0), -80.0)
    assert not speech.any() and not shape_gate(speech).any()


def test_the_curve_of_openings_gives_a_cautious_prediction_the_person_s_distribution():
    rng = np.random.default_rng(0)
    true = np.abs(rng.standard_normal(4000)) * 4
    predicted = 3 + 0.4 * (true - true.mean()) + 0.1 * rng.standard_normal(4000)
    curve = lip_curve(predicted, true)
    mapped = np.interp(predicted, *curve)
    assert (np.diff(curve, axis=1) > 0).all()
    assert mapped.std() / true.std() == pytest.approx(1, abs=0.06)
    assert (mapped < 0.5).mean() == pytest.approx((true < 0.5).mean(), abs=0.03)
    assert correlation(mapped, true) >= correlation(predicted, true) - 0.01


def test_predicted_lips_have_the_person_s_amplitude(learned):
    model, _, _ = learned
    samples, truth = speaker(10.0, seed=0)
    predicted = predict(model, samples).expression @ LIP
    assert 0.8 < predicted.std() / (truth.expression @ LIP).std() < 1.25


def test_opening_the_lips_keeps_their_width_and_protrusion():
    samples, truth = speaker(6.0)
    rng = np.random.default_rng(0)
    truth = replace(truth, expression=rng.standard_normal(truth.expression.shape).astype(np.float32))
    directions = replace(DIRECTIONS, lip_opening=rng.standard_normal(64), lip_width=rng.standard_normal(64),
                         lip_protrusion=rng.standard_normal(64))
    direction = measure_style(samples, truth, directions).opening_direction
    assert direction @ directions.lip_opening == pytest.approx(1, abs=1e-4)
    assert direction @ directions.lip_width == pytest.approx(0, abs=1e-4)
    assert direction @ directions.lip_protrusion == pytest.approx(0, abs=1e-4)


def test_an_offset_is_certain_only_with_one_clear_peak():
    lags = OFFSET_LAGS
    peak = 0.1 + 0.7 * np.exp(-0.5 * ((lags - 3.25) / 1.5) ** 2)
    found = offset_of_scores(peak, 200)
    assert found.certain and found.seconds == pytest.approx(3.25 / 25, abs=0.01)
    assert offset_of_scores(peak, 8) == UNCERTAIN  # too short
    assert offset_of_scores(np.maximum(peak, np.roll(peak, 9)), 200) == UNCERTAIN  # two peaks
    assert offset_of_scores(np.full(len(lags), 0.6), 200) == UNCERTAIN  # flat
    assert offset_of_scores(0.1 + 0.7 * np.exp(-0.5 * ((lags - 12) / 1.5) ** 2), 200) == UNCERTAIN  # implausible


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda function: function.__name__)
def test_degraded_sound_changes_and_stays_in_step(degradation):
    samples, _ = speaker(4.0)
    changed = degradation(samples, np.random.default_rng(3))
    assert changed.dtype == np.float32 and len(changed) == len(samples) and np.isfinite(changed).all()
    assert np.abs(changed - samples).max() > 0
    envelopes = [np.abs(sound).reshape(-1, 160).mean(1) for sound in (samples, changed)]
    scores = [correlation(np.roll(envelopes[1], -lag), envelopes[0]) for lag in range(-20, 21)]
    assert abs(int(np.argmax(scores)) - 20) <= 4


def test_the_same_seed_degrades_alike():
    samples, _ = speaker(2.0)
    first, again, other = (degrade(samples, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


NO_BLINKS = np.zeros(0, int)
PUCKER = 1  # a dimension


def speaking_face(count=200):
    """Return expressions (count, 4) of a face that opens (0) and puckers, and its openings."""
    rng = np.random.default_rng(0)
    expression = rng.normal(0, 0.2, (count, 4)).astype(np.float32)
    expression[:, 0] = 5 + 2 * np.sin(np.arange(count))
    return expression, expression[:, 0]


def test_the_face_at_rest_is_that_of_the_pauses_also_in_a_noisy_recording():
    expression, opening = speaking_face()
    levels = np.random.default_rng(1).uniform(-20, 0, len(expression))
    levels[60:90], expression[60:90] = -35, (0.5, -1, 0, 0)
    np.testing.assert_allclose(rest_expression(expression, opening, levels, NO_BLINKS), (0.5, -1, 0, 0), atol=1e-5)


def test_without_pauses_the_face_at_rest_has_the_least_open_lips_that_do_not_pucker():
    expression, opening = speaking_face()
    closed = np.argsort(opening)[:30]
    expression[closed[::3], PUCKER] = 4  # W, among B, M and P
    rest = rest_expression(expression, opening, np.full(len(expression), -5.0), NO_BLINKS)
    assert rest[0] < np.quantile(opening, 0.15) and abs(rest[PUCKER]) < 0.5
