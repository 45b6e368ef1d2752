"""Consent that is read: what it says, how it is changed, and what it stops."""

import shutil
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tomllib

from headroom import pipeline
from headroom.cli import app
from headroom.cli.shot import ShotOptions, make_shot
from headroom.common.errors import InputError
from headroom.common.settings import (
    JoinChunksSettings,
    MatchSettings,
    PerformSettings,
    PersonSettings,
    RefineChunkSettings,
    RefineFramesSettings,
    RefineSettings,
)
from headroom.face.performance import PoseTrack
from headroom.plate.shot_renders import PersonInMovie, PersonInShot
from headroom.server import worker
from headroom.server.blobs import Blobs
from headroom.server.messages import RunJob
from headroom.server.requests import JOB_REQUEST
from headroom.server.trees import read_tree
from headroom.subject.consent import Consent, require_consent
from headroom.subject.export.head import export_head
from headroom.subject.folder import Subject, SubjectWriter
from headroom.subject.info import ClipInfo, SubjectInfo

FORMATS = Path(__file__).resolve().parents[1] / "formats"
STOPPED = {
    "ended": (Consent(statement="in writing", until=date(2020, 5, 2)), "", "The consent of Robin ended on 2020-05-02"),
    "withdrawn": (Consent(withdrawn=date(2020, 5, 3)), "", "Robin withdrew their consent on 2020-05-03"),
    "another use": (Consent(uses=("Film A", "Film B")), "Film C",
                    "Robin did not agree to the use Film C, only to: Film A, Film B"),
    "unnamed use": (Consent(uses=("Film A",)), "", "Robin agreed to these uses only: Film A; name the one"),
}
SHOT = SimpleNamespace(renders=[Path("render.png")], crops=Path("crops"),
                       match=SimpleNamespace(plate=[0]), own_match=lambda part: None)
POSES = PoseTrack(25.0, np.zeros((2, 3)), np.zeros((2, 3)))


@pytest.fixture(params=STOPPED)
def stopped(request, tmp_path):
    """A subject with a consent that does not cover a use, that use, and the beginning of the sentence."""
    consent, use, sentence = STOPPED[request.param]
    return write_consent(tmp_path / "robin", consent), use, sentence


def write_consent(folder, consent):
    """Copy the subject of format 1 and give it a consent."""
    shutil.copytree(FORMATS / "subject_1", folder)
    info = Subject.open(folder).info
    SubjectWriter(folder).write_info(info.model_copy(update={"consent": consent}))
    return folder


@pytest.mark.parametrize("make", [
    lambda folder, use: pipeline.perform(folder, Path("speech.wav"), PerformSettings(use=use)),
    lambda folder, use: pipeline.match_plates(folder, POSES, MatchSettings(use=use)),
    lambda folder, use: pipeline.refine([PersonInShot(folder, PersonSettings(use=use), shot=SHOT)], Path("movie.mp4"),
                                        RefineSettings(fps=25.0, use=use)),
    lambda folder, use: pipeline.refine_frames(folder, SHOT, RefineFramesSettings(first=0, context=0, use=use)),
    lambda folder, use: pipeline.refine_chunk([PersonInShot(folder, PersonSettings(use=use), shot=SHOT)], Path("chunk"),
                                              RefineChunkSettings(first=0, context=0)),
    lambda folder, use: pipeline.join_chunks([PersonInMovie(folder, PersonSettings(use=use))], [], Path("movie.mp4"),
                                             JoinChunksSettings(fps=25.0, frames=1)),
    lambda folder, use: make_shot(folder, Path("speech.wav"), Path("shot.mp4"),
                                  ShotOptions(perform=PerformSettings(use=use))),
    lambda folder, use: export_head(folder, Path("head.glb"), use=use),
], ids=["perform", "match_plates", "refine", "refine_frames", "refine_chunk", "join_chunks", "shot", "export"])
def test_nothing_is_made_without_consent(stopped, make):
    folder, use, sentence = stopped
    with pytest.raises(InputError, match=sentence):
        make(folder, use)


@pytest.mark.parametrize("kind", ["perform", "refine"])
def test_a_job_of_the_server_fails_with_the_sentence(stopped, kind, tmp_path):
    folder, use, sentence = stopped
    setup = worker.WorkerSetup(tmp_path / "blobs", tmp_path, tmp_path / "worker.log", "headroom.pipeline")
    blobs = Blobs(setup.blobs)
    np.savez(tmp_path / "match.npz", plate=np.zeros(1, np.int32), distance=np.zeros(1), position=np.zeros(1),
             rotation=np.zeros((1, 3)), translation=np.zeros((1, 3)))
    file = blobs.add(tmp_path / "match.npz")
    inputs = {"perform": {"speech": file}, "refine": {"renders": [file], "match": file}}[kind]
    settings = {"use": use} | ({"fps": 25.0} if kind == "refine" else {})
    request = JOB_REQUEST.validate_python(
        {"kind": kind, "inputs": {"subject": read_tree(folder, blobs), **inputs}, "settings": settings})
    connection = SimpleNamespace(poll=lambda: False, send=lambda report: None)
    report = worker.run_job(RunJob(request, tmp_path / "job"), setup, connection)
    assert report.event.reason.startswith(sentence)


