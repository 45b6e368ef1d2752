"""Runs inside Blender for test_real.py: `blender --python real_in_window.py -- ZIP FOLDER`; writes FOLDER/seen.json.

An animator's session with the real backend: buttons are clicked where they are drawn, and each state is pictured.
"""

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

from window import (
    BOTTOM,
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
    scroll,
    shot,
    show_tab,
    sidebar,
    unfold_last,
    until,
)

FRAMES = 8  # rendered: Eevee takes a second or two for each without a GPU
TURNED = 0.3  # radians


def yaw():
    """The keys of the head's yaw."""
    return next(curve for curve in module("scene.compat").curves_of(shot().face)
                if curve.data_path == "rotation_euler" and curve.array_index == 1).keyframe_points


def server():
    """The process of the backend that the extension started."""
    return module("ui.preferences").connection._local._pid


def steps():
    """The session; every number yielded is a pause in seconds in which the window lives."""
    seen, scene, python = {}, bpy.context.scene, os.environ.pop("HEADROOM_PYTHON")
    install()
    area_of("DOPESHEET_EDITOR").ui_type = "FCURVES"
    yield from show_tab("VIEW_3D")
    picture("1 first run")
    module("ui.preferences").preferences(bpy.context).python = python
    sidebar().tag_redraw()
    yield from click("check_backend", new_job(), column=RIGHT)
    stop = yield from place_of("cancel_job", TOP, RIGHT)  # before Blender is too busy rendering to look for it
    seen["checked"] = asdict((yield from finished()))
    yield 0.5
    picture("2 backend ready")

    settings = scene.headroom
    settings.subject, settings.speech = str(FOLDER / "Robin"), str(FOLDER / "speech.wav")
    settings.output = str(FOLDER / "shot.mp4")
    yield from click("open_subject", lambda: bool(module("scene.shot").shots_in(scene)))
    yield 1.0
    yield from click("perform", new_job())
    yield 0.5
    picture("3 performing")
    seen["performed"] = asdict((yield from finished()))
    yield 0.5
    picture("4 performed")

    predicted = [key.co[1] for key in yaw()]
    yaw()[3].co[1] = TURNED
    shot().face.animation_data.action.update_tag()
    settings.seed = 7
    yield from click("perform", new_job())
    seen["performed_again"] = asdict((yield from finished()))
    yield from until(lambda: module("ui.live").status(shot()).own_keys == 1)
    again = [key.co[1] for key in yaw()]
    seen["kept"], seen["others_changed"] = again[3], again[8:] != predicted[8:]
    yield 0.5
    picture("5 performed again with an edit")

    yield from unfold_last()
    scene.frame_end, scene.frame_current = FRAMES, 3
    yield from click("refine_frame", new_job(), BOTTOM)
    seen["refined"] = asdict((yield from finished()))
    yield 1.0
    picture("6 refined a frame")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.wm.window_close()  # the picture's, which was opened in front
    yield 0.5
    yield from click("render_shot", new_job(), BOTTOM)
    yield from finished(lambda view: view.message.startswith("Rendered frame"))
    picture("7 rendering")
    seen["rendered"] = asdict((yield from finished()))
    yield 0.5
    picture("8 rendered")

    shot().face.data.shape_keys.key_blocks[0].data[0].co.x += 0.01  # another face: all frames are rendered anew
    settings.output = str(FOLDER / "stopped.mp4")
    yield from click("render_shot", new_job(), BOTTOM)
    scroll(TOP)
    yield from finished(lambda view: view.message.startswith("Rendered frame"))
    yield from press(stop)
    seen["stopped"] = asdict((yield from finished()))
    yield 0.5
    picture("9 stopped")

    settings.output = str(FOLDER / "revived.mp4")
    yield from click("render_shot", new_job(), BOTTOM)
    yield from finished(lambda view: view.message.startswith("Rendered frame"))
    seen["killed"] = server()
    os.kill(server(), signal.SIGKILL)
    seen["revived"] = asdict((yield from finished()))
    seen["served_by"] = server()

    python_settings = module("ui.preferences").preferences(bpy.context)
    python_settings.python = str(FOLDER / "no python here")
    yield from click("check_backend", new_job(), TOP, RIGHT)
    seen["failed"] = asdict((yield from finished()))
    yield 0.5
    picture("10 failed")
    (FOLDER / "seen.json").write_text(json.dumps(seen))


run(steps())
