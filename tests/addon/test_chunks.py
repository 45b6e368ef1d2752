"""A long shot that is rendered in chunks gets the renders, plates and sound of the whole shot."""

import json
import re

import pytest
from stand_ins import FakeBackend, tiny_subject, write_movie, write_speech

from addon.core.chunks import chunk_starts

SECONDS = 2.0


@pytest.fixture
def backend():
    return FakeBackend(seconds=SECONDS)


@pytest.fixture
def run(run, tmp_path):
    """Run the command `batch` for job 1 of the file; returns its line."""
    for name in ("subject", "other"):
        write_movie(tiny_subject(tmp_path / name) / "plates.mp4", 30, size=(640, 360))
        write_speech(tmp_path / f"{name}.wav", SECONDS)

    def run_job(job, *arguments):
        (tmp_path / "jobs.json").write_text(json.dumps({"headroom": 1, "jobs": [job]}), encoding="utf-8")
        _, (line,), _ = run("batch", tmp_path / "jobs.json", "--only", "1", *arguments)
        return line

    return run_job


def jobs_of(backend, kind):
    return [(inputs, settings) for each, inputs, settings in backend.submitted if each == kind]


def plate_curves(headroom):
    return [action for action in headroom.bpy.data.actions if action.name.endswith("Plates")]


@pytest.mark.parametrize(("frames", "seconds"), [(4500, 30.0), (33, 0.64), (1125, 30.0), (1124, 30.0), (5, 0.1)])
def test_chunks_begin_at_whole_groups_and_cover_the_shot(frames, seconds):
    starts = chunk_starts(frames, 25.0, seconds)
    assert starts[0] == 0 and all(start % 16 == 0 for start in starts)
    lengths = [end - start for start, end in zip(starts, (*starts[1:], frames))]
    assert min(lengths) > 0 and len(set(lengths[:-1])) <= 1
    assert len(starts) == 1 or abs(lengths[0] / 25 - seconds) <= max(0.5 * seconds, 0.64)


SHOT = {"kind": "shot", "subject": "subject", "speech": "subject.wav", "engine": "auto", "label": "AI-generated"}


@pytest.mark.parametrize("kind", ["shot", "render"])
@pytest.mark.parametrize("people", [[], ["other=other.wav"]])
def test_a_shot_in_chunks_has_the_renders_plates_and_sound_of_the_whole_one(run, headroom, backend, tmp_path, kind,
                                                                            people):
    if people and not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    job = {**SHOT, "output": "whole.mp4", "people": people, "blend": "scenes/whole.blend"}
    whole = run(job)
    job = {**job, "output": "joined.mp4", "blend": "joined/whole.blend"} if kind == "shot" else {
        "kind": "render", "file": "scenes/whole.blend", "output": "joined.mp4", "all_heads": bool(people)}
    ((inputs, settings),) = jobs_of(backend, "refine")
    folder = tmp_path / "chunks"
    split = run(job, "--chunk-folder", folder, "--chunk", 0.64)
    assert (split["state"], split["chunks"], split["unfinished"]) == ("split", 4, [0, 1, 2, 3])
    for number in (2, 0, 3, 1):
        assert run(job, "--chunk-folder", folder, "--chunk-number", number)["state"] == "done"
        assert kind == "render" or not plate_curves(headroom), "no scene is saved in which they could be seen"
    chunks = sorted(jobs_of(backend, "refine_chunk"), key=lambda chunk: chunk[1]["first"])
    assert [(sent["first"], sent["context"]) for _, sent in chunks] == [(0, 0), (14, 2), (30, 2), (46, 2)]
    for given, whole_shot in ([([each for each, _ in chunks], inputs)] + [
            ([each["others"][number] for each, _ in chunks], other)
            for number, other in enumerate(inputs.get("others", []))]):
        contexts = [sent["context"] for _, sent in chunks]
        assert [sha for each, context in zip(given, contexts) for sha in each["meshes"][context:]] == whole_shot[
            "meshes"]
        assert {each["match"] for each in given} == {whole_shot["match"]}
        assert all(each.get("settings") == whole_shot.get("settings") for each in given)
    assert run(job, "--chunk-folder", folder, "--chunk", 0.64)["unfinished"] == []
    joined = run(job, "--chunk-folder", folder)
    ((given, sent),) = jobs_of(backend, "join_chunks")
    assert sent == {**settings, "frames": len(inputs["meshes"])} and [
        (each["subject"], each["speech"], each["speech_name"], each.get("settings"))
        for each in (given, *given.get("others", []))] == [
        (each["subject"], each["speech"], each["speech_name"], each.get("settings"))
        for each in (inputs, *inputs.get("others", []))]
    assert [backend.blobs[sha] for sha in given["chunks"]] == [b"chunk 0", b"chunk 14", b"chunk 30", b"chunk 46"]
    assert (joined["frames"], joined["notes"]) == (whole["frames"], whole["notes"])
    assert (tmp_path / "joined.mp4").exists() and (tmp_path / "joined" / "whole.blend").exists() == (kind == "shot")
    assert len(plate_curves(headroom)) == 2 * (1 + len(people)), "on the camera's background image and the backdrop"
    assert len(list(folder.glob("*.wav"))) == 0, "what people say lies beside the .blend, which names it"


def test_what_people_say_lies_with_the_chunks_where_no_scene_is_saved(run, headroom, backend, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    job = {**SHOT, "output": "joined.mp4", "people": ["other=other.wav"]}
    folder = tmp_path / "chunks"
    assert run(job, "--chunk-folder", folder, "--chunk", 0.64)["state"] == "split"
    assert len(list(folder.glob("*turns.wav"))) == 2
    for number in range(4):
        assert run(job, "--chunk-folder", folder, "--chunk-number", number)["state"] == "done"
    assert run(job, "--chunk-folder", folder)["state"] == "done"
    ((given, _),) = jobs_of(backend, "join_chunks")
    assert [each["speech"] is not None for each in (given, *given["others"])] == [True, True]


def test_a_short_shot_is_made_at_once_and_leaves_no_folder(run, backend, tmp_path):
    line = run({**SHOT, "output": "short.mp4"}, "--chunk-folder", tmp_path / "chunks", "--chunk", 30)
    assert line["state"] == "done" and line["frames"] == len(jobs_of(backend, "refine")[0][0]["meshes"])
    assert not (tmp_path / "chunks").exists()


def test_a_folder_without_chunks_is_told(run, tmp_path):
    line = run({**SHOT, "output": "joined.mp4"}, "--chunk-folder", tmp_path / "none", "--chunk-number", 0)
    assert re.search("There are no chunks in .* Prepare them with --chunk", line["error"])