@pytest.mark.parametrize(("consent", "use"), [
    (Consent(), ""), (Consent(), "Film A"), (Consent(uses=("Film A",)), " film a"),
    (Consent(until=date(2026, 5, 2)), ""), (Consent(uses=("Film A", "Film B"), until=date(2026, 5, 2)), "Film B")])
def test_a_consent_covers_its_uses_until_the_end_of_its_last_day(consent, use):
    require_consent("Robin", consent, use, today=date(2026, 5, 2))


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["headroom", *map(str, words)])
    with pytest.raises(SystemExit) as exit_request:
        app.main()
    printed = capsys.readouterr()
    return exit_request.value.code, printed.out.strip(), printed.err.strip()


def test_the_consent_is_shown_changed_withdrawn_and_given_again(monkeypatch, capsys, tmp_path):
    folder, today = write_consent(tmp_path / "robin", Consent(statement="Robin, 2 May")), date.today()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    shown = call(monkeypatch, capsys, "consent", folder)
    assert shown == (0, "Robin: Robin, 2 May; for every use; without an end", "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    _, out, _ = call(monkeypatch, capsys, "consent", folder, "--who", "R. Person", "--use", "Film A", "--use", "Film B",
                     "--until", "2027-05-02")
    assert out == f"Robin: R. Person, Robin, 2 May; for Film A, Film B; until 2027-05-02; recorded on {today}"
    _, out, _ = call(monkeypatch, capsys, "consent", folder, "--withdraw")
    assert out.endswith(f"withdrawn on {today}")
    _, out, _ = call(monkeypatch, capsys, "consent", folder, "--any-use", "--no-end")
    assert "for every use; without an end" in out and "withdrawn" in out, "limits do not bring a consent back"
    _, out, _ = call(monkeypatch, capsys, "consent", folder, "--statement", "by letter")
    assert out == f"Robin: R. Person, by letter; for every use; without an end; recorded on {today}"
    stored = tomllib.loads((folder / "subject.toml").read_text())["consent"]
    assert stored == {"who": "R. Person", "statement": "by letter", "uses": [], "recorded": today}


def test_a_day_that_is_none_is_refused_and_changes_nothing(monkeypatch, capsys, tmp_path):
    folder = write_consent(tmp_path / "robin", Consent())
    code, _, err = call(monkeypatch, capsys, "consent", folder, "--until", "next May")
    assert (code, err) == (2, "next May is not a day; write it as in 2027-05-02.")
    assert Subject.open(folder).info.consent == Consent()


def test_learning_records_all_that_was_agreed(monkeypatch, capsys, tmp_path):
    passed = []
    monkeypatch.setattr("headroom.pipeline.learn",
                        lambda clip, subject, settings, *rest, **named: passed.append(settings) or [])
    call(monkeypatch, capsys, "learn", "clip.mp4", "-o", tmp_path / "s", "--consent", "Robin, in writing",
         "--consent-who", "R. Person", "--consent-use", "Film A", "--consent-until", "2027-05-02")
    assert (passed[0].consent_who, passed[0].consent_uses) == ("R. Person", ("Film A",))
    assert passed[0].consent_until == date(2027, 5, 2)


def test_the_metadata_of_format_2_is_upgraded_in_memory():
    info = SubjectInfo.load(FORMATS / "subject_2.toml")
    assert info.consent == Consent(statement="Robin, 2 May", recorded=date(2026, 5, 2)) and info.consent.covers("any")
    assert info.clip == ClipInfo(file="robin.mp4", kind="video", width=640, height=480, fps=29.97, from_seconds=1.0,
                                 to_seconds=9.5)
    assert (info.resolution, info.preset, info.has_sound) == (512, "standard", True)


def test_a_consent_of_format_2_that_nobody_stated_is_empty(tmp_path):
    text = (FORMATS / "subject_2.toml").read_text().replace("Robin, 2 May", "not stated")
    (tmp_path / "subject.toml").write_text(text)
    consent = SubjectInfo.load(tmp_path / "subject.toml").consent
    assert not consent.who and not consent.statement and str(consent).startswith("not stated; for every use")
