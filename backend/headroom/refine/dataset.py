"""The refiner's training data: pairs of rendered and true crops, sampled with augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headroom.common.errors import InputError
from headroom.refine.augment import Augmentation, RefinerAugmentConfig, warp_affine
from headroom.refine.generator import INPUT_FRAMES
from headroom.refine.inputs import CropPlate, input_array, prepare_frame, to_tensor
from headroom.refine.region import RegionConfig, erase

HIDDEN_RADII = (0.04, 0.14)
"""Of the discs that are hidden in training, as fractions of the crop."""
MIN_DETAIL_WEIGHT = 160
"""Loss weights of mouth and eyes."""
POOL_CLIPS = 24
"""Clips that are sampled from at the same time, which are in memory together."""


@dataclass(frozen=True)
class TrainingPairs:
    """True and rendered crops of T frames of one person.

    frames: (T, R, R, 3) uint8, true.
    renders: (T, R, R, 4) uint8, straight alpha.
    weights: (T, R, R) uint8, weight of each pixel in the losses (headroom/refine/loss_weights.py).
    identity: (T, D) float32, identity feature of each frame, normalised.
    identity_feature: what the identity feature is, for instance "ArcFace".
    plates: (T, R, R, 4) uint8, for each frame a plate of another moment reprojected to it, and where it is valid; None
        for a generator without a plate term.
    left_out: frame that is not sampled, so that it shows what the training makes of others; None samples all.
    """

    frames: NDArray[np.uint8]
    renders: NDArray[np.uint8]
    weights: NDArray[np.uint8]
    identity: NDArray[np.float32]
    identity_feature: str = ""
    plates: NDArray[np.uint8] | None = None
    left_out: int | None = None

    def __post_init__(self) -> None:
        if not len(self.frames) == len(self.renders) == len(self.weights) == len(self.identity) > 0:
            raise InputError(f"{len(self.frames)} frames and {len(self.renders)} renders cannot be paired. "
                             "Learn the subject again.")
        if self.plates is not None and self.plates.shape != (*self.frames.shape[:3], 4):
            raise ValueError(f"plates {self.plates.shape} do not fit frames {self.frames.shape}")
        if not self.frames.shape[1:3] == self.renders.shape[1:3] == self.weights.shape[1:3]:
            raise ValueError(f"frames {self.frames.shape}, renders {self.renders.shape} and weights "
                             f"{self.weights.shape} differ in size")

    def __len__(self) -> int:
        return len(self.frames)


def normalised_identity(identity: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale identity features (..., D) to length √D, so that every kind of feature has the same variance."""
    identity = np.asarray(identity, np.float32)
    length = np.linalg.norm(identity, axis=-1, keepdims=True)
    return identity * np.float32(identity.shape[-1] ** 0.5) / np.maximum(length, np.float32(1e-6))


