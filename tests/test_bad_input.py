"""Bad input gets one sentence that says what is wrong and what to do, exit code 2, and leaves nothing behind."""

import itertools
import os
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from headroom import __main__ as cli
from headroom.media.audio import write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, read_frames
from headroom.subject.folder import write_metadata

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "sample.mp4"
FPS = 25.0


@pytest.fixture(scope="session")
def people():
    """A second of the sample's frames (25, 256, 256, 3) uint8."""
    return [cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA) for frame in read_frames(SAMPLE, 0, 1)]


@pytest.fixture
def place(tmp_path):
    """A folder to write to; whatever is in it after a failed command was left behind."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def subject(tmp_path):
    """A folder that opens as a subject; nothing else of it is read before the speech has been looked at."""
    folder = tmp_path / "subject"
    folder.mkdir()
    write_metadata(folder, {"name": "Robin"})
    return folder


def tone(path, seconds=3.0, level=0.2):
    time = np.arange(round(16000 * seconds)) / 16000
    write_wav(path, level * np.sin(2 * np.pi * 220 * time) * (1 + np.sin(2 * np.pi * 4 * time)) / 2)
    return path


def movie(path, frames, seconds=3.0, audio=True, level=0.2):
    """A clip that repeats `frames` for so long, with a tone as its sound."""
    sound = tone(path.with_suffix(".wav"), seconds, level) if audio else None
    height, width = frames[0].shape[:2]
    with VideoWriter(path, FPS, width, height, sound=SoundtrackSource(sound) if sound else None) as writer:
        writer.write_all(itertools.islice(itertools.cycle(frames), round(seconds * FPS)))
    return path


def noise():
    rng = np.random.default_rng(0)
    return [cv2.resize(rng.integers(0, 255, (16, 16, 3), np.uint8), (256, 256)) for _ in range(5)]


def run(monkeypatch, capsys, *arguments):
    """(exit code, stdout, stderr) of one command."""
    monkeypatch.setattr(sys, "argv", ["headroom", *map(str, arguments)])
    monkeypatch.setattr(cli.signal, "signal", lambda *args: None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def assert_refused(outcome, words, place):
    """Exit code 2, one line with a remedy in it, an empty folder."""
    code, _, said = outcome
    lines = said.splitlines()
    assert code == 2, said
    assert len(lines) == 1, said
    assert re.search(words, lines[0]), lines[0]
    assert re.search(r"[Cc]hoose|[Cc]heck|[Ee]xport|[Rr]ecord", lines[0]), f"no remedy in: {lines[0]}"
    assert list(place.iterdir()) == []


def text_file(folder):
    path = folder / "notes.mp4"
    path.write_text("These are my notes.")
    return path


def picture_file(folder):
    path = folder / "photo.jpg"
    cv2.imwrite(str(path), noise()[0])
    return path


CLIPS = {
    "not a video": (text_file, "not a video"),
    "a photo of nobody": (picture_file, "No face found"),
    "missing": (lambda folder: folder / "nothing.mp4", "no file"),
    "sound alone": (lambda folder: tone(folder / "voice.wav"), "no picture"),
    "no sound track": (lambda folder: movie(folder / "mute.mp4", noise(), audio=False), "no sound"),
    "silent sound track": (lambda folder: movie(folder / "silent.mp4", noise(), level=0.0), "silent"),
    "shorter than 2 s": (lambda folder: movie(folder / "short.mp4", noise(), seconds=1.6), r"1\.6 s"),
    "no face": (lambda folder: movie(folder / "noise.mp4", noise()), "[Nn]o face"),
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_that_cannot_be_learnt(monkeypatch, capsys, tmp_path, place, name):
    make, words = CLIPS[name]
    clip = make(tmp_path)
    assert_refused(run(monkeypatch, capsys, "learn", clip, "-o", place / "subject"), words, place)


def test_a_part_shorter_than_two_seconds(monkeypatch, capsys, tmp_path, place):
    clip = movie(tmp_path / "clip.mp4", noise())
    outcome = run(monkeypatch, capsys, "learn", clip, "-o", place / "subject", "--from", 1, "--to", 2.5)
    assert_refused(outcome, r"1\.5 s", place)


def test_a_face_in_under_half_of_the_frames(monkeypatch, capsys, tmp_path, place, people):
    grey = [np.full_like(people[0], 90)] * 50
    clip = movie(tmp_path / "clip.mp4", [*people, *grey])
    assert_refused(run(monkeypatch, capsys, "learn", clip, "-o", place / "subject"), "only .* of 75 frames", place)


def test_of_several_faces_the_largest_is_taken_and_it_is_said(people):
    from headroom.face.model import bundled_model
    from headroom.track.tracker import track_clip

    frames = []
    for frame in people:
        both = np.full((256, 512, 3), 90, np.uint8)
        both[:, 256:] = frame
        both[40:200, 40:200] = cv2.resize(frame, (160, 160), interpolation=cv2.INTER_AREA)
        frames.append(both)
    tracked = track_clip(frames, FPS, bundled_model())
    track, notes = tracked.track, tracked.notes
    assert any("2 faces" in note and "largest" in note for note in notes)
    assert track.crop.x + track.crop.size / 2 > 256


SPEECHES = {
    "silence": (lambda folder: tone(folder / "speech.wav", level=0.0), "silent"),
    "no sound track": (lambda folder: movie(folder / "speech.mp4", noise(), audio=False), "no sound"),
    "not a recording": (text_file, "not a sound or video file"),
    "missing": (lambda folder: folder / "nothing.wav", "does not exist"),
}


@pytest.mark.parametrize("command", ["perform", "shot"])
@pytest.mark.parametrize("name", SPEECHES)
def test_speech_that_cannot_be_used(monkeypatch, capsys, tmp_path, place, subject, command, name):
    make, words = SPEECHES[name]
    speech, output = make(tmp_path), {"perform": "motion.npz", "shot": "shot.mp4"}[command]
    assert_refused(run(monkeypatch, capsys, command, subject, speech, "-o", place / output), words, place)


@pytest.mark.parametrize("control,words", [("mouth.size=2", "no control"), ("mouth.gain=much", "no number")])
def test_controls_that_are_none(monkeypatch, capsys, tmp_path, place, subject, control, words):
    given = [subject, tone(tmp_path / "speech.wav"), "-o", place / "motion.npz", "--control", control]
    assert_refused(run(monkeypatch, capsys, "perform", *given), words, place)


@pytest.mark.parametrize("command,output", [("perform", "motion.npz"), ("shot", "shot.mp4")])
def test_a_folder_that_is_no_subject(monkeypatch, capsys, tmp_path, place, command, output):
    outcome = run(monkeypatch, capsys, command, tmp_path, tone(tmp_path / "speech.wav"), "-o", place / output)
    assert_refused(outcome, "not a subject", place)


def test_too_little_left_to_measure_on(monkeypatch, capsys, tmp_path, place):
    clip = movie(tmp_path / "clip.mp4", noise(), seconds=4)
    outcome = run(monkeypatch, capsys, "evaluate", clip, "--train-seconds", 3, "--json", place / "figures.json")
    assert_refused(outcome, "too short", place)


COMMANDS = [("learn", "subject"), ("perform", "motion.npz"), ("shot", "shot.mp4")]


@pytest.mark.parametrize("command,output", COMMANDS)
def test_an_unwritable_output_folder(monkeypatch, capsys, tmp_path, place, subject, command, output):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    given = [tmp_path / "clip.mp4"] if command == "learn" else [subject, tmp_path / "speech.wav"]
    outcome = run(monkeypatch, capsys, command, *given, "-o", blocked / "folder" / output)
    assert_refused(outcome, "Cannot write", place)
    if os.geteuid() != 0:  # the super-user may write anywhere
        place.chmod(0o500)
        assert_refused(run(monkeypatch, capsys, command, *given, "-o", place / output), "Cannot write", place)
        place.chmod(0o700)


def test_a_new_folder_is_not_made_for_a_command_that_fails(monkeypatch, capsys, tmp_path, place):
    outcome = run(monkeypatch, capsys, "learn", text_file(tmp_path), "-o", place / "new" / "deep" / "subject")
    assert_refused(outcome, "not a video", place)
