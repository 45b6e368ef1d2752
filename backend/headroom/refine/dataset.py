"""Pairs of rendered windows and true frames, as the refiner is taught and as it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headroom.refine.generator import WINDOW
from headroom.refine.region import RegionConfig, erase, face_region, over


@dataclass(frozen=True)
class AugmentConfig:
    """How a training pair is varied, so that the refiner bears other plates and other places in the crop."""

    scale: float = 0.05  # largest change of size, part
    shift: float = 0.04  # largest shift, part of the crop
    moved: float = 0.7  # how often a pair is scaled and shifted at all
    brightness: float = 0.05  # largest gain change
    margin: float = 0.25  # largest change of the erased margin, part of it
    other_plate: float = 0.3  # how often the surroundings come from another frame
    other_shift: float = 0.01  # how badly that plate may be placed, part of the crop


@dataclass(frozen=True)
class Picture:
    """One frame as the network sees it."""

    colour: NDArray[np.uint8]  # (R, R, 3) the render over the erased plate
    alpha: NDArray[np.uint8]  # (R, R) the render's alpha
    erased: NDArray[np.float32]  # (R, R) 0..1
    mask: NDArray[np.float32]  # (R, R) 0..1, where the refined frame is shown


def prepare(
    render: NDArray[np.uint8], plate: NDArray[np.uint8], config: RegionConfig, margin_scale: float = 1.0
) -> Picture:
    """The picture of one frame: `render` (R, R, 4) uint8 over `plate` (R, R, 3) uint8 whose face is erased."""
    erased, mask = face_region(render[..., 3], config, margin_scale)
    return Picture(over(render, erase(plate, erased)), render[..., 3], erased, mask)


def window_array(pictures: list[Picture]) -> NDArray[np.uint8]:
    """(R, R, 11) uint8: the colours of t-2, t-1 and t, then alpha and erased area of t."""
    now = pictures[-1]
    erased = (now.erased * 255).astype(np.uint8)
    return np.dstack([*(picture.colour for picture in pictures), now.alpha, erased])


def to_tensor(arrays: list[NDArray[np.uint8]], device: torch.device) -> Tensor:
    """Pictures (R, R, C) uint8 to one batch (B, C, R, R) float32, 0..1."""
    batch = torch.from_numpy(np.stack(arrays)).to(device)
    return batch.permute(0, 3, 1, 2).contiguous().float() / 255


@dataclass(frozen=True)
class Batch:
    """Training pairs, (B, channels, R, R), 0..1."""

    window: Tensor  # 11 channels
    truth: Tensor  # 3
    mask: Tensor  # 1, where the refined frame is shown
    weight: Tensor  # 1, how much a pixel counts, compared with the others; within the mask
    identity: Tensor  # (B, D), the identity features


class RefinerDataset:
    """Windows from one clip, varied anew each time they are drawn."""

    def __init__(
        self,
        frames: NDArray[np.uint8],
        renders: NDArray[np.uint8],
        regions: NDArray[np.uint8] | None,
        identity: NDArray[np.float32],
        region: RegionConfig,
        augment: AugmentConfig,
        seed: int,
    ):
        """frames (T, R, R, 3) uint8 true crops; renders (T, R, R, 4) uint8 straight alpha; regions (T, R, R) uint8:
        how much a pixel counts, 64 for one, or None; identity (T, D): each frame's feature."""
        self.frames, self.renders, self.regions, self.identity = frames, renders, regions, identity
        self.region, self.augment = region, augment
        self.random = np.random.default_rng(seed)
        self.boxes = np.stack([_box(render[..., 3]) for render in renders])

    def batches(self, size: int, device: torch.device) -> Iterator[Batch]:
        """Endless batches; every frame comes once before any comes again."""
        waiting: list[int] = []
        while True:
            while len(waiting) < size:
                waiting.extend(self.random.permutation(len(self.frames)).tolist())
            chosen = waiting[:size]
            del waiting[:size]
            samples = [self.sample(index) for index in chosen]
            window, truth, mask, weight = (to_tensor(list(arrays), device) for arrays in zip(*samples))
            yield Batch(window, truth, mask, weight, torch.from_numpy(self.identity[chosen]).to(device))

    def sample(self, index: int) -> tuple[NDArray[np.uint8], ...]:
        """Window (R, R, 11), truth (R, R, 3), mask (R, R, 1) and weight (R, R, 1) for frame `index`, uint8."""
        augment, random = self.augment, self.random
        times = [max(index - back, 0) for back in reversed(range(WINDOW))]
        move = self._random_move()
        gain = 1 + augment.brightness * random.uniform(-1, 1)
        margin_scale = 1 + augment.margin * random.uniform(-1, 1)
        plates = self._plates(times)
        pictures = [prepare(self.renders[t], plate, self.region, margin_scale) for t, plate in zip(times, plates)]
        now = pictures[-1]
        flat = np.dstack([now.alpha, now.erased * 255, now.mask * 255]).astype(np.uint8)
        alpha, erased, mask = np.moveaxis(_moved(flat, move), -1, 0)
        colours = [_brighter(_moved(picture.colour, move), gain) for picture in pictures]
        truth = _brighter(_moved(self.frames[index], move), gain)
        weight = mask
        if self.regions is not None:
            weight = (_moved(self.regions[index], move).astype(np.float32) * mask / 255).astype(np.uint8)
        return np.dstack([*colours, alpha, erased]), truth, mask[..., None], weight[..., None]

    def _random_move(self) -> NDArray[np.float64] | None:
        """An affine map (2, 3) in pixels that scales and shifts the crop a little, or None for none."""
        if self.random.random() >= self.augment.moved:
            return None
        size = self.frames.shape[1]
        scale = 1 + self.augment.scale * self.random.uniform(-1, 1)
        shift = self.augment.shift * size * self.random.uniform(-1, 1, 2)
        return _about_centre(scale, shift, size)

    def _plates(self, times: list[int]) -> list[NDArray[np.uint8]]:
        """The frames themselves, or frames of another moment laid so that their face covers this one's, almost."""
        augment, random = self.augment, self.random
        if random.random() >= augment.other_plate:
            return [self.frames[time] for time in times]
        other = int(random.integers(len(self.frames)))
        error = augment.other_shift * self.frames.shape[1] * random.uniform(-1, 1, 2)
        plates = []
        for time in times:
            source = int(np.clip(other + time - times[-1], 0, len(self.frames) - 1))
            here, there = self.boxes[time], self.boxes[source]
            scale = np.clip(here[2] / max(there[2], 1), 0.8, 1.25)
            shift = here[:2] - scale * there[:2] + error
            plates.append(_moved(self.frames[source], np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])))
        return plates


def _box(alpha: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Centre x, y and size of what is drawn, pixels."""
    moments = cv2.moments((alpha > 127).astype(np.uint8), binaryImage=True)
    if moments["m00"] == 0:
        return np.array([alpha.shape[1] / 2, alpha.shape[0] / 2, 0.0])
    return np.array([moments["m10"] / moments["m00"], moments["m01"] / moments["m00"], moments["m00"] ** 0.5])


def _about_centre(scale: float, shift: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The affine map (2, 3) that scales about the middle of the picture and then shifts by pixels."""
    middle = (size - 1) / 2 * (1 - scale)
    return np.array([[scale, 0, middle + shift[0]], [0, scale, middle + shift[1]]])


def _moved(picture: NDArray[np.uint8], move: NDArray[np.float64] | None) -> NDArray[np.uint8]:
    """`picture` (R, R[, C]) resampled by the affine map `move` (2, 3) in pixels; edges are repeated."""
    if move is None:
        return picture
    size = picture.shape[1::-1]
    moved = cv2.warpAffine(picture, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _brighter(picture: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    """Colours times `gain`."""
    return np.asarray(cv2.convertScaleAbs(picture, alpha=gain), np.uint8)
