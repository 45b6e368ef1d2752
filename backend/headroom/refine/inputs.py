"""The generator's input: the render of a frame and of the two before it, each over its plate with the face erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headroom.refine.region import RegionConfig, erase, face_region, over


@dataclass(frozen=True)
class PreparedFrame:
    """One frame as the generator sees it.

    colour: (R, R, 3) uint8, the render over the plate with the face erased.
    alpha: (R, R) uint8, of the render.
    erased: (R, R) float32, 0..1, the erased area.
    mask: (R, R) float32, 0..1, alpha of the refined crop in the finished frame.
    """

    colour: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    erased: NDArray[np.float32]
    mask: NDArray[np.float32]


@dataclass(frozen=True)
class RefinerInput:
    """What the generator needs to refine one frame.

    pixels: (R, R, 11) uint8, see `input_array`.
    identity: (D,) float32, the identity feature.
    mask: (R, R) float32, 0..1, alpha of the refined crop in the finished frame.
    """

    pixels: NDArray[np.uint8]
    identity: NDArray[np.float32]
    mask: NDArray[np.float32]


def prepare_frame(
    render: NDArray[np.uint8], plate: NDArray[np.uint8], config: RegionConfig, margin_scale: float = 1.0
) -> PreparedFrame:
    """Composite a render (R, R, 4) uint8 over its plate's crop (R, R, 3) uint8, whose face is erased first."""
    erased, mask = face_region(render[..., 3], config, margin_scale)
    return PreparedFrame(over(render, erase(plate, erased)), render[..., 3], erased, mask)


def input_array(frames: Sequence[PreparedFrame]) -> NDArray[np.uint8]:
    """Return (R, R, 11) uint8: the colours of frames t-2, t-1 and t, then alpha and erased area of t."""
    current = frames[-1]
    erased = (current.erased * 255).astype(np.uint8)
    return np.dstack([*(frame.colour for frame in frames), current.alpha, erased])


def to_tensor(arrays: Sequence[NDArray[np.uint8]], device: torch.device) -> Tensor:
    """Return arrays (R, R, C) uint8 as one batch (B, C, R, R) float32, 0..1."""
    batch = torch.from_numpy(np.stack(arrays)).to(device)
    return batch.permute(0, 3, 1, 2).contiguous().float() / 255
