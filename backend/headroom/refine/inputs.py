"""The generator's input: the render of a frame and of the two before it, each over its plate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headroom.refine.region import RegionConfig, erase, face_region, over


@dataclass(frozen=True)
class CropPlate:
    """The plate of a frame in the face crop.

    picture: (R, R, 3) uint8.
    valid: (R, R) uint8, 255 where it shows what the frame shows. None for a plate of another moment, whose face has to
        be erased.
    """

    picture: NDArray[np.uint8]
    valid: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class PreparedFrame:
    """One frame as the generator sees it.

    colour: (R, R, 3) uint8, the render over the plate.
    alpha: (R, R) uint8, of the render.
    plate: (R, R, 3) uint8, the plate.
    valid: (R, R) uint8, 255 where the plate shows what the frame shows, 0 where its face is erased.
    mask: (R, R) float32, 0..1, alpha of the refined crop in the finished frame.
    """

    colour: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    plate: NDArray[np.uint8]
    valid: NDArray[np.uint8]
    mask: NDArray[np.float32]


@dataclass(frozen=True)
class RefinerInput:
    """What the generator needs to refine one frame.

    pixels: (R, R, C) uint8, see `input_array`.
    identity: (D,) float32, the identity feature.
    mask: (R, R) float32, 0..1, alpha of the refined crop in the finished frame.
    """

    pixels: NDArray[np.uint8]
    identity: NDArray[np.float32]
    mask: NDArray[np.float32]


def prepare_frame(
    render: NDArray[np.uint8], plate: CropPlate, config: RegionConfig, margin_scale: float = 1.0
) -> PreparedFrame:
    """Composite a render (R, R, 4) uint8 over its plate, whose face is erased first unless it is reprojected."""
    erased, mask = face_region(render[..., 3], config, margin_scale)
    picture, valid = plate.picture, plate.valid
    if valid is None:
        picture, valid = erase(picture, erased), ~(erased * 255).astype(np.uint8)
    return PreparedFrame(over(render, picture), render[..., 3], picture, valid, mask)


def input_array(frames: Sequence[PreparedFrame], plate_term: bool) -> NDArray[np.uint8]:
    """Return (R, R, 11 or 14) uint8: the colours of frames t-2, t-1 and t, alpha of t, and what is known of its plate.

    That is the erased area; with `plate_term` the valid area and the plate's colours.
    """
    current, colours = frames[-1], [frame.colour for frame in frames]
    if plate_term:
        return _stacked([*colours, current.alpha, current.valid, current.plate])
    return _stacked([*colours, current.alpha, ~current.valid])


def _stacked(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return pictures (R, R) or (R, R, C) as one (R, R, N), in a fifth of the time of `np.dstack`."""
    count = sum(1 if each.ndim == 2 else each.shape[2] for each in pictures)
    stacked = np.empty((*pictures[0].shape[:2], count), np.uint8)
    cv2.mixChannels(list(pictures), [stacked], np.repeat(np.arange(count), 2).tolist())
    return stacked


def to_tensor(arrays: Sequence[NDArray[np.uint8]], device: torch.device) -> Tensor:
    """Return arrays (R, R, C) uint8 as one batch (B, C, R, R) float32, 0..1."""
    batch = torch.from_numpy(np.stack(arrays)).to(device)
    return batch.permute(0, 3, 1, 2).contiguous().float() / 255
