"""Write shot_1.blend with the code of a checkout that saves format 1: `python make_shot_1.py CHECKOUT shot_1.blend`.

Run it with Blender 4.5 as the bpy package. The head is the tests' tiny subject with a mesh of 25 vertices. It has two
takes, a cut, controls away from their defaults, an F-curve and two drivers on gaze controls, user keys of every kind,
a speech strip and a movie strip. The files it names lie in FOLDER and are not kept.
"""

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

CHECKOUT, TARGET = (Path(argument).absolute() for argument in sys.argv[1:3])
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests" / "addon")]

from stand_ins import tiny_performance, tiny_subject, write_movie, write_speech  # noqa: E402

from addon.core.performance import Performance  # noqa: E402
from addon.core.render_settings import RenderSettings  # noqa: E402
from addon.core.take_settings import TakeSettings  # noqa: E402
from addon.scene import channels, compat, compose, controls, hand, plates, produce, strips  # noqa: E402
from addon.scene import shot as shots  # noqa: E402
from addon.ui import properties  # noqa: E402

FOLDER = Path("/tmp/headroom-format-1")
SECONDS, START = 0.6, 11


def main() -> None:
    """Build the shot, change everything an artist can change, and save."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    controls.register()
    properties.register()
    shot = shots.open_subject(bpy.context.scene, small_subject(FOLDER / "subject"))
    perform(shot)
    dial(shot)
    edit(shot)
    hand.lead_up(shot)
    compose.compose(shot)
    place_movie(shot)
    fill_panel(shot.scene)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(TARGET), compress=True, check_existing=False)


def small_subject(folder: Path) -> Path:
    """The tests' tiny subject on a grid of 5 x 5 vertices, with plates."""
    tiny_subject(folder)
    rig = dict(np.load(folder / "rig.npz"))
    grid = (np.arange(0, 15, 3)[:, None] * 15 + np.arange(0, 15, 3)).ravel()
    corner = (np.arange(4)[:, None] * 5 + np.arange(4)).ravel()
    rig["neutral"], rig["uv"] = rig["neutral"][grid], rig["uv"][grid]
    rig["expression"] = rig["expression"][:, grid].round(1)
    rig["faces"] = np.concatenate([np.stack([corner, corner + 1, corner + 5], -1),
                                   np.stack([corner + 1, corner + 6, corner + 5], -1)]).astype(np.int32)
    np.savez(folder / "rig.npz", **rig)
    write_movie(folder / "plates.mp4", 20)
    return folder


def perform(shot) -> None:
    """Two takes of one speech, and the first one cut into the second."""
    first = Performance.load(tiny_performance(FOLDER / "p.npz", SECONDS))
    first = replace(first, expression=first.expression.round(2))  # compresses better
    second = replace(first, rotation=-first.rotation, expression=first.expression[::-1].copy())
    speech = write_speech(FOLDER / "speech.wav", SECONDS)
    for seed, performance in enumerate((first, second)):
        produce.apply_performance(shot, performance, TakeSettings(speech, seed), START)
    head = shot.root.headroom
    cut = head.cuts.add()
    cut.take, cut.first_seconds, cut.last_seconds = head.takes[0].uid, 0.2, 0.4


def dial(shot) -> None:
    """Controls, and animation of the gaze controls: two F-curve keys, a driver on one and a driver that reads one."""
    root = shot.root
    head = root.headroom
    head.mouth.gain, head.head.lag, head.upper.smoothing = 1.25, 0.04, 0.05
    head.look_left, head.look_up, head.lids_open, head.falloff = 0.75, -0.5, 0.25, 0.1
    head.head_turn = 0.1, 0.0, -0.05
    root.keyframe_insert("headroom.look_up", frame=1)
    root.keyframe_insert("headroom.look_up", frame=30)
    dial, meter = (bpy.data.objects.new(name, None) for name in ("Gaze Dial", "Gaze Meter"))
    dial.location = 0.75, 0.0, 0.0
    for each in (dial, meter):
        shot.scene.collection.objects.link(each)
    for owner, path, index, target, read in ((root, "headroom.look_left", -1, dial, "location[0]"),
                                             (meter, "location", 1, root, "headroom.look_left")):
        driver = owner.driver_add(path, index).driver
        driver.type = "SUM"
        variable = driver.variables.new()
        variable.targets[0].id, variable.targets[0].data_path = target, read


def edit(shot) -> None:
    """User keys: one moved in value, one moved in time with its own handles, one marked, and two deleted keys."""
    compose.compose(shot)
    yaw = curve(shot, "rotation_euler", 1)
    yaw.keyframe_points[5].co[1] = 1.25
    moved = yaw.keyframe_points[12]
    moved.co = START + 12.4, 0.5
    moved.interpolation, moved.handle_left_type, moved.handle_right_type = "BEZIER", "FREE", "FREE"
    moved.handle_left, moved.handle_right = (START + 11.8, 0.4), (START + 12.8, 0.6)
    curve(shot, channels.channels_of(shot)[6].path).keyframe_points[3].type = "KEYFRAME"
    pitch = curve(shot, "rotation_euler", 0)
    for number in (9, 8):
        pitch.keyframe_points.remove(pitch.keyframe_points[number])


def curve(shot, path: str, index: int = 0):
    """The F-curve of the head or of its shape keys."""
    return next(each for owner in (shot.face, shot.face.data.shape_keys) for each in compat.curves_of(owner)
                if each.data_path == path and each.array_index == index)


def place_movie(shot) -> None:
    """Matched plates, and the movie that was rendered over them."""
    frames = np.arange(START, START + 10)
    plates.key_plates(shot.camera, shot.backdrop, frames, np.arange(10))
    write_movie(FOLDER / "shot.mp4", 10)
    strips.place_movie(shot, FOLDER / "shot.mp4", START, RenderSettings(shot.root.name, START, START + 9, 0.35))


def fill_panel(scene) -> None:
    """The fields of the panel, away from their defaults."""
    settings = scene.headroom
    settings.subject, settings.speech, settings.output = (
        str(FOLDER / name) for name in ("subject", "speech.wav", "shot.mp4"))
    settings.name, settings.seed, settings.take_count, settings.plate_fit = "Zoë", 1, 2, 0.35
    settings.from_seconds, settings.to_seconds, settings.consent = 0.5, 12.0, True


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # registered classes would keep the bpy package from ending
