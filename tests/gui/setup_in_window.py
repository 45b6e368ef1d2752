"""Script that test_setup.py runs in Blender: `blender --python setup_in_window.py -- ZIP FOLDER`.

A first session: the backend is set up and a person is learned, both by clicks. Writes FOLDER/seen.json.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

from window import (
    FOLDER,
    RIGHT,
    TOP,
    area_of,
    click,
    finished,
    install,
    module,
    new_job,
    picture,
    place_of,
    press,
    run,
    shot,
    show_tab,
    sidebar,
    unfold_below,
)

LEARNING_SECONDS = 400.0


def use_local_index():
    """Let the installer find only the packages that the test has prepared."""
    given = json.loads((FOLDER / "given.json").read_text())
    os.environ.pop("HEADROOM_PYTHON", None)
    os.environ.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=given["index"], UV_OFFLINE="1", UV_FIND_LINKS=given["index"],
                      PATH=os.pathsep.join((given["pythons"], os.environ["PATH"])))
    module("ui.preferences").preferences(bpy.context).package = given["wheel"]


def subjects():
    """Return the names in the folder in which the subject is saved."""
    return sorted(path.name for path in (FOLDER / "people").iterdir())


def steps():
    """The session; each number yielded is a pause in seconds during which Blender runs."""
    seen = {}
    install()
    use_local_index()
    yield from show_tab("VIEW_3D")
    picture("1 offline")
    bpy.context.preferences.system.use_online_access = True
    sidebar().tag_redraw()
    yield 0.5
    yield from click("set_up_backend", new_job())
    yield 0.5
    picture("2 setting up")
    seen["set_up"] = asdict((yield from finished()))
    yield 0.5
    picture("3 set up")
    module("ui.jobs").clear()
    sidebar().tag_redraw()

    settings = bpy.context.scene.headroom
    settings.learn_output = str(FOLDER / "people")
    yield from unfold_below((yield from place_of("check_backend", TOP, RIGHT)))
    picture("4 learn")
    settings.clip, settings.name, settings.to_seconds = str(FOLDER / "clip.mp4"), "Robin", 4.0
    yield from click("headroom.consent", lambda: settings.consent)
    yield 0.5
    picture("5 ready to learn")
    yield from click("learn_subject", new_job())
    stop = yield from place_of("cancel_job", TOP, RIGHT)
    yield from finished(lambda view: view.fraction > 0.02)
    picture("6 learning")
    yield from press(stop)
    seen["stopped"] = asdict((yield from finished()))
    seen["left"] = subjects()
    yield 0.5
    picture("7 stopped")
    yield from click("learn_subject", new_job())
    seen["learned"] = asdict((yield from finished(seconds=LEARNING_SECONDS)))
    seen["subjects"], seen["opened"] = subjects(), shot().subject.name
    seen["view"] = area_of("VIEW_3D").spaces.active.region_3d.view_perspective
    yield 1.0
    picture("8 learned")
    (FOLDER / "seen.json").write_text(json.dumps(seen))


run(steps())
