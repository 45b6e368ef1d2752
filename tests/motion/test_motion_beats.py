"""Beats of head and brows at the accents of the voice."""

from dataclasses import replace

import numpy as np
import pytest
from accented_speaker import BROWS, RAISE, WITH_BROWS, accent_frames, nodder, voice
from synthetic_speaker import TINY

from headroom.common.paths import MOTION_WEIGHTS
from headroom.face.directions import FaceDirections
from headroom.face.model import bundled_model
from headroom.face.performance import Performance
from headroom.motion.audio.loudness import loudness, speech_levels
from headroom.motion.model.model import MotionModel
from headroom.motion.predict import predict
from headroom.motion.retarget import retarget_model
from headroom.motion.style.accents import find_accents
from headroom.motion.style.beats import DEFAULT_EXCESS, beat_excess, beat_signals, expected_excess
from headroom.motion.style.measure import measure_style
from headroom.motion.style.motion_graph import dissimilarity, speed, walk_motion_graph
from headroom.motion.train.personal import train_motion

SEEDS = range(6)


@pytest.fixture(scope="module")
def style():
    frames = accent_frames(12.0)
    return measure_style(voice(12.0, frames), nodder(12.0, frames), WITH_BROWS)


@pytest.fixture(scope="module")
def speech():
    """(levels, accents, truth) of half a minute that the style was not measured on."""
    frames = accent_frames(30.0, seed=5)
    samples = voice(30.0, frames)
    levels = speech_levels(samples, 0, 750, loudness(samples)[1])
    return levels, find_accents(samples, levels), nodder(30.0, frames, seed=5)


def excess(pose, brows, accents):
    """Return the signals' mean at the accents less that over shifts by seconds (4,)."""
    signals = beat_signals(pose, brows @ np.array(RAISE))
    shifted = [beat_excess(np.roll(signals, shift, axis=0), accents) for shift in range(50, len(signals) - 50, 7)]
    return beat_excess(signals, accents) - np.mean(shifted, 0)


def test_a_person_who_nods_at_accents_nods_at_those_of_new_speech(style, speech):
    levels, accents, truth = speech
    wanted = excess(truth.pose_vectors, truth.expression[:, BROWS], accents)
    walks = [walk_motion_graph(style, levels, accents, seed) for seed in SEEDS]
    predicted = np.mean([excess(walk.pose, walk.brows, accents) for walk in walks], 0)
    assert np.all(wanted > 0.3)
    assert np.all(predicted >= wanted / 2), (predicted, wanted)


def test_range_and_speed_stay_the_person_s(style, speech):
    levels, accents, _ = speech
    without = replace(style, accents=style.accents[:0])
    for seed in SEEDS:
        walk = walk_motion_graph(style, levels, accents, seed)
        assert 0.7 < np.mean(speed(walk.pose) / speed(style.pose)) < 1.3
        assert dissimilarity(walk.pose, style.pose) < 0.3 + dissimilarity(
            walk_motion_graph(without, levels, accents, seed).pose, style.pose)
        jumps = np.abs(np.diff(walk.pose, axis=0)).max(0) / np.abs(np.diff(style.pose, axis=0)).max(0)
        assert np.all(jumps < 2.5)
        assert np.abs(np.diff(walk.brows, axis=0)).max() < 2.5 * np.abs(np.diff(style.brows, axis=0)).max()


