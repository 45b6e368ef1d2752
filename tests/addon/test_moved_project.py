"""A project that is moved renders; a subject or speech that is moved alone is relinked and keeps every key."""

import shutil

import numpy as np
import pytest
from curve_readers import keys
from stand_ins import FakeBackend, tiny_subject, write_speech


@pytest.fixture
def project(headroom, tmp_path):
    """A saved shot: people/x, sound/line.wav, scenes/line.blend; gives the folder."""
    folder = tmp_path / "projA"
    (folder / "people").mkdir(parents=True)
    tiny_subject(folder / "people" / "x")
    (folder / "sound").mkdir()
    write_speech(folder / "sound" / "line.wav", 0.08)
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, folder / "people" / "x")
    settings = headroom.module("core.take_settings").TakeSettings(folder / "sound" / "line.wav", 0)
    tasks = headroom.module("scene.output.shot_tasks")
    headroom.module("core.tasks").run_task(tasks.perform_shot(shot, settings, 1, FakeBackend), lambda step: None)
    (folder / "scenes").mkdir()
    headroom.module("scene.output.headless").save_blend(folder / "scenes" / "line.blend")
    return folder


def render(headroom, project, **places):
    """Render the saved shot with the fast engine; gives the result."""
    headless = headroom.module("scene.output.headless")
    output = headroom.module("core.movie_output").MovieOutput(project.parent / "movie.mp4")
    saved = headless.SavedShot(project / "scenes" / "line.blend", "", "", output, 0.0, "fast", **places)
    return headless.render_file(saved, FakeBackend, lambda step: None)


def opened(headroom, path):
    headroom.bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    return shot


def test_saving_leaves_absolute_paths_in_the_open_file(headroom, project):
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.scene)
    assert shot.root["headroom_subject"] == str(project / "people" / "x")
    assert shot.root.headroom.takes[0].speech == shot.root["headroom_speech"] == str(project / "sound" / "line.wav")


def test_a_moved_project_renders_and_its_paths_follow(headroom, project):
    moved = project.rename(project.with_name("projB"))
    assert render(headroom, moved).frames > 0
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    assert shot.subject_folder == moved / "people" / "x" and shot.speech == moved / "sound" / "line.wav"
    assert shot.root.headroom.takes[0].speech == str(shot.speech)


def test_saving_elsewhere_and_again_keeps_the_paths(headroom, project):
    opened(headroom, project / "scenes" / "line.blend")
    other = project.parent / "elsewhere" / "deep" / "other.blend"
    other.parent.mkdir(parents=True)
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(other))
    shot = opened(headroom, other)
    assert shot.subject_folder == project / "people" / "x" and shot.speech == project / "sound" / "line.wav"


def test_an_appended_shot_finds_its_files(headroom, project):
    if not hasattr(headroom.bpy.app.handlers, "blend_import_post"):
        pytest.skip("Blender 4.2 tells no one of an append")
    (name,) = [each.name for each in headroom.bpy.data.collections if each.name.endswith("Shot")]
    headroom.bpy.ops.wm.read_factory_settings(use_empty=True)
    headroom.bpy.ops.preferences.addon_enable(module=headroom.module("ui").__name__.rpartition(".")[0])
    place = f"{project / 'scenes' / 'line.blend'}/Collection/"
    headroom.bpy.ops.wm.append(filepath=place + name, directory=place, filename=name)
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    assert shot.subject_folder == project / "people" / "x" and shot.speech == project / "sound" / "line.wav"


def test_what_was_moved_alone_is_named_and_relinked_without_losing_keys(headroom, project):
    errors = headroom.module("core.errors")
    before = keys(headroom, opened(headroom, project / "scenes" / "line.blend").face)
    people, line = project.parent / "archive", project.parent / "line 2.wav"
    shutil.move(project / "people" / "x", people)
    shutil.move(project / "sound" / "line.wav", line)
    with pytest.raises(errors.InputError, match=r"The subject of .* is not at .*x\. Choose its folder with Relink"):
        render(headroom, project)
    with pytest.raises(errors.InputError, match=r"The speech of .* is not at .*line\.wav\. Choose its file with"):
        render(headroom, project, subject=people)
    assert render(headroom, project, subject=people, speech=line).frames > 0
    shot = opened(headroom, project / "scenes" / "line.blend")
    relink = headroom.bpy.ops.headroom.relink_subject_or_speech
    assert relink(filepath=str(people / "subject.toml")) == relink(filepath=str(line)) == {"FINISHED"}
    assert shot.subject.folder == people and shot.speech == line
    assert shot.root.headroom.takes[0].speech == str(line)
    assert np.array_equal(keys(headroom, shot.face), before)


def test_a_subject_that_the_keys_do_not_fit_is_refused(headroom, project):
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.scene)
    other = tiny_subject(project / "people" / "other")
    rig = dict(np.load(other / "rig.npz"))
    rig["expression_std"] = rig["expression_std"] * 1000  # so far that a unit of its keys is another
    np.savez(other / "rig.npz", **rig)
    with pytest.raises(headroom.module("core.errors").InputError, match="do not fit the subject in"):
        headroom.module("scene.anim.relink").relink_subject(shot, other)
    assert shot.subject_folder == project / "people" / "x"
