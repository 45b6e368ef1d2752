"""The built zip in a Blender with a window: panel, Perform Speech, Render Shot and Cancel Job, run by Blender's timer.

Set HEADROOM_BLENDER to the program; it needs a display. The backend is fake, so no subject has to be learned.
"""

import pytest
from launch import needs_window, run_in_window
from stand_ins import tiny_subject, write_movie, write_speech

pytestmark = needs_window
FRAMES = 5


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What in_window.py reports from one run of Blender."""
    folder = tmp_path_factory.mktemp("window")
    tiny_subject(folder / "subject")
    write_speech(folder / "speech.wav", FRAMES / 25)
    write_movie(folder / "refined.mp4", FRAMES)
    return run_in_window("in_window.py", folder, 800, 240.0)


def test_nothing_goes_wrong_in_python(seen):
    assert "Traceback" not in seen["output"] and seen["rc"] == 0, seen["output"]


def test_the_panel_is_drawn_in_its_tab(seen):
    assert seen["tab"] == "Headroom"
    assert seen["drawn"] == ["jobs", "main", "perform", "subject"]  # the others are closed at first
    assert (seen["folder"] / "window.png").read_bytes().startswith(b"\x89PNG")


def test_a_shot_is_performed_rendered_and_placed_in_the_sequencer(seen):
    assert seen["performed"]["state"] == seen["rendered"]["state"] == "done", seen
    assert seen["rendered"]["message"] == f"Wrote shot.mp4, {FRAMES} frames."
    assert (seen["folder"] / "shot.mp4").read_bytes() == (seen["folder"] / "refined.mp4").read_bytes()
    assert seen["strips"] == [["MOVIE", 1, FRAMES + 1], ["SOUND", 1, FRAMES + 1]]


def test_a_frame_is_shown_before_and_after_in_an_image_editor(seen):
    assert seen["refined"]["state"] == "done", seen
    assert seen["shown"] == [["Headroom Before | After", 16, 8]]


def test_a_cancelled_render_leaves_nothing(seen):
    assert seen["stopped"]["state"] == "cancelled"
    assert not (seen["folder"] / "stopped.mp4").exists()
    assert seen["scenes"] == ["Scene"] and seen["temporary"] == []
