"""The watermark: found again after what happens to movies, not found where it is not, and hardly a change."""

import hashlib
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import c2pa
import cv2
import numpy as np
import pytest

from headroom import pipeline
from headroom.cli import app
from headroom.common.settings import RefineSettings
from headroom.face.camera import Crop
from headroom.media.video import MovieOptions, VideoWriter, read_frames
from headroom.plate.match import PlateMatch
from headroom.plate.shot_renders import PersonInShot, Render, ShotRenders
from headroom.subject.consent import Consent
from headroom.track.watermark.draw import STRENGTH, Watermark, add_pattern
from headroom.track.watermark.find import canvas_of, chance_of, face_coefficients, find_watermark, score_of
from headroom.track.watermark.pattern import LANDMARKS, SIDE, bundled_pattern, canvas_matrix

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "sample.mp4"
SECONDS, FPS = 2.4, 25.0
CROP = Crop(60, 30, 390)


@pytest.fixture(scope="module")
def frames():
    return list(read_frames(SAMPLE, 0, SECONDS))


@pytest.fixture(scope="module")
def marked(frames):
    with Watermark(CROP, FPS) as watermark:
        drawn = [watermark.draw(frame) for frame in frames]
    assert watermark.is_drawn and watermark.marked == len(frames) and watermark.notes == ()
    return drawn


def write(path, frames, crf=16, provenance=None):
    options = MovieOptions(crf=crf, provenance=provenance)
    with VideoWriter(path, FPS, frames[0].shape[1], frames[0].shape[0], options=options) as movie:
        movie.write_all(frames)
    return path


def smaller(frame):
    """Half the size, without a part of the left side and the top."""
    return np.ascontiguousarray(cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA)[20:, 30:])


def test_it_is_found_at_half_the_size_in_a_cropped_movie_at_crf_28(marked, tmp_path):
    movie = write(tmp_path / "marked.mp4", marked)
    found = find_watermark(write(tmp_path / "again.mp4", [smaller(frame) for frame in read_frames(movie)], crf=28))
    assert found.is_found and found.seconds == pytest.approx(SECONDS)
    assert found.text.startswith("Watermark: found in 2.4 s with a face; less than 1 false alarm in 10^")


def test_it_is_not_found_where_it_is_not(frames, tmp_path):
    found = find_watermark(write(tmp_path / "plain.mp4", frames))
    assert not found.is_found and found.chance > 1e-3
    assert found.text == "Watermark: none found in 2.4 s with a face"


def test_a_movie_without_a_face_is_not_judged(tmp_path):
    found = find_watermark(write(tmp_path / "grey.mp4", [np.full((96, 128, 3), 128, np.uint8)] * 40))
    assert not found.is_found and found.chance == 1.0
    assert found.text == "Watermark: not looked for, because no face is seen for long enough"


def test_the_change_is_small_and_only_in_the_face(frames, marked):
    change = np.abs(np.stack(marked).astype(int) - np.stack(frames))
    inside = change[:, CROP.y:CROP.y + CROP.size, CROP.x:CROP.x + CROP.size]
    assert 0.02 < inside.mean() < 0.3 and change.max() <= 6 * STRENGTH
    assert inside.sum() == change.sum()


def test_any_picture_has_exponential_scores_over_keys():
    rng = np.random.default_rng(0)
    coefficients = (rng.standard_t(3, 900) + 1j * rng.standard_t(3, 900)) * np.linspace(3, 0.1, 900)
    scores = np.array([score_of(coefficients, rng.uniform(0, 2 * np.pi, 900)) for _ in range(20_000)])
    assert scores.mean() == pytest.approx(1, abs=0.03)
    for level in (1.0, 3.0, 5.0):
        assert np.mean(scores > level) == pytest.approx(np.exp(-level), rel=0.2)
    pairs = [chance_of(list(pair)) for pair in scores.reshape(-1, 2)]
    assert np.mean(np.array(pairs) < 0.01) == pytest.approx(0.01, rel=0.3)


