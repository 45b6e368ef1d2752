"""What the tests of takes, controls and edits read and change of a performed head."""

import numpy as np

START = 11


def curve(headroom, owner, path="rotation_euler", index=1):
    return next(each for each in headroom.module("scene.compat").curves_of(owner)
                if each.data_path == path and each.array_index == index)


def keys(headroom, owner, path="rotation_euler", index=1):
    """(K, 2) frame and value."""
    return np.array([key.co[:] for key in curve(headroom, owner, path, index).keyframe_points])


def perform(headroom, shot, performance, seed=1):
    headroom.module("scene.keyframes").write_performance(shot, performance, START, seed)


def edit(headroom, shot, number, value, index=1):
    """Give key `number` of a rotation another value."""
    curve(headroom, shot.face, index=index).keyframe_points[number].co[1] = value
