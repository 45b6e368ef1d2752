"""After an edit only what has changed is rendered and refined; the rest is found where it was kept."""

import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from curve_readers import speak
from stand_ins import FakeBackend, Row, tiny_performance, wide, write_png, write_speech

FRAMES = 250
STILL = np.zeros(3, dtype=np.float32), np.array([10.0, 5.0, -700.0], dtype=np.float32)


class KeepingBackend(FakeBackend):
    """Refines as the real one does: each picture with the two before it, and none twice. Plates stay where held."""

    def __init__(self):
        super().__init__()
        self.painted, self.held = set(), []

    def _match_plates(self, inputs, settings):
        with self.read(inputs["poses"]) as poses:
            fixed = poses["fixed_positions"]
            self.held.append(np.isfinite(fixed))
            position = np.where(self.held[-1], fixed, 0.5 + np.arange(len(fixed)) % 97)
            arrays = dict(plate=np.rint(position).astype(np.int32), position=position, rotation=poses["rotation"],
                          translation=poses["translation"], distance=np.zeros(len(position)))
        return {"match": self._file(lambda path: np.savez(path, **arrays))}

    def _refine(self, inputs, settings):
        self.paint(inputs, 0, 0)
        return super()._refine(inputs, settings)

    def _refine_frames(self, inputs, settings):
        self.paint(inputs, settings["first"], settings["context"])
        return super()._refine_frames(inputs, settings)

    def paint(self, inputs, first, context):
        with self.read(inputs["match"]) as found:
            seen = [(sha, found["plate"][first + index]) for index, sha in enumerate(inputs["renders"])]
        for index in range(context, len(seen)):
            self.painted.add(tuple(seen[max(index - back, 0)] for back in range(3)))

    def read(self, sha):
        import io

        return np.load(io.BytesIO(self.blobs[sha]))


@pytest.fixture
def studio(headroom, subject, tmp_path, monkeypatch):
    """A performed shot of 250 frames, whose renders are counted and drawn without Eevee."""
    bpy, rendering = headroom.bpy, headroom.module("scene.output.rendering")
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    performance = headroom.module("core.performance").Performance
    speak(headroom, shot, performance.load(tiny_performance(tmp_path / "p.npz", FRAMES / 25)),
          write_speech(tmp_path / "speech.wav", FRAMES / 25), start=1)
    rendered, folder = [], tmp_path / "frames"

    def draw(scene, path):
        rendered.append(scene.frame_current)
        face = next(each for each in scene.objects if each.type == "MESH")
        keys = [key.value for key in face.data.shape_keys.key_blocks]
        words = np.array([*face.rotation_euler, *face.location, *keys], dtype=np.float32).view(np.uint8)
        write_png(path, np.resize(words, (12, 12, 4)))

    monkeypatch.setattr(rendering, "render_still", draw)
    for module in ("scene.output.shot_tasks", "scene.output.shot_frames"):
        monkeypatch.setattr(headroom.module(module), "cache_folders", lambda: [folder])
    headroom.shot, headroom.rendered, headroom.backend = shot, rendered, KeepingBackend()
    headroom.movie, headroom.bpy = tmp_path / "shot.mp4", bpy
    return headroom


def render(studio, **options):
    produce, tasks = studio.module("scene.output.shot_tasks"), studio.module("core.tasks")
    shot = studio.module("scene.build.shot").shots_in(studio.scene)[0]
    del studio.rendered[:]
    before = len(studio.backend.painted)
    result = tasks.run_task(produce.render_shot(shot, studio.movie, 0.0, lambda: studio.backend, **options))
    name = studio.module("core.refine_while_rendering").THREAD_NAME
    assert not [thread for thread in threading.enumerate() if thread.name == name and thread.join(5)]
    return result, list(studio.rendered), len(studio.backend.painted) - before


def curve(studio, path, index=0):
    compat = studio.module("scene.compat")
    owners = studio.shot.face, studio.shot.face.data.shape_keys
    curves = [each for owner in owners for each in compat.curves_of(owner)]
    return next(each for each in curves if each.data_path == path and each.array_index == index)


def edit(studio, path, first, last, change):
    for point in curve(studio, path).keyframe_points:
        if first <= point.co.x <= last:
            point.co.y += change
    curve(studio, path).update()


def test_an_unchanged_shot_is_neither_rendered_nor_refined_again(studio):
    result, rendered, painted = render(studio)
    assert (result.frames, len(rendered), painted) == (FRAMES, FRAMES, FRAMES)
    result, rendered, painted = render(studio)
    assert (result.frames, rendered, painted) == (FRAMES, [], 0)


@pytest.mark.parametrize("what", ["expression", "pose"])
def test_editing_10_frames_of_250_renders_those_and_refines_those_and_their_window(studio, what):
    render(studio)
    key = studio.shot.face.data.shape_keys.key_blocks[3].path_from_id("value")
    edit(studio, key if what == "expression" else "rotation_euler", 101, 110, 0.05)
    _, rendered, painted = render(studio)
    assert sorted(rendered) == list(range(101, 111))
    assert painted == 12
    assert studio.backend.held[-1].sum() == (FRAMES if what == "expression" else FRAMES - 10)
    edit(studio, key if what == "expression" else "rotation_euler", 101, 110, -0.05)
    _, rendered, _ = render(studio)
    assert len(rendered) < 10, "most values are what they were, up to rounding"


