"""Speech in a file with several audio tracks, and its transcript: job files, the command line and the panel."""

import json

import pytest
from stand_ins import FakeBackend, tiny_subject, write_movie, write_speech
from two_tracks import write_two_tracks


@pytest.fixture
def backend():
    return FakeBackend(seconds=0.12)


@pytest.fixture
def run(run):
    """Run one job of a file with the fake backend; returns the exit code and the job's line."""

    def run_job(folder, **job):
        file = folder / "jobs.json"
        file.write_text(json.dumps({"headroom": 1, "jobs": [job]}), encoding="utf-8")
        code, (line,), _ = run("batch", file)
        return code, line

    return run_job


@pytest.fixture
def files(tmp_path):
    subject = tiny_subject(tmp_path / "subject")
    write_movie(subject / "plates.mp4", 30, size=(640, 360))
    (tmp_path / "line.txt").write_text("He said: no!", encoding="utf-8")
    return subject, write_two_tracks(tmp_path / "speech.mkv", 0.12)


def submitted(backend, kind):
    """Return the settings of the jobs of a kind."""
    return [settings for each, _, settings in backend.submitted if each == kind]


def test_a_perform_job_has_an_audio_track_and_a_transcript(run, backend, files, tmp_path):
    code, line = run(tmp_path, kind="perform", subject="subject", speech="speech.mkv", output="p.npz", audio_track=2,
                     transcript="line.txt")
    assert code == 0, line
    assert submitted(backend, "perform") == [
        {"seed": 0, "pose": "predicted", "transcript": "He said: no!", "audio_track": 2}]


def test_the_track_of_a_shot_becomes_a_file_beside_the_blend_once(run, backend, files, tmp_path, headroom):
    job = dict(kind="shot", subject="subject", speech="speech.mkv", output="out/s.mp4", blend="out/s.blend",
               audio_track=2, transcript="line.txt", engine="fast")
    (tmp_path / "out").mkdir()
    write_speech(tmp_path / "out" / "speech_track_2.wav", 3.0)  # another file, which stays
    for _ in range(2):
        code, line = run(tmp_path, **job)
        assert code == 0, line
        track = tmp_path / "out" / "speech_track_2_2.wav"
        assert line["notes"] == [f"Audio track 2 of speech.mkv was written to {track}, where the .blend finds it."]
    assert len(list((tmp_path / "out").glob("*.wav"))) == 2
    assert submitted(backend, "write_track") == [{"audio_track": 2}] * 2
    assert submitted(backend, "perform") == [{"seed": 0, "pose": "predicted", "transcript": "He said: no!"}] * 2
    headroom.bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "s.blend"))
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    assert shot.speech == track and shot.root.headroom.transcript.as_string() == "He said: no!"


@pytest.mark.parametrize(("transcript", "words"), [
    ("missing.txt", "Cannot read .*missing.txt: No such file or directory. Choose another file."),
    ("speech.mkv", "speech.mkv is not text in UTF-8. Save it as UTF-8, or choose another file.")])
def test_a_transcript_that_cannot_be_read_is_refused(headroom, files, tmp_path, transcript, words):
    request = headroom.module("core.job_file").make_request("perform", {
        "subject": files[0], "speech": files[1], "output": tmp_path / "p.npz", "transcript": transcript}, tmp_path)
    with pytest.raises(headroom.module("core.errors").InputError, match=words):
        headroom.module("commands").run(request, None, None)


def test_a_transcript_is_refused_beside_a_performance(headroom, files, tmp_path):
    request = headroom.module("core.job_file").make_request("shot", {
        "subject": files[0], "speech": files[1], "output": tmp_path / "s.mp4", "transcript": "line.txt",
        "performance": "p.npz"}, tmp_path)
    with pytest.raises(headroom.module("core.errors").InputError, match="A transcript is for the prediction of one"):
        headroom.module("commands").run(request, None, None)


def test_the_panel_has_a_track_number_for_files_with_several_tracks(headroom, files, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender has no sound")
    settings, context = headroom.scene.headroom, headroom.bpy.context
    settings.subject, settings.speech, settings.audio_track = str(files[0]), str(files[1]), 2
    headroom.bpy.ops.headroom.open_subject()
    several = headroom.module("ui.audio_tracks").may_have_several_tracks
    requests_of = headroom.module("ui.command_line").requests_of
    assert several(settings.speech) and requests_of(context, "perform")[0].settings["audio_track"] == 2
    settings.speech = str(write_speech(tmp_path / "one track.wav"))
    assert not several(settings.speech) and requests_of(context, "perform")[0].settings["audio_track"] == 0
    assert not several("") and not several(str(tmp_path / "missing.wav")) and not several(str(tmp_path / "photo.JPG"))


def test_the_track_of_a_file_that_blender_cannot_open_is_sent(headroom, tmp_path):
    settings, tracks = headroom.scene.headroom, headroom.module("ui.audio_tracks")
    unknown, photo = tmp_path / "unknown.mxf", tmp_path / "photo.JPG"
    for file in (unknown, photo):
        file.write_bytes(b"0" * 100)
    settings.clip = settings.speech = str(unknown)
    settings.clip_audio_track, settings.audio_track = 2, 3
    assert (tracks.clip_audio_track(settings), tracks.speech_audio_track(settings)) == (2, 3)
    settings.clip = str(photo)
    assert tracks.clip_audio_track(settings) == 0


def test_progress_goes_on_after_the_track_was_written(headroom, backend, files):
    tasks, shot_tasks = headroom.module("core.tasks"), headroom.module("scene.output.shot_tasks")
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, files[0])
    take = headroom.module("core.take_settings").TakeSettings(files[1], audio_track=2)
    done = []
    tasks.run_task(shot_tasks.perform_takes(shot, [take], 1, lambda: backend),
                   lambda step: done.append(step.fraction))
    assert done == sorted(done) and done[0] < 0.05 < done[-1]
