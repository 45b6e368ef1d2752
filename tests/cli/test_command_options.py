"""The options of each command reach what the command runs, with the defaults of the settings."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from command_call import call
from typer.testing import CliRunner

from headroom.cli.app import app
from headroom.cli.commands import speech, subject
from headroom.common.errors import InputError
from headroom.common.settings import LearnSettings, MatchSettings, PerformSettings


@pytest.mark.parametrize(("command", "settings"), [
    (subject.learn, LearnSettings), (speech.perform, PerformSettings), (speech.shot, PerformSettings),
    (speech.shot, MatchSettings)])
def test_options_have_the_defaults_of_the_settings(command, settings):
    parameters = inspect.signature(command).parameters
    fields = {name: field.default for name, field in settings.model_fields.items()}
    if command is speech.shot:
        fields.pop("transcript", None)  # words are found in Blender
    assert {name: parameters[name].default for name in fields} == fields


def test_learn_passes_its_options_and_records_consent(monkeypatch, capsys, tmp_path):
    passed = {}

    def learn(clip, subject, settings, networks, progress, monitor):
        passed.update(settings.model_dump(), **vars(networks), clip=str(clip), subject=subject)
        progress(0.5, "Learning the face")
        return ["Two faces were seen; the largest was taken."]

    monkeypatch.setattr("headroom.pipeline.learn", learn)
    code, out, _ = call(monkeypatch, capsys, "learn", "clip.mp4", "-o", tmp_path / "s", "--preset", "standard",
                        "--resolution", "512", "--from", "1.5", "--to", "9", "--audio-track", "2", "--name", "Robin",
                        "--budget", "5", "--face", "2",
                        "--consent", "Robin, today", "--face-model", tmp_path / "mine.npz",
                        "--arcface", tmp_path / "r50.pth", "--resnet18", tmp_path / "r18.pth")
    assert code == 0
    assert passed == {"clip": "clip.mp4", "subject": tmp_path / "s", "preset": "standard", "albedo": "clip",
                      "resolution": 512, "from_seconds": 1.5, "to_seconds": 9.0, "audio_track": 2, "name": "Robin",
                      "budget_minutes": 5.0, "face": 2,
                      "consent": "Robin, today", "consent_who": "", "consent_uses": None, "consent_until": None,
                      "face_model": tmp_path / "mine.npz",
                      "arcface": tmp_path / "r50.pth", "resnet18": tmp_path / "r18.pth", "regressor": None}
    assert "50 % Learning the face" in out
    assert "Note: Two faces were seen; the largest was taken." in out
    assert "agreed" not in out


def test_learn_asks_for_consent_and_passes_on_that_none_was_stated(monkeypatch, capsys, tmp_path):
    passed = []
    monkeypatch.setattr("headroom.pipeline.learn",
                        lambda clip, subject, settings, *rest, **named: passed.append(settings) or [])
    code, out, _ = call(monkeypatch, capsys, "learn", "clip.mp4", "-o", tmp_path / "s")
    assert code == 0
    assert "must have agreed" in out
    assert passed[0].consent is None


def test_upgrade_passes_its_networks(monkeypatch, capsys, tmp_path):
    passed = {}

    def upgrade(subject, progress, networks, monitor):
        passed.update(vars(networks), subject=subject)
        return ["A note."]

    monkeypatch.setattr("headroom.pipeline.upgrade", upgrade)
    code, out, _ = call(monkeypatch, capsys, "upgrade", tmp_path, "--arcface", "r50.pth", "--regressor", "r.pth")
    assert code == 0 and "Note: A note." in out
    assert passed == {"subject": tmp_path, "face_model": None, "arcface": Path("r50.pth"), "resnet18": None,
                      "regressor": Path("r.pth")}


def test_perform_passes_its_controls(monkeypatch, capsys, tmp_path):
    from headroom.face.performance import Performance

    passed = {}

    def perform(subject, speech, settings, controls, progress):
        passed.update(settings.model_dump(), controls=controls)
        return Performance(25.0, np.zeros((50, 64)), np.zeros((50, 3)), np.zeros((50, 3))), []

    monkeypatch.setattr("headroom.pipeline.perform", perform)
    (tmp_path / "line.txt").write_text("Good morning!", encoding="utf-8")
    code, out, _ = call(monkeypatch, capsys, "perform", "s", "w.wav", "-o", tmp_path / "p.npz", "--seed", 2,
                        "--control", "mouth.gain=1.2", "--control", "head.lag=0.1", "--pose", "replayed",
                        "--use", "Film A", "--audio-track", "3", "--transcript", tmp_path / "line.txt")
    assert code == 0 and "2.00 s at 25 fps" in out
    assert passed == {"seed": 2, "controls": ["mouth.gain=1.2", "head.lag=0.1"], "pose": "replayed", "use": "Film A",
                      "audio_track": 3, "transcript": "Good morning!"}


def test_a_transcript_must_be_text(monkeypatch, capsys, tmp_path):
    (tmp_path / "line.doc").write_bytes(b"\xd0\xcf\x11\xe0")
    code, _, err = call(monkeypatch, capsys, "perform", "s", "w.wav", "-o", tmp_path / "p.npz", "--transcript",
                        tmp_path / "line.doc")
    assert code == 2 and err.endswith("is not text in UTF-8. Save it as UTF-8, or choose another file.\n")


def test_perform_draws_a_plot_and_tells_its_notes(monkeypatch, capsys, tmp_path):
    from headroom.face.performance import Performance

    drawn = []
    motion = Performance(25.0, np.zeros((50, 64)), np.zeros((50, 3)), np.zeros((50, 3)))
    monkeypatch.setattr("headroom.pipeline.perform", lambda *args, **settings: (motion, []))
    monkeypatch.setattr("headroom.evaluation.performance_plot.plot_performance",
                        lambda *args: drawn.append(args) or ["A note."])
    code, out, _ = call(monkeypatch, capsys, "perform", "s", "w.wav", "-o", tmp_path / "p.npz", "--plot",
                        tmp_path / "p.png")
    assert code == 0 and "Note: A note." in out and "Wrote" in out and "p.png" in out
    assert drawn == [(Path("s"), Path("w.wav"), motion, tmp_path / "p.png", None)] and (tmp_path / "p.npz").is_file()


def test_perform_neutral_needs_the_speech_alone(monkeypatch, capsys, tmp_path):
    from headroom.face.performance import Performance

    passed = []

    def perform(subject, speech, settings, controls, progress):
        passed.append((subject, speech))
        return Performance(25.0, np.zeros((50, 64)), np.zeros((50, 3)), np.zeros((50, 3))), []

    monkeypatch.setattr("headroom.pipeline.perform", perform)
    code, _, _ = call(monkeypatch, capsys, "perform", "--neutral", "w.wav", "-o", tmp_path / "p.npz")
    assert code == 0 and passed == [(None, Path("w.wav"))]
    for arguments, reason in (
            (("s", "w.wav", "--neutral"), "--neutral needs no subject; leave s out."),
            (("w.wav",), "A subject and a speech are needed: headroom perform SUBJECT SPEECH. Name both, or use "
                         "--neutral with the speech alone."),
            (("w.wav", "--neutral", "--plot", tmp_path / "p.png"),
             "The average speaker has no clip to plot; use --neutral without --plot.")):
        code, _, err = call(monkeypatch, capsys, "perform", *arguments, "-o", tmp_path / "q.npz")
        assert code == 2 and err.strip() == reason
    assert len(passed) == 1


def test_shot_passes_its_options(monkeypatch, capsys, tmp_path):
    from headroom.cli import shot

    passed, line = [], tmp_path / "line.txt"
    line.write_text("Hello.", encoding="utf-8")

    def make_shot(subject, speech, movie, options, progress):
        passed.append(options)
        return shot.ShotResult(50, ["A note."])

    monkeypatch.setattr(shot, "make_shot", make_shot)
    code, out, _ = call(monkeypatch, capsys, "shot", "s", "w.wav", "-o", tmp_path / "s.mp4", "--seed", 2,
                        "--plate-fit", "0.5", "--control", "mouth.gain=1.2", "--pose", "replayed",
                        "--key-error", 2, "--blend", tmp_path / "s.blend", "--engine", "fast",
                        "--label", "AI-generated", "--transcript", line, "--audio-track", 2)
    assert code == 0 and "50 frames" in out and "Note: A note." in out and "s.blend" in out
    perform = PerformSettings(seed=2, pose="replayed", audio_track=2, transcript="Hello.")
    assert passed == [shot.ShotOptions(perform, MatchSettings(plate_fit=0.5), ("mouth.gain=1.2",), None,
                                       tmp_path / "s.blend", 2.0, "fast", "AI-generated")]
    code, _, _ = call(monkeypatch, capsys, "shot", "a", "a.wav", "--with", "b=b.wav", "--with", "c=c=1.wav", "-o",
                      tmp_path / "s.mp4")
    assert code == 0 and passed[-1].people == ((Path("b"), Path("b.wav")), (Path("c"), Path("c=1.wav")))
    code, _, _ = call(monkeypatch, capsys, "shot", "a", "a.wav", "--performance", "p.csv", "--mirror", "-o",
                      tmp_path / "s.mp4")
    assert code == 0 and (passed[-1].performance, passed[-1].mirror) == (Path("p.csv"), True)
    code, _, err = call(monkeypatch, capsys, "shot", "a", "a.wav", "--with", "b", "-o", tmp_path / "s.mp4")
    assert code == 2
    assert "--with names no subject and speech" in err and err.count("\n") == 1


def test_demo_passes_the_engine_and_tells_its_notes(monkeypatch, capsys, tmp_path):
    passed = []

    def run_demo(output, engine, progress):
        passed.append((output, engine))
        return [output / "shot.mp4"], ["A note."]

    monkeypatch.setattr("headroom.cli.demo.run_demo", run_demo)
    code, out, _ = call(monkeypatch, capsys, "demo", "-o", tmp_path / "demo", "--engine", "fast")
    assert code == 0 and passed == [(tmp_path / "demo", "fast")]
    assert "Note: A note." in out and "Wrote" in out and "shot.mp4" in out


def test_train_passes_its_options_and_lists_what_was_left_out(monkeypatch, capsys, tmp_path):
    passed = {}

    def train(run, method, progress):
        passed.update(vars(run), datasets=[str(path) for path in run.datasets], method=method)
        return ["a.mp4 was left out: No face."]

    monkeypatch.setattr("headroom.training.runs.train_motion_weights", train)
    code, out, _ = call(monkeypatch, capsys, "train", "motion", "LRW", "clips", "-o", tmp_path / "w.safetensors",
                        "--preset", "paper", "--steps", 9, "--cache", tmp_path, "--checkpoint-every", 5, "--resume",
                        "--tensorboard", tmp_path / "curves")
    assert code == 0 and "Note: a.mp4 was left out" in out
    assert passed == {"datasets": ["LRW", "clips"], "weights": tmp_path / "w.safetensors", "method": "paper",
                      "steps": 9, "cache": tmp_path, "checkpoint_every": 5, "resume": True,
                      "tensorboard": tmp_path / "curves"}


@pytest.mark.parametrize("options, sentence", [
    (["--scheduler", "tcp://a:1", "--jobs", "2"], "The workers of the scheduler decide how many jobs run"),
    (["--openjd", "elsewhere/template.json"], "The template must lie beside the job file"),
])
def test_options_that_do_not_go_together_are_refused_at_once(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "jobs.json").write_text(json.dumps({"headroom": 1, "jobs": []}))
    result = CliRunner().invoke(app, ["batch", "jobs.json", *options])
    assert isinstance(result.exception, InputError) and sentence in str(result.exception)
