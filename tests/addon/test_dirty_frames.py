"""After an edit only the frames that have changed are rendered and refined; the others come from the caches."""

import io
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from curve_readers import perform_speech
from stand_ins import FakeBackend, Row, tiny_performance, wide, write_png, write_speech

from addon.core.movie_output import MovieOutput

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
        tasks=headroom.module("scene.output.shot_tasks"), run=headroom.module("core.tasks").run_task)


def render(scenario, **options):
    """Render the shot; returns the result, the frames that Blender rendered, and how many were refined."""
    shot = scenario.module("scene.build.shot").shots_in(scenario.scene)[0]
    del scenario.rendered[:]
    before = len(scenario.backend.refined_windows)
    output = MovieOutput(scenario.movie)
    result = scenario.run(scenario.tasks.render_shot(shot, output, 0.0, lambda: scenario.backend, **options))
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


def test_an_unchanged_shot_is_neither_rendered_nor_refined_again(scenario):
    result, rendered, refined = render(scenario)
    assert (result.frames, len(rendered), refined) == (FRAMES, FRAMES, FRAMES)
    result, rendered, refined = render(scenario)
    assert (result.frames, rendered, refined) == (FRAMES, [], 0)


@pytest.mark.parametrize("what", ["expression", "pose"])
def test_editing_10_frames_of_250_renders_only_those_and_refines_2_more(scenario, what):
    render(scenario)
    key = scenario.shot.face.data.shape_keys.key_blocks[3].path_from_id("value")
    edit(scenario, key if what == "expression" else "rotation_euler", 101, 110, 0.05)
    _, rendered, refined = render(scenario)
    assert sorted(rendered) == list(range(101, 111))
    assert refined == 12
    assert scenario.backend.fixed[-1].sum() == (FRAMES if what == "expression" else FRAMES - 10)
    edit(scenario, key if what == "expression" else "rotation_euler", 101, 110, -0.05)
    _, rendered, _ = render(scenario)
    assert len(rendered) < 10, "most values are the same again, up to rounding"


def test_every_render_goes_to_the_backend_with_its_mesh(scenario):
    result, *_ = render(scenario, frame_range=(20, 24))
    _, inputs, _ = scenario.backend.submitted[-1]
    meshes = [scenario.backend.read(sha) for sha in inputs["meshes"]]
    assert len(meshes) == 5 and all(mesh.shape == (225, 3) for mesh in meshes) and np.ptp(meshes, axis=0).max() > 1
    assert result.notes == ()


def test_the_fast_engine_sends_meshes_and_renders_nothing(scenario):
    result, rendered, refined = render(scenario, frame_range=(20, 44), engine="fast")
    # not the last one, because groups of frames are sent by a thread
    inputs = next(inputs for kind, inputs, _ in scenario.backend.submitted if kind == "refine")
    assert rendered == [] and inputs["renders"] == [None] * 25 and len(set(inputs["meshes"])) == 25
    assert result.notes == () and refined == 25
    key = scenario.shot.face.data.shape_keys.key_blocks[3].path_from_id("value")
    edit(scenario, key, 30, 34, 0.05)
    *_, refined = render(scenario, frame_range=(20, 44), engine="fast")
    assert refined == 5 + 2


def test_without_a_graphics_card_auto_is_fast_and_says_so(scenario, monkeypatch):
    monkeypatch.setattr(scenario.module("scene.output.engine"), "has_graphics_card", lambda: False)
    result, rendered, _ = render(scenario, frame_range=(20, 24))
    assert rendered == [] and result.notes == (
        "The fast engine drew the frames instead of Eevee, because Blender found no graphics card.",)
    result, rendered, _ = render(scenario, frame_range=(20, 24), engine="eevee")
    assert len(rendered) == 5 and result.notes == ()


def test_the_fast_engine_leaves_a_changed_material_to_eevee_and_says_so(scenario):
    tree = scenario.shot.face.data.materials[0].node_tree
    next(node for node in tree.nodes if node.label == "Light").inputs["x"].default_value[0] += 0.1
    result, rendered, _ = render(scenario, frame_range=(20, 24), engine="fast")
    (note,) = result.notes
    assert len(rendered) == 5 and note.endswith(" the changed material.")
    assert note.startswith("Eevee rendered the frames, because the fast engine does not draw")


def test_a_modifier_that_changes_the_number_of_vertices_is_told(scenario):
    scenario.shot.face.modifiers.new("Thick", "SOLIDIFY")
    result, *_ = render(scenario, frame_range=(20, 24))
    assert scenario.backend.submitted[-1][1]["meshes"] == [None] * 5
    (note,) = result.notes
    assert note.startswith("5 of 5")
    assert "frames are refined from their renders alone, because a modifier changes the number of the head" in note


def test_renders_are_refined_while_later_frames_are_rendered(scenario):
    group, calls = scenario.module("core.refine_while_rendering").GROUP, []
    submit = scenario.backend.submit

    def noting_submit(kind, inputs, settings):
        calls.append((kind, len(scenario.rendered)))
        return submit(kind, inputs, settings)

    scenario.backend.submit = noting_submit
    render(scenario)
    counts = [count for kind, count in calls if kind == "refine_frames"]
    assert counts and min(counts) < FRAMES
    assert len(counts) <= FRAMES // group