def test_the_seed_determines_the_beats(style, speech):
    levels, accents, _ = speech
    first, again, other = (walk_motion_graph(style, levels, accents, seed) for seed in (1, 1, 2))
    for name in ("pose", "brows", "sources"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert np.any(first.sources != other.sources)


def test_a_still_head_stays_still(speech):
    levels, accents, truth = speech
    frames = accent_frames(12.0)
    still = Performance(25.0, np.zeros((300, 64), np.float32), np.zeros((300, 3), np.float32),
                        np.tile(np.float32([0, 0, -600]), (300, 1)))
    style = measure_style(voice(12.0, frames), still, WITH_BROWS)
    walk = walk_motion_graph(style, levels, accents, seed=0)
    np.testing.assert_allclose(walk.pose, style.pose[:1].repeat(len(truth), 0), atol=1e-5)
    assert not walk.brows.any()


def test_signals_of_what_does_not_move_are_zero():
    assert not beat_signals(np.zeros((100, 6)), np.zeros(100)).any()
    assert beat_signals(np.zeros((3, 6)), np.zeros(3)).shape == (3, 4)


def test_few_accents_of_a_clip_tell_little():
    signals = np.full((100, 4), 0.9)
    assert expected_excess(signals, np.zeros(100)) == pytest.approx(DEFAULT_EXCESS)
    accents = np.arange(100) % 10 == 0
    assert expected_excess(signals, np.arange(100) % 50 == 0) == pytest.approx(DEFAULT_EXCESS)
    assert expected_excess(signals, accents) == pytest.approx(0.9), "a person who does the same at every accent"
    signals += np.random.default_rng(0).normal(size=(100, 4))
    own = beat_excess(signals, accents)
    shares = (expected_excess(signals, accents) - DEFAULT_EXCESS) / (own - DEFAULT_EXCESS)
    assert np.all((0.1 < shares) & (shares < 0.7)), "a person who does something else at each"


def test_brows_come_from_the_frames_of_the_head(style, speech):
    levels, accents, _ = speech
    walk = walk_motion_graph(style, levels, accents, seed=3)
    assert np.corrcoef(walk.brows[:, 0], style.brows[walk.sources, 0])[0, 1] > 0.6


def test_a_learned_model_keeps_its_beats_in_its_file(tmp_path):
    frames = accent_frames(12.0)
    model = train_motion(voice(12.0, frames), nodder(12.0, frames), WITH_BROWS, TINY)
    model.save(tmp_path / "motion.safetensors")
    loaded = MotionModel.load(tmp_path / "motion.safetensors")
    assert loaded.style.brow_modes == BROWS
    new = voice(10.0, accent_frames(10.0, seed=2))
    expected, performance = predict(model, new, seed=1), predict(loaded, new, seed=1)
    np.testing.assert_array_equal(performance.rotation, expected.rotation)
    np.testing.assert_array_equal(performance.expression, expected.expression)
    assert performance.expression[:, BROWS].std() > 0.1


def test_older_files_follow_no_accents_and_predict_their_brows(style, speech):
    """`test_motion_file_format` compares the predictions of such files with those that the older version made."""
    levels, accents, _ = speech
    old = replace(style, accents=style.accents[:0], brow_modes=(), brow_raise=style.brow_raise[:0],
                  brows=style.brows[:, :0])
    walk = walk_motion_graph(old, levels, accents, seed=1)
    np.testing.assert_array_equal(walk.pose, walk_motion_graph(old, levels, np.zeros_like(accents), seed=1).pose)
    assert walk.brows.shape == (len(levels), 0)


def test_brows_are_retargeted_to_another_face_model():
    model = MotionModel.load(MOTION_WEIGHTS)
    directions = FaceDirections.of(bundled_model())
    frames = len(model.style.pose)
    brows = np.random.default_rng(0).standard_normal((frames, len(directions.brow_modes))).astype(np.float32)
    model = replace(model, style=replace(model.style, brow_modes=directions.brow_modes, brows=brows,
                                         brow_raise=np.array(directions.brow_raise, np.float32)))
    same = retarget_model(model, np.eye(64), directions).style
    np.testing.assert_allclose(same.brows, brows, atol=1e-5)
    assert same.brow_modes == directions.brow_modes
    without = retarget_model(model, np.eye(64), replace(directions, brow_modes=(), brow_raise=())).style
    assert without.brow_modes == () and without.brows.shape == (frames, 0)
