"""Every command with each of its inputs missing, unreadable or damaged, and each output impossible or full.

Whatever happens is one sentence and an exit code; nothing is written, and no traceback is printed.
"""

import resource
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from command_call import call

from headroom.cli import blender as headless
from headroom.common.errors import HeadroomError

ROOT = Path(__file__).resolve().parents[2]
SMALL_BYTES = 2048
"""Largest file that may be written where the disk is full."""

SOURCES = {"clip.mp4": ROOT / "samples" / "sample.mp4", "speech.wav": ROOT / "samples" / "speech.wav",
           "model.npz": ROOT / "tests" / "formats" / "face_surface_1.npz",
           "regressor.safetensors": ROOT / "tests" / "formats" / "regressor_1.safetensors"}
COMMANDS = {
    "learn": ("learn", "clip.mp4", "-o", "OUT/person", "--face-model", "model.npz"),
    "learn with networks": ("learn", "clip.mp4", "-o", "OUT/person", "--arcface", "arcface.pth",
                            "--resnet18", "resnet.pth", "--regressor", "regressor.safetensors"),
    "upgrade": ("upgrade", "subject"),
    "track": ("track", "clip.mp4", "-o", "OUT/track.npz", "--overlay", "OUT/over.mp4", "--face-model", "model.npz"),
    "evaluate": ("evaluate", "clip.mp4", "--save", "OUT/movies", "--json", "OUT/figures.json"),
    "perform": ("perform", "subject", "speech.wav", "-o", "OUT/motion.npz", "--plot", "OUT/plot.png"),
    "shot": ("shot", "subject", "speech.wav", "-o", "OUT/shot.mp4", "--blend", "OUT/shot.blend",
             "--performance", "motion.npz"),
    "export": ("export", "subject", "-o", "OUT/head.glb", "--performance", "motion.npz"),
    "export a mesh": ("export", "subject", "-o", "OUT/head.obj"),
    "demo": ("demo", "-o", "OUT/demo"),
    "model build": ("model", "build", "clip.mp4", "-o", "OUT/model.npz"),
    "model import": ("model", "import", "basel.h5", "-o", "OUT/model.npz"),
    "model import a model": ("model", "import", "model.npz"),
    "model info": ("model", "info", "model.npz"),
    "train speech-encoder": ("train", "speech-encoder", "whisper.pt", "-o", "OUT/encoder.safetensors"),
    "train image-features": ("train", "image-features", "mobilenet.pth", "-o", "OUT/features.safetensors"),
    "train phones": ("train", "phones", "sphinx", "-o", "OUT/phones.npz"),
    "train motion": ("train", "motion", "clip.mp4", "-o", "OUT/motion.safetensors", "--cache", "cache"),
    "train refiner": ("train", "refiner", "clip.mp4", "-o", "OUT/refiner.safetensors", "--cache", "cache"),
    "train regressor": ("train", "regressor", "clip.mp4", "-o", "OUT/regressor.safetensors",
                        "--initial", "regressor.safetensors"),
}
OUTPUT_OPTIONS = {"-o", "--overlay", "--json", "--save", "--plot", "--blend", "--cache"}
PARTS = {"export a mesh": ("subject.toml", "rig.npz", "track.npz", "albedo.png"),
         "perform": ("subject.toml", "rig.npz", "track.npz", "motion.safetensors")}
"""Parts of a subject that a command reads."""


def inputs_of(words):
    """Return the inputs of a command line: all words that are no options, commands or outputs."""
    given = zip(words, ("", *words))
    return [word for word, before in given if ("." in word or word in ("subject", "sphinx")) and
            before not in OUTPUT_OPTIONS]


DAMAGES = {
    "missing": lambda path: remove(path),
    "a folder": lambda path: (remove(path), path.mkdir()),
    "below a file": lambda path: (remove(path), path.write_text("x")),
    "empty": lambda path: (remove(path), path.touch()),
    "other bytes": lambda path: (remove(path), path.write_bytes(np.random.default_rng(0).bytes(3000))),
    "cut off": lambda path: path.is_file() and path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
}


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with the inputs of all commands, in which they run; nothing is tracked and no Blender is started."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "OUT").mkdir()
    for name, source in SOURCES.items():
        shutil.copy(source, folder / name)
    shutil.copytree(ROOT / "tests" / "formats" / "subject_1", folder / "subject")
    np.savez(folder / "motion.npz", fps=25.0, expression=np.zeros((3, 64)), rotation=np.zeros((3, 3)),
             translation=np.zeros((3, 3)))
    for name in ("arcface.pth", "resnet.pth", "basel.h5", "whisper.pt", "mobilenet.pth"):
        (folder / name).write_bytes(b"no network")
    (folder / "sphinx").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HEADROOM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HEADROOM_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(headless, "find_blender", no_work)
    for user in ("headroom.track.tracker", "headroom.subject.clip", "headroom.training.track_cache",
                 "headroom.evaluation.track_report"):
        monkeypatch.setattr(f"{user}.track_clip", no_work)
    return folder


