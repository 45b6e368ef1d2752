"""Jobs through the real server and its worker process: results, progress, failures."""

import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
from running import JobFailed, shot_inputs, wait_for
from two_tracks import write_two_tracks

from addon.core.backend_jobs import align_words, check, write_track
from addon.core.errors import HeadroomError
from addon.core.tasks import ProgressToken
from headroom.common.errors import InputError
from headroom.media.audio import read_audio
from headroom.server.input_files import read_poses


def test_learn_gives_a_subject_and_notes(client, tmp_path):
    clip = tmp_path / "my clip.mp4"
    clip.write_bytes(b"pictures")
    settings = {"preset": "paper", "albedo": "frame", "resolution": 512, "from_seconds": 1.5, "name": "Zoë",
                "consent": True}
    job = wait_for(client, client.submit("learn", {"clip": client.put_file(clip), "clip_name": clip.name}, settings).id)
    subject = client.get_tree(job.result["subject"], tmp_path / "subject")
    assert (subject / "größe & Name" / "Ä clip.bin").read_bytes() == b"pictures"
    assert json.loads((subject / "subject.toml").read_bytes()) == {
        **settings, "to_seconds": None, "consent": "The person shown has agreed to this use.", "consent_who": "",
        "consent_uses": None, "consent_until": None, "audio_track": None, "budget_minutes": None,
        "face": 0}
    assert job.result["notes"] == ["A note."]


def test_perform_gives_a_performance(client, perform, tmp_path):
    job = wait_for(client, perform("nothing").id)
    with np.load(client.get_file(job.result["performance"], tmp_path / "performance.npz")) as data:
        assert data["rotation"].tolist() == [[3, 3, 3]] * 4
    assert job.result["notes"][0] == "speech a speech.wav" and job.result["notes"][2] == "predicted"


def test_align_words_gives_words_and_phones(client, tmp_path):
    speech = tmp_path / "speech.wav"
    speech.write_bytes(b"sound")
    words, phones, notes = align_words(client, speech, "good morning", tmp_path, ProgressToken(lambda step: None))
    assert [(word.text, word.start) for word in words] == [("good", 0.0), ("morning", 0.1)]
    assert [phone.symbol for phone in phones] == ["AA", "AA"] and notes == ["A note."]


def test_an_audio_track_becomes_a_sound_file_of_its_own(client, tmp_path):
    two_tracks = write_two_tracks(tmp_path / "speech.mkv")
    write_track(client, two_tracks, 2, tmp_path / "second.wav", ProgressToken(lambda step: None))
    sound = read_audio(tmp_path / "second.wav")
    assert len(sound) == 8000 and np.abs(np.fft.rfft(sound)).argmax() * 2 == pytest.approx(900, abs=4)
    with pytest.raises(HeadroomError, match="has 2 audio tracks and no track 3; choose"):
        write_track(client, two_tracks, 3, tmp_path / "third.wav", ProgressToken(lambda step: None))


def test_a_check_gives_a_picture_and_what_is_wrong(client, tmp_path):
    sample = Path(__file__).resolve().parents[2] / "samples" / "sample.mp4"
    found = check(client, sample, tmp_path, {"to_seconds": 1.0}, ProgressToken(lambda step: None))
    assert found.people == 1 and found.usable_seconds == pytest.approx(1.0, abs=0.1)
    assert found.picture.read_bytes().startswith(b"\xff\xd8")
    assert [note.partition(".")[0] for note in found.notes] == ["Only 1", ]


def test_perform_passes_the_head_pose_setting_on(client):
    inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")}, "speech": client.put_bytes(b"nothing")}
    job = wait_for(client, client.submit("perform", inputs, {"pose": "replayed"}).id)
    assert job.result["notes"][2] == "replayed"


def test_match_gives_a_plate_for_each_pose(client, tmp_path):
    poses = io.BytesIO()
    np.savez(poses, fps=25.0, rotation=np.zeros((5, 3)), translation=np.ones((5, 3)))
    inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")}, "poses": client.put_bytes(poses.getvalue())}
    job = wait_for(client, client.submit("match_plates", inputs, {"plate_fit": 0.5}).id)
    with np.load(client.get_file(job.result["match"], tmp_path / "match.npz")) as data:
        assert data["plate"].tolist() == [0, 1, 2, 3, 4] and data["distance"].tolist() == [0.5] * 5


@pytest.mark.parametrize("name", ["fixed_positions", "held"])
def test_positions_of_an_earlier_match_are_kept_under_their_name_of_version_1_too(client, tmp_path, name):
    poses = io.BytesIO()
    np.savez(poses, fps=25.0, rotation=np.zeros((3, 3)), translation=np.ones((3, 3)), **{name: [0.5, np.nan, 2.5]})
    inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")}, "poses": client.put_bytes(poses.getvalue())}
    job = wait_for(client, client.submit("match_plates", inputs, {}).id)
    with np.load(client.get_file(job.result["match"], tmp_path / "match.npz")) as data:
        np.testing.assert_array_equal(data["position"], [0.5, np.nan, 2.5])


