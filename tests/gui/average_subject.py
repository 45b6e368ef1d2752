"""A subject folder of the average face, for tests in a window: quicker than learning, and nobody's face."""

from pathlib import Path

import cv2
import numpy as np

from headroom.common.settings import PerformSettings
from headroom.face.texture import albedo_texture
from headroom.pipeline import perform
from headroom.subject.average import average_speaker

TRANSCRIPT = "Good morning! My name is Robin. Please lend me your voice, and I will speak for you."


def write_average_subject(folder: Path) -> Path:
    """Write what Blender reads of a subject: rig, albedo and name."""
    speaker = average_speaker()
    folder.mkdir(parents=True)
    speaker.rig.save(folder / "rig.npz")
    albedo = albedo_texture(speaker.model, speaker.model.albedo(np.zeros(80)), 512)
    cv2.imwrite(str(folder / "albedo.png"), albedo[..., ::-1])
    (folder / "subject.toml").write_text('name = "Robin"\n', encoding="utf-8")
    return folder


def write_performance(speech: Path, path: Path) -> Path:
    """Write the average speaker's performance of the sample's speech, with its words."""
    performance, _ = perform(None, speech, PerformSettings(transcript=TRANSCRIPT))
    performance.save(path)
    return path
