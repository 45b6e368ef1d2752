"""Mattes: where a plate shows the person, a small soft mask per plate, computed when the subject is learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress
from headroom.common.stored import Array, Damaged, format_number, read_npz, require_arrays, write_npz
from headroom.face.camera import Crop
from headroom.plate.plates import Frames

FORMAT = 1
"""Format number in `mattes.npz`. Files without one are format 1, because Headroom did not write it at first."""

MATTE_SIDE = 256  # pixels of a matte's longer side, the resolution of the segmentation network
MIN_ALPHA, FULL_ALPHA = 40, 128  # of 255: a pixel may be the person above the first, and is from the second on


def matte_picture(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a frame (H, W, 3) at the size of its matte (h, w, 3)."""
    height, width = frame.shape[:2]
    shrink = min(1.0, MATTE_SIDE / max(height, width))
    size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def find_mattes(pictures: NDArray[np.uint8], progress: Progress = no_progress) -> NDArray[np.uint8]:
    """Return mattes (T, h, w) uint8, 255 where a frame shows the person, by MediaPipe's network.

    pictures: (T, h, w, 3), the frames by `matte_picture`.
    """
    import mediapipe

    mattes = np.empty(pictures.shape[:3], np.uint8)
    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as network:
        for index, picture in enumerate(pictures):
            progress(index / len(pictures), "Finding the person's outline")
            mattes[index] = np.rint(network.process(picture).segmentation_mask * 255)
    return mattes


def mattes_of(frames: Frames) -> NDArray[np.uint8]:
    """Return the mattes (T, h, w) of T frames (H, W, 3)."""
    return find_mattes(np.stack([matte_picture(frames[number]) for number in range(len(frames))]))


def save_mattes(path: Path, mattes: NDArray[np.uint8]) -> None:
    """Write mattes (T, h, w) uint8 as .npz."""
    write_npz(path, {"format": FORMAT, "person": mattes}, compressed=True)


def load_mattes(path: Path) -> NDArray[np.uint8]:
    """Return the mattes (T, h, w) uint8 that `save_mattes` wrote."""
    try:
        stored = read_npz(path)
        version = format_number(stored, "format")
        if version <= FORMAT:
            require_arrays(stored, {"person": Array(("frames", "rows", "columns"), "integer", low=0, high=255)})
    except Damaged as error:
        raise InputError(f"{path} cannot be read; learn the subject again.") from error
    if version > FORMAT:
        raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
    return stored["person"].astype(np.uint8)


def own_matte(matte: NDArray[np.uint8], crop: Crop, frame_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a matte (h, w) of a frame with only the connected part that shows the most of a face.

    crop: around the face, frame pixels. Other people in the frame are left out.
    """
    _, parts = cv2.connectedComponents((matte >= FULL_ALPHA).astype(np.uint8))
    scale = matte.shape[0] / frame_shape[0]
    ends = [[max(round((start + part * crop.size / 4) * scale), 0) for part in (1, 3)] for start in (crop.y, crop.x)]
    counts = np.bincount(parts[tuple(slice(*each) for each in ends)].ravel(), minlength=2)
    counts[0] = 0
    if not counts.any():
        return np.zeros_like(matte)
    others = (parts > 0) & (parts != counts.argmax())
    near_others = cv2.dilate(others.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(near_others, np.uint8(0), matte)


def person_alpha(matte: NDArray[np.number]) -> NDArray[np.float32]:
    """Return the opacity (h, w), 0..1, of the person in a matte (h, w), 0..255."""
    return np.clip((matte.astype(np.float32) - MIN_ALPHA) / (FULL_ALPHA - MIN_ALPHA), 0, 1)


@dataclass(frozen=True)
class PersonMatte:
    """A matte prepared for one frame: maps (h, w) float32 at the matte's size.

    distance: frame pixels from the person's outline plus a margin, negative inside.
    alpha: opacity of the person, 0..1.
    occlusion: how much of the background the person hides, 0..1.
    scale: frame pixels per cell.
    """

    distance: NDArray[np.float32]
    alpha: NDArray[np.float32]
    occlusion: NDArray[np.float32]
    scale: float

    @staticmethod
    def of(matte: NDArray[np.uint8], frame_shape: tuple[int, ...], margin: float) -> PersonMatte:
        """Prepare a matte (h, w) for a frame of `frame_shape`.

        margin: frame pixels around the matte that may show hair.
        """
        scale = max(frame_shape[:2]) / max(matte.shape)
        distance = cv2.distanceTransform((matte < FULL_ALPHA).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        distance = cv2.GaussianBlur(distance, (0, 0), 1.0) * np.float32(scale) - np.float32(margin)
        alpha = person_alpha(matte)
        occlusion = np.clip(1 - distance / np.float32(2 * scale), 0, 1)
        return PersonMatte(distance, alpha, occlusion, scale)

    def sample(
        self, plane: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return one of the maps, linearly interpolated, at x and y (h, w) in frame pixels; pixel n starts at n."""
        cell, centre = np.float32(1 / self.scale), np.float32(0.5 / self.scale - 0.5)
        values = cv2.remap(plane, x * cell + centre, y * cell + centre, cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(values, np.float32)
