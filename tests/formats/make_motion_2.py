"""Make the files of the motion part's first released formats, with the code of that release.

PYTHONPATH=RELEASE/backend:RELEASE/tests/motion python tests/formats/make_motion_2.py
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from headroom.course.record import Record
from headroom.errors import Cancelled
from headroom.motion.features import FeatureConfig
from headroom.motion.general import train_general
from headroom.motion.network import NetworkConfig
from headroom.motion.phones import PhoneModel
from headroom.motion.readout import ReadoutConfig
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom.motion.predict import predict
from headroom.motion.train import train_motion

FOLDER = Path(__file__).parent
NETWORK = NetworkConfig(features=FeatureConfig(bands=8, phones=False), width=4, code=4, hidden=4, layers=1, dropout=0.0)
CONFIG = replace(TINY, network=NETWORK, members=2, steps=5, judge_every=5, readout=ReadoutConfig(size=8))


def make_models():
    """motion_2.safetensors, motion_2_general.safetensors and what they predict."""
    general = train_general([speaker(3.0, seed=1), speaker(2.5, seed=2)], LIP, LID,
                            FOLDER / "motion_2_general.safetensors", CONFIG)
    sound, truth = speaker(2.4, seed=3)
    personal = train_motion(sound, truth, CONFIG, initial=general, lip_opening=LIP, lid_opening=LID,
                            gaze_modes=(50, 51))
    personal.save(FOLDER / "motion_2.safetensors")
    speech = np.round(speaker(1.6, seed=4)[0] * 32767).astype(np.int16)
    arrays = {"speech": speech}
    for name, model in (("general", general), ("personal", personal)):
        performance = predict(model, speech / np.float32(32767), seed=5)
        arrays |= {f"{name}_{part}": getattr(performance, part) for part in ("expression", "rotation", "translation")}
    np.savez_compressed(FOLDER / "motion_2_predictions.npz", **arrays)


def make_phones():
    """phones_1.npz."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(size=(4, 3, 5, 3))
    model = PhoneModel(rng.normal(size=(4, 3, 5, 13)), rng.uniform(0.5, 2, (4, 3, 5, 13)),
                       weights / weights.sum(2, keepdims=True))
    model.save(FOLDER / "phones_1.npz")


def make_checkpoint():
    """training_1.checkpoint, of a training that is cancelled."""
    def progress(done, message):
        if done > 0.6 and message.startswith("Learning"):
            raise Cancelled

    record = Record(FOLDER / "training_1.checkpoint", 2, "these")
    try:
        train_general([speaker(3.0, seed=1)], LIP, LID, None, replace(CONFIG, members=1), None, progress, record)
    except Cancelled:
        pass


if __name__ == "__main__":
    make_models()
    make_phones()
    make_checkpoint()
