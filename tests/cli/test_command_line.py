"""The command line as a user meets it: fast help, one sentence for a mistake, exit codes, Ctrl-C."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import typer

from headroom.cli import app as command_line
from headroom.cli import console
from headroom.cli.commands import speech, subject
from headroom.common import choices
from headroom.common.device import DEVICES
from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.settings import LearnSettings, MatchSettings, PerformSettings


def call(monkeypatch, capsys, *arguments):
    """Run the command line in this process; return exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["headroom", *map(str, arguments)])
    earlier = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end:
            command_line.main()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    output = capsys.readouterr()
    return end.value.code, output.out, output.err


def command_names(group, before=""):
    """Yield every command as it is typed: "learn", "model import"."""
    for name, command in group.commands.items():
        yield from command_names(command, f"{before}{name} ") if hasattr(command, "commands") else (before + name,)


def test_the_readme_describes_every_command():
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in readme.splitlines() if line.startswith("| `"))
    names = list(command_names(typer.main.get_command(command_line.app)))
    assert "learn" in names and "train motion" in names
    assert [name for name in names if f"`{name}" not in rows] == []


def test_tokens_are_made_listed_and_revoked(monkeypatch, capsys, tmp_path):
    code, secret, err = call(monkeypatch, capsys, "serve", "token", "add", "anna", "--until", "2999-01-02",
                             "--label", "laptop", "--data", tmp_path)
    assert code == 0 and secret.startswith("headroom-") and "accepted until 2999-01-02" in err
    listed = json.loads(call(monkeypatch, capsys, "serve", "token", "list", "--json", "--data", tmp_path)[1])
    assert [(token["user"], token["label"], token["role"]) for token in listed] == [("anna", "laptop", "user")]
    table = call(monkeypatch, capsys, "serve", "token", "list", "--data", tmp_path)[1]
    assert "laptop" in table and secret.strip() not in table + json.dumps(listed)
    code, text, _ = call(monkeypatch, capsys, "serve", "token", "revoke", "anna", "--data", tmp_path)
    assert code == 0 and text == f"Revoked the token {listed[0]['id']} of anna\n"
    assert "revoked" in call(monkeypatch, capsys, "serve", "token", "list", "--data", tmp_path)[1]
    code, _, err = call(monkeypatch, capsys, "serve", "token", "revoke", "anna", "--data", tmp_path)
    assert code == 2 and err.startswith("There is no token anna")
    code, _, err = call(monkeypatch, capsys, "serve", "--host", "0.0.0.0", "--data", tmp_path)
    assert code == 2 and "can be reached from other machines" in err


