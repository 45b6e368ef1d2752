"""Script that test_follow.py runs in Blender: `blender --python follow_in_window.py -- ZIP FOLDER`.

It writes FOLDER/seen.json.
"""

import json
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "addon"))

from stand_ins import FakeBackend
from window import FOLDER, area_of, finished, install, module, picture, run, shot, show_tab, until


def yaw():
    """Return frame and value of every key of the head's yaw."""
    curve = next(each for each in module("scene.compat").curves_of(shot().face)
                 if each.data_path == "rotation_euler" and each.array_index == 1)
    return [key.co[:] for key in curve.keyframe_points]


def steps():
    """The session; each number yielded is a pause in seconds during which Blender runs."""
    seen, scene = {}, bpy.context.scene
    install()
    backend, preferences = FakeBackend(seconds=6.0), module("ui.preferences")
    preferences.Connection.client = lambda self, address: backend
    chosen = preferences.preferences(bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    area_of("DOPESHEET_EDITOR").ui_type = "FCURVES"
    yield from show_tab("VIEW_3D", "GRAPH_EDITOR")
    picture("empty")

    settings = scene.headroom
    settings.subject, settings.speech, settings.take_count = str(FOLDER / "subject"), str(FOLDER / "speech.wav"), 2
    bpy.ops.headroom.open_subject()
    yield 0.2
    bpy.ops.headroom.perform_speech()
    view = yield from finished()
    seen["performed"] = view.state, view.message
    bpy.context.view_layer.objects.active = shot().face
    shot().face.select_set(True)
    shot().root.headroom.every_frame = True  # so that keys can be counted
    yield 1.0
    before = yaw()
    status = module("ui.follow").status
    seen["warned"] = yield from until(lambda: bool(status(shot()).off_plate))
    picture("performed")

    key = next(each for each in module("scene.compat").curves_of(shot().face) if each.array_index == 1).keyframe_points
    key[20].co[1] = 0.9
    bpy.context.view_layer.objects.active.animation_data.action.update_tag()
    seen["edit_counted"] = yield from until(lambda: status(shot()).user_keys == 1)

    strip = module("scene.anim.strips").speech_strip(shot())
    strip.frame_start += 10
    seen["strip_followed"] = yield from until(lambda: yaw()[0][0] == before[0][0] + 10)
    scene.render.fps = 30
    seen["rate_followed"] = yield from until(lambda: len(yaw()) > 1.15 * len(before))
    scene.render.fps = 25
    yield from until(lambda: len(yaw()) == len(before))
    seen["back_again"] = yaw()[20]

    bpy.ops.ed.undo_push(message="before")
    shot().root.headroom.head.gain = 0.0
    yield from until(lambda: abs(yaw()[40][1] - yaw()[100][1]) < 1e-6)
    bpy.ops.ed.undo_push(message="gain")
    yield 0.3
    bpy.ops.ed.undo()
    yield 0.5
    seen["undone"] = shot().root.headroom.head.gain, yaw()[40][1] != yaw()[100][1]
    bpy.ops.ed.redo()
    seen["redone"] = yield from until(lambda: abs(yaw()[40][1] - yaw()[100][1]) < 1e-6)
    bpy.ops.headroom.reset_controls()
    yield 1.0
    picture("worked")
    (FOLDER / "seen.json").write_text(json.dumps(seen))


run(steps())
