"""Script that test_animate.py runs in Blender: `blender --python animate_in_window.py -- ZIP FOLDER`.

An animator closes the lips on an M, raises a brow, turns the head, retimes a word, lets a second character play the
take and renders; each with the mouse, with a screenshot. It writes FOLDER/seen.json.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "addon"))

from stand_ins import FakeBackend
from window import (
    BOTTOM,
    DRAG_PX,
    FOLDER,
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
    press,
    run,
    shot,
    show_tab,
    unfold_to,
    until,
    window,
)

MOVED_FRAMES = 6
"""Of the word; its end passes the playhead, to which it must not snap from so far."""
FRAMES = 3
"""To render; without a GPU, Eevee takes a second or two for each."""


class Backend(FakeBackend):
    """Answers with files that the test has written."""

    def _perform(self, inputs, settings):
        return {"performance": self.put_file(FOLDER / "performance.npz"), "notes": []}

    def _refine(self, inputs, settings):
        return {"movie": self.put_file(FOLDER / "refined.mp4"), "frames": len(inputs["renders"])}


def values(frame=None):
    """Return the values of the controls at a frame, by their keys."""
    scene = bpy.context.scene
    return module("scene.anim.control_keys").control_values(shot(), scene.frame_current if frame is None else frame)


def handle_place(name):
    """Return the position in the window of a handle of the control board."""
    region, space = main_region("VIEW_3D"), area_of("VIEW_3D").spaces.active
    anchors = module("ui.board").anchors_of(shot())
    place = module("scene.anim.board").positions(shot(), {name: anchors[name]})[name]
    point = location_3d_to_region_2d(region, space.region_3d, place)
    return region.x + round(point.x), region.y + round(point.y)


def drag_handle(name, right, up):
    """Drag a handle with the mouse until a control has changed."""
    before = values(), tuple(shot().face.rotation_euler)
    for _ in range(3):
        yield from drag(handle_place(name), right, up)
        if (yield from until(lambda: (values(), tuple(shot().face.rotation_euler)) != before, 2.0)):
            return
    raise AssertionError(f"the handle {name} was dragged without effect")


def second_character():
    """Add a head with ARKit's shapes, and select it alone."""
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.09, location=(0.24, 0.7, 0.0))
    character = bpy.context.active_object
    character.name = "Second"
    for name in ("Basis", "jawOpen", "mouthClose", "mouthSmileLeft", "mouthSmileRight", "browInnerUp"):
        key = character.shape_key_add(name=name, from_mix=False)
        if name != "Basis":
            for point in key.data:
                point.co.z += -0.03 if name == "jawOpen" and point.co.z < 0 else 0.005
    return character


def select(item):
    for each in bpy.context.scene.objects:
        each.select_set(each == item)
    bpy.context.view_layer.objects.active = item


def steps():
    """The session; each number yielded is a pause in seconds during which Blender runs."""
    seen = {}
    install()
    backend, preferences = Backend(), module("ui.preferences")
    preferences.Connection.client = lambda self, address: backend
    chosen = preferences.preferences(bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "before.blend"))
    yield from show_tab("VIEW_3D")
    yield from click("new_shot_file", lambda: bpy.context.scene.name == "Shot")
    yield 1.0
    scene = bpy.context.scene
    area_of("SEQUENCE_EDITOR").spaces.active.timeline_overlay.waveform_display_type = "NO_WAVEFORMS"
    settings = scene.headroom
    settings.subject, settings.speech = str(FOLDER / "Robin"), str(FOLDER / "speech.wav")
    settings.output = str(FOLDER / "shot.mp4")
    yield from click("open_subject", lambda: bool(module("scene.build.shot").shots_in(scene)))
    yield 1.0
    yield from click("perform_speech", new_job())
    seen["performed"] = asdict((yield from finished()))
    bpy.ops.headroom.add_word_strips()
    select(shot().face)
    yield 1.5
    picture("1 performed")

    words = module("scene.anim.words").shown_words(shot())
    my = next(word for word in words if word.text == "My")
    scene.frame_set(my.first + 1)
    yield 1.0
    picture("2 on the m")
    before = values()
    yield from drag_handle("Jaw", 0, 30)
    yield 0.5
    yield from drag_handle("Upper Lip", 0, -20)
    yield 1.0
    now = values()
    seen["closed"] = [before["jawOpen"], now["jawOpen"], before["mouthClose"], now["mouthClose"]]
    picture("3 lips closed")

    before = values()
    yield from drag_handle("Brow Left", 0, 25)
    yield 1.0
    now = values()
    seen["raised"] = [name for name in now if abs(now[name] - before[name]) > 1e-3]
    picture("4 brow raised")
    bpy.ops.ed.undo()
    yield 1.0
    seen["undone"] = abs(values()["browOuterUpLeft"] - before["browOuterUpLeft"])
    turned = tuple(shot().face.rotation_euler)
    yield from drag_handle("Head", 40, 0)
    yield 1.0
    seen["turned"] = [now - was for now, was in zip(shot().face.rotation_euler, turned)]
    picture("5 head turned")

    word = next(word for word in words if word.text == "morning")
    with bpy.context.temp_override(window=window(), area=area_of("SEQUENCE_EDITOR"),
                                   region=main_region("SEQUENCE_EDITOR")):
        bpy.ops.sequencer.view_all()
    yield 1.0
    strip = module("scene.anim.word_strips").word_strips(shot())[word.number]
    place = place_in("SEQUENCE_EDITOR", (word.first + word.end) / 2, strip.channel + 0.5)
    yield from press(place)
    yield 0.5
    target = place_in("SEQUENCE_EDITOR", (word.first + word.end) / 2 + MOVED_FRAMES, strip.channel + 0.5)
    yield from drag(place, target[0] - place[0] + DRAG_PX, 0)
    yield from until(lambda: len(shot().root.headroom.retimes) == 1)
    yield 1.0
    moved = module("scene.anim.words").shown_words(shot())[word.number]
    seen["retimed"] = [moved.first - word.first - MOVED_FRAMES, moved.end - word.end - MOVED_FRAMES]
    picture("6 word retimed")

    character = second_character()
    select(character)
    character.headroom_transfer.live = True
    yield 1.0
    yield from unfold_to("transfer_performance", above=1)
    yield from click("transfer_performance", lambda: character.headroom_transfer.source is not None, BOTTOM)
    yield 1.0
    seen["character"] = len(module("scene.compat").curves_of(character.data.shape_keys))
    picture("7 transferred")
    select(shot().face)

    scene = bpy.context.scene  # undo may have replaced it
    scene.frame_start, scene.frame_end = my.first, my.first + FRAMES - 1
    yield 0.5
    yield from unfold_to("render_shot")
    yield from click("render_shot", new_job(), BOTTOM)
    seen["rendered"] = asdict((yield from finished()))
    yield 1.0
    picture("8 rendered")
    (FOLDER / "seen.json").write_text(json.dumps(seen))


run(steps())