def test_help_names_every_command_and_loads_no_heavy_package():
    program = ("import sys, headroom.__main__\n"
               "from headroom.cli.app import app\n"
               "try: app(['--help'], prog_name='headroom')\n"
               "except SystemExit: pass\n"
               "heavy = {'torch', 'cv2', 'numpy', 'mediapipe', 'av', 'pydantic', 'fastapi'}\n"
               "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stderr.strip() == "[]"
    for command in typer.main.get_command(command_line.app).commands:
        assert command in result.stdout


def test_python_m_headroom_is_the_command_line():
    result = subprocess.run([sys.executable, "-m", "headroom", "bogus"], capture_output=True, text=True)
    assert result.returncode == 2 and "No such command" in result.stderr


def test_the_version_is_printed(monkeypatch, capsys):
    from headroom import __version__

    assert call(monkeypatch, capsys, "--version") == (0, f"{__version__}\n", "")


def test_the_device_reaches_the_processes_of_a_command(monkeypatch, capsys):
    monkeypatch.setenv("HEADROOM_DEVICE", "auto")
    assert get_args(choices.Device) == DEVICES
    assert call(monkeypatch, capsys, "--device", "cpu", "--version")[0] == 0
    assert os.environ["HEADROOM_DEVICE"] == "cpu"


@pytest.mark.parametrize(("command", "settings"), [
    (subject.learn, LearnSettings), (speech.perform, PerformSettings), (speech.shot, PerformSettings),
    (speech.shot, MatchSettings)])
def test_options_have_the_defaults_of_the_settings(command, settings):
    parameters = inspect.signature(command).parameters
    fields = {name: field.default for name, field in settings.model_fields.items()}
    if command is speech.shot:
        fields.pop("transcript", None)  # words are found in Blender
    assert {name: parameters[name].default for name in fields} == fields


@pytest.mark.parametrize("arguments", [["learn"], ["bogus"], ["learn", "x", "-o", "y", "--preset", "best"],
                                       ["learn", "x", "-o", "y", "--resolution", "300"],
                                       ["perform", "a", "b", "-o", "c.npz", "--seed", "-1"],
                                       ["shot", "a", "b", "-o", "c.mp4", "--plate-fit", "7"]])
def test_mistyped_commands_exit_with_2(monkeypatch, capsys, arguments):
    code, _, err = call(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "Traceback" not in err


def test_a_setting_that_only_the_pipeline_refuses_is_one_sentence(monkeypatch, capsys, tmp_path):
    code, _, err = call(monkeypatch, capsys, "learn", "clip.mp4", "-o", tmp_path / "s", "--from", "inf")
    assert (code, err.count("\n")) == (2, 1) and err.startswith("The setting from_seconds cannot be used:")


@pytest.mark.parametrize("error,code,words", [
    (InputError("The clip is too short; choose a longer one."), 2, "The clip is too short"),
    (HeadroomError("Blender failed."), 1, "Blender failed."),
    (Cancelled("Stopped."), 130, "Stopped"),
    (KeyboardInterrupt(), 130, "Stopped"),
])
def test_errors_are_one_line_and_an_exit_code(monkeypatch, capsys, tmp_path, error, code, words):
    def fail(*args, **settings):
        raise error

    monkeypatch.setattr("headroom.pipeline.learn", fail)
    arguments = ("learn", "clip.mp4", "-o", tmp_path / "subject")
    exit_code, _, err = call(monkeypatch, capsys, *arguments)
    assert (exit_code, err.count("\n")) == (code, 1)
    assert err.startswith(words)
    assert list(tmp_path.iterdir()) == []
    exit_code, _, err = call(monkeypatch, capsys, "--debug", *arguments)
    assert exit_code == code
    assert ("Traceback" in err) == isinstance(error, HeadroomError)


def test_a_programming_mistake_keeps_its_traceback(monkeypatch, tmp_path):
    def fail(*args, **settings):
        raise ZeroDivisionError

    monkeypatch.setattr("headroom.pipeline.learn", fail)
    monkeypatch.setattr(sys, "argv", ["headroom", "learn", "clip.mp4", "-o", str(tmp_path / "subject")])
    with pytest.raises(ZeroDivisionError):
        command_line.main()


def test_learn_passes_its_options_and_records_consent(monkeypatch, capsys, tmp_path):
    passed = {}

    def learn(clip, subject, settings, networks, progress):
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

    def upgrade(subject, progress, networks):
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
    from headroom.cli import blender

    passed = []

    def make_shot(subject, speech, movie, options, progress):
        passed.append(options)
        return blender.ShotResult(50, ["A note."])

    monkeypatch.setattr(blender, "make_shot", make_shot)
    code, out, _ = call(monkeypatch, capsys, "shot", "s", "w.wav", "-o", tmp_path / "s.mp4", "--seed", 2,
                        "--plate-fit", "0.5", "--control", "mouth.gain=1.2", "--pose", "replayed",
                        "--key-error", 2, "--blend", tmp_path / "s.blend", "--engine", "fast",
                        "--label", "AI-generated")
    assert code == 0 and "50 frames" in out and "Note: A note." in out and "s.blend" in out
    assert passed == [blender.ShotOptions(PerformSettings(seed=2, pose="replayed"), MatchSettings(plate_fit=0.5),
                                          ("mouth.gain=1.2",), None, tmp_path / "s.blend", 2.0, "fast", "AI-generated")]


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


def test_output_names_are_checked_before_any_work(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for arguments in (("learn", "c.mp4", "-o", tmp_path / "file" / "subject"),
                      ("learn", "c.mp4", "-o", tmp_path / "file"),
                      ("perform", "s", "w.wav", "-o", tmp_path / "motion.txt"),
                      ("perform", "s", "w.wav", "-o", tmp_path / "p.npz", "--plot", tmp_path / "plot.jpg"),
                      ("shot", "s", "w.wav", "-o", tmp_path / "shot.avi"),
                      ("shot", "s", "w.wav", "-o", tmp_path / "shot.mp4", "--blend", tmp_path / "shot.mp4"),
                      ("evaluate", "c.mp4", "--json", tmp_path / "folder"),
                      ("evaluate", "c.mp4", "--save", tmp_path / "file")):
        code, _, err = call(monkeypatch, capsys, *arguments)
        assert (code, err.count("\n")) == (2, 1), (arguments, err)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_doctor_reports_every_part_and_its_json_can_be_read(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "doctor", "--json")
    findings = json.loads(out)
    names = {finding["what"] for finding in findings}
    assert {"Python", "torch", "system libraries", "device", "OpenGL", "Blender", "video codecs"} <= names
    assert code == (0 if all(finding["ok"] for finding in findings) else 1)
    assert all(finding["remedy"] for finding in findings if not finding["ok"])


def test_doctor_exits_with_1_and_says_what_to_do(monkeypatch, capsys):
    from headroom.cli import doctor

    findings = [doctor.Finding("torch", True, "2.13"), doctor.Finding("Blender", False, "not found", "Install it.")]
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    code, out, _ = call(monkeypatch, capsys, "doctor")
    assert code == 1
    assert "Install it." in out


def test_serve_announces_itself_and_ends_quietly(tmp_path):
    command = [sys.executable, "-m", "headroom", "serve", "--data", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    announcement = json.loads(process.stdout.readline())
    assert announcement["url"].startswith("http://127.0.0.1:")
    assert announcement["pid"] == process.pid
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


def accept_ctrl_c():
    """Restore the default: a shell starts its background jobs, as this run may be one, with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_exits_with_130_and_leaves_nothing(tmp_path):
    program = ("import time, headroom.pipeline as pipeline\n"
               "from headroom.cli.app import main\n"
               "from headroom.common.files import atomic_folder\n"
               "def learn(clip, subject, *settings, progress):\n"
               "    with atomic_folder(subject) as folder:\n"
               "        (folder / 'half').touch(); progress(0.1, 'Half way'); time.sleep(60)\n"
               "pipeline.learn = learn; main()")
    process = subprocess.Popen([sys.executable, "-c", program, "learn", "clip.mp4", "-o", str(tmp_path / "subject")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=accept_ctrl_c)
    while "Half way" not in process.stdout.readline():
        pass
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("\n")) == (130, 1)
    assert list(tmp_path.iterdir()) == []


def test_logs_of_native_libraries_are_dropped_and_our_sentence_is_not(tmp_path):
    program = ("import os, headroom.pipeline as pipeline\n"
               "from headroom.cli.app import main\n"
               "from headroom.common.errors import InputError\n"
               "def learn(*args, **settings):\n"
               "    os.write(2, b'W0000 a warning from C++\\n'); raise InputError('Too short; choose another.')\n"
               "pipeline.learn = learn; main()")
    command = [sys.executable, "-c", program, "learn", "clip.mp4", "-o", str(tmp_path / "subject")]
    assert subprocess.run(command, capture_output=True, text=True).stderr == "Too short; choose another.\n"
    assert "W0000" in subprocess.run([*command, "--debug"], capture_output=True, text=True).stderr


def test_plain_progress_prints_new_messages_only(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    report = console.PlainProgress()
    steps = (0, 0, "One 1"), (1, 0.1, "One 2"), (2, 0.2, "Two"), (20, 0.6, "Two")
    for seconds, fraction, message in steps:
        now[0] = seconds
        report(fraction, message)
    assert capsys.readouterr().out == "  0 % One 1\n 20 % Two\n 60 % Two\n"
