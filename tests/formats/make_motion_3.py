"""Make the file of the motion format 3, with the code of the release that introduced it.

PYTHONPATH=RELEASE/backend:RELEASE/tests/motion python tests/formats/make_motion_3.py
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from synthetic_speaker import DIRECTIONS, TINY, speaker

from headroom.motion.audio.features import FeatureConfig
from headroom.motion.model.network import NetworkConfig
from headroom.motion.model.ridge import RidgeConfig
from headroom.motion.predict import predict
from headroom.motion.train.personal import train_motion

FOLDER = Path(__file__).parent
NETWORK = NetworkConfig(features=FeatureConfig(bands=8, phones=False), width=4, code=4, hidden=4, layers=1, dropout=0.0)
CONFIG = replace(TINY, network=NETWORK, members=2, steps=5, validate_every=5, ridge=RidgeConfig(size=8))


def make_model():
    """motion_3.safetensors and what it predicts."""
    directions = replace(DIRECTIONS, gaze_modes=(50, 51))
    model = train_motion(*speaker(2.4, seed=3), directions, CONFIG)
    model.save(FOLDER / "motion_3.safetensors")
    speech = np.round(speaker(1.6, seed=4)[0] * 32767).astype(np.int16)
    performance = predict(model, speech / np.float32(32767), seed=5)
    parts = {f"personal_{part}": getattr(performance, part) for part in ("expression", "rotation", "translation")}
    np.savez_compressed(FOLDER / "motion_3_predictions.npz", speech=speech, **parts)


if __name__ == "__main__":
    make_model()
