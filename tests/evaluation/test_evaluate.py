"""The evaluation with a stand-in pipeline whose results are known; test_measures.py tests the measures."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.common.networks.arcface import EMBEDDING_SIZE
from headroom.evaluation import evaluate as module
from headroom.face.camera import Camera, Crop
from headroom.face.model import bundled_model
from headroom.face.performance import Performance
from headroom.media.audio import write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, probe, read_frames
from headroom.subject.shot_refiner import Composite
from headroom.track.track import Track

FPS, WIDTH, HEIGHT, TRAIN = 29.97, 96, 80, 2.0
OPTIONS = module.EvaluateOptions(TRAIN)
MASK = np.full((64, 64), 0.5, np.float32)


@pytest.fixture
def clip(tmp_path):
    """Four seconds of a gradient that brightens in cycles, with sound."""
    rng = np.random.default_rng(1)
    write_wav(tmp_path / "voice.wav", rng.normal(0, 0.1, 16000 * 4))
    ramp = np.linspace(40, 200, WIDTH)[None, :, None] + np.zeros((HEIGHT, 1, 3))
    sound = SoundtrackSource(tmp_path / "voice.wav")
    with VideoWriter(tmp_path / "clip.mp4", FPS, WIDTH, HEIGHT, sound=sound) as movie:
        for index in range(120):
            movie.write(np.clip(ramp + index % 20, 0, 255).astype(np.uint8))
    return tmp_path / "clip.mp4"


@pytest.fixture
def pipeline(monkeypatch, clip):
    """A pipeline that reconstructs perfectly, and whose prediction is a still head, one level too bright."""
    rest = list(read_frames(clip, TRAIN))
    count, model = len(rest), bundled_model()
    pose = np.random.default_rng(0).normal(0, 0.1, (count, 3)).astype(np.float32)
    far = np.tile(np.float32([0, 0, -900]), (count, 1))
    track = Track(float(probe(clip).fps), Camera(120, WIDTH, HEIGHT), Crop(20, 10, 60), np.zeros(80), np.zeros(80),
                  np.zeros((9, 3)), np.zeros((count, 64), np.float32), pose, far, np.ones(count))
    calls = {}

    def learn(clip, folder, settings, networks, progress):
        calls["learn"] = settings
        return ["A note."]

    def perform(folder, speech, progress):
        calls["speech"] = speech.stat().st_size
        still = np.zeros((50, 3), np.float32)
        return Performance(25.0, np.zeros((50, 64), np.float32), still, still - [0, 0, 900]), []

    def refined_frames(folder, renders, match, progress):
        brighter = not np.allclose(match.rotation, pose)
        for frame, _ in zip(rest, renders, strict=True):
            made = np.minimum(frame, 254) + np.uint8(1) if brighter else frame
            yield Composite(made, frame, MASK)

    for name, function in {
        "learn": learn, "perform": perform, "refined_frames": refined_frames,
        "match_plates": lambda folder, pose: pose,
        "track_known_person": lambda *args: track,
        "render_crops": lambda folder, motion: iter(motion.rotation),
    }.items():
        monkeypatch.setattr(module.pipeline, name, function)
    monkeypatch.setattr(module.Subject, "open", staticmethod(lambda folder: SimpleNamespace(model=model)))
    return SimpleNamespace(calls=calls, track=track, rest=rest)


def test_a_perfect_reconstruction_and_a_known_prediction(clip, pipeline, tmp_path):
    fractions = []
    figures = module.evaluate(clip, OPTIONS, save=tmp_path / "movies",
                              progress=lambda fraction, message: fractions.append(fraction)).to_dict()
    perfect, predicted = figures["tables"]["reconstruction"], figures["tables"]["prediction"]
    assert perfect["psnr_frame"] == perfect["psnr_crop"] == 100
    assert perfect["ssim"] == pytest.approx(1)
    assert perfect["hs"] == 1
    assert predicted["psnr_frame"] == pytest.approx(20 * np.log10(255), abs=0.01)
    assert predicted["hs"] < 0.9
    assert perfect["seam"] == 0 and predicted["seam"] == pytest.approx(2, abs=0.01)  # one level at half the mask
    assert (perfect["pose_speed"], predicted["pose_speed"]) == (pytest.approx(1), 0)
    assert predicted["jitter_degrees"] == [0, 0, 0]
    assert figures["truth"]["jitter_pixels"] > predicted["jitter_pixels"] == 0
    assert figures["test_frames"] == len(pipeline.rest) == 60
    assert set(figures["seconds"]) == {"learn", "track", "predict", "make reconstruction", "make prediction"}
    assert figures["notes"] == ["A note."]
    assert pipeline.calls["learn"].to_seconds == TRAIN
    json.dumps(figures, allow_nan=False)
    assert fractions == sorted(fractions)


class Brightness:
    """Stands in for a network that tells persons apart: by the brightness of the crop."""

    def embed(self, picture, points):
        assert points.shape == (5, 2)
        angle = picture.mean() / 20
        return np.resize([np.cos(angle), np.sin(angle)], EMBEDDING_SIZE)


def test_regions_and_identity_are_measured_where_a_face_is_found(clip, pipeline, monkeypatch):
    def landmarks(crops, fps, progress=None):
        points = np.random.default_rng(0).uniform(60, 200, (len(crops), 478, 3)).astype(np.float32)
        points[:10] = np.nan
        return points

    for place in ("held_out", "measure"):
        monkeypatch.setattr(f"headroom.evaluation.{place}.find_landmarks_or_nan", landmarks)
    monkeypatch.setattr(module.EvaluateOptions, "arcface", lambda self: Brightness())
    figures = module.evaluate(clip, OPTIONS).to_dict()
    perfect, predicted = figures["tables"]["reconstruction"], figures["tables"]["prediction"]
    for region in ("face", "rim", "mouth", "eyes"):
        values = [perfect[f"{measure}_{region}"] for measure in ("psnr", "sharpness", "perceptual")]
        assert values == [100, 1, 0]
        assert predicted[f"psnr_{region}"] == pytest.approx(20 * np.log10(255), abs=0.01)
        assert predicted[f"sharpness_{region}"] == pytest.approx(1, abs=0.01)
    assert perfect["identity"] == pytest.approx(1) and predicted["identity"] < 0.9999
    assert -1 < figures["truth"]["identity"] < 0.99


def test_without_a_face_or_a_network_their_figures_are_left_out(clip, pipeline):
    figures = module.evaluate(clip, OPTIONS).to_dict()
    for key in ("psnr_face", "sharpness_rim", "perceptual_eyes", "identity"):
        assert figures["tables"]["reconstruction"][key] is None
    assert figures["truth"]["identity"] is None


def test_a_wrong_identity_network_is_refused_before_learning(clip, pipeline, tmp_path):
    (tmp_path / "network.pth").write_text("x")
    with pytest.raises(InputError, match="holds no weights of a network"):
        module.evaluate(clip, module.EvaluateOptions(TRAIN, identity_network=tmp_path / "network.pth"))
    assert "learn" not in pipeline.calls


def test_the_saved_movies_are_aligned_and_of_the_clips_size(clip, pipeline, tmp_path):
    folder = tmp_path / "movies"
    folder.mkdir()
    (folder / "notes.txt").write_text("the user's")
    module.evaluate(clip, OPTIONS, save=folder)
    assert (folder / "notes.txt").read_text() == "the user's"
    (folder / "notes.txt").unlink()
    assert sorted(path.name for path in folder.iterdir()) == ["prediction.mp4", "reconstruction.mp4", "truth.mp4"]
    for path in folder.iterdir():
        info = probe(path)
        assert (info.width, info.height, info.frames, info.has_audio) == (WIDTH, HEIGHT, 60, True)
        assert info.fps == pytest.approx(30000 / 1001)
    for truth, made in zip(read_frames(folder / "truth.mp4"), pipeline.rest, strict=True):
        assert np.abs(truth.astype(int) - made).mean() < 2


def test_an_error_while_the_movies_are_made_saves_none_of_them(clip, pipeline, tmp_path, monkeypatch):
    def refined_frames(*args):
        yield Composite(pipeline.rest[0], pipeline.rest[0], MASK)
        raise RuntimeError

    monkeypatch.setattr(module.pipeline, "refined_frames", refined_frames)
    with pytest.raises(RuntimeError):
        module.evaluate(clip, OPTIONS, save=tmp_path / "movies")
    assert not (tmp_path / "movies").exists()


def test_when_a_movie_cannot_be_saved_the_older_ones_stay(clip, pipeline, tmp_path, monkeypatch):
    folder = tmp_path / "movies"
    folder.mkdir()
    older = {"prediction.mp4": b"older", "reconstruction.mp4": b"older", "notes.txt": b"the user's"}
    for name, content in older.items():
        (folder / name).write_bytes(content)
    rename, moved = os.replace, []

    def replace(source, target):
        if Path(target).parent == folder:
            moved.append(target)
            if len(moved) == 2:
                raise OSError(28, "No space left on device")
        rename(source, target)

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "replace", replace)
        with pytest.raises(InputError, match=r"Cannot write .*movies: No space left on device"):
            module.evaluate(clip, OPTIONS, save=folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == older


def test_a_clip_with_nothing_left_to_measure_on_is_refused(clip):
    with pytest.raises(InputError, match="too short"):
        module.evaluate(clip, module.EvaluateOptions(3.0))


def test_the_tables_print_every_measure(clip, pipeline, tmp_path, capsys):
    from rich.console import Console

    from headroom.cli.tables import ROWS, print_evaluation

    print_evaluation(Console(width=160), module.evaluate(clip, OPTIONS).to_dict())
    printed = capsys.readouterr().out
    for _, label, _, _ in ROWS:
        assert label in printed
    for heading in ("reconstruction", "prediction", "learn", "Note: A note."):
        assert heading in printed