def test_the_progress_line_counts_rendered_and_refined_frames(scenario):
    messages = []
    task = scenario.tasks.render_shot(scenario.shot, MovieOutput(scenario.movie), 0.0, lambda: scenario.backend)
    scenario.run(task, lambda step: messages.append(step.message))
    assert "Rendered frame 1 of 250" in messages
    assert any(message.startswith("Rendered frame 250 of 250, refined ") for message in messages)


@pytest.mark.parametrize("stop_at", [0, 40, 249])
def test_a_render_stopped_in_the_middle_costs_no_frame_twice(scenario, stop_at):
    task = scenario.tasks.render_shot(scenario.shot, MovieOutput(scenario.movie), 0.0, lambda: scenario.backend)
    token = scenario.module("core.tasks").ProgressToken(lambda step: None)
    answer = None
    while len(scenario.rendered) <= stop_at:
        request = task.send(answer)
        answer = request.work(token) if hasattr(request, "work") else None
    done = list(scenario.rendered)
    task.close()
    assert not scenario.movie.exists()
    _, rendered, _ = render(scenario)
    assert len(done) == stop_at + 1 and not set(done) & set(rendered) and len(done) + len(rendered) == FRAMES


def test_a_failing_backend_stops_the_rendering_with_its_message(scenario):
    scenario.backend.fail = "refine_frames"
    with pytest.raises(scenario.module("core.errors").HeadroomError, match="No luck with refine_frames"):
        for _ in range(2):  # the thread may fail after the last frame of the first render
            render(scenario)
            scenario.module("core.frame_cache").FrameCache([scenario.cache]).prune(max_bytes=0)


@pytest.mark.parametrize("change", ["material", "albedo", "mesh", "camera", "modifier"])
def test_a_visible_change_changes_the_render_digest(scenario, change):
    digest, shot, bpy = scenario.module("scene.output.render_digest").render_digest, scenario.shot, scenario.bpy
    before = digest(shot)
    assert digest(shot) == before
    tree = shot.face.data.materials[0].node_tree
    match change:
        case "material":
            next(node for node in tree.nodes if node.label == "Light").inputs["x"].default_value[0] += 0.1
        case "albedo":
            next(node for node in tree.nodes if node.label == "Albedo").image = bpy.data.images.new("other", 8, 8)
        case "mesh":
            shot.face.data.shape_keys.key_blocks[5].data[7].co.x += 0.001
        case "camera":
            shot.crop_camera.data.shift_x += 0.01
        case "modifier":
            shot.face.modifiers.new("Thick", "SOLIDIFY")
    assert digest(shot) != before


def test_rotating_and_moving_the_shot_does_not_change_the_render_digest(scenario):
    digest = scenario.module("scene.output.render_digest").render_digest
    before = digest(scenario.shot)
    scenario.shot.root.rotation_euler, scenario.shot.root.location = (0.1, 0.2, 0.3), (1, 2, 3)
    scenario.bpy.context.view_layer.update()
    assert digest(scenario.shot) == before


def test_a_movie_strip_stores_its_render_settings_and_can_be_rendered_again(scenario):
    render(scenario, frame_range=(20, 24))
    module, strip = scenario.module("scene.output.movie_strip"), movie_strip(scenario)
    settings = module.render_settings(strip)
    assert json.loads(strip[module.SETTINGS])["plate_fit"] == 0.0 and settings.engine == "auto"
    assert (settings.shot, settings.frame_start, settings.frame_end) == (scenario.shot.root.name, 20, 24)
    assert scenario.module("scene.compat").strip_span(strip) == (20, 25)
    result, rendered, _ = render(scenario, frame_range=(settings.frame_start, settings.frame_end))
    assert (result.frames, rendered) == (5, [])


def test_a_strip_with_damaged_render_settings_says_what_to_do(scenario):
    render(scenario, frame_range=(20, 24))
    module, panel = scenario.module("scene.output.movie_strip"), scenario.module("ui.refine").HEADROOM_PT_strip
    strip = movie_strip(scenario)
    scenario.scene.sequence_editor.active_strip = strip
    whole, row = strip[module.SETTINGS], Row()
    panel.draw(SimpleNamespace(layout=row), wide(scene=scenario.scene))
    assert "Frames 20 to 24" in row.texts
    for damaged in (whole[:-3], whole.replace("20", '"x"'), whole.replace("0.0", '"wide"'), "[1]"):
        strip[module.SETTINGS], row = damaged, Row()
        panel.draw(SimpleNamespace(layout=row), wide(scene=scenario.scene))
        assert row.texts[1:] == ["The strip does not say how it was rendered. Render the shot again."]


