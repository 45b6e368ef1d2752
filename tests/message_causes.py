"""What causes a message: for each of docs/troubleshooting.md that takes no more, a function that runs into it."""

import importlib
import io
import re
import socket
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

NOTHING = np.zeros((0, 3))


class Deaf:
    """A backend that answers each call as it is told."""

    def __init__(self, **answers):
        self.__dict__.update(answers)

    def cancel(self, job_id):
        pass


def add_on(name):
    return importlib.import_module(f"addon.core.{name}")


def watch():
    return add_on("tasks").Watch(lambda step: None)


def client(tmp_path, **answers):
    """A client whose transport is a stand-in."""
    made = add_on("client").Client("http://127.0.0.1:9", "")
    made._transport = Deaf(url="http://127.0.0.1:9", **answers)
    return made


def answer(data=b"", status=200):
    """What `Transport.open` gives: the body of an answer."""
    return lambda *args, **settings: nullcontext(SimpleNamespace(read=io.BytesIO(data).read, readline=lambda: b"",
                                                                 status=status))


def entry(given):
    return lambda tmp_path: add_on("job_file").request_of(given, tmp_path)


def said_by_uv(*lines):
    return lambda tmp_path: raise_(add_on("uv_output").remedy(add_on("processes").ProgramFailed("uv", lines), tmp_path))


def raise_(text):
    raise RuntimeError(text)


def job(state, message="", result=None):
    return add_on("job").Job("1", "perform", state, 1.0, message, result, 0.0, None)


def died(script):
    """A local backend that is `script` instead of `headroom serve`."""
    def start(tmp_path, seconds=20.0):
        backend = add_on("backend").LocalBackend(sys.executable, tmp_path, ("-c", script))
        try:
            backend.start(seconds)
        finally:
            backend.stop()
    return start


def numbers(tmp_path, name="x.npz", **arrays):
    np.savez(tmp_path / name, **arrays)
    return tmp_path / name


def text_file(tmp_path, *names):
    """Files that hold something else than they should; returns the first."""
    for name in names or ("x.npz",):
        (tmp_path / name).write_text("not what it should be")
    return tmp_path / (names or ("x.npz",))[0]


def backend(module, function):
    """A function of the backend, imported when it is called."""
    return lambda *args, **settings: getattr(importlib.import_module(f"headroom.{module}"), function)(*args, **settings)


def subject_of(tmp_path, **facts):
    """A subject folder with nothing but its facts."""
    backend("subject.folder", "write_facts")(tmp_path, {"name": "Robin", "face_model": "ours"})
    path = tmp_path / "subject.toml"
    content = path.read_text(encoding="utf-8")
    for name, value in facts.items():
        content = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", content)
    path.write_text(content, encoding="utf-8")
    return tmp_path


def with_variable(name, value, function):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        return function()


def refiner_file(tmp_path, version=None):
    """A refiner's file that says it is of `version`, ours unless given, and holds nothing of one."""
    from safetensors.numpy import save_file

    ours = importlib.import_module("headroom.refine.refiner").FORMAT
    save_file({"x": np.zeros(1)}, tmp_path / "r.safetensors", {"format": version or ours})
    return tmp_path / "r.safetensors"


def opaque_picture(tmp_path):
    backend("media.image", "write_picture")(tmp_path / "x.png", np.zeros((2, 2, 3), np.uint8))
    return tmp_path / "x.png"


