"""Script that test_window.py runs in Blender: `blender --python in_window.py -- ZIP FOLDER`.

It writes FOLDER/seen.json.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "addon"))

from stand_ins import FakeBackend
from window import FOLDER, finished, install, module, run, shot, show_tab, sidebar, window


class Backend(FakeBackend):
    """Blender's Python cannot write movies, so the test has written the refined one."""

    def _refine(self, inputs, settings):
        return {"movie": self.put_file(FOLDER / "refined.mp4"), "frames": len(inputs["renders"])}


def recording(drawn, name, draw):
    """Return a panel's `draw` that also adds its name to `drawn`."""
    def draw_and_record(self, context):
        drawn.add(name)
        draw(self, context)

    return draw_and_record


def steps():
    """The session; each number yielded is a pause in seconds during which Blender runs."""
    seen, drawn, scene = {}, set(), bpy.context.scene
    install()
    backend, preferences = Backend(seconds=0.2), module("ui.preferences")
    preferences.Connection.client = lambda self, address: backend
    chosen = preferences.preferences(bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    for panel in module("ui.panels").CLASSES:
        if "_PT_" in panel.__name__:
            panel.draw = recording(drawn, panel.__name__.removeprefix("HEADROOM_PT_"), panel.draw)
    yield from show_tab("VIEW_3D")
    seen["tab"] = sidebar().active_panel_category
    bpy.ops.headroom.check_backend()
    yield from finished()

    settings = scene.headroom
    settings.subject, settings.speech = str(FOLDER / "subject"), str(FOLDER / "speech.wav")
    bpy.ops.headroom.open_subject()
    yield 0.5
    bpy.ops.headroom.perform_speech()
    seen["performed"] = asdict((yield from finished()))
    settings.output, settings.engine = str(FOLDER / "shot.mp4"), "eevee"  # without a graphics card too
    bpy.ops.headroom.render_shot()
    seen["rendered"] = asdict((yield from finished()))
    strips = module("scene.compat").strips_of(scene)
    seen["strips"] = sorted([strip.type, *module("scene.compat").strip_span(strip)] for strip in strips)

    scene.frame_current = 3
    bpy.ops.headroom.refine_frame()
    seen["refined"] = asdict((yield from finished()))
    yield 1.0
    shown = [area.spaces.active.image for window in bpy.context.window_manager.windows
             for area in window.screen.areas if area.type == "IMAGE_EDITOR"]
    seen["shown"] = [image and [image.name, *image.size] for image in shown]

    shot().face.data.shape_keys.key_blocks[0].data[0].co.x += 0.01  # so that all frames are rendered again
    settings.output = str(FOLDER / "stopped.mp4")
    bpy.ops.headroom.render_shot()
    view = yield from finished(lambda view: view.message.startswith("Rendered frame"))
    bpy.ops.headroom.cancel_job(number=view.number)
    seen["stopped"] = asdict((yield from finished()))
    yield 0.5
    seen["scenes"], seen["drawn"] = list(bpy.data.scenes.keys()), sorted(drawn)
    seen["temporary"] = [path.name for path in Path(bpy.app.tempdir).glob("headroom-*")]
    with bpy.context.temp_override(window=window()):
        bpy.ops.screen.screenshot(filepath=str(FOLDER / "window.png"))
    (FOLDER / "seen.json").write_text(json.dumps(seen))


run(steps())
