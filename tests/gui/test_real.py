"""The built zip with the real backend and a learned subject, in a Blender with a window whose buttons are clicked.

Set HEADROOM_BLENDER to the program, and HEADROOM_PYTHON to a Python with the backend where it is not the one that runs
the tests; it needs a display.
"""

import os
import sys

import av
import pytest
from launch import needs_window, run_in_window
from quick_subject import learn_quickly

from headroom.common.paths import shipped_file
from headroom.media.audio import read_audio, write_wav

pytestmark = needs_window
FRAMES = 8


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What real_in_window.py reports from one run of Blender."""
    folder = tmp_path_factory.mktemp("real")
    learn_quickly(folder / "Robin")
    write_wav(folder / "speech.wav", read_audio(shipped_file("samples", "speech.wav"), to_seconds=1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADROOM_PYTHON", os.environ.get("HEADROOM_PYTHON", sys.executable))
        return run_in_window("real_in_window.py", folder, 800, 500.0, "--enable-event-simulate")


def frames(path):
    with av.open(str(path)) as movie:
        return movie.streams.video[0].frames


def test_nothing_goes_wrong_in_python(seen):
    assert "Traceback" not in seen["output"] and seen["rc"] == 0, seen["output"]


def test_the_check_starts_the_backend(seen):
    assert seen["checked"]["state"] == "done" and "The backend is ready" in seen["checked"]["message"], seen["checked"]


def test_a_key_dragged_in_the_graph_editor_stays_when_the_speech_is_performed_again(seen):
    assert seen["performed"]["state"] == seen["performed_again"]["state"] == "done", seen
    assert seen["dragged"] > seen["predicted"] + 0.001 and seen["unchanged"] == pytest.approx(seen["dragged"])
    assert seen["others_changed"]


def test_controls_in_the_graph_editor_are_dragged_and_reset_and_leave_the_user_key(seen):
    gain, edited, changed = seen["gain_changed"]
    assert gain < 1.0 and edited == pytest.approx(seen["dragged"]) and changed
    assert seen["reset"]


def test_one_frame_is_refined_and_the_shot_rendered(seen):
    assert seen["refined"]["state"] == seen["rendered"]["state"] == "done", seen
    assert frames(seen["folder"] / "shot.mp4") == FRAMES


def test_a_strip_is_rendered_again_with_its_stored_settings(seen):
    assert seen["redone"]["state"] == "done" and seen["redone"]["settings"] == seen["rendered"]["settings"], seen


def test_a_cancelled_render_leaves_nothing(seen):
    assert seen["stopped"]["state"] == "cancelled", seen["stopped"]
    assert not (seen["folder"] / "stopped.mp4").exists()


def test_a_backend_killed_in_the_middle_is_restarted_and_finishes_the_job(seen):
    assert seen["restarted"]["state"] == "done" and seen["served_by"] != seen["killed"], seen["restarted"]
    assert frames(seen["folder"] / "restarted.mp4") == FRAMES


def test_a_backend_that_cannot_be_started_gives_a_message(seen):
    assert seen["failed"]["state"] == "failed"
    assert "choose a Python that has Headroom's backend" in seen["failed"]["message"]