def too_many_backends(tmp_path):
    store = importlib.import_module("headroom.server.store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "MOST_BACKENDS", 1)
        first = store.Store(tmp_path)
        try:
            store.Store(tmp_path)
        finally:
            first.close()


def matlab_file(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "x.mat", {"other": 1})
    return tmp_path / "x.mat"


def resume_alone(tmp_path):
    """One process goes on with a training of two."""
    record = importlib.import_module("headroom.common.checkpoint").Record(tmp_path / "m.checkpoint", 1, "")
    record._pending = {"course": {}, "random": [None, None]}
    record.resume(SimpleNamespace(load_state_dict=lambda state: None))


def folder(path):
    path.mkdir()
    return path


def listen_twice():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        backend("server.serve", "_listen")("127.0.0.1", taken.getsockname()[1])


TRIGGERS = {
    "A file changed on its way from the backend (its SHA-256 differs). Try again.":
        lambda tmp_path: client(tmp_path, open=answer(b"else")).get_file("0" * 64, tmp_path / "x"),
    "A job is an object with a kind, not …. Correct it.": entry("perform"),
    "A … job has no setting …. It has ….": entry({"kind": "perform", "volume": 1}),
    "The … job lacks its …. Name it.": entry({"kind": "perform"}),
    "The setting … must be …, not …. Correct it.": entry({"kind": "learn", "clip": 3, "output": "x"}),
    "The setting … is empty. Name a file.": entry({"kind": "learn", "clip": "", "output": "x"}),
    "There is no job of kind …. The kinds are ….": entry({"kind": "sing"}),
    "Blender's Python cannot make environments. Install Python 3.11 on this machine, then set up again.":
        said_by_uv("Error: No module named venv"),
    "Setting up failed: …. Try again; … has the details.": said_by_uv("error: odd", "see above"),
    "Set up the backend in the Headroom panel, or name a server or the backend's Python":
        lambda tmp_path: add_on("connection").Connection().client(add_on("connection").Address()),
    "The backend at … stopped telling about the job. Check that it is running.":
        lambda tmp_path: list(client(tmp_path, open=answer()).events("1")),
    "The backend ended … without a result. Try again.":
        lambda tmp_path: add_on("backend_jobs").run_job(
            Deaf(submit=lambda *a: job("running"), events=lambda i: [job("failed")]), "perform", {}, {}, watch()),
    "The backend is not ready after … seconds. Start it again.":
        lambda tmp_path: died("import time; time.sleep(60)")(tmp_path, 0.2),
    "it was ended from outside (signal …), perhaps because memory ran out. Start again.":
        died("import os; os.kill(os.getpid(), 9)"),
    "… and left no message. Start it again.": died("pass"),
    "The backend refused with status …. Check its address.":
        lambda tmp_path: raise_(str(importlib.import_module("addon.core.transport")._refusal(
            SimpleNamespace(read=lambda: b"<html>", status=502)))),
    "The backend speaks version … of the API, the add-on speaks version …. Update the older of the two.":
        lambda tmp_path: client(tmp_path, json=lambda *a: {"api": 99}).health(),
    "The backend matched … of … frames. Try again.":
        lambda tmp_path: add_on("backend_jobs").match(
            Deaf(put_tree=lambda f: {}, put_bytes=lambda b: "", submit=lambda *a: job("queued"),
                 events=lambda i: [job("done", result={"match": "sha"})],
                 get_file=lambda sha, path: np.savez(path, plate=[0], rotation=np.zeros((1, 3)), distance=[0],
                                                     translation=np.zeros((1, 3)), position=[0])),
            tmp_path, 25.0, np.zeros((2, 3)), np.zeros((2, 3)), 0.0, np.full(2, np.nan), tmp_path, watch()),
    "… cannot be read as a rig. Learn the subject again.": lambda tmp_path: add_on("rig").Rig.load(text_file(tmp_path)),
    "… cannot be read: …. Learn the subject again.":
        lambda tmp_path: add_on("subject").Subject.open(
            text_file(tmp_path, "rig.npz", "albedo.png", "subject.toml").parent),
    "HEADROOM_BLENDER names …, which cannot be run. Set it to Blender's program.":
        lambda tmp_path: with_variable("HEADROOM_BLENDER", str(tmp_path / "no"), backend("cli.blender", "find_blender")),
    "… is missing from this installation. Install Headroom again.":
        lambda tmp_path: backend("common.paths", "shipped_file")("samples", "nobody.mp4"),
    "There is no preset …; choose one of ….":
        lambda tmp_path: backend("pipeline", "learn")(tmp_path / "clip.mp4", tmp_path / "s", preset="best"),
    "This backend does not know jobs of kind …. Update Headroom.":
        lambda tmp_path: backend("server.tasks", "run")("sing", None, {}, {}),
    "Cannot listen on …:…: …. Choose another port, or 0.": lambda tmp_path: listen_twice(),
    "… is damaged: …. Delete it and start the backend again.":
        lambda tmp_path: backend("server.store", "Store")(text_file(tmp_path, "jobs-1.sqlite").parent),
    "… is a file; choose a folder.":
        lambda tmp_path: backend("cli.console", "require_folder_later")(text_file(tmp_path)),
    "… is a folder; choose a file name in it.":
        lambda tmp_path: backend("cli.console", "require_file_later")(folder(tmp_path / "a.mp4"), ".mp4"),
    "… must end in …; choose another name.":
        lambda tmp_path: backend("cli.console", "require_file_later")(tmp_path / "a.avi", ".mp4"),
    "… is not a picture that can be read; choose a PNG or JPEG.":
        lambda tmp_path: backend("media.image", "read_picture")(text_file(tmp_path, "x.png")),
    "…: this picture format cannot be written; use .png or .jpg.":
        lambda tmp_path: backend("media.image", "write_picture")(tmp_path / "x.odd", np.zeros((2, 2, 3), np.uint8)),
    "… is not a Headroom face model; ….":
        lambda tmp_path: importlib.import_module("headroom.face.model").ControlModel.load(text_file(tmp_path)),
    "… is not a track; learn the subject again.":
        lambda tmp_path: importlib.import_module("headroom.track.track").Track.load(text_file(tmp_path)),
    "… is not a plate match. Match the plates again.":
        lambda tmp_path: importlib.import_module("headroom.plate.match").PlateMatch.load(text_file(tmp_path)),
    "The poses need a rate and, for each frame, three rotations and three translations.":
        lambda tmp_path: backend("server.tasks", "_read_poses")(
            numbers(tmp_path, fps=25.0, rotation=np.zeros(3), translation=np.zeros(3))),
    "There is no pose to match plates to. Make a performance first.":
        lambda tmp_path: backend("plate.match", "match_plates")(NOTHING, NOTHING, 25.0, NOTHING, NOTHING, 25.0),
    "There are … renders for … plates; render the shot again.":
        lambda tmp_path: backend("pipeline", "refine")(tmp_path, [], SimpleNamespace(plate=[0]), tmp_path / "m.mp4",
                                                       fps=25.0, speech=None, crops=tmp_path),
    "… frames and … renders cannot be paired. Learn the subject again.":
        lambda tmp_path: backend("refine.dataset", "Pairs")(np.zeros(2), np.zeros(1), np.zeros(1), np.zeros(1)),
    "There is no device …; choose one of ….":
        lambda tmp_path: backend("common.device", "pick_device")("abacus"),
    "Crops of … pixels are not made; choose 256 or 512.":
        lambda tmp_path: backend("subject.clip", "require_resolution")(300),
    "The preset draft has too little time for 512 pixels; choose standard or paper.":
        lambda tmp_path: backend("subject.clip", "require_resolution")(512, "draft"),
    "… is not a refiner of this version of Headroom. Learn the subject again.":
        lambda tmp_path: importlib.import_module("headroom.refine.refiner").Refiner.load(refiner_file(tmp_path, "0")),
    "… was written by another version of Headroom. Learn the subject again.":
        lambda tmp_path: importlib.import_module("headroom.refine.refiner").Refiner.load(refiner_file(tmp_path)),
    "… was learnt with the face model …, which is not on this machine; give its file to `headroom model import`, or "
    "learn the subject again.":
        lambda tmp_path: importlib.import_module("headroom.subject.folder").Subject.open(
            subject_of(tmp_path, face_model='"another"')).model,
    "… cannot be read; learn the subject again.":
        lambda tmp_path: importlib.import_module("headroom.subject.folder").Subject.open(subject_of(tmp_path)).resolution,
    "… has no transparency; renders are 8-bit RGBA PNG files.":
        lambda tmp_path: backend("media.image", "read_picture")(opaque_picture(tmp_path), alpha=True),
    "… backends already use …. Stop one of them or choose another folder.":
        lambda tmp_path: too_many_backends(tmp_path),
    "… was written by another version of Headroom; learn the subject again.":
        lambda tmp_path: importlib.import_module("headroom.subject.folder").Subject.open(subject_of(tmp_path, format=99)),
    "Cannot write …: …. Make room, or choose another folder.":
        lambda tmp_path: add_on("frame_cache").FrameCache([text_file(tmp_path) / "frames"]).keep("0", lambda path: None),
    "The strip does not say how it was rendered. Render the shot again.":
        lambda tmp_path: add_on("render_settings").RenderSettings.from_json("{}"),
    "… cannot be read as a track. Learn the subject again.":
        lambda tmp_path: add_on("coverage").Clip.load(text_file(tmp_path)),
    "The poses hold positions for another number of frames. Give one each, NaN where it is free.":
        lambda tmp_path: backend("server.tasks", "_read_poses")(
            numbers(tmp_path, fps=25.0, rotation=np.zeros((2, 3)), translation=np.zeros((2, 3)), held=np.zeros(1))),
    "There is no albedo …; choose one of ….": lambda tmp_path: backend("track.appearance.appearance", "require_albedo_kind")("high"),
    "There is no control …; choose one of ….": lambda tmp_path: backend("motion.controls", "parsed")(["ears.gain=1"]),
    "… gives … no number; choose one, as in …=0.5.":
        lambda tmp_path: backend("motion.controls", "parsed")(["mouth.gain=wide"]),
    "… does not exist; check its name.": lambda tmp_path: backend("face.basel", "read_basel")([tmp_path / "no"]),
    "… is incomplete; download it again.":
        lambda tmp_path: backend("face.basel", "_read_expressions")(text_file(tmp_path)),
    "… is not a list of numbers; download it again.":
        lambda tmp_path: backend("face.basel", "_read_deviations")(text_file(tmp_path)),
    "… cannot be read as a MATLAB file; download it again.":
        lambda tmp_path: backend("face.basel", "_read_mat")(text_file(tmp_path, "x.mat")),
    "… lacks …; download it again.": lambda tmp_path: backend("face.basel", "_read_mat")(matlab_file(tmp_path), "tri"),
    "… does not exist; choose a clip or a folder of clips.":
        lambda tmp_path: backend("training.corpus", "find_clips")([tmp_path / "no"]),
    "… was begun with … processes; resume with as many.": lambda tmp_path: resume_alone(tmp_path),
    "… lacks …; choose the folder of a Sphinx acoustic model.":
        lambda tmp_path: backend("motion.audio.sphinx", "read_phone_model")(tmp_path),
}
