"""What the tests of takes, controls and edits do to a head, and read of it."""

from pathlib import Path

import numpy as np

START = 11


def curve(headroom, owner, path="rotation_euler", index=1):
    return next(each for each in headroom.module("scene.compat").curves_of(owner)
                if each.data_path == path and each.array_index == index)


def keys(headroom, owner, path="rotation_euler", index=1):
    """(K, 2) frame and value."""
    return np.array([key.co[:] for key in curve(headroom, owner, path, index).keyframe_points])


def perform(headroom, shot, performance, seed=1, start=START, pose="predicted"):
    """Key `performance` as a take of a speech that nobody has laid; the scene frames (T,) of its keys."""
    shot.root["headroom_start_frame"] = start
    asked = headroom.module("core.take_settings").TakeSettings(Path("unheard.wav"), seed, pose)
    for _ in headroom.module("scene.anim.takes").keeping_take(shot.names, performance, asked):
        pass
    compose = headroom.module("scene.anim.compose")
    compose.compose(shot)
    return compose.make_plan(shot).frames


def speak(headroom, shot, performance, speech, start=START):
    """What Perform does once `performance` is predicted: take, speech, keys and frame range."""
    asked = headroom.module("core.take_settings").TakeSettings(speech)
    headroom.module("scene.output.shot_tasks").apply_performance(shot, performance, asked, start)


def edit(headroom, shot, number, value, index=1):
    """Give key `number` of a rotation another value."""
    curve(headroom, shot.face, index=index).keyframe_points[number].co[1] = value
