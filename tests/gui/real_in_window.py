"""Script that test_real.py runs in Blender: `blender --python real_in_window.py -- ZIP FOLDER`.

An animator's session with the real backend: buttons are clicked on the screen, and a screenshot is taken of each state.
It writes FOLDER/seen.json.
"""

import json
import math
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
    TRIES,
    area_of,
    click,
    drag,
    finished,
    install,
    main_region,
    module,
    new_job,
    picture,
    place_in,
    place_of,
    press,
    run,
    scroll,
    shot,
    show_tab,
    sidebar,
    unfold_last,
    until,
    window,
)

FRAMES = 8  # to render; without a GPU, Eevee takes a second or two for each
EDITED = 12  # index of the edited key; there is one for each frame
DRAGGED_PX = 60
VALUE = 0.7  # of the width of a sidebar, where values are right of their names


def is_yaw(curve):
    return curve.data_path == "rotation_euler" and curve.array_index == 1


def yaw():
    """Return the keys of the head's yaw."""
    return next(curve for curve in module("scene.compat").curves_of(shot().face) if is_yaw(curve)).keyframe_points


def values():
    return [key.co[1] for key in yaw()]


def show_yaw():
    """Show only the F-curve of the head's yaw in the graph editor."""
    for curve in module("scene.compat").curves_of(shot().face):
        curve.hide = not is_yaw(curve)
    area = area_of("GRAPH_EDITOR")
    area.spaces.active.dopesheet.show_shapekeys = False
    with bpy.context.temp_override(window=window(), area=area, region=main_region("GRAPH_EDITOR")):
        bpy.ops.graph.view_all()
    yield 1.0


def drag_key(index):
    """Drag a key of the head's yaw upwards in the graph editor, until it counts as a user key."""
    for _ in range(TRIES):
        frame, radians = yaw()[index].co
        yield from drag(place_in("GRAPH_EDITOR", frame, math.degrees(radians)), 0, DRAGGED_PX)
        if (yield from until(lambda: module("ui.follow").status(shot()).user_keys == 1, 3.0)):
            return
    raise AssertionError("a key was dragged and is no user key")


