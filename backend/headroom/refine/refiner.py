"""A trained refiner: renders over plates in, photos out, as a stream."""

from __future__ import annotations

import copy
import logging
import platform
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from headroom.common.autocast import has_fast_bfloat16
from headroom.common.device import pick_device
from headroom.common.errors import InputError
from headroom.common.failures import is_out_of_memory
from headroom.common.stored import Damaged, config_of, damage
from headroom.refine.file_format import RefinerFile, read_file, write_file
from headroom.refine.generator import INPUT_FRAMES, Area, Generator, GeneratorConfig
from headroom.refine.inputs import CropPlate, PreparedFrame, RefinerInput, input_array, prepare_frame, to_tensor
from headroom.refine.memory_retrieval import MemoryRetrieval
from headroom.refine.packed import packed
from headroom.refine.refined_crops import ENLARGING_READS, RefinedCrop
from headroom.refine.region import RegionConfig

X86_MACHINES = ("x86_64", "AMD64")
_MEMORY = "memory."
BATCH_SIZES = {"cpu": 1, "cuda": 8, "mps": 4}
"""Frames per batch. On a CPU four frames together take longer than one by one, because they exceed its cache."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefinerIdentity:
    """The identity features that the generator is conditioned on.

    mean: (D,) float32, the person's mean feature, normalised.
    feature: what the feature is, as in `TrainingPairs.identity_feature`.
    retrieval: retrieves a feature for each render; without it every frame has the mean.
    """

    mean: NDArray[np.float32]
    feature: str = ""
    retrieval: MemoryRetrieval | None = None


class Refiner:
    """One person's generator with everything that its use needs."""

    def __init__(
        self, generator: Generator, identity: RefinerIdentity, region: RegionConfig, resolution: int,
        device: str = "auto",
    ):
        """Move the networks to a device.

        resolution: R, pixels across a crop.
        device: auto, cpu, cuda or mps.
        """
        self.device = pick_device(device)
        self.generator = generator.to(self.device).eval()
        self.identity, self.region, self.resolution = identity, region, resolution
        if identity.retrieval:
            identity.retrieval.to(self.device).eval()
        self._in_use: tuple[Generator, torch.dtype] | None = None
        self._openmp = ThreadpoolController().select(user_api="openmp")

    def refine(
        self, frames: Iterable[tuple[NDArray[np.uint8], CropPlate]], batch_size: int | None = None, context: int = 0
    ) -> Iterator[RefinedCrop]:
        """Yield the refined crop of each frame in order.

        frames: render (R, R, 4) uint8, straight alpha, and plate of each frame.
        batch_size: frames per batch; chosen by device if None.
        context: number of leading frames that are only the context of the following ones and are not refined.
        """
        return self.refine_inputs(self.prepare(frames, context), batch_size)

    def prepare(
        self, frames: Iterable[tuple[NDArray[np.uint8], CropPlate]], context: int = 0
    ) -> Iterator[RefinerInput]:
        """Yield the generator's input for each frame after the first `context`; it reads one frame at a time.

        Identity features are averaged over the frames of the input only, because a cached crop depends on nothing else.
        """
        recent: deque[PreparedFrame] = deque(maxlen=INPUT_FRAMES)
        identities: deque[NDArray[np.float32]] = deque(maxlen=INPUT_FRAMES)
        for number, (render, plate) in enumerate(frames):
            recent.append(prepare_frame(render, plate, self.region))
            identities.append(self.identity_of(recent[-1]))
            while len(recent) < INPUT_FRAMES:  # the first frame stands for those before it
                recent.append(recent[0])
                identities.append(identities[0])
            if number >= context:
                yield RefinerInput(input_array(recent, self.uses_plates), np.mean(identities, axis=0), recent[-1].mask)

    def refine_inputs(self, inputs: Iterable[RefinerInput], batch_size: int | None = None) -> Iterator[RefinedCrop]:
        """Yield the refined crop of each input in order; no more than one batch is in memory."""
        rest = iter(inputs)
        while batch := list(islice(rest, batch_size or BATCH_SIZES[self.device.type])):
            for each, painted in zip(batch, self.generate(batch)):
                yield np.ascontiguousarray(painted[..., :3]), each.mask * (painted[..., 3] / np.float32(255))

    def generate(self, inputs: Sequence[RefinerInput]) -> NDArray[np.uint8]:
        """Return pictures with alpha (B, R, R, 4) uint8 that composite to the refined ones over the plates.

        It halves the batch, or moves to the CPU, where memory runs out.
        """
        try:
            return self._generate(inputs)
        except RuntimeError as error:
            if self.device.type == "cpu" or not is_out_of_memory(error):
                raise
        torch.accelerator.empty_cache()
        if len(inputs) == 1:
            log.warning("The GPU's memory is full; refining continues on the CPU")
            self.device, self.generator, self._in_use = torch.device("cpu"), self.generator.cpu(), None
            return self._generate(inputs)
        half = len(inputs) // 2
        return np.concatenate([self.generate(inputs[:half]), self.generate(inputs[half:])])

    def _generate(self, inputs: Sequence[RefinerInput]) -> NDArray[np.uint8]:
        """Return pictures with alpha (B, R, R, 4) uint8; away from all masks they are black."""
        if self._in_use is None:
            self._in_use = for_use(self.generator, self.resolution, self.device)
        generator, dtype = self._in_use
        # One core is left to the shot's other stages: threads that wait for a busy one cost more than they do.
        with self._openmp.limit(limits=max(torch.get_num_threads() - 1, 1)), torch.inference_mode():
            identity = torch.from_numpy(np.stack([each.identity for each in inputs])).to(self.device, dtype)
            pixels = torch.from_numpy(np.stack([each.pixels for each in inputs])).to(self.device).permute(0, 3, 1, 2)
            area = _seen_area([each.mask for each in inputs])
            outputs = generator.outputs(pixels.to(dtype) / 255, identity, area)
            painted = torch.zeros(len(pixels), *pixels.shape[2:], 4, dtype=torch.uint8)
            seen = generator.over_plate(pixels[area].float() / 255, outputs)
            painted[:, area[1], area[2]] = (seen * 255 + 0.5).byte().permute(0, 2, 3, 1).cpu()
            return painted.numpy()

    @property
    def uses_plates(self) -> bool:
        """Whether the generator attends to plates, which then have to be reprojected."""
        return self.generator.config.plate_term

    def identity_of(self, frame: PreparedFrame) -> NDArray[np.float32]:
        """Return the identity feature (D,) of one frame: the one retrieved for its render, or the mean."""
        retrieval = self.identity.retrieval
        if retrieval is None:
            return self.identity.mean
        render = to_tensor([np.dstack([frame.colour, frame.alpha])], retrieval.memory.keys.device)
        return retrieval.retrieve(render)[0].cpu().numpy()

    def save(self, path: Path) -> None:
        """Write the refiner as one safetensors file, the generator in half precision."""
        config = {
            "generator": asdict(self.generator.config),
            "region": asdict(self.region),
            "resolution": self.resolution,
            "identity_feature": self.identity.feature,
        }
        tensors = {name: value.half() for name, value in self.generator.state_dict().items()}
        tensors["identity"] = torch.from_numpy(self.identity.mean)
        if self.identity.retrieval:
            config |= self.identity.retrieval.settings()
            tensors |= {_MEMORY + name: value for name, value in self.identity.retrieval.tensors().items()}
        write_file(path, RefinerFile(config, tensors))

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> Refiner:
        """Read a refiner that `save` wrote, or an older version of it."""
        contents = read_file(path)
        config, tensors = contents.config, contents.tensors
        try:
            with damage():
                mean = tensors.pop("identity").numpy()
                memory = {name[len(_MEMORY) :]: tensors.pop(name) for name in list(tensors) if name.startswith(_MEMORY)}
                retrieval = MemoryRetrieval.restored(config, memory) if memory else None
                generator = Generator(config_of(GeneratorConfig, config["generator"]))
                generator.load_state_dict({name: value.float() for name, value in tensors.items()})
                identity = RefinerIdentity(mean, str(config["identity_feature"]), retrieval)
                region, resolution = config_of(RegionConfig, config["region"]), config_of(int, config["resolution"])
                if mean.shape != (generator.config.identity_size,) or resolution < 1:
                    raise Damaged("its identity or its resolution does not fit")
        except Damaged as error:
            raise InputError(f"{path} was written by another version of Headroom. Learn the subject again.") from error
        return cls(generator, identity, region, resolution, device)


def _seen_area(masks: Sequence[NDArray[np.float32]]) -> Area:
    """Return the area of a crop (R, R) of which some masks show something, and of what enlarging the crop reads."""
    seen = np.any(masks, axis=0)
    ends = []
    for axis in (1, 0):
        places = np.flatnonzero(seen.any(axis=axis))
        start, end = (places[0], places[-1] + 1) if len(places) else (0, 0)
        ends.append(slice(max(start - ENLARGING_READS, 0) // 2 * 2, min(end + ENLARGING_READS + 1, len(seen)) // 2 * 2))
    return (..., ends[0], ends[1])


def for_use(generator: Generator, resolution: int, device: torch.device) -> tuple[Generator, torch.dtype]:
    """Return the generator as it is fastest on a device, and the type of its inputs."""
    dtype = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    # Other processors' kernels lie in memory otherwise, and PyTorch rearranges them by itself.
    if device.type == "cpu" and platform.machine() in X86_MACHINES and torch.backends.mkldnn.is_available():
        return packed(generator, resolution, dtype), dtype
    return copy.deepcopy(generator).requires_grad_(False).to(dtype), dtype
