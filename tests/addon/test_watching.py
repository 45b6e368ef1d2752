"""Changes that the add-on notices by itself, and motion of the head that is not keyed."""

import time

import numpy as np
import pytest
from curve_readers import START, curve, edit
from stand_ins import Row, wide, write_speech


def test_poses_far_from_the_clip_are_found_with_their_frames(headroom, performed, performance):
    subject = performed.subject_folder
    np.savez(subject / "track.npz", fps=25.0, rotation=performance.rotation, translation=performance.translation,
             confidence=np.r_[np.ones(30), np.full(5, 0.2), np.ones(15)])
    coverage = headroom.module("scene.anim.coverage")
    assert coverage.off_plate_spans(performed) == []
    edit(headroom, performed, 20, performance.rotation[20, 1] + np.radians(40))
    found = coverage.off_plate_spans(performed)
    assert [(span.first, span.last) for span in found] == [(START + 20, START + 20)] and found[0].peak > 20
    assert coverage.low_confidence_spans(performed) == [(30 / 25, 35 / 25)]


def test_a_constraint_a_driver_and_an_nla_layer_count_when_the_pose_is_sampled(headroom, performed, performance):
    keyframes, frames = headroom.module("scene.anim.timeline"), np.arange(START, START + 5)
    assert not keyframes.needs_evaluation(performed)
    assert keyframes.evaluated_pose(performed, frames)[0] == pytest.approx(
        keyframes.sample_pose(performed, frames)[0], abs=1e-5)
    limit = performed.face.constraints.new("LIMIT_ROTATION")
    limit.use_limit_y, limit.min_y, limit.max_y, limit.owner_space = True, 0.3, 0.3, "LOCAL"
    rotation, translation = keyframes.sample_pose(performed, frames)
    assert rotation[:, 1] == pytest.approx(np.full(5, 0.3), abs=1e-5)
    assert translation == pytest.approx(performance.translation[:5], abs=1e-2)
    assert headroom.scene.frame_current == 1
    performed.face.constraints.remove(limit)
    curve(headroom, performed.face).mute = True
    driver = performed.face.driver_add("rotation_euler", 1).driver
    driver.expression = "0.25"
    assert keyframes.sample_pose(performed, frames)[0][:, 1] == pytest.approx(np.full(5, 0.25), abs=1e-5)


def test_a_scan_counts_user_keys_and_finds_poses_far_from_the_clip(headroom, performed, performance):
    follow = headroom.module("ui.follow")
    np.savez(performed.subject_folder / "track.npz", fps=25.0, rotation=performance.rotation,
             translation=performance.translation, confidence=np.ones(50))
    edit(headroom, performed, 20, performance.rotation[20, 1] + np.radians(40))
    curve(headroom, performed.face, "location", 0).keyframe_points.remove(
        curve(headroom, performed.face, "location", 0).keyframe_points[3])
    found = scanned(follow, performed)
    assert found.user_keys == 2 and [span.first for span in found.off_plate] == [START + 20]


def scanned(follow, shot):
    """Return the status of a head after a scan."""
    follow.request_scan()
    while (pause := follow.update()) is not None:
        time.sleep(min(pause, 0.05))
    return follow.status(shot)


@pytest.mark.parametrize("content", [b"not a track", None])
def test_an_unreadable_track_hides_no_user_keys_and_is_not_read_at_redraws(headroom, performed, monkeypatch, content):
    follow, path = headroom.module("ui.follow"), performed.subject_folder / "track.npz"
    if content is not None:
        path.write_bytes(content)
    edit(headroom, performed, 20, 1.25)
    found = scanned(follow, performed)
    assert found.user_keys == 1 and ("cannot be read as a track" in found.error) == (content is not None)

    monkeypatch.setattr(np, "load", None)
    panel = headroom.module("ui.coverage")
    row = Row()
    panel.draw_off_plate(row, wide(), performed)
    panel.draw_uncertain(row, wide(), performed)
    assert (found.error in row.texts) == (content is not None)
    assert ("All head poses are near poses in the clip" in row.texts) == (content is None)


def test_the_panel_lists_poses_far_from_the_clip_and_uncertain_tracking(headroom, performed, monkeypatch):
    follow, panel = headroom.module("ui.follow"), headroom.module("ui.coverage")
    span = headroom.module("core.coverage").Span(5, 9, 6.2)
    monkeypatch.setattr(follow, "status", lambda shot: follow.Status(off_plate=(span,), uncertain=((1.0, 2.5),)))
    row = Row()
    panel.draw_off_plate(row, wide(), performed)
    panel.draw_uncertain(row, wide(), performed)
    assert {"5 to 9: 6° off", "Tracking is uncertain in the clip from 1.0 to 2.5 s"} <= set(row.texts)


def test_dragging_another_object_searches_for_no_head_and_moving_a_strip_does(headroom, performed, tmp_path,
                                                                              monkeypatch):
    follow, compat = headroom.module("ui.follow"), headroom.module("scene.compat")
    view_layer = headroom.bpy.context.view_layer
    if not compat.plays_sound():
        pytest.skip("this Blender was built without sound")
    other = headroom.bpy.data.objects.new("Other", None)
    headroom.scene.collection.objects.link(other)
    strip = compat.new_strip(headroom.scene, "SOUND", "Line", write_speech(tmp_path / "a.wav", 2.0), 3, 41)
    scanned(follow, performed)
    view_layer.update()
    searches, all_shots = [], follow.all_shots
    monkeypatch.setattr(follow, "all_shots", lambda: searches.append("all") or all_shots())
    other.location.x = 2.0
    view_layer.update()
    assert not searches
    strip.frame_start = 60
    view_layer.update()
    assert searches


def test_no_handler_is_left_when_the_extension_is_off(headroom):
    import bpy

    follow = headroom.module("ui.follow")
    try:
        follow.unregister()
        assert not any(handler in getattr(bpy.app.handlers, name, ()) for name, handler in follow.HANDLERS)
    finally:
        follow.register()
    assert all(getattr(bpy.app.handlers, name, [handler]).count(handler) == 1 for name, handler in follow.HANDLERS)


@pytest.mark.parametrize("event", ["load_post", "undo_post", "redo_post"])
def test_a_file_is_upgraded_before_anything_else_reads_it(headroom, performed, monkeypatch, event):
    follow, calls = headroom.module("ui.follow"), []
    monkeypatch.setattr(follow, "upgrade_file", lambda: calls.append("upgrade") or ["Newer Shot"])
    monkeypatch.setattr(follow, "all_shots", lambda: calls.append("read") or [])
    (handler,) = [handler for name, handler in follow.HANDLERS if name == event]
    handler(None)
    while follow.update() is not None:
        time.sleep(0.01)
    assert calls[0] == "upgrade" and "read" in calls
    assert follow.newer_shots() == ["Newer Shot"]


def test_an_error_in_a_scan_ends_the_scan_and_not_the_timer(headroom, performed, monkeypatch, capfd):
    follow = headroom.module("ui.follow")

    def fail(shot):
        raise ZeroDivisionError("a broken head")

    monkeypatch.setattr(follow, "channels_of", fail)
    follow.request_scan()
    while (pause := follow.update()) is not None:
        time.sleep(min(pause, 0.05))
    assert "a broken head" in capfd.readouterr().err
    monkeypatch.undo()
    assert scanned(follow, performed).user_keys == 0
