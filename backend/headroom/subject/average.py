"""The average speaker: speech and head motion from a recording alone, for characters, without learning a person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headroom.face.camera import Camera, Crop
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel, bundled_model
from headroom.motion.model.model import MotionModel
from headroom.motion.style.speaker_style import FRONTAL_POSE
from headroom.subject.photo import general_motion
from headroom.subject.rig import Rig
from headroom.track.track import Track

_FPS, _SIZE = 25.0, 512


@dataclass(frozen=True)
class AverageSpeaker:
    """What a performance needs of a speaker, without a subject's folder."""

    model: FaceModel
    motion: MotionModel
    rig: Rig


@lru_cache(maxsize=1)
def average_speaker() -> AverageSpeaker:
    """Return the bundled mean face, which looks at the camera, with the general motion.

    Raises InputError where the general motion weights are missing.
    """
    model, still = bundled_model(), np.zeros((1, 64), np.float32)
    track = Track(_FPS, Camera(2.0 * _SIZE, _SIZE, _SIZE), Crop(0, 0, _SIZE), np.zeros(80), np.zeros(80), AMBIENT,
                  still, FRONTAL_POSE[None, :3], FRONTAL_POSE[None, 3:], np.ones(1, np.float32))
    return AverageSpeaker(model, general_motion(model, track, head_motion=1.0), Rig.of(model, track, _SIZE // 2))