def no_work(*arguments, **settings):
    raise HeadroomError("The inputs are fine.")


def run(monkeypatch, capsys, words):
    """Run a command line; return its exit code and what it printed on stderr."""
    code, _, err = call(monkeypatch, capsys, *words)  # any exception but SystemExit would print a traceback
    return code, err


def assert_sentence(outcome):
    code, errors = outcome
    assert code in (1, 2) and errors.count("\n") == 1 and errors.rstrip().endswith("."), outcome


CASES = [(name, source, damage) for name, words in COMMANDS.items() for source, damage in
         product(inputs_of(words), DAMAGES) if "." in source or damage != "cut off"]


def test_the_cases_name_every_input():
    assert {source for _, source, _ in CASES} >= {*SOURCES, "subject", "motion.npz", "arcface.pth", "sphinx"}
    assert len(CASES) > 150


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bad_input_is_one_sentence(monkeypatch, capsys, files, name):
    for _, source, damage in (case for case in CASES if case[0] == name):
        backup = files.parent / "backup"
        shutil.copytree(files / source, backup) if (files / source).is_dir() else shutil.copy(files / source, backup)
        DAMAGES[damage](files / source)
        words = [f"{source}/x" if word == source and damage == "below a file" else word for word in COMMANDS[name]]
        outcome = run(monkeypatch, capsys, words)
        if outcome[0] == 0 and damage == "cut off":  # half of a recording is a recording
            remove(files / "OUT")
            (files / "OUT").mkdir()
        else:
            assert_sentence(outcome)
        remove(files / source)
        shutil.move(backup, files / source)
        assert [path for path in (files / "OUT").rglob("*") if path.is_file()] == [], (source, damage)


@pytest.mark.parametrize(("command", "part"), [(command, part) for command, parts in PARTS.items() for part in parts])
def test_a_damaged_part_of_a_subject_is_one_sentence(monkeypatch, capsys, files, command, part):
    for damage in DAMAGES:
        remove(files / "subject")
        shutil.copytree(ROOT / "tests" / "formats" / "subject_1", files / "subject")
        DAMAGES[damage](files / "subject" / part)
        code, errors = run(monkeypatch, capsys, [*COMMANDS[command]])
        if code != 0:  # this command may not need that part
            assert_sentence((code, errors))


OUTPUTS = [(name, number + 1) for name, words in COMMANDS.items() for number, word in enumerate(words[:-1])
           if word in OUTPUT_OPTIONS]


@pytest.mark.parametrize(("name", "place"), OUTPUTS)
def test_an_impossible_output_is_one_sentence(monkeypatch, capsys, files, name, place):
    (files / "file").write_text("in the way")
    ending = Path(COMMANDS[name][place]).suffix
    impossible = ["file/x" + ending, "/proc/x" + ending, "n" * 300 + ending]
    if ending:
        (files / ("folder" + ending)).mkdir()
        impossible += ["folder" + ending, "OUT/x.odd"]
    for output in impossible:
        words = list(COMMANDS[name])
        words[place] = output
        outcome = run(monkeypatch, capsys, words)
        assert_sentence(outcome)
        assert outcome[0] == 2, outcome


@pytest.mark.parametrize("name", ["perform", "export", "model import a model"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(monkeypatch, capsys, files, name):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_BYTES, hard))
    try:
        outcome = run(monkeypatch, capsys, COMMANDS[name])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_sentence(outcome)
    assert outcome[0] == 2 and list((files / "OUT").iterdir()) == []


def test_debug_shows_where_it_happened(monkeypatch, capsys, files):
    (files / "motion.npz").write_bytes(b"nothing")
    code, errors = run(monkeypatch, capsys, [*COMMANDS["export"], "--debug"])
    assert code == 2 and "Traceback" in errors and "is not a performance, because it cannot be read" in errors
