"""Where a plate shows the person: a small soft mask per plate, found once when the person is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.files import NPZ_ERRORS, atomic_write
from headroom.common.progress import Progress, no_progress

SIDE = 256  # pixels of a mask's longer side: what the network sees
LEAST, SURE = 40, 128  # a mask from here on may be, and is, the person; of 255


def find_mattes(frames: Sequence[NDArray[np.uint8]], progress: Progress = no_progress) -> NDArray[np.uint8]:
    """(T, h, w) uint8, 255 where a frame (H, W, 3) uint8 shows the person, by MediaPipe's network."""
    import mediapipe

    height, width = frames[0].shape[:2]
    shrink = min(1.0, SIDE / max(height, width))
    size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
    mattes = np.empty((len(frames), size[1], size[0]), np.uint8)
    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as network:
        for index, frame in enumerate(frames):
            progress(index / len(frames), "Finding the person's outline")
            small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            mattes[index] = np.rint(network.process(small).segmentation_mask * 255)
    return mattes


def save_mattes(path: Path, mattes: NDArray[np.uint8]) -> None:
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, person=mattes)


def load_mattes(path: Path) -> NDArray[np.uint8]:
    """What `save_mattes` wrote."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["person"]
    except NPZ_ERRORS as error:
        raise InputError(f"{path} cannot be read; learn the subject again.") from error


@dataclass(frozen=True)
class Outline:
    """A matte made ready for one frame, all (h, w) float32 at the matte's size, one cell being `scale` pixels.

    away: pixels of the frame from the person and a margin, negative within. shown: how much of the person's own colour
    a place has, 0..1. covered: how much of the background cannot be seen there, 0..1.
    """

    away: NDArray[np.float32]
    shown: NDArray[np.float32]
    covered: NDArray[np.float32]
    scale: float

    def at(self, name: str, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """One of the maps at places x, y (h, w), pixels of the frame; pixel n begins at n."""
        cell, middle = np.float32(1 / self.scale), np.float32(0.5 / self.scale - 0.5)
        found = cv2.remap(getattr(self, name), x * cell + middle, y * cell + middle, cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32)


def outline(matte: NDArray[np.uint8], shape: tuple[int, ...], margin: float) -> Outline:
    """The outline in a frame of `shape` of the person that a matte (h, w) shows.

    margin: pixels of the frame around the matte that may hold hair.
    """
    scale = max(shape[:2]) / max(matte.shape)
    away = cv2.distanceTransform((matte < SURE).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    away = cv2.GaussianBlur(away, (0, 0), 1.0) * np.float32(scale) - np.float32(margin)
    shown = np.clip((matte.astype(np.float32) - LEAST) / (SURE - LEAST), 0, 1)
    covered = np.clip(1 - away / np.float32(2 * scale), 0, 1)
    return Outline(away, shown, covered, scale)
