"""An animator's session in a Blender with a window: handles, words, a second character, a render; with the mouse.

Set HEADROOM_BLENDER to the program; it needs a display. The backend is fake, so no subject has to be learned.
"""

import shutil

import pytest
from average_subject import write_average_subject, write_performance
from launch import needs_window, run_in_window
from stand_ins import write_movie

from headroom.common.paths import shipped_file

pytestmark = needs_window
FRAMES = 3


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What animate_in_window.py reports from one run of Blender."""
    folder = tmp_path_factory.mktemp("animate")
    write_average_subject(folder / "Robin")
    speech = shutil.copyfile(shipped_file("samples", "speech.wav"), folder / "speech.wav")
    write_performance(speech, folder / "performance.npz")
    write_movie(folder / "refined.mp4", FRAMES)
    return run_in_window("animate_in_window.py", folder, 800, 900.0, "--enable-event-simulate")


def test_nothing_goes_wrong_in_python(seen):
    assert "Traceback" not in seen["output"] and seen["rc"] == 0, seen["output"]


def test_the_lips_close_on_the_m(seen):
    jaw_before, jaw, close_before, close = seen["closed"]
    assert jaw <= jaw_before and close > close_before


def test_a_brow_is_raised_alone_and_undo_takes_it_back(seen):
    assert set(seen["raised"]) <= {"browOuterUpLeft", "browDownLeft"} and "browOuterUpLeft" in seen["raised"]
    assert seen["undone"] < 1e-3


def test_the_head_turns_to_the_right_in_the_picture(seen):
    _, yaw, roll = seen["turned"]
    assert yaw > 0.05 and abs(roll) < 1e-3


def test_dragging_a_word_s_strip_retimes_it_by_as_many_frames(seen):
    assert seen["retimed"] == [0, 0]


def test_a_second_character_plays_and_the_shot_is_rendered(seen):
    assert seen["character"] >= 4 and seen["rendered"]["state"] == "done", seen["rendered"]