def test_renders_go_to_the_backend_while_later_ones_are_still_rendered(studio):
    module, when = studio.module("core.refine_while_rendering"), []
    submit = studio.backend.submit

    def noted(kind, inputs, settings):
        when.append((kind, len(studio.rendered)))
        return submit(kind, inputs, settings)

    studio.backend.submit = noted
    render(studio)
    parts = [count for kind, count in when if kind == "refine_frames"]
    assert parts and min(parts) < FRAMES
    assert len(parts) <= FRAMES // module.GROUP


@pytest.mark.parametrize("stop_at", [0, 40, 249])
def test_a_render_stopped_in_the_middle_costs_no_frame_twice(studio, stop_at):
    produce = studio.module("scene.output.shot_tasks")
    task = produce.render_shot(studio.shot, studio.movie, 0.0, lambda: studio.backend)
    watch = studio.module("core.tasks").ProgressToken(lambda step: None)
    answer = None
    while len(studio.rendered) <= stop_at:
        wish = task.send(answer)
        answer = wish.work(watch) if hasattr(wish, "work") else None
    done = list(studio.rendered)
    task.close()
    assert not studio.movie.exists()
    _, rendered, _ = render(studio)
    assert len(done) == stop_at + 1 and not set(done) & set(rendered) and len(done) + len(rendered) == FRAMES


def test_a_failing_backend_stops_the_rendering_with_its_sentence(studio):
    studio.backend.fail = "refine_frames"
    with pytest.raises(studio.module("core.errors").HeadroomError, match="No luck with refine_frames"):
        for _ in range(2):  # a thread tells of the failure; at the latest the next render hears of it
            render(studio)
            studio.module("core.frame_cache").FrameCache([studio.movie.parent / "frames"]).prune(most_bytes=0)


@pytest.mark.parametrize("change", ["material", "albedo", "mesh", "camera", "modifier"])
def test_another_look_is_another_picture(studio, change):
    look, shot, bpy = studio.module("scene.output.render_digest"), studio.shot, studio.bpy
    before = look.look_digest(shot)
    assert look.look_digest(shot) == before
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
    assert look.look_digest(shot) != before


def test_turning_and_moving_the_shot_changes_no_picture(studio):
    look = studio.module("scene.output.render_digest")
    before = look.look_digest(studio.shot)
    studio.shot.root.rotation_euler, studio.shot.root.location = (0.1, 0.2, 0.3), (1, 2, 3)
    studio.bpy.context.view_layer.update()
    assert look.look_digest(studio.shot) == before


def test_a_movie_s_strip_tells_how_it_was_rendered_and_can_be_rendered_again(studio):
    render(studio, frame_range=(20, 24))
    strips, compat = studio.module("scene.anim.strips"), studio.module("scene.compat")
    (strip,) = [each for each in compat.strips_of(studio.scene) if each.type == "MOVIE"]
    asked = strips.render_settings(strip)
    assert json.loads(strip[strips.SETTINGS])["plate_fit"] == 0.0
    assert (asked.shot, asked.frame_start, asked.frame_end) == (studio.shot.root.name, 20, 24)
    assert compat.strip_span(strip) == (20, 25)
    result, rendered, _ = render(studio, frame_range=(asked.frame_start, asked.frame_end))
    assert (result.frames, rendered) == (5, [])


def test_a_strip_whose_settings_are_damaged_says_what_to_do(studio):
    render(studio, frame_range=(20, 24))
    strips, panel = studio.module("scene.anim.strips"), studio.module("ui.refine").HEADROOM_PT_strip
    (strip,) = [each for each in studio.module("scene.compat").strips_of(studio.scene) if each.type == "MOVIE"]
    studio.scene.sequence_editor.active_strip = strip
    whole, row = strip[strips.SETTINGS], Row()
    panel.draw(SimpleNamespace(layout=row), wide(scene=studio.scene))
    assert "Frames 20 to 24" in row.said
    for damaged in (whole[:-3], whole.replace("20", '"x"'), whole.replace("0.0", '"wide"'), "[1]"):
        strip[strips.SETTINGS], row = damaged, Row()
        panel.draw(SimpleNamespace(layout=row), wide(scene=studio.scene))
        assert row.said[1:] == ["The strip does not say how it was rendered. Render the shot again."]


