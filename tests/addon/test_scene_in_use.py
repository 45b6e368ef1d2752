"""A subject that is opened in a scene in which somebody works already changes nothing of it unasked."""

import pytest
from curve_readers import perform_speech
from stand_ins import tiny_performance, write_movie, write_speech


def state(scene):
    """What an artist has set in a scene."""
    return (scene.render.fps, scene.render.fps_base, scene.render.resolution_x, scene.render.resolution_y,
            scene.frame_start, scene.frame_end, scene.camera and scene.camera.name, scene.sync_mode,
            scene.view_settings.view_transform, scene.view_settings.look)


@pytest.fixture
def film(headroom):
    """A scene at 24 frames a second with an animated camera."""
    scene, bpy = headroom.scene, headroom.bpy
    camera = bpy.data.objects.new("Dolly", bpy.data.cameras.new("Dolly"))
    scene.collection.objects.link(camera)
    for frame, place in ((1001, 0.0), (1250, 4.0)):
        camera.location.x = place
        camera.keyframe_insert("location", frame=frame)
    scene.camera, scene.render.fps, scene.frame_start, scene.frame_end = camera, 24, 1001, 1250
    scene.render.resolution_x, scene.render.resolution_y = 2048, 858
    scene.view_settings.view_transform = "AgX"
    return headroom


def open_in(headroom, subject):
    headroom.scene.headroom.subject = str(subject)
    assert headroom.bpy.ops.headroom.open_subject() == {"FINISHED"}
    return headroom.module("scene.build.shot").shots_in(headroom.scene)[0]


def perform_in(headroom, shot, folder):
    """Put a performance of 0.6 s with its speech on the timeline, at frame 1001."""
    performance = headroom.module("core.performance").Performance.load(tiny_performance(folder / "p.npz", 0.6))
    perform_speech(headroom, shot, performance, write_speech(folder / "speech.wav", 0.6), start=1001)


def test_a_scene_in_use_stays_as_it_is_when_a_subject_is_opened_and_performed(film, subject, tmp_path):
    before = state(film.scene)
    shot = open_in(film, subject)
    perform_in(film, shot, tmp_path)
    assert state(film.scene) == before
    plan = film.module("scene.anim.compose").make_plan(shot)
    assert plan.fps == 24 and plan.frames[0] == 1001 and 14 <= len(plan.frames) <= 15


def test_set_up_scene_takes_the_clips_settings_and_the_performances_range(film, subject, tmp_path):
    write_movie(subject / "plates.mp4", 30, size=(640, 360))
    shot = open_in(film, subject)
    assert shot.backdrop.hide_render
    perform_in(film, shot, tmp_path)
    rig = shot.subject.rig()
    lines = film.module("scene.build.scene_setup").changes(film.scene, rig, shot.camera)
    assert lines == [f"Frame rate: 24 to {rig.fps:.5g}", f"Size: 2048 x 858 to {rig.width} x {rig.height}",
                     f"Camera: Dolly to {shot.camera.name}", "View transform: AgX to Standard"]
    assert film.bpy.ops.headroom.set_up_scene() == {"FINISHED"}
    assert state(film.scene)[2:7] == (rig.width, rig.height, 1001, 1015, shot.camera.name)
    assert film.scene.view_settings.view_transform == "Standard" and not shot.backdrop.hide_render
    button = film.module("ui.learn").HEADROOM_OT_set_up_scene
    assert button.disabled_reason(film.bpy.context) == "The scene is set up already"


@pytest.mark.parametrize("startup", [True, False])
def test_an_empty_scene_and_blenders_startup_scene_are_set_up_at_once(headroom, subject, startup):
    if startup:
        headroom.bpy.ops.mesh.primitive_cube_add()
        assert [each.name for each in headroom.bpy.context.scene.objects] == ["Cube"]
    shot = open_in(headroom, subject)
    rig = shot.subject.rig()
    assert state(headroom.scene)[2:4] == (rig.width, rig.height) and headroom.scene.camera == shot.camera
    assert not headroom.bpy.ops.headroom.set_up_scene.poll()
