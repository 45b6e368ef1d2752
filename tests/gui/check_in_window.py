"""Script that test_check.py runs in Blender: `blender --python check_in_window.py -- ZIP FOLDER`.

A clip of two people is checked, the second is chosen by a click on the number, and a file with two audio tracks is
chosen as speech. It writes FOLDER/seen.json.
"""

import json
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "addon"))

from stand_ins import FakeBackend
from window import (
    FOLDER,
    RIGHT,
    TOP,
    click,
    finished,
    install,
    module,
    picture,
    place_of,
    run,
    show_tab,
    unfold_below,
    unfold_to,
)

SECOND = 0.8
"""Where the button of the second of two people is, as a fraction of the sidebar's width."""


class Backend(FakeBackend):
    """Answers with the picture that the test has written."""

    def _check(self, inputs, settings):
        return {"usable_seconds": 4.8, "people": 2, "picture": self.put_file(FOLDER / "check.jpg"),
                "notes": ["The clip has no sound, from which the way of speaking is learned. Record it with sound."]}


def steps():
    """The session; each number yielded is a pause in seconds during which Blender runs."""
    seen, backend = {}, Backend()
    install()
    preferences, settings = module("ui.preferences"), bpy.context.scene.headroom
    preferences.Connection.client = lambda self, address: backend
    chosen = preferences.preferences(bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    yield from show_tab("VIEW_3D")
    settings.clip, settings.name = str(FOLDER / "two people.mkv"), "Robin"
    yield from unfold_below((yield from place_of("check_backend", TOP, RIGHT)))
    picture("learn")
    yield from click("check_clip", lambda: bool(module("ui.jobs").views()), TOP)
    seen["checked"] = (yield from finished()).message
    yield 1.0
    picture("checked")
    yield from click("choose_face", lambda: settings.face == 2, TOP, SECOND)
    seen["face"] = settings.face
    yield 0.5
    picture("chosen")

    settings.subject, settings.speech = str(FOLDER / "subject"), str(FOLDER / "two people.mkv")
    bpy.ops.headroom.open_subject()
    settings.layer = "face"
    yield 1.0
    yield from unfold_to("headroom.layer")
    picture("render")
    (FOLDER / "seen.json").write_text(json.dumps(seen))


run(steps())