def test_the_time_at_which_the_pattern_starts_does_not_matter():
    pattern, seconds = bundled_pattern(), np.arange(50) / FPS
    noise = np.random.default_rng(1).normal(100, 1, (50, SIDE, SIDE)).astype(np.float32)
    scores = []
    for start in (0.0, 0.1, 0.35, 0.6):
        canvases = noise + np.stack([0.2 * pattern.at(start + each) for each in seconds])
        scores.append(score_of(face_coefficients(seconds, canvases), pattern.band_phases))
    assert min(scores) > 100 and max(scores) < 1.3 * min(scores)
    assert score_of(face_coefficients(seconds, noise), pattern.band_phases) < 9


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.0, 3.3])
@pytest.mark.parametrize("degrees", [0, 25])
def test_the_canvas_is_found_at_any_size_and_angle(scale, degrees):
    angle, places = np.radians(degrees), np.zeros((478, 3), np.float32)
    turn = scale * 64 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places[list(LANDMARKS), :2] = np.array(list(LANDMARKS.values())) @ turn.T + scale * 128 + 0.5
    matrix, size = canvas_matrix(places), round(256 * scale)
    pattern = 20 * bundled_pattern().cosine
    grey = np.full((size, size, 3), 128, np.uint8)
    seen = canvas_of(add_pattern(grey, pattern, matrix), matrix) - 128
    assert np.corrcoef(seen.ravel(), pattern.ravel())[0, 1] > (0.9 if scale >= 1 else 0.6)
    assert np.array_equal(add_pattern(grey, 0 * pattern, matrix), grey)


def test_the_key_stays_the_one_of_released_movies():
    phases = np.round(bundled_pattern().band_phases * 65536 / (2 * np.pi)).astype(">u2")
    assert hashlib.sha256(phases.tobytes()).hexdigest().startswith("ad96a1569b89"), "older movies would not be found"


@pytest.fixture
def shot(monkeypatch, frames, tmp_path):
    """A shot whose refined frames are those of the sample."""
    track, shown = SimpleNamespace(camera=SimpleNamespace(width=512, height=512), crop=CROP), []
    person = SimpleNamespace(key="s", plates_path=Path("none"), track=track,
                             info=SimpleNamespace(name="Robin", clip=None, consent=Consent()))
    refiner = SimpleNamespace(composites=lambda renders, match, cache, layer, context: (each for each in shown))
    monkeypatch.setattr("headroom.pipeline.Subject.open_for", lambda folder, use: person)
    monkeypatch.setattr("headroom.subject.shot_refiner.open_shot_refiner", lambda folder: refiner)

    def make(pictures):
        shown[:] = pictures
        count = len(pictures)
        match = PlateMatch(np.zeros(count, np.int32), *np.zeros((2, count, 3)), *np.zeros((2, count)))
        renders = ShotRenders([Render(None, tmp_path / "mesh.npy")] * count, match, tmp_path / "crops")
        person = PersonInShot(tmp_path, shot=renders)
        return pipeline.refine([person], tmp_path / "shot.mp4", RefineSettings(fps=FPS))[1]

    return make


def actions(movie):
    store = json.loads(c2pa.Reader(str(movie)).json())
    assert store["validation_state"] == "Valid"
    said = {each["label"]: each["data"] for each in store["manifests"][store["active_manifest"]]["assertions"]}
    return [each["action"] for each in said["c2pa.actions.v2"]["actions"]]


def inspect(monkeypatch, capsys, file):
    monkeypatch.setattr(sys, "argv", ["headroom", "inspect", str(file)])
    with pytest.raises(SystemExit) as exit_request:
        app.main()
    return exit_request.value.code, capsys.readouterr().out


def test_a_refined_movie_has_it_and_inspect_finds_it_without_the_credentials(shot, frames, tmp_path, monkeypatch,
                                                                              capsys):
    assert shot(frames) == [] and "c2pa.watermarked.unbound" in actions(tmp_path / "shot.mp4")
    write(tmp_path / "copy.mp4", list(read_frames(tmp_path / "shot.mp4")))
    code, out = inspect(monkeypatch, capsys, tmp_path / "copy.mp4")
    assert code == 0 and out.startswith("Watermark: found in 2.4 s with a face; less than 1 false alarm in 10^")


def test_a_movie_whose_face_is_not_found_does_not_claim_it(shot, tmp_path):
    notes = shot([np.full((512, 512, 3), 90, np.uint8)] * 5)
    assert notes == ["A face was found for only 0.0 of 0.2 seconds, so the watermark cannot be found again in the "
                     "movie."]
    assert "c2pa.watermarked.unbound" not in actions(tmp_path / "shot.mp4")


def test_switching_it_off_is_noted_and_logged(shot, frames, tmp_path, monkeypatch, capsys, caplog):
    monkeypatch.setenv("HEADROOM_WATERMARK", "off")
    with caplog.at_level(logging.WARNING):
        assert shot(frames) == ["The watermark is switched off."]
    assert "A movie has no watermark, because HEADROOM_WATERMARK is off" in caplog.text
    assert "c2pa.watermarked.unbound" not in actions(tmp_path / "shot.mp4")
    assert "Watermark: none found" in inspect(monkeypatch, capsys, tmp_path / "shot.mp4")[1]