@pytest.mark.parametrize(("arrays", "words"), [
    ({"fps": 25.0, "rotation": np.zeros(3), "translation": np.zeros(3)}, "rotation is 3 instead of frames x 3"),
    ({"fps": 0.0, "rotation": np.zeros((2, 3)), "translation": np.zeros((2, 3))}, "fps has values outside 0.1 to 1000"),
    ({"fps": 25.0, "rotation": np.zeros((2, 3)), "translation": np.zeros((2, 3)), "fixed_positions": np.zeros(1)},
     "one fixed position for each frame"),
    ({"fps": 25.0}, "rotation is missing"),
])
def test_poses_of_the_wrong_shape_are_refused_in_words(tmp_path, arrays, words):
    np.savez(tmp_path / "poses.npz", **arrays)
    with pytest.raises(InputError, match=words):
        read_poses(tmp_path / "poses.npz")


def test_poses_that_are_no_npz_fail_in_words(client):
    inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")}, "poses": client.put_bytes(b"nonsense")}
    with pytest.raises(JobFailed, match="The poses cannot be used, because it cannot be read; render the shot again"):
        wait_for(client, client.submit("match_plates", inputs, {}).id)


def test_refine_gives_a_movie_of_its_renders_in_order(client, tmp_path):
    shot = shot_inputs(client, tmp_path, [b"one", b"two", b"one"])
    job = wait_for(client, client.submit("refine", shot, {"fps": 25}).id)
    assert job.result["frames"] == 3
    assert client.get_file(job.result["movie"], tmp_path / "movie.mp4").read_bytes() == b"onetwoone 2"


def test_meshes_travel_beside_their_renders_and_a_render_may_have_none(client, tmp_path):
    shot = shot_inputs(client, tmp_path, [b"one", b"two", b"three"])
    shot["meshes"] = [client.put_bytes(b"(mesh 1)"), None, client.put_bytes(b"(mesh 3)")]
    job = wait_for(client, client.submit("refine", shot, {"fps": 25}).id)
    movie = client.get_file(job.result["movie"], tmp_path / "movie.mp4").read_bytes()
    assert movie.startswith(b"one(mesh 1)twothree(mesh 3) ")


def test_a_frame_may_be_a_mesh_alone_but_not_nothing(client, tmp_path):
    shot = shot_inputs(client, tmp_path, [b"one", b"two"])
    shot["renders"][1], shot["meshes"] = None, [None, client.put_bytes(b"(mesh 2)")]
    job = wait_for(client, client.submit("refine", shot, {"fps": 25}).id)
    assert client.get_file(job.result["movie"], tmp_path / "movie.mp4").read_bytes().startswith(b"one(mesh 2) ")
    shot["meshes"] = []
    with pytest.raises(JobFailed, match="neither a render nor a mesh"):
        wait_for(client, client.submit("refine", shot, {"fps": 25}).id)


def test_progress_arrives_in_order_and_ends_with_the_result(client, perform):
    events = list(client.events(perform("count").id))
    fractions = [job.progress for job in events]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    steps = [int(job.message.split()[1]) for job in events if job.message.startswith("Step")]
    assert steps == sorted(steps)
    assert [job.state for job in events][-1] == "done" and "running" in [job.state for job in events]


def test_events_of_a_finished_job_are_its_end(client, perform):
    done = wait_for(client, perform("count").id)
    assert list(client.events(done.id)) == [done]


def test_a_failed_job_has_the_pipelines_sentence_unchanged(client, perform):
    sentence = "No face found in frame 12: choose a clip where “it” is visible."
    with pytest.raises(JobFailed) as caught:
        wait_for(client, perform(f"fail:{sentence}").id)
    assert str(caught.value) == sentence


def test_a_failure_names_the_users_file_and_not_our_private_folder(client, perform):
    with pytest.raises(JobFailed, match=r"^passwd is silent\.$"):
        wait_for(client, perform("fail:", speech_name="../../etc/passwd").id)


def test_an_unexpected_error_points_at_a_log_that_explains_it(client, perform, data_dir):
    with pytest.raises(JobFailed, match=r"Unexpected error: KeyError: .* See the backend log at (.*)") as caught:
        wait_for(client, perform("bug").id)
    log = Path(str(caught.value).rsplit(" at ", 1)[1])
    assert log.is_relative_to(data_dir) and "Traceback" in log.read_text(encoding="utf-8")
    assert wait_for(client, perform("nothing").id).state == "done"


def test_a_full_disk_is_a_sentence(client, perform, data_dir):
    with pytest.raises(JobFailed, match=f"disk is full. Free some space in {data_dir} and start the job again"):
        wait_for(client, perform("full disk").id)
    assert wait_for(client, perform("nothing").id).state == "done"


