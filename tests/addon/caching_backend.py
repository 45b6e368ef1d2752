"""A shot of 250 frames, rendered and refined without Eevee and without networks."""

import io
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from curve_readers import perform_speech
from stand_ins import FakeBackend, tiny_performance, write_png, write_speech

FRAMES = 250


class CachingBackend(FakeBackend):
    """A backend that refines each picture with the two before it, none twice, and returns fixed positions unchanged.

    refined_windows: every refined picture with its two predecessors.
    fixed: for each match, which of its frames (T,) bool were fixed.
    """

    def __init__(self):
        super().__init__()
        self.refined_windows, self.fixed = set(), []

    def _match_plates(self, inputs, settings):
        with self.read(inputs["poses"]) as poses:
            fixed = poses["fixed_positions"]
            self.fixed.append(np.isfinite(fixed))
            position = np.where(self.fixed[-1], fixed, 0.5 + np.arange(len(fixed)) % 97)
            arrays = dict(plate=np.rint(position).astype(np.int32), position=position, rotation=poses["rotation"],
                          translation=poses["translation"], distance=np.zeros(len(position)))
        return {"match": self._file(lambda path: np.savez(path, **arrays))}

    def _refine(self, inputs, settings):
        self.refine(inputs, 0, 0)
        return super()._refine(inputs, settings)

    def _refine_frames(self, inputs, settings):
        self.refine(inputs, settings["first"], settings["context"])
        return super()._refine_frames(inputs, settings)

    def refine(self, inputs, first, context):
        with self.read(inputs["match"]) as match:
            frames = [(*files, match["plate"][first + index])
                      for index, files in enumerate(zip(inputs["renders"], inputs["meshes"], strict=True))]
        for index in range(context, len(frames)):
            self.refined_windows.add(tuple(frames[max(index - back, 0)] for back in range(3)))

    def read(self, sha):
        return np.load(io.BytesIO(self.blobs[sha]))


@pytest.fixture
def scenario(headroom, subject, tmp_path, monkeypatch):
    """A performed shot of 250 frames; its renders are listed, and show pose and expression without Eevee."""
    rendering = headroom.module("scene.output.rendering")
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    performance = headroom.module("core.performance").Performance
    perform_speech(headroom, shot, performance.load(tiny_performance(tmp_path / "p.npz", FRAMES / 25)),
                   write_speech(tmp_path / "speech.wav", FRAMES / 25), start=1)
    rendered, folder = [], tmp_path / "frames"
    monkeypatch.setattr(headroom.module("scene.output.engine"), "has_graphics_card", lambda: True)

    def render_numbers(scene, path):
        rendered.append(scene.frame_current)
        face = next(each for each in scene.objects if each.type == "MESH")
        keys = [key.value for key in face.data.shape_keys.key_blocks]
        numbers = np.array([*face.rotation_euler, *face.location, *keys], dtype=np.float32).view(np.uint8)
        write_png(path, np.resize(numbers, (12, 12, 4)))

    monkeypatch.setattr(rendering, "render_still", render_numbers)
    monkeypatch.setattr(headroom.module("scene.output.shot_frames"), "cache_folders", lambda: [folder])
    return SimpleNamespace(
        bpy=headroom.bpy, module=headroom.module, scene=headroom.scene, shot=shot, rendered=rendered,
        backend=CachingBackend(), movie=tmp_path / "shot.mp4", cache=folder,
        tasks=headroom.module("scene.output.movie_tasks"), run=headroom.module("core.tasks").run_task)


def render_task(tasks, shots, output, connect, frame_range=None, plate_fit=0.0, engine="auto"):
    """The task that renders heads; of the scene's frames unless a range is given."""
    settings = tasks.new_render_settings(shots, plate_fit, engine)
    if frame_range is not None:
        settings = replace(settings, frame_start=frame_range[0], frame_end=frame_range[1])
    return tasks.render_shot(shots, output, settings, connect)


def render(scenario, **options):
    """Render the shot; returns the result, the frames that Blender rendered, and how many were refined."""
    shot = scenario.module("scene.build.shot").shots_in(scenario.scene)[0]
    del scenario.rendered[:]
    before = len(scenario.backend.refined_windows)
    output = scenario.module("core.movie_output").MovieOutput(scenario.movie)
    result = scenario.run(render_task(scenario.tasks, [shot], output, lambda: scenario.backend, **options))
    name = scenario.module("core.refine_while_rendering").THREAD_NAME
    for thread in [each for each in threading.enumerate() if each.name == name]:
        thread.join(5)
    return result, list(scenario.rendered), len(scenario.backend.refined_windows) - before


def curve(scenario, path, index=0):
    """An F-curve of the pose or of a shape key."""
    owners = scenario.shot.face, scenario.shot.face.data.shape_keys
    curves = [each for owner in owners for each in scenario.module("scene.compat").curves_of(owner)]
    return next(each for each in curves if each.data_path == path and each.array_index == index)


def edit(scenario, path, first, last, change):
    """Add `change` to the keys of the frames `first` to `last`."""
    for point in curve(scenario, path).keyframe_points:
        if first <= point.co.x <= last:
            point.co.y += change
    curve(scenario, path).update()


def movie_strip(scenario):
    """The only movie strip."""
    strips = scenario.module("scene.compat").strips_of(scenario.scene)
    (strip,) = [each for each in strips if each.type == "MOVIE"]
    return strip
