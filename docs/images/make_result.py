"""Make result.jpg for the README from the output of `headroom demo`: plate, 3D face over it, finished frame.

Usage: python docs/images/make_result.py headroom-demo
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from headroom import pipeline
from headroom.common.paths import shipped_file
from headroom.face.performance import Performance
from headroom.media.image import write_picture
from headroom.media.video import read_frames
from headroom.plate.plates import Plates
from headroom.subject.folder import Subject

FRAMES = 2
"""Rows of the image: the frames with the widest mouth, at least half a second apart."""


def main(demo: Path) -> None:
    """Write result.jpg."""
    person = Subject.open(demo / "subject")
    track = person.track
    performance, _ = pipeline.perform(person.folder, shipped_file("samples", "speech.wav"))
    motion = performance.resampled(track.fps)
    matched = pipeline.match_plates(person.folder, motion.pose)
    shot = list(read_frames(demo / "shot.mp4"))
    lips, lids = (motion.expression[: len(shot)] @ person.model.opening_direction(*pair)
                  for pair in ((13, 14), (159, 145)))
    opening = np.where(lids > np.quantile(lids, 0.3), lips, -np.inf)  # exclude blinks
    rows = []
    with Plates(person.plates_path, track.camera.width, track.camera.height) as plates:
        for frame in widest(opening, apart=round(track.fps / 2)):
            plate = plates[int(matched.plate[frame])]
            still = Performance(track.fps, motion.expression[[frame]], matched.rotation[[frame]],
                                matched.translation[[frame]])
            render = next(pipeline.render_crops(person.folder, still))
            rows.append(np.hstack([plate, face_alone(plate, render, track.crop), shot[frame]]))
    write_picture(Path(__file__).with_name("result.jpg"), np.vstack(rows))


def widest(opening: np.ndarray, apart: int) -> list[int]:
    """Return the FRAMES frames with the widest opening, at least `apart` frames from each other, in order."""
    chosen: list[int] = []
    for frame in np.argsort(-opening):
        if all(abs(int(frame) - other) >= apart for other in chosen):
            chosen.append(int(frame))
        if len(chosen) == FRAMES:
            break
    return sorted(chosen)


def face_alone(plate: np.ndarray, render: np.ndarray, crop) -> np.ndarray:
    """Return the render (R, R, 4) at its crop over a darkened, grey plate (H, W, 3)."""
    grey = np.repeat((plate.mean(2, keepdims=True) * 0.35 + 20).astype(np.uint8), 3, axis=2)
    matrix = np.array([[crop.size / len(render), 0, crop.x], [0, crop.size / len(render), crop.y]], np.float32)
    placed = cv2.warpAffine(render, matrix, grey.shape[1::-1], flags=cv2.INTER_LINEAR).astype(np.float32)
    alpha = placed[..., 3:] / 255
    return (placed[..., :3] * alpha + grey * (1 - alpha)).astype(np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
