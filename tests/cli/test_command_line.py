"""The command line as a user meets it: quick help, one sentence on mistakes, exit codes, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer

from headroom import __main__ as cli
from headroom.cli import console
from headroom.common.errors import Cancelled, HeadroomError, InputError


def run(*arguments, **settings):
    return subprocess.run([sys.executable, "-m", "headroom", *map(str, arguments)], capture_output=True, text=True,
                          **settings)


def call(monkeypatch, capsys, *arguments):
    """(exit code, stdout, stderr) of the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["headroom", *map(str, arguments)])
    earlier = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end:
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def command_names(group, before=""):
    """Every command that can be called, as it is typed: "learn", "model import"."""
    for name, command in group.commands.items():
        yield from command_names(command, f"{name} ") if hasattr(command, "commands") else (before + name,)


def test_the_readme_says_what_every_command_does():
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in readme.splitlines() if line.startswith("| `"))
    names = list(command_names(typer.main.get_command(cli.app)))
    assert "learn" in names and "train motion" in names
    assert [name for name in names if f"`{name}" not in rows] == []


def test_help_names_every_command_and_loads_nothing_heavy():
    program = ("import sys; from headroom.__main__ import app\n"
               "try: app(['--help'], prog_name='headroom')\n"
               "except SystemExit: pass\n"
               "print(sorted({'torch', 'cv2', 'numpy', 'mediapipe', 'av'} & sys.modules.keys()), file=sys.stderr)")
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stderr.strip() == "[]"
    for command in ("learn", "track", "perform", "shot", "evaluate", "export", "demo", "model", "train", "serve",
                    "doctor"):
        assert command in said.stdout


def test_the_version_is_printed(monkeypatch, capsys):
    from headroom import __version__

    assert call(monkeypatch, capsys, "--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("arguments", [["learn"], ["bogus"], ["learn", "x", "-o", "y", "--preset", "best"],
                                       ["shot", "a", "b", "-o", "c.mp4", "--plate-fit", "7"]])
