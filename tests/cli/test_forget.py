"""Forgetting a person: nothing of them is left in any cache, found by content, and everything of others stays."""

import errno
import json
import os

import command_call
import pytest

from headroom.cli.batch.known_reports import remember_report
from headroom.cli.forget import frames_name
from headroom.common.files import file_digest
from headroom.common.subject_files import PARTS
from headroom.server.jobs import Finished, Progressed
from headroom.server.requests import JOB_REQUEST
from headroom.server.results import LearnResult, PerformResult, RefineChunkResult, RefineResult
from headroom.server.store import Store
from headroom.server.trees import read_tree
from headroom.subject.consent import Consent
from headroom.subject.folder import SubjectWriter
from headroom.subject.info import ClipInfo, SubjectInfo

ANNA, BEN = "face of Anna", "face of Ben"


def write(path, words):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)
    return path


def write_subject(folder, who):
    """Write a subject whose files say who it shows."""
    for name in PARTS[1:]:
        write(folder / name, f"{name} with the {who}")
    clip = ClipInfo(file="clip.mp4", sha256=file_digest(write(folder.parent / "clips" / f"{who}.mp4", f"clip, {who}")),
                    kind="video", width=64, height=48, fps=25.0, from_seconds=0.0, to_seconds=4.0)
    SubjectWriter(folder).write_info(SubjectInfo(name=who, clip=clip, has_sound=True, consent=Consent(who=who)))
    return folder


def run_jobs(store, scratch, subject, who):
    """Leave what learning, performing and refining a subject leave in a data folder."""
    blob = lambda name, words: store.blobs.add(write(scratch / name, words))  # noqa: E731
    tree, speech = read_tree(subject, store.blobs), blob("speech", "a speech that both perform")
    clip = store.blobs.add(scratch / "clips" / f"{who}.mp4")
    asks = [("learn", {"clip": clip, "clip_name": f"{who}.mp4"}, {"name": who},
             LearnResult(subject=tree, notes=[f"One {who}."])),
            ("perform", {"subject": tree, "speech": speech}, {},
             PerformResult(performance=blob("performance", f"motion of the {who}"), notes=[])),
            ("refine", {"subject": tree, "renders": [blob("render", f"render of the {who}")],
                        "match": blob("match", f"match of the {who}"), "speech": speech}, {"fps": 25.0},
             RefineResult(movie=blob("movie", f"movie of the {who}"), frames=1))]
    for kind, inputs, settings, result in asks:
        job = store.add(JOB_REQUEST.validate_python({"kind": kind, "inputs": inputs, "settings": settings}))
        store.apply(job.id, Progressed(0.5, f"Working on the {who}"))
        store.apply(job.id, Finished(result))
    unpacked = store.cache.subject(tree, store.blobs)
    write(store.cache.crops / file_digest(subject / "plates.mp4") / "a.png", f"crop of the {who}")
    write(store.folder / "tracks" / "model" / clip[:2] / f"{clip}.npz", f"track of the {who}")
    return unpacked


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine on which two people were learned and rendered."""
    data, resources, project = (tmp_path / name for name in ("data", "blender", "project"))
    monkeypatch.setenv("HEADROOM_DATA", str(data))
    monkeypatch.setenv("BLENDER_USER_RESOURCES", str(resources))
    extension = resources / "extensions" / ".user" / "user_default" / "headroom"
    for folder in (data, extension / "data"):
        store = Store(folder)
        for who in (ANNA, BEN):
            run_jobs(store, tmp_path / "scratch", write_subject(tmp_path / "scratch" / who, who), who)
        write(folder / "blobs" / "incoming" / "half", f"an upload of the {ANNA}")
        write(folder / "scratch" / "jobs-1" / "0" / "subject" / "plates.mp4", f"plates with the {ANNA}")
        write(folder / "crops" / "ab" / "ab.png", f"crop of an older version, {ANNA}")
        store.blobs.add(write(tmp_path / "scratch" / "orphan", f"a blob without a job, {ANNA}"))
        store.close()
    for who in (ANNA, BEN):
        name = frames_name(tmp_path / "scratch" / who)
        for folder in (extension / "frames", project / "headroom_shot", tmp_path / "other" / "headroom_shot"):
            write(folder / name / "a.png", f"frame of the {who}")
        (tmp_path / "scratch" / who).rename(tmp_path / f"subject {who}")
    for name in (f"{'0f' * 32}.png", f"match-{'0f' * 8}.npz", "before-after.png"):
        write(project / "headroom_shot" / name, f"frame of an older version, {ANNA}")
    write(extension / "frames" / "places.txt", f"{project / 'headroom_shot'}\n")
    for path in (tmp_path / "scratch").rglob("*"):
        if path.is_file():
            path.unlink()
    write(tmp_path / "subject face of Anna" / "notes.txt", "the user's own")
    return tmp_path


def files_with(folder, words):
    """The files below a folder that hold a text, in their name or anywhere in their content."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                  if path.is_file() and words.encode() in path.name.encode() + path.read_bytes())


