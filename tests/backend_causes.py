"""Causes of the backend's messages, but for server and training: message -> function that raises or returns it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from add_on_causes import Cause, raise_, write_text

ROOT = Path(__file__).resolve().parents[1]
CLIP, SPEECH = ROOT / "samples" / "sample.mp4", ROOT / "samples" / "speech.wav"
SHA = "0" * 64


def module(name: str) -> ModuleType:
    """Return a module of the backend."""
    return importlib.import_module(f"headroom.{name}")


def with_value(owner: Any, name: str, value: Any, function: Callable[[], Any]) -> Any:
    """Call `function` while an attribute of a module, or an environment variable, has another value."""
    with pytest.MonkeyPatch.context() as patch:
        if owner is os.environ:
            patch.setenv(name, value)
        else:
            patch.setattr(owner, name, value)
        return function()


def write_picture(folder: Path) -> Path:
    """Write a picture without transparency."""
    module("media.image").write_picture(folder / "picture.png", np.zeros((2, 2, 3), np.uint8))
    return folder / "picture.png"


def write_subject(folder: Path, **info: Any) -> Any:
    """Write a subject of which nothing but the metadata exists, and open it."""
    module("subject.folder").SubjectWriter(folder).write_info(module("subject.info").SubjectInfo(name="Robin", **info))
    return module("subject.folder").Subject.open(folder)


def newer_subject(folder: Path) -> None:
    write_subject(folder)
    path = folder / "subject.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("format = 3", "format = 99"), encoding="utf-8")
    module("subject.folder").Subject.open(folder)


def refiner(header: dict[str, str]) -> Cause:
    """Load a refiner whose file has this header and no weights."""
    def load(folder: Path) -> None:
        from safetensors.numpy import save_file

        save_file({"x": np.zeros(1)}, folder / "refiner.safetensors", header)
        module("refine.refiner").Refiner.load(folder / "refiner.safetensors")

    return load


def damaged_motion_model(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(1)}, folder / "motion.safetensors", {"format": "headroom motion 4", "metadata": "{}"})
    module("motion.model.model").MotionModel.load(folder / "motion.safetensors")


def old_motion_model(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(1)}, folder / "motion.safetensors", {"format": "headroom motion 1"})
    module("subject.upgrade").require_usable("motion", folder / "motion.safetensors", "learn the subject again")


def background(frames: np.ndarray, matte: int) -> Cause:
    """Find the background of frames whose mattes have one value."""
    mattes = np.full((len(frames), 8, 8), matte, np.uint8)
    return lambda folder: module("plate.background").find_background(list(frames), mattes)


def tracking_notes(faces: int, found: list[bool]) -> Cause:
    """Return the notes on a track in which a number of faces were seen, and in which frames one was."""
    return lambda folder: module("track.tracker")._notes(SimpleNamespace(faces=faces, found=np.array(found)), found)


def read_clock(demux: Callable[[Any], Any]) -> Cause:
    """Read the packets of a video file that gives these."""
    return lambda folder: module("media.clock").FrameClock(Path("clip.mp4"), SimpleNamespace(demux=demux), None)


def undo_that_fails(folder: Path) -> None:
    module("common.files")._undo([(folder / "a", folder / "b")], folder, folder / ".old", OSError("no space left"))


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


def without_opengl() -> Any:
    import moderngl

    return with_value(moderngl, "create_context", lambda **settings: raise_(RuntimeError("no display")),
                      module("face.opengl")._create_context)


def without_blender() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HEADROOM_BLENDER", raising=False)
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        return module("cli.blender").find_blender()


def without_usd(folder: Path) -> None:
    """Export as USD where the library is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pxr", None)
        module("subject.export.usd").usd_file(None, None, None, "")


