"""Helpers of the tests of takes, controls and user keys: they change a head's keys and read them."""

from pathlib import Path

import numpy as np
from stand_ins import tiny_performance

START = 11


def curve(headroom, owner, path="rotation_euler", index=1):
    """The F-curve of a data-block."""
    return next(each for each in headroom.module("scene.compat").curves_of(owner)
                if each.data_path == path and each.array_index == index)


def keys(headroom, owner, path="rotation_euler", index=1):
    """(K, 2) frames and values of an F-curve's keys."""
    return np.array([key.co[:] for key in curve(headroom, owner, path, index).keyframe_points])


def control_values(headroom, shot, frame):
    """Name -> value of every face control at a frame."""
    return headroom.module("scene.anim.control_keys").control_values(shot, frame)


def controlled_head(headroom, subject, folder):
    """The head of a subject with controls, performing two seconds."""
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    load = headroom.module("core.performance").Performance.load
    perform(headroom, shot, load(tiny_performance(folder / "p.npz", seconds=2.0, controls=True)))
    return shot


def perform(headroom, shot, performance, seed=1, start=START, pose="predicted"):
    """Add `performance` as a take, without a speech strip, and compose; returns its scene frames (T,).

    Every frame gets a key, so that tests can count them; test_sparse_keys.py has the others.
    """
    shot.root.headroom.every_frame = True
    shot.root["headroom_start_frame"] = start
    settings = headroom.module("core.take_settings").TakeSettings(Path("no-strip.wav"), seed, pose)
    for _ in headroom.module("scene.anim.takes").add_take(shot.ref, performance, settings):
        pass
    compose = headroom.module("scene.anim.compose")
    compose.compose(shot)
    return compose.make_plan(shot).frames


def perform_speech(headroom, shot, performance, speech, start=START):
    """Do what Perform does after the prediction: take, speech strip, keys and frame range."""
    shot.root.headroom.every_frame = True
    settings = headroom.module("core.take_settings").TakeSettings(speech)
    headroom.module("scene.output.shot_tasks").apply_performance(shot, performance, settings, start)


def edit(headroom, shot, number, value, index=1):
    """Give key `number` of a rotation curve another value."""
    curve(headroom, shot.face, index=index).keyframe_points[number].co[1] = value
