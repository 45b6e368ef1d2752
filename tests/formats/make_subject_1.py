"""Write a small subject of format 1 and a tracked clip of format 1, with what the code of that time made of them.

Run with the code of commit 6bed92b: PYTHONPATH=backend:tests/motion python make_subject_1.py FOLDER
"""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
from headroom.corpus import Speaker
from headroom.learning import write_plates
from headroom.refine.refine import Refiner
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom import evaluate, pipeline
from headroom.face.camera import Camera, Crop
from headroom.face.light import FRONTAL
from headroom.face.model import bundled_model
from headroom.media.audio import write_wav
from headroom.media.image import write_picture
from headroom.motion.train import train_motion
from headroom.plate.matte import save_mattes
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.region import RegionConfig
from headroom.subject import write_facts, write_rig
from headroom.track.track import Track

FRAMES, SIDE = 6, 128


def main(folder: Path) -> None:
    """Write subject_1/, subject_1_results.npz and tracked_clip_1.npz."""
    subject = folder / "subject_1"
    subject.mkdir(parents=True)
    track = known_track()
    track.save(subject / "track.npz")
    write_rig(subject / "rig.npz", tiny_face(), track, 64)
    write_picture(subject / "albedo.png", gradient(32))
    frames = [np.roll(gradient(SIDE), 2 * frame, axis=1) for frame in range(FRAMES)]
    write_plates(subject / "plates.mp4", frames, 25.0)
    save_mattes(subject / "mattes.npz", np.full((FRAMES, SIDE, SIDE), 0, np.uint8) + matte())
    write_picture(subject / "background.png", gradient(SIDE)[::-1].copy())
    write_picture(subject / "preview.png", frames[FRAMES // 2])
    config = replace(TINY, members=1, steps=10, readout=replace(TINY.readout, size=16))
    motion = train_motion(*speaker(8.0), config, lip_opening=LIP, lid_opening=LID)
    motion.save(subject / "motion.safetensors")
    generator = Generator(GeneratorConfig(width=8, levels=3, hidden=8, identity=160))
    Refiner(generator, np.linspace(-1, 1, 160, dtype=np.float32), RegionConfig(), 64, "cpu",
            feature="face model tiny").save(subject / "refiner.safetensors")
    write_facts(subject, {
        "name": "Robin", "headroom": "0.1.0", "preset": "draft", "albedo": "clip",
        "face_model": bundled_model().digest, "notes": ["A note."],
        "consent": {"statement": "Robin, 2 May", "recorded": "2026-05-02"},
        "clip": {"file": "robin.mp4", "width": SIDE, "height": SIDE, "fps": 25.0, "from_seconds": 1.0,
                 "to_seconds": 1.24},
        "measures": {"audio_offset_seconds": 0.02, "held_out_lip_correlation": 0.885, "track_seconds": 14.2,
                     "refiner_seconds": 431.4}})
    write_results(folder, subject, track)
    small = track.part(0, 3)
    silence = "mute.mp4 has no sound; choose a clip in which the person is heard speaking."
    Speaker(small, gradient(8), np.zeros(0, np.float32), silence).save(folder / "tracked_clip_1.npz")


def write_results(folder: Path, subject: Path, track: Track) -> None:
    """What the code of that time performs, matches and refines with the subject."""
    samples = speaker(2.0, seed=1)[0][:19200]
    write_wav(folder / "speech.wav", samples)
    performance, _ = pipeline.perform(subject, folder / "speech.wav", seed=3)
    (folder / "speech.wav").unlink()
    motion = replace(track.performance, rotation=track.rotation[::-1] + np.float32(0.02))
    match = pipeline.match(subject, motion.rotation, motion.translation, motion.fps, plate_fit=0.5)
    composites = [made.frame for made in evaluate.made_again(subject, motion)]
    speech = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    np.savez_compressed(folder / "subject_1_results.npz", speech=speech, expression=performance.expression,
                        rotation=performance.rotation, translation=performance.translation, plate=match.plate,
                        matched_rotation=match.rotation, composites=np.stack(composites[::3]))


def known_track() -> Track:
    """A head that nods and turns."""
    wave = np.linspace(0, 0.5, FRAMES)
    rng = np.random.default_rng(0)
    return Track(25.0, Camera(250.0, SIDE, SIDE), Crop(12, 10, 104), 0.3 * rng.normal(size=80), np.zeros(80), FRONTAL,
                 0.1 * rng.normal(size=(FRAMES, 64)).astype(np.float32),
                 np.stack([0.1 * wave, 0.2 * np.arange(FRAMES) / 2, 0 * wave], 1).astype(np.float32),
                 np.tile(np.float32([0, 0, -620]), (FRAMES, 1)), np.ones(FRAMES, np.float32))


def tiny_face() -> SimpleNamespace:
    """A face model of five vertices, which keeps the rig small."""
    rng = np.random.default_rng(1)
    model = bundled_model()
    return SimpleNamespace(shape=lambda identity: np.float32(rng.normal(size=(5, 3))),
                           expression_basis=rng.normal(size=(5, 3, 64)), faces=np.array([[0, 1, 2], [2, 3, 4]]),
                           uv=rng.uniform(size=(5, 2)), names=model.names, regions=model.regions)


def gradient(side: int) -> np.ndarray:
    """A picture (side, side, 3) whose colours say where they are."""
    rows, columns = np.mgrid[:side, :side] * (255 // side)
    return np.stack([rows, columns, 255 - rows], -1).astype(np.uint8)


def matte() -> np.ndarray:
    """An oval person (side, side)."""
    return cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), (64, 70), (40, 55), 0, 0, 360, 255, -1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