def call(monkeypatch, capsys, *words):
    code, out, err = command_call.call(monkeypatch, capsys, *words)
    return code, out.splitlines(), err.splitlines()


def test_nothing_of_the_person_is_left_and_everything_of_others(machine, monkeypatch, capsys):
    assert len(files_with(machine, ANNA)) > 40
    before = files_with(machine, BEN)
    code, lines, _ = call(monkeypatch, capsys, "forget", machine / f"subject {ANNA}", "--search", machine / "other")
    assert code == 0 and f"Removed the subject {machine / f'subject {ANNA}'}" in lines
    assert files_with(machine, ANNA) == []
    assert files_with(machine, BEN) == before
    assert [path.name for path in (machine / f"subject {ANNA}").iterdir()] == ["notes.txt"], "files of the user stay"


def test_pictures_of_the_user_stay_in_searched_folders_whose_names_begin_like_ours(machine, monkeypatch, capsys):
    own = [write(machine / "other" / name, "the user's own") for name in (
        "subject-Anna/notes.txt", "poster.png", "headroom_frames/shot.0001.png", "headroom_frames/depth.npy")]
    code, lines, _ = call(monkeypatch, capsys, "forget", machine / f"subject {ANNA}", "--search", machine / "other")
    assert code == 0 and all(path.is_file() for path in own)
    assert f"Removed 1 files and folders of rendered frames in {machine / 'other' / 'headroom_shot'}" in lines


def test_the_jobs_of_others_can_still_be_read_and_have_their_files(machine, monkeypatch, capsys):
    call(monkeypatch, capsys, "forget", machine / f"subject {ANNA}")
    store = Store(machine / "data")
    jobs = store.jobs()
    requests = [store.request(job.id) for job in jobs]
    assert [request.kind for request in requests] == ["learn", "perform", "refine"]
    for job, request in zip(jobs, requests, strict=True):
        assert all(sha in store.blobs for sha in [*request.inputs.blobs(), *job.result.blobs()])
    assert "Anna" not in json.dumps([request.model_dump(mode="json") for request in requests])
    store.close()


@pytest.mark.parametrize("who", [ANNA, BEN])
def test_jobs_that_show_a_person_beside_another_are_removed(machine, who, monkeypatch, capsys):
    store, both = Store(machine / "data"), f"{ANNA} and {BEN}"
    blob = lambda name: store.blobs.add(write(machine / "file", f"{name} with {both}"))  # noqa: E731
    first, second = ({"subject": read_tree(machine / f"subject {each}", store.blobs)} for each in (ANNA, BEN))
    shown = lambda kind: {"renders": [blob(f"render, {kind}")], "match": blob(f"match, {kind}")}  # noqa: E731
    speech, results = {"speech": blob("a speech")}, {
        "refine": RefineResult(movie=blob("movie"), frames=1), "refine_chunk": RefineChunkResult(
            chunk=blob("chunk"), frames=1), "join_chunks": RefineResult(movie=blob("joined movie"), frames=1)}
    own = {"refine": shown("first") | speech, "refine_chunk": shown("first"),
           "join_chunks": speech | {"chunks": [results["refine_chunk"].chunk]}}
    beside = {"refine": shown("second") | speech, "refine_chunk": shown("second"), "join_chunks": speech}
    all_settings = {"refine": {"fps": 25.0}, "refine_chunk": {"first": 0, "context": 0},
                    "join_chunks": {"fps": 25.0, "frames": 1}}
    for kind, result in results.items():
        inputs = first | own[kind] | {"others": [second | beside[kind]]}
        job = store.add(JOB_REQUEST.validate_python({"kind": kind, "inputs": inputs, "settings": all_settings[kind]}))
        store.apply(job.id, Finished(result))
    store.close()
    (machine / "file").unlink()
    assert len(files_with(machine / "data", both)) == 8
    assert call(monkeypatch, capsys, "forget", machine / f"subject {who}")[0] == 0
    assert files_with(machine / "data", who) == []
    other = BEN if who == ANNA else ANNA
    assert len(files_with(machine / "data", f"movie of the {other}")) == 1, "jobs without the person stay"