LEARNING: dict[str, Cause] = {
    "There is no file …; check the name.": lambda folder: module("media.video").probe(folder / "clip.mp4"),
    "… holds no pictures; export it again as mp4 (H.264).": read_clock(lambda stream: []),
    "… is damaged and cannot be read; export it again as mp4 (H.264).":
        read_clock(lambda stream: raise_(av.error.InvalidDataError(1, "invalid data"))),
    "… holds no readable picture; export it again as mp4 (H.264).": lambda folder: with_value(
        module("media.video"), "decoded_frames", lambda *arguments: iter(()),
        lambda: module("media.video").probe(CLIP)),
    "… has no sound; choose a clip in which the person is heard speaking.":
        lambda folder: module("subject.clip").clip_speech(CLIP, SimpleNamespace(has_audio=False), (0.0, 1.0)),
    "The transcript does not fit the speech. Enter what is said, in the order of the recording.": lambda folder:
        with_value(module("motion.audio.word_alignment")._Graph, "best_path", lambda *arguments: None,
                   lambda: module("motion.audio.word_alignment").align_words(np.zeros(16000, np.float32), 100, "yes")),
    "… is not text in UTF-8. Save it as UTF-8, or choose another file.": lambda folder: module(
        "cli.commands.speech")._transcript(CLIP),
    "The sound of … is silent; choose a clip in which the person is heard speaking.": lambda folder: with_value(
        module("subject.clip"), "is_silent", lambda samples: True,
        lambda: module("subject.clip").clip_speech(CLIP, SimpleNamespace(has_audio=True), (0.0, 1.0))),
    "… is a photo, so the start and the end that were set were not used.": lambda folder: module(
        "subject.photo").photo_notes(folder / "photo.png", SimpleNamespace(from_seconds=1.0, to_seconds=2.0)),
    "… faces were seen at once; the largest was taken.": tracking_notes(2, [True]),
    "No face in … of … frames; the motion was interpolated there.": tracking_notes(1, [True, False]),
    "The clip's sound is … ms … than the lips; learning corrected that.":
        lambda folder: module("subject.clip").motion_notes(SimpleNamespace(audio_offset_seconds=0.1,
                                                                           audio_offset_certain=True)),
    "Whether the clip's sound is in step with the lips is not certain; learning left it as it is.":
        lambda folder: module("subject.clip").motion_notes(SimpleNamespace(audio_offset_certain=False,
                                                                           audio_offset_seconds=0.0)),
    "The background of the clip moves, so it is slightly distorted around a moved head. A clip with a still background "
    "avoids this.": background(np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), np.uint8), 0),
    "The person covers nearly all of the picture, so it is slightly distorted around a moved head. A clip with more "
    "space around the person avoids this.": background(np.zeros((6, 32, 32, 3), np.uint8), 255),
    "There is no device …; choose one of ….": lambda folder: module("common.device").pick_device("abacus"),
    "This machine has no device … that torch can use; choose auto or cpu.": lambda folder: with_value(
        importlib.import_module("torch").backends.mps, "is_available", lambda: False,
        lambda: module("common.device").pick_device("mps")),
    "There is no albedo …; choose one of ….":
        lambda folder: module("track.appearance.appearance").require_albedo("high"),
    "Cannot start OpenGL 3.3 to render the face. On Linux, install libegl1 and libgl1-mesa-dri.":
        lambda folder: without_opengl(),
    "… frames and … renders cannot be paired. Learn the subject again.":
        lambda folder: module("refine.dataset").TrainingPairs(*[np.zeros(count) for count in (2, 1, 1, 1)], ""),
}

SUBJECTS: dict[str, Cause] = {
    "… is not a subject; choose a folder that `headroom learn` wrote.":
        lambda folder: module("subject.folder").Subject.open(folder),
    "… was written by a newer version of Headroom; update Headroom.": newer_subject,
    "This track was written by a newer version of Headroom; update Headroom.":
        lambda folder: module("track.track").upgrade({"track_format": 99}),
    "… was written by an older version of Headroom and cannot be used any more; ….": old_motion_model,
    "… was learned with the face model …, which is not on this machine; give its file to `headroom model import`, or "
    "learn the subject again.": lambda folder: write_subject(folder, face_model="another").model,
    "… cannot be read; learn the subject again.":
        lambda folder: module("subject.info").SubjectInfo.load(write_text(folder, "subject.toml")),
    "… cannot be read; ….": lambda folder: module("subject.upgrade").require_usable(
        "track", write_text(folder, "track.npz"), "learn the subject again"),
    "… is not a track, because …; learn the subject again.":
        lambda folder: module("track.track").Track.load(write_text(folder, "track.npz")),
    "… is not a rig, because …; learn the subject again.":
        lambda folder: module("subject.rig").Rig.load(write_text(folder, "rig.npz")),
    "The motion model … is damaged: …. Learn the subject again.": damaged_motion_model,
    "… is not a motion model; learn the subject again.":
        lambda folder: module("motion.model.file_format").read_file(write_text(folder, "motion.safetensors")),
    "Cannot read the refiner …. Learn the subject again.":
        lambda folder: module("refine.refiner").Refiner.load(write_text(folder, "refiner.safetensors")),
    "… is not a refiner. Learn the subject again.": refiner({"format": "something else 1"}),
    "… is damaged. Learn the subject again.": refiner({"format": "headroom refiner 1", "config": "{"}),
    "… was written by another version of Headroom. Learn the subject again.":
        refiner({"format": "headroom refiner 2", "config": "{}"}),
    "… is not a Headroom face model; ….":
        lambda folder: module("face.model").load_model(write_text(folder, "model.npz")),
}

