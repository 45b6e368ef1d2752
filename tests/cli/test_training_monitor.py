"""The result so far and Ctrl+C in the terminal, in a process of its own as a shell starts it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_command_line import accept_ctrl_c

PROGRAM = """
import time
import headroom.pipeline as pipeline
from headroom.cli.app import main
from headroom.common.files import atomic_folder
def learn(clip, subject, *settings, progress, monitor):
    with atomic_folder(subject) as folder:
        print("tracking", flush=True)
        time.sleep({tracking})
        step = 0
        while not monitor.wants_end():
            step += 1
            progress(0.5, f"Step {{step}}")
            monitor.show(b"picture %d" % step)
            time.sleep(0.05)
        print("writing", flush=True)
        time.sleep({writing})
        (folder / "subject.toml").touch()
    return ["Learned for a while."]
pipeline.learn = learn; main()
"""


@pytest.fixture
def learn(tmp_path):
    """Return a function that starts `learn` as a process; its output arrives line by line."""
    processes = []

    def start(tracking=0, writing=0):
        command = [sys.executable, "-uc", PROGRAM.format(tracking=tracking, writing=writing),
                   "learn", "clip.mp4", "-o", str(tmp_path / "subject")]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                          preexec_fn=accept_ctrl_c))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def line_with(process, words):
    """Read lines up to the first with these words, and return it."""
    while words not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
    return line


def interrupt(process):
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)


def test_ctrl_c_during_training_finishes_with_what_has_been_learned(learn, tmp_path):
    process = learn()
    picture = Path(line_with(process, "Result so far").split(": ")[1].strip())
    assert picture.read_bytes().startswith(b"picture ")
    line_with(process, "Ctrl+C finishes now, with what has been learned.")
    interrupt(process)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "Finishing with what has been learned. Ctrl+C once more cancels." in out
    assert "Note: Learned for a while." in out and "Result so far" not in out
    assert [path.name for path in tmp_path.iterdir()] == ["subject"] and not picture.exists()


def test_a_second_ctrl_c_cancels(learn, tmp_path):
    process = learn(writing=60)
    line_with(process, "Result so far")
    interrupt(process)
    line_with(process, "writing")
    interrupt(process)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "Stopped; nothing was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_before_the_training_cancels(learn, tmp_path):
    process = learn(tracking=60)
    line_with(process, "tracking")
    interrupt(process)
    process.communicate(timeout=60)
    assert process.returncode == 130 and list(tmp_path.iterdir()) == []