@dataclass(frozen=True)
class Sample:
    """One augmented training example.

    inputs: (R, R, C) uint8, see `input_array`.
    truth: (R, R, 3) uint8, the true crop.
    mask: (R, R, 1) uint8, alpha of the refined crop in the finished frame.
    weight: (R, R, 1) uint8, weight in the losses, 0 outside the mask.
    identity: (D,) float32.
    """

    inputs: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    weight: NDArray[np.uint8]
    identity: NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Samples as tensors (B, C, R, R), 0..1, and their identity (B, D)."""

    inputs: Tensor
    truth: Tensor  # 3
    mask: Tensor  # 1
    weight: Tensor  # 1
    identity: Tensor


class RefinerDataset:
    """Augmented samples of the clips of one or more people.

    A sample is a function of the seed and its number alone, so a resumed training gets the same ones.
    """

    def __init__(self, clips: Sequence[TrainingPairs], samples_per_clip: Sequence[int], region: RegionConfig,
                 augment: RefinerAugmentConfig, seed: int):
        """Sample from `clips`, which may read a clip from disk at each access.

        samples_per_clip: how many samples of each clip make an epoch.
        """
        self.clips, self.samples_per_clip, self.seed = clips, samples_per_clip, seed
        self.region, self.augment = region, augment
        self._epoch = -1
        self._epoch_order = np.zeros((0, 2))
        self._loaded: dict[int, TrainingPairs] = {}

    @property
    def samples_per_epoch(self) -> int:
        """Number of samples in an epoch."""
        return sum(self.samples_per_clip)

    def batch(self, numbers: Sequence[int], device: torch.device) -> Batch:
        """Return the samples of these numbers."""
        samples = [self.sample(number) for number in numbers]
        inputs, truth, mask, weight = (to_tensor([getattr(sample, name) for sample in samples], device)
                                       for name in ("inputs", "truth", "mask", "weight"))
        identity = torch.from_numpy(np.stack([sample.identity for sample in samples])).to(device)
        return Batch(inputs, truth, mask, weight, identity)

    def sample(self, number: int) -> Sample:
        """Return the sample of this number."""
        pairs, frame = self.locate(number)
        random = np.random.default_rng([self.seed, 1, number])
        times = [max(frame - back, 0) for back in reversed(range(INPUT_FRAMES))]
        augmentation = Augmentation.sample(self.augment, pairs.frames.shape[1], random)
        sampled = sample_plates if pairs.plates is None else sample_reprojected_plates
        plates = sampled(pairs, times, self.augment, random)
        prepared = [augmentation.of_frame(prepare_frame(pairs.renders[time], plate, self.region,
                                                        augmentation.margin_scale))
                    for time, plate in zip(times, plates)]
        mask = (prepared[-1].mask * 255 + 0.5).astype(np.uint8)
        weight = augmentation.warp(pairs.weights[frame]).astype(np.float32)
        masked_weight = (weight * prepared[-1].mask).astype(np.uint8)
        return Sample(input_array(prepared, pairs.plates is not None), augmentation.warp_and_grade(pairs.frames[frame]),
                      mask[..., None], masked_weight[..., None], pairs.identity[frame])

    def locate(self, number: int) -> tuple[TrainingPairs, int]:
        """Return the clip and the frame of a sample.

        An epoch goes through pools of `POOL_CLIPS` clips, in a new order each time. The samples of a clip are spread
        evenly over its frames: as many samples as frames give each frame once, but for the one that is left out.
        """
        epoch, within = divmod(number, self.samples_per_epoch)
        if self._epoch != epoch:
            self._epoch, self._epoch_order = epoch, self._sample_order(epoch)
        clip, position = self._epoch_order[within]
        pairs = self._load(int(clip))
        frame = int(position * len(pairs))
        return pairs, frame if frame != pairs.left_out else max(frame - 1, 0)

    def _sample_order(self, epoch: int) -> NDArray[np.float64]:
        """Return clip and position in it, 0..1, of every sample of an epoch: (N, 2)."""
        random = np.random.default_rng([self.seed, 0, epoch])
        clips, pools = random.permutation(len(self.samples_per_clip)), []
        for first in range(0, len(clips), POOL_CLIPS):
            pool = [np.column_stack([np.full(self.samples_per_clip[clip], float(clip)),
                                     _evenly_spaced(self.samples_per_clip[clip], random)])
                    for clip in clips[first : first + POOL_CLIPS]]
            pools.append(random.permutation(np.concatenate(pool)))
        return np.concatenate(pools)

    def _load(self, clip: int) -> TrainingPairs:
        """Return the pairs of a clip, which stay in memory while its pool is sampled from."""
        if clip not in self._loaded:
            while len(self._loaded) >= POOL_CLIPS:
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[clip] = self.clips[clip]
        return self._loaded[clip]


def sample_plates(
    pairs: TrainingPairs, times: list[int], augment: RefinerAugmentConfig, random: np.random.Generator
) -> list[CropPlate]:
    """Return a plate for each of the times: the frame itself, or one of another moment, with the face to be erased.

    Frames of another moment are moved so that their face covers this one's, with a random error.
    """
    if random.random() >= augment.other_plate_probability:
        return [CropPlate(pairs.frames[time]) for time in times]
    other = int(random.integers(len(pairs)))
    error = augment.other_plate_shift * pairs.frames.shape[1] * random.uniform(-1, 1, 2)
    plates = []
    for time in times:
        source = int(np.clip(other + time - times[-1], 0, len(pairs) - 1))
        face, source_face = (_face_position(pairs.renders[index][..., 3]) for index in (time, source))
        scale = np.clip(face[2] / max(source_face[2], 1), 0.8, 1.25)
        shift = face[:2] - scale * source_face[:2] + error
        moved = warp_affine(pairs.frames[source], np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]))
        plates.append(CropPlate(moved))
    return plates


def sample_reprojected_plates(
    pairs: TrainingPairs, times: list[int], augment: RefinerAugmentConfig, random: np.random.Generator
) -> list[CropPlate]:
    """Return the reprojected plate of each of the times, sometimes with the face or a part of it hidden.

    What is hidden teaches the generator to paint what no plate shows.
    """
    assert pairs.plates is not None
    if random.random() < augment.hidden_face_probability:
        return [CropPlate(pairs.plates[time][..., :3]) for time in times]
    plates = [CropPlate(pairs.plates[time][..., :3], pairs.plates[time][..., 3]) for time in times]
    if random.random() < augment.hidden_part_probability:
        plates[-1] = _with_hidden_part(plates[-1], pairs.weights[times[-1]], random)
    return plates


def _with_hidden_part(
    plate: CropPlate, weights: NDArray[np.uint8], random: np.random.Generator
) -> CropPlate:
    """Return a plate in which a disc at the mouth or an eye, where the loss weights (R, R) are high, is not valid."""
    assert plate.valid is not None
    rows, columns = np.nonzero(weights >= MIN_DETAIL_WEIGHT)
    if not len(rows):
        return plate
    chosen, side = int(random.integers(len(rows))), len(weights)
    disc = np.zeros(weights.shape, np.float32)
    radius = round(side * random.uniform(*HIDDEN_RADII))
    cv2.circle(disc, (int(columns[chosen]), int(rows[chosen])), radius, (1.0,), -1)
    valid = np.minimum(plate.valid, 255 - (disc * 255).astype(np.uint8))
    return CropPlate(erase(plate.picture, disc), valid)


def _evenly_spaced(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return `count` evenly spaced numbers between 0 and 1, all with one random offset."""
    return (np.arange(count) + random.uniform(0, 0.999)) / count


def _face_position(alpha: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return centre x, centre y and size, pixels, of what a render (R, R) shows."""
    moments = cv2.moments((alpha > 127).astype(np.uint8), binaryImage=True)
    if moments["m00"] == 0:
        return np.array([alpha.shape[1] / 2, alpha.shape[0] / 2, 0.0])
    return np.array([moments["m10"] / moments["m00"], moments["m01"] / moments["m00"], moments["m00"] ** 0.5])