def test_mistyped_commands_exit_with_2(monkeypatch, capsys, arguments):
    code, _, said = call(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "Traceback" not in said


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
    given = ("learn", "clip.mp4", "-o", tmp_path / "subject")
    got, _, said = call(monkeypatch, capsys, *given)
    assert (got, said.count("\n")) == (code, 1)
    assert said.startswith(words)
    assert list(tmp_path.iterdir()) == []
    got, _, said = call(monkeypatch, capsys, "--debug", *given)
    assert got == code
    assert ("Traceback" in said) == isinstance(error, HeadroomError)


def test_a_programming_mistake_keeps_its_traceback(monkeypatch, tmp_path):
    def fail(*args, **settings):
        raise ZeroDivisionError

    monkeypatch.setattr("headroom.pipeline.learn", fail)
    monkeypatch.setattr(sys, "argv", ["headroom", "learn", "clip.mp4", "-o", str(tmp_path / "subject")])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_learn_passes_its_options_and_records_consent(monkeypatch, capsys, tmp_path):
    seen = {}

    def learn(clip, subject, settings, networks, progress):
        seen.update(settings.model_dump(), **vars(networks), clip=str(clip), subject=subject)
        progress(0.5, "Learning the face")
        return ["Two faces were seen; the largest was taken."]

    monkeypatch.setattr("headroom.pipeline.learn", learn)
    code, said, _ = call(monkeypatch, capsys, "learn", "clip.mp4", "-o", tmp_path / "s", "--preset", "draft",
                         "--from", "1.5", "--to", "9", "--name", "Robin", "--consent", "Robin, today",
                         "--face-model", tmp_path / "mine.npz", "--arcface", tmp_path / "r50.pth",
                         "--resnet18", tmp_path / "r18.pth")
    assert code == 0
    assert seen == {"clip": "clip.mp4", "subject": tmp_path / "s", "preset": "draft", "albedo": "clip",
                    "resolution": 256, "from_seconds": 1.5, "to_seconds": 9.0, "name": "Robin",
                    "consent": "Robin, today", "face_model": tmp_path / "mine.npz", "arcface": tmp_path / "r50.pth",
                    "resnet18": tmp_path / "r18.pth", "regressor": None}
    assert "50 % Learning the face" in said
    assert "Note: Two faces were seen; the largest was taken." in said
    assert "agreed" not in said


def test_learn_reminds_of_consent_and_passes_on_that_none_was_stated(monkeypatch, capsys, tmp_path):
    seen = {}
    monkeypatch.setattr("headroom.pipeline.learn", lambda clip, subject, settings, *rest, **more: seen.update(settings) or [])
    code, said, _ = call(monkeypatch, capsys, "learn", "clip.mp4", "-o", tmp_path / "s")
    assert code == 0
    assert "must have agreed" in said
    assert seen["consent"] is None  # which the subject says as "not stated"


def test_perform_passes_its_controls(monkeypatch, capsys, tmp_path):
    from headroom.face.performance import Performance

    seen = {}

    def perform(subject, speech, settings, controls, progress):
        seen.update(settings, controls=controls)
        return Performance(25.0, np.zeros((50, 64)), np.zeros((50, 3)), np.zeros((50, 3))), []

    monkeypatch.setattr("headroom.pipeline.perform", perform)
    code, said, _ = call(monkeypatch, capsys, "perform", "s", "w.wav", "-o", tmp_path / "p.npz", "--seed", 2,
                         "--control", "mouth.gain=1.2", "--control", "head.lag=0.1", "--pose", "replayed")
    assert code == 0 and "2.00 s at 25 fps" in said
    assert seen == {"seed": 2, "controls": ["mouth.gain=1.2", "head.lag=0.1"], "pose": "replayed"}


def test_train_passes_its_options_and_lists_what_was_left_out(monkeypatch, capsys, tmp_path):
    seen = {}

    def train(run, preset, progress):
        seen.update(vars(run), datasets=[str(path) for path in run.datasets], preset=preset)
        return ["a.mp4 was left out: No face."]

    monkeypatch.setattr("headroom.training.runs.train_motion_weights", train)
    code, said, _ = call(monkeypatch, capsys, "train", "motion", "LRW", "clips", "-o", tmp_path / "w.safetensors",
                         "--preset", "paper", "--steps", 9, "--cache", tmp_path, "--checkpoint-every", 5, "--resume",
                         "--tensorboard", tmp_path / "curves")
    assert code == 0 and "Note: a.mp4 was left out" in said
    assert seen == {"datasets": ["LRW", "clips"], "weights": tmp_path / "w.safetensors", "preset": "paper", "steps": 9,
                    "cache": tmp_path, "checkpoint_every": 5, "resume": True, "tensorboard": tmp_path / "curves"}


def test_output_names_are_checked_before_any_work(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.jpg").write_text("x")
    for arguments in (("learn", "c.mp4", "-o", tmp_path / "file" / "subject"),
                      ("learn", "c.mp4", "-o", tmp_path / "file"),
                      ("perform", "s", "w.wav", "-o", tmp_path / "motion.txt"),
                      ("shot", "s", "w.wav", "-o", tmp_path / "shot.avi"),
                      ("shot", "s", "w.wav", "-o", tmp_path / "shot.mp4", "--blend", tmp_path / "shot.mp4"),
                      ("evaluate", "c.mp4", "--json", tmp_path / "full"),
                      ("evaluate", "c.mp4", "--save", tmp_path / "file")):
        code, _, said = call(monkeypatch, capsys, *arguments)
        assert (code, said.count("\n")) == (2, 1), (arguments, said)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "holiday.jpg"]


def test_doctor_reports_every_part_and_its_json_can_be_read(monkeypatch, capsys):
    code, said, _ = call(monkeypatch, capsys, "doctor", "--json")
    findings = json.loads(said)
    names = {finding["what"] for finding in findings}
    assert {"Python", "torch", "system libraries", "device", "OpenGL", "Blender", "video codecs"} <= names
    assert code == (0 if all(finding["ok"] for finding in findings) else 1)
    assert all(finding["remedy"] for finding in findings if not finding["ok"])


def test_doctor_exits_with_1_and_says_what_to_do(monkeypatch, capsys):
    from headroom.cli import doctor

    findings = [doctor.Finding("torch", True, "2.13"), doctor.Finding("Blender", False, "not found", "Install it.")]
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    code, said, _ = call(monkeypatch, capsys, "doctor")
    assert code == 1
    assert "Install it." in said


def test_serve_announces_itself_and_ends_quietly(tmp_path):
    command = [sys.executable, "-m", "headroom", "serve", "--data", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = json.loads(process.stdout.readline())
    assert said["url"].startswith("http://127.0.0.1:")
    assert said["pid"] == process.pid
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


def heeding_ctrl_c():
    """A shell's background jobs, as this test run may be one, are started deaf to Ctrl-C, and so are their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_exits_with_130_and_leaves_nothing(tmp_path):
    program = ("import time, headroom.pipeline as p, headroom.__main__ as m\n"
               "from headroom.common.files import atomic_folder\n"
               "def learn(clip, subject, *settings, progress):\n"
               "    with atomic_folder(subject) as folder:\n"
               "        (folder / 'half').touch(); progress(0.1, 'Half way'); time.sleep(60)\n"
               "p.learn = learn; m.main()")
    process = subprocess.Popen([sys.executable, "-c", program, "learn", "clip.mp4", "-o", str(tmp_path / "subject")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=heeding_ctrl_c)
    while "Half way" not in process.stdout.readline():
        pass
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == (130, 1)
    assert list(tmp_path.iterdir()) == []


def test_what_native_libraries_log_is_dropped_and_our_sentence_is_not(tmp_path):
    program = ("import os, sys, headroom.pipeline as p, headroom.__main__ as m\n"
               "def learn(*args, **settings):\n"
               "    os.write(2, b'W0000 a warning from C++\\n'); raise m.InputError('Too short; choose another.')\n"
               "from headroom.common.errors import InputError; m.InputError = InputError; p.learn = learn; m.main()")
    given = [sys.executable, "-c", program, "learn", "clip.mp4", "-o", str(tmp_path / "subject")]
    assert subprocess.run(given, capture_output=True, text=True).stderr == "Too short; choose another.\n"
    assert "W0000" in subprocess.run([*given, "--debug"], capture_output=True, text=True).stderr


def test_plain_progress_prints_new_messages_only(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    report = console.PlainProgress()
    steps = (0, 0, "One 1"), (1, 0.1, "One 2"), (2, 0.2, "Two"), (20, 0.6, "Two")
    for seconds, fraction, message in steps:
        now[0] = seconds
        report(fraction, message)
    assert capsys.readouterr().out == "  0 % One 1\n 20 % Two\n 60 % Two\n"
