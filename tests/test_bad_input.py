"""Bad input gets one sentence that says what is wrong and what to do, exit code 2, and leaves nothing behind."""

import itertools
import os
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from headroom.cli import app
from headroom.media.audio import write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, read_frames
from headroom.subject.folder import SubjectWriter
from headroom.subject.info import SubjectInfo

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "sample.mp4"
FPS = 25.0


@pytest.fixture(scope="session")
def people():
    """A second of the sample's frames (25, 256, 256, 3) uint8."""
    return [cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA) for frame in read_frames(SAMPLE, 0, 1)]


@pytest.fixture
def output(tmp_path):
    """An empty folder to write to; a command that fails must leave it empty."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def subject(tmp_path):
    """A folder that opens as a subject; commands read nothing else of it before the speech."""
    folder = tmp_path / "subject"
    folder.mkdir()
    SubjectWriter(folder).write_info(SubjectInfo(name="Robin"))
    return folder


def tone(path, seconds=3.0, level=0.2):
    time = np.arange(round(16000 * seconds)) / 16000
    write_wav(path, level * np.sin(2 * np.pi * 220 * time) * (1 + np.sin(2 * np.pi * 4 * time)) / 2)
    return path


def movie(path, frames, seconds=3.0, audio=True, level=0.2):
    """Write a clip that repeats `frames`, with a tone as its sound."""
    sound = tone(path.with_suffix(".wav"), seconds, level) if audio else None
    height, width = frames[0].shape[:2]
    with VideoWriter(path, FPS, width, height, sound=SoundtrackSource(sound) if sound else None) as writer:
        writer.write_all(itertools.islice(itertools.cycle(frames), round(seconds * FPS)))
    return path


def noise():
    rng = np.random.default_rng(0)
    return [cv2.resize(rng.integers(0, 255, (16, 16, 3), np.uint8), (256, 256)) for _ in range(5)]


def run(monkeypatch, capsys, *arguments):
    """Run one command and return (exit code, stdout, stderr)."""
    monkeypatch.setattr(sys, "argv", ["headroom", *map(str, arguments)])
    monkeypatch.setattr(app.signal, "signal", lambda *args: None)
    with pytest.raises(SystemExit) as end:
        app.main()
    printed = capsys.readouterr()
    return end.value.code, printed.out, printed.err


def assert_refused(outcome, words, output):
    """Assert exit code 2, one line that holds `words` and a remedy, and an empty folder."""
    code, _, errors = outcome
    lines = errors.splitlines()
    assert code == 2, errors
    assert len(lines) == 1, errors
    assert re.search(words, lines[0]), lines[0]
    assert re.search(r"[Cc]hoose|[Cc]heck|[Ee]xport|[Rr]ecord", lines[0]), f"no remedy in: {lines[0]}"
    assert list(output.iterdir()) == []


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
def test_a_clip_that_cannot_be_learned(monkeypatch, capsys, tmp_path, output, name):
    make, words = CLIPS[name]
    clip = make(tmp_path)
    assert_refused(run(monkeypatch, capsys, "learn", clip, "-o", output / "subject"), words, output)


def test_a_part_shorter_than_two_seconds(monkeypatch, capsys, tmp_path, output):
    clip = movie(tmp_path / "clip.mp4", noise())
    outcome = run(monkeypatch, capsys, "learn", clip, "-o", output / "subject", "--from", 1, "--to", 2.5)
    assert_refused(outcome, r"1\.5 s", output)


def test_a_face_in_under_half_of_the_frames(monkeypatch, capsys, tmp_path, output, people):
    grey = [np.full_like(people[0], 90)] * 50
    clip = movie(tmp_path / "clip.mp4", [*people, *grey])
    assert_refused(run(monkeypatch, capsys, "learn", clip, "-o", output / "subject"), "only .* of 75 frames", output)


def test_of_several_faces_the_largest_is_tracked_and_a_note_says_so(people):
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
    assert any("pixels high from brows to chin" in note for note in notes)
    assert track.crop.x + track.crop.size / 2 > 256


SPEECHES = {
    "silence": (lambda folder: tone(folder / "speech.wav", level=0.0), "silent"),
    "no sound track": (lambda folder: movie(folder / "speech.mp4", noise(), audio=False), "no sound"),
    "not a recording": (text_file, "not a sound or video file"),
    "missing": (lambda folder: folder / "nothing.wav", "does not exist"),
}


@pytest.mark.parametrize("command", ["perform", "shot"])
@pytest.mark.parametrize("speech_kind", SPEECHES)
def test_speech_that_cannot_be_used(monkeypatch, capsys, tmp_path, output, subject, command, speech_kind):
    make, words = SPEECHES[speech_kind]
    speech, name = make(tmp_path), {"perform": "motion.npz", "shot": "shot.mp4"}[command]
    assert_refused(run(monkeypatch, capsys, command, subject, speech, "-o", output / name), words, output)


@pytest.mark.parametrize("control,words", [("mouth.size=2", "no control"), ("mouth.gain=much", "no number")])
def test_controls_that_do_not_exist(monkeypatch, capsys, tmp_path, output, subject, control, words):
    given = [subject, tone(tmp_path / "speech.wav"), "-o", output / "motion.npz", "--control", control]
    assert_refused(run(monkeypatch, capsys, "perform", *given), words, output)


@pytest.mark.parametrize("command, name", [("perform", "motion.npz"), ("shot", "shot.mp4")])
def test_a_folder_that_is_no_subject(monkeypatch, capsys, tmp_path, output, command, name):
    outcome = run(monkeypatch, capsys, command, tmp_path, tone(tmp_path / "speech.wav"), "-o", output / name)
    assert_refused(outcome, "not a subject", output)


def test_too_little_left_to_measure_on(monkeypatch, capsys, tmp_path, output):
    clip = movie(tmp_path / "clip.mp4", noise(), seconds=4)
    outcome = run(monkeypatch, capsys, "evaluate", clip, "--train-seconds", 3, "--json", output / "figures.json")
    assert_refused(outcome, "too short", output)


def inputs_as_outputs(folder, subject):
    """Command lines whose output is one of their inputs, or a part of the subject."""
    clip, speech = folder / "clip.mp4", folder / "line.wav"
    yield "track", clip, "--overlay", clip
    yield "learn", subject / "plates.mp4", "-o", subject
    yield "shot", subject, clip, "-o", clip
    yield "shot", subject, speech, "-o", subject / "plates.mp4"
    yield "perform", subject, speech, "-o", subject / "track.npz"
    yield "perform", subject, speech, "-o", folder / "motion.npz", "--plot", subject / "preview.png"
    yield "evaluate", folder / "truth.mp4", "--save", folder
    yield "export", subject, "-o", folder / "x.glb", "--performance", folder / "x.glb"


def test_no_command_writes_over_its_inputs_or_a_subject(monkeypatch, capsys, tmp_path, output, subject):
    names = ["clip.mp4", "line.wav", "truth.mp4", "x.glb", "subject/plates.mp4", "subject/track.npz"]
    for name in names:
        (tmp_path / name).write_text("mine")
    for command in inputs_as_outputs(tmp_path, subject):
        outcome = run(monkeypatch, capsys, *command)
        assert_refused(outcome, "is an input of this command|is a part of the subject", output)
    assert {(tmp_path / name).read_text() for name in names} == {"mine"}


COMMANDS = [("learn", "subject"), ("perform", "motion.npz"), ("shot", "shot.mp4")]


@pytest.mark.parametrize("command, name", COMMANDS)
def test_an_unwritable_output_folder(monkeypatch, capsys, tmp_path, output, subject, command, name):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    given = [tmp_path / "clip.mp4"] if command == "learn" else [subject, tmp_path / "speech.wav"]
    outcome = run(monkeypatch, capsys, command, *given, "-o", blocked / "folder" / name)
    assert_refused(outcome, "Cannot write", output)
    if os.geteuid() != 0:  # root may write anywhere
        output.chmod(0o500)
        assert_refused(run(monkeypatch, capsys, command, *given, "-o", output / name), "Cannot write", output)
        output.chmod(0o700)


def test_a_new_folder_is_not_created_for_a_command_that_fails(monkeypatch, capsys, tmp_path, output):
    outcome = run(monkeypatch, capsys, "learn", text_file(tmp_path), "-o", output / "new" / "deep" / "subject")
    assert_refused(outcome, "not a video", output)