def select_movie():
    """Click the movie's strip in the sequencer."""
    scene = bpy.context.scene
    with bpy.context.temp_override(window=window(), area=area_of("SEQUENCE_EDITOR"),
                                   region=main_region("SEQUENCE_EDITOR")):
        bpy.ops.sequencer.view_all()
    yield 1.0
    movie = next(strip for strip in module("scene.compat").strips_of(scene) if strip.type == "MOVIE")
    yield from press(place_in("SEQUENCE_EDITOR", FRAMES // 2, movie.channel + 0.5))
    yield from until(lambda: scene.sequence_editor.active_strip == movie)


def server():
    """Return the process id of the backend that the extension started."""
    return module("ui.preferences").connection._local._pid


def steps():
    """The session; each number yielded is a pause in seconds during which Blender runs."""
    seen, python = {}, os.environ.pop("HEADROOM_PYTHON")
    install()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "before.blend"))
    yield from show_tab("VIEW_3D")
    module("ui.preferences").preferences(bpy.context).python = python
    sidebar().tag_redraw()
    yield from click("new_shot_file", lambda: bpy.context.scene.name == "Shot")
    yield 1.0
    picture("1 new shot")
    overlay = area_of("SEQUENCE_EDITOR").spaces.active.timeline_overlay
    overlay.waveform_display_type = "NO_WAVEFORMS"  # on one core, Blender waits for them forever when it quits
    scene = bpy.context.scene
    yield from click("check_backend", new_job(), column=RIGHT)
    stop = yield from place_of("cancel_job", TOP, RIGHT)  # now, because Blender is too busy later
    seen["checked"] = asdict((yield from finished()))
    yield 0.5
    picture("2 backend ready")

    settings = scene.headroom
    settings.subject, settings.speech = str(FOLDER / "Robin"), str(FOLDER / "speech.wav")
    settings.output, settings.engine = str(FOLDER / "shot.mp4"), "eevee"  # fast would leave no time to stop it
    yield from click("open_subject", lambda: bool(module("scene.build.shot").shots_in(scene)))
    shot().root.headroom.every_frame = True
    yield 1.0
    yield from click("perform_speech", new_job())
    yield 0.5
    picture("3 performing")
    seen["performed"] = asdict((yield from finished()))
    yield 0.5
    picture("4 performed")

    predicted = values()
    yield from show_yaw()
    yield from drag_key(EDITED)
    seen["predicted"], seen["dragged"] = predicted[EDITED], values()[EDITED]
    picture("5 dragged a key")
    settings.seed, settings.pose = 7, "replayed"  # two seeds may give the same head motion for one second of speech
    yield from click("perform_speech", new_job())
    seen["performed_again"] = asdict((yield from finished()))
    yield from until(lambda: module("ui.follow").status(shot()).user_keys == 1)
    again = values()
    seen["unchanged"], seen["others_changed"] = again[EDITED], again[:6] != predicted[:6]
    yield 0.5
    picture("6 performed again with the user key")

    yield from show_tab("GRAPH_EDITOR")
    yield from drag((yield from place_of("headroom.head.gain", TOP, VALUE, "GRAPH_EDITOR")), -DRAGGED_PX, 0)
    yield from until(lambda: values() != again)
    seen["gain_changed"] = shot().root.headroom.head.gain, values()[EDITED], values()[:6] != again[:6]
    picture("7 control in the graph editor")
    yield from click("reset_controls", lambda: shot().root.headroom.head.gain == 1.0, TOP, kind="GRAPH_EDITOR")
    yield from until(lambda: values() == again)
    seen["reset"] = values()[:6] == again[:6]
    area_of("GRAPH_EDITOR").spaces.active.show_region_ui = False

    yield from unfold_last()
    scene.frame_end, scene.frame_current = FRAMES, 3
    yield from click("refine_frame", new_job(), BOTTOM)
    seen["refined"] = asdict((yield from finished()))
    yield 1.0
    picture("8 refined a frame")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.wm.window_close()  # the image editor's window, which opened in front
    yield 0.5
    yield from click("render_shot", new_job(), BOTTOM)
    yield from finished(lambda view: view.message.startswith("Rendered frame"))
    picture("9 rendering")
    seen["rendered"] = asdict((yield from finished()))
    yield 0.5
    picture("10 rendered")

    yield from select_movie()
    yield from show_tab("SEQUENCE_EDITOR", tab="Strip")
    yield from click("redo_render", new_job(), BOTTOM, kind="SEQUENCE_EDITOR")
    picture("11 redoing")
    seen["redone"] = asdict((yield from finished()))
    area_of("SEQUENCE_EDITOR").spaces.active.show_region_ui = False

    shot().face.data.shape_keys.key_blocks[0].data[0].co.x += 0.01  # so that all frames are rendered again
    settings.output = str(FOLDER / "stopped.mp4")
    yield from click("render_shot", new_job(), BOTTOM)
    scroll(TOP)
    yield from finished(lambda view: view.message.startswith("Rendered frame"))
    yield from press(stop)
    seen["stopped"] = asdict((yield from finished()))
    yield 0.5
    picture("12 stopped")

    settings.output = str(FOLDER / "restarted.mp4")
    yield from click("render_shot", new_job(), BOTTOM)
    yield from finished(lambda view: view.message.startswith("Rendered frame"))
    seen["killed"] = server()
    os.kill(server(), signal.SIGKILL)
    seen["restarted"] = asdict((yield from finished()))
    seen["served_by"] = server()

    python_settings = module("ui.preferences").preferences(bpy.context)
    python_settings.python = str(FOLDER / "no python here")
    yield from click("check_backend", new_job(), TOP, RIGHT)
    seen["failed"] = asdict((yield from finished()))
    yield 0.5
    picture("13 failed")
    (FOLDER / "seen.json").write_text(json.dumps(seen))


run(steps())
