"""After an edit only the frames that have changed are rendered and refined; the others come from the caches."""

import os

import numpy as np
import pytest
from caching_backend import FRAMES, edit, render, render_task

from addon.core.movie_output import MovieOutput


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
    task = render_task(scenario.tasks, [scenario.shot], MovieOutput(scenario.movie), lambda: scenario.backend)
    scenario.run(task, lambda step: messages.append(step.message))
    assert "Rendered frame 1 of 250" in messages
    assert any(message.startswith("Rendered frame 250 of 250, refined ") for message in messages)


@pytest.mark.parametrize("stop_at", [0, 40, 249])
def test_a_render_stopped_in_the_middle_costs_no_frame_twice(scenario, stop_at):
    task = render_task(scenario.tasks, [scenario.shot], MovieOutput(scenario.movie), lambda: scenario.backend)
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


@pytest.mark.parametrize("task_name", ["render_shot", "refine_frame"])
def test_changes_that_the_timer_has_not_composed_yet_are_rendered(scenario, task_name, monkeypatch):
    strip = scenario.module("scene.anim.strips").speech_strip(scenario.shot)
    if strip is None:
        pytest.skip("this Blender was built without sound")
    monkeypatch.setattr(scenario.module("scene.anim.controls"), "on_change", lambda root: None)
    strip.frame_start += 20
    scenario.shot.root.headroom.hold_head = True
    task = {
        "render_shot": lambda: render_task(
            scenario.tasks, [scenario.shot], MovieOutput(scenario.movie), lambda: scenario.backend, (31, 35)),
        "refine_frame": lambda: scenario.tasks.refine_frame(scenario.shot, 31, 0.0, lambda: scenario.backend),
    }[task_name]
    scenario.run(task())
    poses = next(inputs["poses"] for kind, inputs, _ in scenario.backend.submitted if "poses" in inputs)
    with scenario.backend.read(poses) as arrays:
        assert np.ptp(arrays["rotation"], axis=0).max() < 1e-6
    if task_name == "render_shot":
        _, inputs, settings = scenario.backend.submitted[-1]
        assert inputs["speech"] and settings["speech_from_seconds"] == pytest.approx(10 / 25)


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