def test_strips_release_a_movie_while_it_is_replaced(scenario, monkeypatch):
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("this system does not list open files")
    compat, publish, open_while_replaced = scenario.module("scene.compat"), scenario.tasks.publish, []

    def is_open():
        return any(os.path.realpath(each) == str(scenario.movie) for each in handles.iterdir())

    monkeypatch.setattr(scenario.tasks, "publish",
                        lambda *paths: open_while_replaced.append(is_open()) or publish(*paths))
    render(scenario, frame_range=(20, 24))
    artists = compat.new_strip(scenario.scene, "MOVIE", "Mine", scenario.movie, 9, 100)
    assert is_open()
    render(scenario, frame_range=(20, 29))
    assert open_while_replaced == [False, False]
    assert artists.filepath == str(scenario.movie) and compat.strip_span(artists) == (100, 105)
    assert compat.strip_content(artists) == (100, 110)


@pytest.mark.parametrize("task_name", ["render_shot", "refine_frame"])
def test_changes_that_the_timer_has_not_composed_yet_are_rendered(scenario, task_name, monkeypatch):
    strip = scenario.module("scene.anim.strips").speech_strip(scenario.shot)
    if strip is None:
        pytest.skip("this Blender was built without sound")
    monkeypatch.setattr(scenario.module("scene.anim.controls"), "on_change", lambda root: None)
    strip.frame_start += 20
    scenario.shot.root.headroom.hold_head = True
    task = {
        "render_shot": lambda: scenario.tasks.render_shot(
            scenario.shot, MovieOutput(scenario.movie), 0.0, lambda: scenario.backend, (31, 35)),
        "refine_frame": lambda: scenario.tasks.refine_frame(scenario.shot, 31, 0.0, lambda: scenario.backend),
    }[task_name]
    scenario.run(task())
    poses = next(inputs["poses"] for kind, inputs, _ in scenario.backend.submitted if "poses" in inputs)
    with scenario.backend.read(poses) as arrays:
        assert np.ptp(arrays["rotation"], axis=0).max() < 1e-6
    if task_name == "render_shot":
        _, inputs, settings = scenario.backend.submitted[-1]
        assert inputs["speech"] and settings["speech_from_seconds"] == pytest.approx(10 / 25)


@pytest.mark.parametrize(("frames", "seconds"), [((1, 5), 0.0), ((101, 105), 4.0), ((-9, 3), -0.4)])
def test_the_sound_of_a_movie_starts_at_its_first_frame(scenario, frames, seconds):
    result, *_ = render(scenario, frame_range=frames)
    _, inputs, settings = scenario.backend.submitted[-1]
    assert inputs["speech"] and settings["speech_from_seconds"] == pytest.approx(seconds)
    assert result.notes == ()


@pytest.mark.parametrize(("follow", "part"), [(True, [0.4, 9.2]), (False, None)])
def test_the_sound_of_a_movie_is_trimmed_like_the_strip_it_follows(scenario, follow, part):
    strip = scenario.module("scene.anim.strips").speech_strip(scenario.shot)
    if strip is None:
        pytest.skip("this Blender was built without sound")
    strip.frame_offset_start, strip.frame_offset_end = 10, 20
    scenario.shot.root.headroom.follow_strip = follow
    render(scenario, frame_range=(6, 20))
    settings = scenario.backend.submitted[-1][2]
    assert settings == {"fps": 25.0, "speech_from_seconds": pytest.approx(0.2),
                        "speech_range": part and pytest.approx(part)}


@pytest.mark.parametrize("frames", [(-9, 0), (251, 255)])
def test_a_movie_of_frames_without_speech_has_no_sound_and_a_note(scenario, frames):
    result, *_ = render(scenario, frame_range=frames)
    assert scenario.backend.submitted[-1][1]["speech"] is None
    assert "no sound, because the speech does not cover the rendered frames" in result.notes[0]


def test_refining_one_frame_renders_it_with_its_context_and_the_shot_reuses_them(scenario):
    picture = scenario.run(scenario.tasks.refine_frame(scenario.shot, 100, 0.0, lambda: scenario.backend))
    assert picture.is_file() and sorted(scenario.rendered) == [98, 99, 100]
    kind, inputs, settings = scenario.backend.submitted[-1]
    assert (kind, len(inputs["renders"])) == ("refine_frames", 3)
    assert settings == {"first": 97, "context": 2, "compare": True}
    _, rendered, refined = render(scenario)
    assert len(rendered) == FRAMES - 3 and refined == FRAMES - 1
    with pytest.raises(scenario.module("core.errors").InputError, match="outside the scene's frame range"):
        scenario.run(scenario.tasks.refine_frame(scenario.shot, 300, 0.0, lambda: scenario.backend))


def test_pruning_removes_frames_unused_for_long_and_those_beyond_the_size_limit(headroom, tmp_path):
    cache = headroom.module("core.frame_cache").FrameCache([tmp_path, tmp_path / "other"])
    for age, (name, suffix) in enumerate([("a", ".png"), ("a", ".npy"), ("c", ".npy"), ("d", ".png")]):
        path = cache.find_or_store(name, suffix, lambda path: path.write_bytes(b"x" * 100))
        os.utime(path, (1e9 - age, 1e9 - age) if name == "d" else (2e9 - age, 2e9 - age))
    cache.prune(max_days=14, max_bytes=250)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.npy", "a.png"]
    assert cache.find("a", ".npy") and cache.find("c", ".npy") is None
