"""TrainingPairs of rendered windows and true frames, as the refiner is taught and as it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headroom.common.errors import InputError
from headroom.refine.augment import AugmentConfig, Change, moved
from headroom.refine.generator import WINDOW
from headroom.refine.region import RegionConfig, erase, face_region, over


@dataclass(frozen=True)
class PreparedFrame:
    """One frame as the network sees it."""

    colour: NDArray[np.uint8]  # (R, R, 3) the render over the erased plate
    alpha: NDArray[np.uint8]  # (R, R) the render's alpha
    erased: NDArray[np.float32]  # (R, R) 0..1
    mask: NDArray[np.float32]  # (R, R) 0..1, where the refined frame is shown


def prepare(
    render: NDArray[np.uint8], plate: NDArray[np.uint8], config: RegionConfig, margin_scale: float = 1.0
) -> PreparedFrame:
    """The picture of one frame: `render` (R, R, 4) uint8 over `plate` (R, R, 3) uint8 whose face is erased."""
    erased, mask = face_region(render[..., 3], config, margin_scale)
    return PreparedFrame(over(render, erase(plate, erased)), render[..., 3], erased, mask)


def window_array(pictures: list[PreparedFrame]) -> NDArray[np.uint8]:
    """(R, R, 11) uint8: the colours of t-2, t-1 and t, then alpha and erased area of t."""
    now = pictures[-1]
    erased = (now.erased * 255).astype(np.uint8)
    return np.dstack([*(picture.colour for picture in pictures), now.alpha, erased])


def to_tensor(arrays: list[NDArray[np.uint8]], device: torch.device) -> Tensor:
    """Pictures (R, R, C) uint8 to one batch (B, C, R, R) float32, 0..1."""
    batch = torch.from_numpy(np.stack(arrays)).to(device)
    return batch.permute(0, 3, 1, 2).contiguous().float() / 255


@dataclass(frozen=True)
class TrainingPairs:
    """True and rendered crops of the same frames of one person.

    frames (T, R, R, 3) uint8; renders (T, R, R, 4) uint8 straight alpha; regions (T, R, R) uint8: how much each pixel
    counts, 64 for one and 255 for four; identity (T, D) float32: each frame's feature, normalised; feature: what it is.
    """

    frames: NDArray[np.uint8]
    renders: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    identity: NDArray[np.float32]
    feature: str = ""

    def __post_init__(self) -> None:
        if not len(self.frames) == len(self.renders) == len(self.regions) == len(self.identity) > 0:
            raise InputError(f"{len(self.frames)} frames and {len(self.renders)} renders cannot be paired. "
                             "Learn the subject again.")
        if not self.frames.shape[1:3] == self.renders.shape[1:3] == self.regions.shape[1:3]:
            raise ValueError(f"frames {self.frames.shape}, renders {self.renders.shape} and regions "
                             f"{self.regions.shape} differ in size")

    def __len__(self) -> int:
        return len(self.frames)


def normalised_identity(identity: NDArray[np.floating]) -> NDArray[np.float32]:
    """Identity features (..., D) at length √D, so that any feature enters the network at the same strength."""
    identity = np.asarray(identity, np.float32)
    length = np.linalg.norm(identity, axis=-1, keepdims=True)
    return identity * np.float32(identity.shape[-1] ** 0.5) / np.maximum(length, np.float32(1e-6))


@dataclass(frozen=True)
class Batch:
    """Training pairs, (B, channels, R, R), 0..1."""

    window: Tensor  # 11 channels
    truth: Tensor  # 3
    mask: Tensor  # 1, where the refined frame is shown
    weight: Tensor  # 1, how much a pixel counts, compared with the others; within the mask
    identity: Tensor  # (B, D)


POOL = 24
"""Clips that are drawn from at a time; so many are held in memory."""


class RefinerDataset:
    """Windows from the clips of one or many people, varied anew each time they are drawn.

    A window is a function of the seed and its number, so that a resumed training draws what the first would have drawn.
    """

    def __init__(self, people: Sequence[TrainingPairs], draws: Sequence[int], region: RegionConfig, augment: AugmentConfig,
                 seed: int):
        """people: may be read from disk at each look. draws: how many windows of each clip make a round."""
        self.people, self.draws, self.region, self.augment, self.seed = people, draws, region, augment, seed
        self._round = (-1, np.zeros((0, 2)))
        self._held: dict[int, TrainingPairs] = {}

    def batch(self, numbers: Sequence[int], device: torch.device) -> Batch:
        """The windows of these numbers."""
        pictures, identities = zip(*(self.sample(number) for number in numbers))
        window, truth, mask, weight = (to_tensor(list(arrays), device) for arrays in zip(*pictures))
        return Batch(window, truth, mask, weight, torch.from_numpy(np.stack(identities)).to(device))

    def sample(self, number: int) -> tuple[tuple[NDArray[np.uint8], ...], NDArray[np.float32]]:
        """Window (R, R, 11), truth (R, R, 3), mask (R, R, 1) and weight (R, R, 1), uint8; the identity (D,)."""
        pairs, frame = self.place(number)
        random = np.random.default_rng([self.seed, 1, number])
        times = [max(frame - back, 0) for back in reversed(range(WINDOW))]
        change = Change.draw(self.augment, pairs.frames.shape[1], random)
        plates = other_plates(pairs, times, self.augment, random)
        pictures = [prepare(pairs.renders[t], plate, self.region, change.margin) for t, plate in zip(times, plates)]
        now = pictures[-1]
        flat = np.dstack([now.alpha, now.erased * 255, now.mask * 255, pairs.regions[frame]]).astype(np.uint8)
        alpha, erased, mask, region = np.moveaxis(change.moved(flat), -1, 0)
        weight = (region.astype(np.float32) * mask / 255).astype(np.uint8)
        window = np.dstack([*(change.seen(picture.colour) for picture in pictures), alpha, erased])
        return (window, change.seen(pairs.frames[frame]), mask[..., None], weight[..., None]), pairs.identity[frame]

    def place(self, number: int) -> tuple[TrainingPairs, int]:
        """The clip and frame of a window. A round takes `POOL` clips after the other, in a new order each time, and
        from each its draws, spread evenly over its frames: as many draws as frames are each frame once.
        """
        turn, within = divmod(number, sum(self.draws))
        if self._round[0] != turn:
            self._round = turn, self._drawn(turn)
        clip, part = self._round[1][within]
        pairs = self._pairs(int(clip))
        return pairs, int(part * len(pairs))

    def _drawn(self, turn: int) -> NDArray[np.float64]:
        """Clip and place in it, from 0 to 1, of every window of a round: (N, 2)."""
        random = np.random.default_rng([self.seed, 0, turn])
        order, parts = random.permutation(len(self.draws)), []
        for first in range(0, len(order), POOL):
            pool = [np.column_stack([np.full(self.draws[clip], float(clip)), _spread(self.draws[clip], random)])
                    for clip in order[first : first + POOL]]
            parts.append(random.permutation(np.concatenate(pool)))
        return np.concatenate(parts)

    def _pairs(self, clip: int) -> TrainingPairs:
        """The pairs of a clip, held while their pool lasts."""
        if clip not in self._held:
            while len(self._held) >= POOL:
                self._held.pop(next(iter(self._held)))
            self._held[clip] = self.people[clip]
        return self._held[clip]


def other_plates(
    pairs: TrainingPairs, times: list[int], augment: AugmentConfig, random: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """The frames themselves, or frames of another moment laid so that their face covers this one's, almost."""
    if random.random() >= augment.other_plate:
        return [pairs.frames[time] for time in times]
    other = int(random.integers(len(pairs)))
    error = augment.other_shift * pairs.frames.shape[1] * random.uniform(-1, 1, 2)
    plates = []
    for time in times:
        source = int(np.clip(other + time - times[-1], 0, len(pairs) - 1))
        here, there = _box(pairs.renders[time][..., 3]), _box(pairs.renders[source][..., 3])
        scale = np.clip(here[2] / max(there[2], 1), 0.8, 1.25)
        shift = here[:2] - scale * there[:2] + error
        plates.append(moved(pairs.frames[source], np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])))
    return plates


def _spread(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """So many places between 0 and 1, one in each equal part of it."""
    return (np.arange(count) + random.uniform(0, 0.999)) / count


def _box(alpha: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Centre x, y and size of what is drawn, pixels."""
    moments = cv2.moments((alpha > 127).astype(np.uint8), binaryImage=True)
    if moments["m00"] == 0:
        return np.array([alpha.shape[1] / 2, alpha.shape[0] / 2, 0.0])
    return np.array([moments["m10"] / moments["m00"], moments["m01"] / moments["m00"], moments["m00"] ** 0.5])
