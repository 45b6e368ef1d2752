"""The shipped zip in a Blender with a window: panel, Perform, Render Shot and Cancel, driven by Blender's own timer.

Set HEADROOM_BLENDER to the program; it needs a display. The backend is a stand-in, so nothing has to be learnt.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "addon")]

from stand_ins import tiny_subject, write_movie, write_speech  # noqa: E402

import build_addon  # noqa: E402

BLENDER = os.environ.get("HEADROOM_BLENDER", "")
FRAMES = 5
SECONDS = 240.0

pytestmark = pytest.mark.skipif(not BLENDER, reason="HEADROOM_BLENDER does not name a Blender to open a window with")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What in_window.py reports from one run of Blender."""
    folder = tmp_path_factory.mktemp("window")
    tiny_subject(folder / "subject")
    write_speech(folder / "speech.wav", FRAMES / 25)
    write_movie(folder / "refined.mp4", FRAMES)
    archive = build_addon.build(folder / "dist")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(folder / "blender")}
    (folder / "blender").mkdir()
    run = subprocess.run(
        [BLENDER, "--factory-startup", "--window-geometry", "0", "0", "1280", "800",
         "--python-exit-code", "3", "--python", str(HERE / "in_window.py"), "--", str(archive), str(folder)],
        env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    output = run.stdout + run.stderr
    assert (folder / "seen.json").is_file(), output
    return {**json.loads((folder / "seen.json").read_text()), "folder": folder, "output": output, "rc": run.returncode}


def test_nothing_goes_wrong_in_python(seen):
    assert "Traceback" not in seen["output"] and seen["rc"] == 0, seen["output"]


def test_the_panel_is_drawn_in_its_tab(seen):
    assert seen["tab"] == "Headroom"
    assert seen["drawn"] == ["jobs", "main", "perform", "subject"]  # the others begin closed
    assert (seen["folder"] / "window.png").read_bytes().startswith(b"\x89PNG")


def test_a_shot_is_performed_rendered_and_laid_in_the_sequencer(seen):
    assert seen["performed"]["state"] == seen["rendered"]["state"] == "done", seen
    assert seen["rendered"]["message"] == f"Wrote shot.mp4, {FRAMES} frames."
    assert (seen["folder"] / "shot.mp4").read_bytes() == (seen["folder"] / "refined.mp4").read_bytes()
    assert seen["strips"] == [["MOVIE", 1, FRAMES + 1], ["SOUND", 1, FRAMES + 1]]


def test_a_frame_is_shown_before_and_after_in_an_image_editor(seen):
    assert seen["refined"]["state"] == "done", seen
    assert seen["shown"] == [["Headroom Before | After", 16, 8]]


def test_a_shot_stopped_in_the_middle_leaves_nothing(seen):
    assert seen["stopped"]["state"] == "cancelled"
    assert not (seen["folder"] / "stopped.mp4").exists()
    assert seen["scenes"] == ["Scene"] and seen["temporary"] == []