PERFORMING: dict[str, Cause] = {
    "… does not exist. Choose another file.": lambda folder: module("media.audio").read_audio(folder / "speech.wav"),
    "… is not a sound or video file that can be read. Choose another file.":
        lambda folder: module("media.audio").read_audio(write_text(folder, "speech.wav")),
    "… holds no sound in the chosen part. Choose another file or part.":
        lambda folder: module("media.audio").read_audio(SPEECH, 16000, 1000.0, 1001.0),
    "… is not a performance, because …; choose a file that `headroom perform` wrote.":
        lambda folder: module("face.performance").Performance.load(write_text(folder, "performance.npz")),
    "There is no control …; choose one of ….": lambda folder: module("motion.controls").parse_controls(["ears.gain=1"]),
    "… has no number; choose one, as in …=0.5.":
        lambda folder: module("motion.controls").parse_controls(["mouth.gain=wide"]),
}

RENDERING: dict[str, Cause] = {
    "There are no poses to match plates to. Perform a speech first.":
        lambda folder: module("plate.match").match_plates([], []),
    "… is not a plate match, because …. Render the shot again.":
        lambda folder: module("plate.match").PlateMatch.load(write_text(folder, "match.npz")),
    "There are … renders for … plates; render the shot again.": lambda folder: module("pipeline").refine(
        [SimpleNamespace(shot=SimpleNamespace(renders=[], match=SimpleNamespace(plate=[0])))], folder / "movie.mp4",
        SimpleNamespace(layer="frame")),
    "… is not a mesh of … vertices: …. Render the shot again.":
        lambda folder: module("plate.shot_renders").Render(folder, write_text(folder, "000000.npy")).vertices(3),
    "A frame has neither a render nor a mesh; render the shot again.":
        lambda folder: module("plate.shot_renders").Render(None),
    "There are … meshes for … renders; render the shot again.":
        lambda folder: module("server.input_files").shot_renders(
            SimpleNamespace(), SimpleNamespace(renders=[SHA, SHA], meshes=[SHA]), folder),
    "The renders do not fit the matched frames. Render the shot again.":
        lambda folder: module("plate.shot_renders").ShotRenders(
            [], SimpleNamespace(plate=[0]), folder).own_match(module("plate.shot_renders").ShotPart()),
    "The chunk … is damaged; render the shot again.":
        lambda folder: list(module("media.lossless").read_lossless(write_text(folder, "chunk"))),
    "The chunks have … of … frames; render the shot again.":
        lambda folder: list(module("media.lossless").joined_frames([], 1)),
    "… has no transparency; renders are 8-bit RGBA PNG files.":
        lambda folder: module("media.image").read_picture(write_picture(folder), alpha=True),
    "… is not a picture that can be read; choose a PNG or JPEG.":
        lambda folder: module("media.image").read_picture(write_text(folder, "picture.png")),
    "…: this picture format cannot be written; use .png or .jpg.":
        lambda folder: module("media.image").write_picture(folder / "picture.odd", np.zeros((2, 2, 3), np.uint8)),
}

FILES: dict[str, Cause] = {
    "Cannot write in …: …. Choose another folder.":
        lambda folder: module("common.outputs").require_output_folder(write_text(folder, "file") / "subject"),
    "Cannot write …: …. The previous files are now in …; move them back.": undo_that_fails,
    "… is a file; choose a folder.":
        lambda folder: module("common.outputs").require_output_folder(write_text(folder, "file")),
    "… is a folder; choose a file name in it.":
        lambda folder: module("common.outputs").require_output_file(make_folder(folder / "shot.mp4"), ".mp4"),
    "… must end in …; choose another name.":
        lambda folder: module("common.outputs").require_output_file(folder / "shot.avi", ".mp4"),
    "… has no # in its name, where the number of each frame goes; choose a name such as shot.####.png.":
        lambda folder: module("common.outputs").require_movie(folder / "shot.png", "frame"),
    "Only … MB are free in …, at least … MB are needed; free some disk space or choose another folder.":
        lambda folder: module("common.outputs").require_output_folder(folder, bytes_needed=10**18),
    "The name … is too long; choose a shorter one.":
        lambda folder: module("common.outputs").require_output_folder(folder / ("n" * 300)),
    "… has a character that file names cannot have; choose another name.":
        lambda folder: module("common.outputs").require_output_folder(folder / "a\0b"),
    "… is missing from this installation. Install Headroom again.":
        lambda folder: module("common.paths").shipped_file("samples", "nobody.mp4"),
    "USD needs a library; run `pip install \"headroom[usd]\"`, or choose .glb.": without_usd,
    "HEADROOM_BLENDER names …, which cannot be run. Set it to Blender's program.": lambda folder: with_value(
        os.environ, "HEADROOM_BLENDER", str(folder / "missing"), module("cli.blender").find_blender),
    "Blender was not found. Run `pip install -e \".[blender]\"` with a Python 3.11 in the folder of Headroom, or set "
    "HEADROOM_BLENDER to the Blender program.": lambda folder: without_blender(),
}

CAUSES = {**LEARNING, **SUBJECTS, **PERFORMING, **RENDERING, **FILES}