def test_a_movie_is_not_open_in_the_sequencer_while_it_is_replaced(studio, monkeypatch):
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("this system does not tell what is open")
    produce, compat = studio.module("scene.output.shot_tasks"), studio.module("scene.compat")
    publish, opened = produce.publish, []

    def is_open():
        return any(os.path.realpath(each) == str(studio.movie) for each in handles.iterdir())

    monkeypatch.setattr(produce, "publish", lambda *paths: opened.append(is_open()) or publish(*paths))
    render(studio, frame_range=(20, 24))
    mine = compat.new_strip(studio.scene, "MOVIE", "Mine", studio.movie, 9, 100)
    assert is_open()
    render(studio, frame_range=(20, 29))
    assert opened == [False, False]
    assert mine.filepath == str(studio.movie) and compat.strip_span(mine) == (100, 105)
    assert compat.strip_content(mine) == (100, 110)


@pytest.mark.parametrize("button", ["render_shot", "refine_frame"])
def test_what_was_moved_a_moment_ago_is_in_the_picture(studio, button, monkeypatch):
    """The strip is moved and a slider dialled, and the timer has not come round yet."""
    strip = studio.module("scene.anim.strips").speech_strip(studio.shot)
    if strip is None:
        pytest.skip("this Blender was built without sound")
    monkeypatch.setattr(studio.module("scene.anim.controls"), "on_change", lambda root: None)
    strip.frame_start += 20
    studio.shot.root.headroom.hold_head = True
    task = {"render_shot": lambda produce: produce.render_shot(
                studio.shot, studio.movie, 0.0, lambda: studio.backend, (31, 35)),
            "refine_frame": lambda produce: produce.refine_frame(studio.shot, 31, 0.0, lambda: studio.backend)}[button]
    studio.module("core.tasks").run_task(task(studio.module("scene.output.shot_tasks")))
    with studio.backend.read(next(inputs["poses"] for kind, inputs, _ in studio.backend.submitted)) as poses:
        assert np.ptp(poses["rotation"], axis=0).max() < 1e-6
    if button == "render_shot":
        _, inputs, settings = studio.backend.submitted[-1]
        assert inputs["speech"] and settings["speech_from_seconds"] == pytest.approx(10 / 25)


@pytest.mark.parametrize(("frames", "seconds"), [((1, 5), 0.0), ((101, 105), 4.0), ((-9, 3), -0.4)])
def test_a_movie_is_heard_from_where_it_begins_in_the_speech(studio, frames, seconds):
    result, *_ = render(studio, frame_range=frames)
    _, inputs, settings = studio.backend.submitted[-1]
    assert inputs["speech"] and settings["speech_from_seconds"] == pytest.approx(seconds)
    assert result.notes == ()


@pytest.mark.parametrize(("follow", "part"), [(True, [0.4, 9.2]), (False, None)])
def test_of_a_trimmed_speech_a_movie_lets_be_heard_what_its_strip_shows(studio, follow, part):
    strip = studio.module("scene.anim.strips").speech_strip(studio.shot)
    if strip is None:
        pytest.skip("this Blender was built without sound")
    strip.frame_offset_start, strip.frame_offset_end = 10, 20
    studio.shot.root.headroom.follow_strip = follow
    render(studio, frame_range=(6, 20))
    settings = studio.backend.submitted[-1][2]
    assert settings == {"fps": 25.0, "speech_from_seconds": pytest.approx(0.2),
                        "speech_range": part and pytest.approx(part)}


@pytest.mark.parametrize("frames", [(-9, 0), (251, 255)])
def test_a_movie_of_frames_without_speech_has_no_sound_and_says_so(studio, frames):
    result, *_ = render(studio, frame_range=frames)
    assert studio.backend.submitted[-1][1]["speech"] is None
    assert "nothing is said in the rendered range" in result.notes[0]


def test_refining_one_frame_renders_it_and_its_window_for_the_shot_as_well(studio):
    produce, tasks = studio.module("scene.output.shot_tasks"), studio.module("core.tasks")
    picture = tasks.run_task(produce.refine_frame(studio.shot, 100, 0.0, lambda: studio.backend))
    assert picture.is_file() and sorted(studio.rendered) == [98, 99, 100]
    kind, inputs, settings = studio.backend.submitted[-1]
    assert (kind, len(inputs["renders"])) == ("refine_frames", 3)
    assert settings == {"first": 97, "context": 2, "compare": True}
    _, rendered, painted = render(studio)
    assert len(rendered) == FRAMES - 3 and painted == FRAMES - 1
    with pytest.raises(studio.module("core.errors").InputError, match="outside of the scene's frames"):
        tasks.run_task(produce.refine_frame(studio.shot, 300, 0.0, lambda: studio.backend))


def test_pictures_unused_for_long_and_beyond_the_room_are_removed(headroom, tmp_path):
    import os

    cache = headroom.module("core.frame_cache").FrameCache([tmp_path, tmp_path / "other"])
    for age, name in enumerate("abcd"):
        path = cache.keep(name, lambda path: path.write_bytes(b"x" * 100))
        os.utime(path, (1e9 - age, 1e9 - age) if name == "d" else (2e9 - age, 2e9 - age))
    cache.prune(most_days=14, most_bytes=250)
    assert [path.name for path in sorted(tmp_path.glob("*.png"))] == ["a.png", "b.png"]
    assert cache.find("a") and cache.find("c") is None
