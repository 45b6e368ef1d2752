"""The command line: a subject and a speech become a movie and a .blend that opens on another machine."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from stand_ins import FakeBackend, tiny_performance, tiny_subject, write_movie, write_speech


@pytest.fixture
def backend():
    return FakeBackend(seconds=0.12)


@pytest.fixture
def run(run):
    """Run the command line with the fake backend; returns exit code, result and lines of stderr."""

    def run_one(*arguments):
        code, lines, errors = run(*arguments)
        (result,) = lines or [None]
        return code, result, errors

    return run_one


@pytest.fixture
def files(tmp_path):
    subject = tiny_subject(tmp_path / "subject")
    write_movie(subject / "plates.mp4", 30, size=(640, 360))
    return subject, write_speech(tmp_path / "a speech.wav", 0.12)


def test_a_shot_is_a_movie_and_a_blend_that_opens_elsewhere(headroom, run, files, tmp_path):
    bpy = headroom.bpy
    subject, speech = files
    out = tmp_path / "out"
    code, result, err = run("shot", "--subject", subject, "--speech", speech, "--output", out / "shot.mp4",
                            "--blend", out / "shot.blend", "--seed", 3, "--engine", "eevee")
    assert code == 0, err
    assert result == {"movie": str(out / "shot.mp4"), "blend": str(out / "shot.blend"), "frames": 3, "notes": []}
    assert sorted(path.name for path in out.iterdir()) == ["shot.blend", "shot.mp4"]
    fractions = [json.loads(line)["fraction"] for line in err if line.startswith("{")]
    assert fractions == sorted(fractions) and fractions[-1] > 0.9

    moved = tmp_path / "elsewhere"
    shutil.move(out, moved)
    shutil.rmtree(subject)
    speech.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    scene = bpy.context.scene
    assert scene.camera and len(headroom.module("scene.build.shot").shots_in(scene)) == 1
    assert all(image.packed_file for image in bpy.data.images if image.source == "FILE")
    assert all(sound.packed_file for sound in bpy.data.sounds)
    strips = {strip.type: strip for strip in headroom.module("scene.compat").strips_of(scene)}
    assert set(strips) == ({"SOUND", "MOVIE"} if headroom.module("scene.compat").plays_sound() else {"MOVIE"})
    assert strips["MOVIE"].filepath == "//shot.mp4"
    assert (scene.frame_start, scene.frame_end) == (1, 3)


def test_the_blend_opens_as_the_template_with_the_head_selected(headroom, run, files, tmp_path):
    bpy, (subject, speech) = headroom.bpy, files
    code, _, err = run("shot", "--subject", subject, "--speech", speech, "--output", tmp_path / "shot.mp4",
                       "--blend", tmp_path / "shot.blend")
    assert code == 0, err
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"), load_ui=True)
    (workspace,), (shot,) = bpy.data.workspaces, headroom.module("scene.build.shot").shots_in(bpy.context.scene)
    assert workspace.name == "Shot" and bpy.context.scene.name == "Shot"
    areas = {area.ui_type: area for area in workspace.screens[0].areas}
    assert {"VIEW_3D", "FCURVES", "SEQUENCE_EDITOR", "TIMELINE"} <= set(areas)
    assert areas["VIEW_3D"].spaces.active.region_3d.view_perspective == "CAMERA"
    assert bpy.context.view_layer.objects.active == shot.face
    assert [each for each in bpy.context.scene.objects if each.select_get()] == [shot.face]
    curves = [each for owner in (shot.face, shot.face.data.shape_keys)
              for each in headroom.module("scene.compat").curves_of(owner)]
    assert {each.group.name for each in curves if not each.hide} == {"Head Rotation"}
    assert shot.root["headroom_unseen"]
    headroom.module("ui.first_view").show_unseen()  # as the first window does
    assert "headroom_unseen" not in shot.root
    view = areas["VIEW_3D"]
    whole = next(region for region in view.regions if region.type == "WINDOW")
    width = whole.width * ((view.spaces.active.region_3d.view_camera_zoom / 50 + 2**0.5) / 2) ** 2  # as Blender draws
    assert width * 360 / 640 == pytest.approx(0.96 * whole.height, rel=0.01)


def test_the_requests_to_the_backend(run, backend, files, tmp_path):
    subject, speech = files
    code, _, err = run("shot", "--subject", subject, "--speech", speech, "--output", tmp_path / "s.mp4", "--seed", 3,
                       "--pose", "replayed", "--plate-fit", 0.25)
    assert code == 0, err
    requests = {kind: (inputs, settings) for kind, inputs, settings in backend.submitted}
    assert list(requests) == ["perform", "match_plates", "refine"]
    assert requests["perform"][0]["speech_name"] == "a speech.wav"
    assert requests["perform"][1] == {"seed": 3, "pose": "replayed"}
    assert requests["match_plates"][1] == {"plate_fit": 0.25}
    assert len(requests["refine"][0]["renders"]) == 3
    assert (requests["refine"][1]["fps"], requests["refine"][1]["speech_from_seconds"]) == (25.0, 0.0)
    assert requests["refine"][0]["speech"] and "rig.npz" in requests["refine"][0]["subject"]


def test_the_matched_plate_is_shown_behind_each_frame(headroom, run, files, tmp_path):
    subject, speech = files
    run("shot", "--subject", subject, "--speech", speech, "--output", tmp_path / "s.mp4")
    scene = headroom.bpy.context.scene
    user = scene.camera.data.background_images[0].image_user
    for frame in (1, 2, 3):
        scene.frame_set(frame)
        assert user.frame_current == frame  # the fake backend gives plate i, counted from 0, to frame i + 1


def test_a_given_performance_is_used_instead_of_a_prediction(headroom, run, backend, files, tmp_path):
    subject, speech = files
    performance = tiny_performance(tmp_path / "p.npz", seconds=0.08)
    code, result, err = run("shot", "--subject", subject, "--speech", speech, "--output", tmp_path / "s.mp4",
                            "--performance", performance)
    assert code == 0, err
    assert result["frames"] == 2 and [kind for kind, *_ in backend.submitted] == ["match_plates", "refine"]


def test_a_recording_of_live_link_face_is_used_instead_of_a_prediction(headroom, run, backend, files, tmp_path):
    subject = tiny_subject(tmp_path / "with controls", controls=True)
    write_movie(subject / "plates.mp4", 30, size=(640, 360))
    times = ("00:00:00:23", "00:00:00:24", "00:00:01:00")
    (tmp_path / "take.csv").write_text("Timecode,JawOpen,HeadYaw\n" + "".join(f"{time},0.5,-0.2\n" for time in times))
    code, result, err = run("shot", "--subject", subject, "--speech", files[1], "--output", tmp_path / "s.mp4",
                            "--performance", tmp_path / "take.csv")
    assert code == 0, err
    assert result["frames"] == 3 and [kind for kind, *_ in backend.submitted] == ["match_plates", "refine"]
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    shot.scene.frame_set(1)
    assert shot.face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(0.5)
    assert shot.face.rotation_euler[1] == pytest.approx(0.2)  # to the person's left


def test_perform_writes_a_performance(run, files, tmp_path):
    subject, speech = files
    code, result, err = run("perform", "--subject", subject, "--speech", speech, "--output", tmp_path / "p.npz")
    assert code == 0, err
    assert np.load(result["performance"])["expression"].shape == (3, 64)


def test_perform_writes_npz_alone(run, backend, files, tmp_path):
    code, _, err = run("perform", "--subject", files[0], "--speech", files[1], "--output", tmp_path / "take.csv")
    assert code == 2 and "must end in .npz" in err[-1] and not backend.submitted


def test_learning_needs_consent_and_writes_a_folder(run, backend, files, tmp_path):
    _, clip = files
    learn = ("learn", "--clip", clip, "--output", tmp_path / "new", "--name", "New")
    code, _, err = run(*learn)
    assert code == 2 and "consent" in err[-1] and not (tmp_path / "new").exists()
    code, _, err = run(*learn, "--consent", "--consent-until", "next May")
    assert code == 2 and err[-1] == "next May is not a day; write it as in 2027-05-02."
    code, result, err = run(*learn, "--consent", "--to", 12, "--consent-uses", "Film A, Film B", "--consent-until",
                            "2027-05-02")
    assert backend.submitted[-1][2]["consent_uses"] == ["Film A", "Film B"]
    assert backend.submitted[-1][2]["consent_until"] == "2027-05-02"
    assert code == 0, err
    assert result["notes"] == ["Two faces; kept one."] and (tmp_path / "new" / "subject.toml").is_file()
    code, _, err = run(*learn, "--consent")
    assert code == 2 and "is not empty. Choose a new folder for the subject." in err[-1]


@pytest.mark.parametrize("kind", ["perform", "match_plates", "refine"])
def test_a_failing_job_gives_its_message_and_leaves_nothing(run, backend, files, tmp_path, kind):
    subject, speech = files
    backend.fail = kind
    out = tmp_path / "out"
    code, result, err = run("shot", "--subject", subject, "--speech", speech, "--output", out / "s.mp4")
    assert (code, result, err[-1]) == (2, None, f"No luck with {kind}.")
    assert not out.exists()


def test_a_missing_speech_gives_one_message(run, files, tmp_path):
    code, _, err = run("shot", "--subject", files[0], "--speech", tmp_path / "no.wav", "--output", tmp_path / "s.mp4")
    assert code == 2 and err[-1] == f"The speech {tmp_path / 'no.wav'} does not exist. Choose another file."


@pytest.mark.parametrize("kind", ["perform", "refine"])
def test_sigterm_cancels_the_job_and_leaves_nothing(run, backend, files, tmp_path, monkeypatch, kind):
    original = backend.events

    def events(job_id):
        if job_id.startswith(kind):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        return original(job_id)

    monkeypatch.setattr(backend, "events", events)
    subject, speech = files
    out = tmp_path / "out"
    code, result, err = run("shot", "--subject", subject, "--speech", speech, "--output", out / "s.mp4",
                            "--blend", out / "s.blend")
    assert (code, result, err[-1]) == (130, None, "Stopped.")
    assert [job_id.split("-")[0] for job_id in backend.cancelled] == [kind]
    assert not out.exists()
