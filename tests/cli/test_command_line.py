"""The command line as a user meets it: fast help, one sentence for a mistake, exit codes, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
import typer
from command_call import call

from headroom.cli import app as command_line
from headroom.cli import console
from headroom.common import choices
from headroom.common.device import DEVICES
from headroom.common.errors import Cancelled, HeadroomError, InputError


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
               "def learn(clip, subject, *settings, progress, monitor):\n"
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
    assert capsys.readouterr().out == "  0 % One 1\n 20 % Two\n 60 % Two, about 13 s left\n"


def test_the_time_that_is_left_follows_from_the_speed_so_far():
    assert console.time_left(600, 0.5) == "about 10 min left" and console.time_left(30, 0.4) == "about 45 s left"
    assert console.time_left(5, 0.5) == console.time_left(60, 0.01) == console.time_left(60, 1.0) == ""