def test_what_the_pipeline_prints_disturbs_nothing(client, perform):
    assert wait_for(client, perform("print").id).state == "done"


def test_a_job_of_seconds_does_not_wait_for_learning(client, perform):
    running = perform("wait")
    learn = client.submit("learn", {"clip": client.put_bytes(b"clip")}, {})
    short = perform("nothing")
    client.cancel(running.id)
    assert wait_for(client, short.id).finished <= wait_for(client, learn.id).finished


def test_refined_frames_are_not_refined_again_for_the_movie(client, tmp_path):
    shot = shot_inputs(client, tmp_path, [b"render %d" % frame for frame in range(6)])
    some = {**shot, "renders": shot["renders"][1:5]}
    job = wait_for(client, client.submit("refine_frames", some, {"first": 1, "context": 2, "compare": True}).id)
    assert job.result["frames"] == job.result["refined"] == 2
    comparisons = [client.get_file(sha, tmp_path / "c.png").read_bytes() for sha in job.result["pictures"]]
    assert comparisons == [b"before|render 3", b"before|render 4"]
    whole = wait_for(client, client.submit("refine", shot, {"fps": 25}).id)
    assert client.get_file(whole.result["movie"], tmp_path / "movie.mp4").read_bytes().endswith(b" 4")


def test_chunks_of_a_shot_are_joined_in_their_order(client, tmp_path):
    shot = shot_inputs(client, tmp_path, [b"%d" % frame for frame in range(6)])
    chunks = []
    for first, count, context in ((0, 3, 0), (1, 5, 2)):
        part = {**shot, "renders": shot["renders"][first:first + count]}
        settings = {"first": first, "context": context}
        chunks.append(wait_for(client, client.submit("refine_chunk", part, settings).id).result)
    assert [chunk["frames"] for chunk in chunks] == [3, 3]
    inputs = {"subject": shot["subject"], "chunks": [chunk["chunk"] for chunk in chunks],
              "speech": client.put_bytes(b" said"), "speech_name": "line.wav"}
    whole = wait_for(client, client.submit("join_chunks", inputs, {"fps": 25, "frames": 6}).id)
    assert client.get_file(whole.result["movie"], tmp_path / "movie.mp4").read_bytes() == b"012|345 said"
    assert (whole.result["frames"], whole.result["notes"]) == (6, ["A note."])


def test_chunks_of_a_shot_of_two_people_have_the_pictures_and_the_speeches_of_both(client, tmp_path):
    shot, other = (shot_inputs(client, tmp_path, [b"%d" % frame, name]) for frame, name in ((1, b"a"), (2, b"b")))
    chunk = wait_for(client, client.submit("refine_chunk", {**shot, "others": [{**other, "settings": {"scale": 2}}]},
                                           {"first": 0, "context": 0}).id).result
    assert (chunk["frames"], chunk["notes"]) == (2, ["Scaled by 2."])
    said = [{"subject": shot["subject"], "speech": client.put_bytes(name), "speech_name": "line.wav"}
            for name in (b" anna", b" ben")]
    inputs = {**said[0], "chunks": [chunk["chunk"]], "others": [{**said[1], "settings": {"scale": 2}}]}
    whole = wait_for(client, client.submit("join_chunks", inputs, {"fps": 25, "frames": 2}).id)
    assert client.get_file(whole.result["movie"], tmp_path / "movie.mp4").read_bytes() == b"1a+2b anna ben"


def test_a_clip_that_cannot_be_evaluated_is_told_in_a_sentence(client):
    inputs = {"clip": client.put_bytes(b"no clip"), "clip_name": "anna.mp4"}
    with pytest.raises(JobFailed, match=r"anna\.mp4 is not a video that can be read"):
        wait_for(client, client.submit("evaluate", inputs, {"train_seconds": 4}).id)


def test_a_request_that_is_sent_twice_is_one_job(client, perform):
    job = perform("wait")
    inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")}, "speech": client.put_bytes(b"wait")}
    assert client.submit("perform", inputs, {}, job_id=job.id).id == job.id
    assert [each.id for each in client.jobs()].count(job.id) == 1
    client.cancel(job.id)


def test_a_data_folder_that_cannot_be_written_fails_the_job_and_not_the_backend(client, perform, data_dir):
    wait_for(client, perform("nothing").id)
    folders = data_dir / "scratch" / "jobs-1"
    while any(folders.iterdir()):  # the folder of the finished job is still being removed
        time.sleep(0.01)
    folders.rmdir()
    folders.touch()
    with pytest.raises(JobFailed, match="could not run this job"):
        wait_for(client, perform("nothing").id)
    folders.unlink()
    assert wait_for(client, perform("nothing").id).state == "done"


def test_jobs_are_listed_in_the_order_of_their_requests(client, perform):
    ids = [perform("nothing").id for _ in range(3)]
    assert [job.id for job in client.jobs()][-3:] == ids
    wait_for(client, ids[-1])
