"""Causes of the messages of training and of importing face models: message -> function that raises or returns it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from add_on_causes import Cause, write_text
from backend_causes import ROOT, module, with_value


def resume_with_one_process(folder: Path) -> None:
    checkpoint = module("common.checkpoint").TrainingCheckpoint(folder / "m.checkpoint", 1, "")
    checkpoint._pending = {"state": {}, "random": [None, None]}
    checkpoint.resume(SimpleNamespace(load_state_dict=lambda state: None))


def write_mat(folder: Path) -> Path:
    from scipy.io import savemat

    savemat(folder / "x.mat", {"other": 1})
    return folder / "x.mat"


def without_tensorboard(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch.utils.tensorboard", None)
        module("common.checkpoint").new_writer(folder)


FACE_MODELS: dict[str, Cause] = {
    "… does not exist; check its name.": lambda folder: module("face.basel").read_basel([folder / "model.h5"]),
    "There are several models: …; name the one to import.": lambda folder: module("face.basel").read_basel(
        [write_text(folder, "a.h5"), write_text(folder, "b.h5")]),
    "… is missing; put it beside the others. The 2009 model needs ….": lambda folder: module("face.basel").read_basel(
        [write_text(folder, module("face.basel").DEEP3D_FILES[0])]),
    "… is not a Basel Face Model of 2017 or 2019; download it again.":
        lambda folder: module("face.basel").read_basel([write_text(folder, "model.h5")]),
    "… is incomplete; download it again.":
        lambda folder: module("face.basel")._read_expressions(write_text(folder, "Exp_Pca.bin")),
    "… is not a list of numbers; download it again.":
        lambda folder: module("face.basel")._read_deviations(write_text(folder, "std_exp.txt")),
    "… cannot be read as a MATLAB file; download it again.":
        lambda folder: module("face.basel")._read_mat(write_text(folder, "x.mat")),
    "… lacks …; download it again.": lambda folder: module("face.basel")._read_mat(write_mat(folder), "tri"),
}

TRAINING: dict[str, Cause] = {
    "… does not exist; choose a clip or a folder of clips.":
        lambda folder: module("training.corpus").find_clips([folder / "missing"]),
    "Cannot read the speech encoder …. Install Headroom again.":
        lambda folder: module("motion.audio.encoder_file").read_file(write_text(folder, "encoder.safetensors")),
    "… is not a speech encoder; choose a file that `headroom train speech-encoder` wrote.":
        lambda folder: module("motion.audio.encoder_file").read_file(module("common.paths").MOTION_WEIGHTS),
    "Cannot read the image features …. Install Headroom again.":
        lambda folder: module("common.networks.image_features_file").read_file(write_text(folder, "x.safetensors")),
    "… does not exist; choose a package or a file that holds ….":
        lambda folder: module("motion.audio.encoder_file").extract_encoder(folder / "missing.whl"),
    "… holds no … that Headroom can read; choose a package or a file that does.":
        lambda folder: module("motion.audio.encoder_file").extract_encoder(write_text(folder, "whisper.whl")),
    "… holds … files named …; choose the one with ….":
        lambda folder: module("motion.audio.encoder_file").extract_encoder(folder),
    "No clip of the speech has sound; choose other clips.": lambda folder: module("training.encoder_components")
        .with_components(module("motion.audio.encoder_file").bundled_encoder(), [], 2),
    "… was left out: no face in its first … frames.":
        lambda folder: module("training.runs").no_face_note(SimpleNamespace(path="clip.mp4")),
    "There is no checkpoint … to resume from; train without --resume.":
        lambda folder: module("common.checkpoint").read_checkpoint(folder / "m.checkpoint"),
    "… is not a checkpoint; train without --resume.":
        lambda folder: module("common.checkpoint").read_checkpoint(write_text(folder, "m.checkpoint")),
    "… was written by another version of Headroom and cannot be resumed; train without --resume.":
        lambda folder: module("common.checkpoint").read_checkpoint(
            Path(shutil.copy(ROOT / "tests" / "formats" / "training_1.checkpoint", folder))),
    "… was written by … processes; resume with as many.": resume_with_one_process,
    "A batch of … cannot be split over … processes; start a number of processes that divides it.":
        lambda folder: with_value(module("common.distributed"), "world_size", lambda: 2,
                                  lambda: module("common.distributed").shard(9)),
    "TensorBoard is not installed; run `pip install \"headroom[tensorboard]\"`, or train without --tensorboard.":
        without_tensorboard,
    "… is not a checkpoint of the published R-Net; choose its epoch_20.pth.":
        lambda folder: module("track.regressor.deep3d").Deep3DNet.load(
            write_text(folder, "epoch_20.pth"), module("face.model").bundled_model()),
    "… lacks …; choose the folder of a Sphinx acoustic model.":
        lambda folder: module("motion.audio.sphinx").read_phone_model(folder),
}

CAUSES = {**FACE_MODELS, **TRAINING}