def test_a_running_backend_is_not_robbed_of_its_files(machine, monkeypatch, capsys):
    store = Store(machine / "data")
    before = files_with(machine, ANNA)
    code, _, err = call(monkeypatch, capsys, "forget", machine / f"subject {ANNA}")
    store.close()
    assert code == 1
    place = machine / "data"
    assert err == [f"A backend is using {place}. Close Blender or stop the server, and run the command again."]
    assert [path for path in before if "subject face of Anna" in path] == [
        path for path in files_with(machine, ANNA) if "subject face of Anna" in path], "the subject stays for later"


def write_report(machine, folder, *jobs):
    """Leave the report of a batch: for each job, its kind, the subjects that it used, and whom its thumbnail shows."""
    lines = []
    for number, (kind, people, shown) in enumerate(jobs, start=1):
        write(folder / "thumbnails" / f"{number:05d}.jpg", f"thumbnail with the {shown}")
        subjects = [str(machine / f"subject {who}") for who in people]
        lines.append({"job": number, "kind": kind, "state": "done", "subjects": subjects})
    write(folder / "report.json", json.dumps({"file": str(folder), "jobs": lines}))


def test_chunks_and_thumbnails_of_batches_are_removed_and_those_of_others_stay(machine, monkeypatch, capsys):
    known, found = machine / "project" / "night_report", machine / "other" / "old_report"
    remember_report(known)
    remember_report(known)
    write_report(machine, known, ("shot", [ANNA], ANNA), ("shot", [BEN], BEN), ("shot", [BEN, ANNA], ANNA),
                 ("render", [], ANNA))
    write_report(machine, found, ("shot", [ANNA], ANNA))
    for number, who in enumerate((ANNA, BEN), start=1):
        chunks = known / "chunks" / f"0000{number}-ab"
        write(chunks / "00000.mkv", f"frames of the {who}")
        write(chunks / "headroom_scene" / frames_name(machine / f"subject {who}") / "a.png", f"frame of the {who}")
    write(known / "chunks" / "00004-ab" / "00000.mkv", f"frames of the {ANNA}, of a saved scene")
    before = files_with(known, BEN)
    code, lines, _ = call(monkeypatch, capsys, "forget", machine / f"subject {ANNA}", "--search", machine / "other")
    assert code == 0 and f"Removed 5 chunks and thumbnails of batches in {known}" in lines
    assert f"Removed 1 chunks and thumbnails of batches in {found}" in lines
    names = {"report.json", "report.html"}  # where the files of the job lie
    assert [path for path in files_with(known, ANNA) + files_with(found, ANNA) if path not in names] == []
    assert [path for path in files_with(known, BEN) if path not in names] == [
        path for path in before if path not in names]
    assert len(before) > 3 and (known / "report.html").read_text().count("<img") == 1


def test_what_cannot_be_removed_is_named_and_the_subject_stays_for_a_second_run(machine, monkeypatch, capsys):
    report = machine / "project" / "night_report"
    remember_report(report)
    write_report(machine, report, ("shot", [ANNA], ANNA))
    chunk = write(report / "chunks" / "00001-ab" / "00000.mkv", f"frames of the {ANNA}")
    with monkeypatch.context() as held:
        held.setattr("os.unlink", refusing(os.unlink, chunk.name))
        code, lines, err = call(held, capsys, "forget", machine / f"subject {ANNA}")
    assert code == 1 and not any("batches" in line for line in lines)
    assert len(err) == 1 and "Cannot remove" in err[0] and err[0].endswith(
        "00000.mkv: Permission denied. Close what uses it or change its permissions, and run the command again.")
    code, lines, _ = call(monkeypatch, capsys, "forget", machine / f"subject {ANNA}")
    assert code == 0 and f"Removed 1 chunks and thumbnails of batches in {report}" not in lines
    assert f"Removed 2 chunks and thumbnails of batches in {report}" in lines and not chunk.exists()


def refusing(unlink, name):
    """Return a function that removes files, but not those of a name."""
    def refuse(path, *arguments, **options):
        if os.path.basename(path) == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return unlink(path, *arguments, **options)

    return refuse


def test_copies_of_the_subject_are_told(machine, monkeypatch, capsys):
    write_subject(machine / "other" / "copy", ANNA)
    code, lines, _ = call(monkeypatch, capsys, "forget", machine / f"subject {ANNA}", "--search", machine / "other")
    assert code == 0 and f"A copy of the subject is in {machine / 'other' / 'copy'}" in lines
