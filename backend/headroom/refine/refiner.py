"""Renders in, photos out: the trained refiner, streaming."""

from __future__ import annotations

import copy
import json
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from headroom.common.device import is_out_of_memory, pick_device
from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.refine.dataset import PreparedFrame, prepare, to_tensor, window_array
from headroom.refine.generator import WINDOW, Generator, GeneratorConfig
from headroom.refine.memory_retrieval import MemoryRetrieval
from headroom.refine.region import RegionConfig

FORMAT = "headroom refiner 1"
_MEMORY = "memory."
BATCH = {"cpu": 1, "cuda": 8, "mps": 4}
"""Frames at a time: on a CPU four together take longer than four alone, for they leave the cache."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefinerInput:
    """One frame as the generator takes it."""

    pixels: NDArray[np.uint8]  # (R, R, 11)
    identity: NDArray[np.float32]  # (D,)
    mask: NDArray[np.float32]  # (R, R) 0..1, where the refined frame is shown


class Refiner:
    """One person's generator with all it needs to be used."""

    def __init__(
        self,
        generator: Generator,
        identity: NDArray[np.float32],
        region: RegionConfig,
        resolution: int,
        device: str = "auto",
        recall: MemoryRetrieval | None = None,
        feature: str = "",
    ):
        """identity (D,) float32 normalised; resolution: pixels across a crop; device: auto, cpu, cuda or mps.

        recall: the memory that every render's identity is looked up in, instead of the one identity.
        feature: what the identity is, as `Pairs` says.
        """
        self.device = pick_device(device)
        self.generator = generator.to(self.device).eval()
        self.identity, self.feature = identity, feature
        self.region, self.resolution = region, resolution
        self.recall = recall.to(self.device).eval() if recall else None
        self._painter: Generator | None = None

    def refine(
        self,
        renders: Iterable[NDArray[np.uint8]],
        plates: Iterable[NDArray[np.uint8]],
        batch: int | None = None,
        context: int = 0,
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """Refined crop (R, R, 3) uint8 and mask (R, R) float32 0..1 for each frame, in order.

        renders: (R, R, 4) uint8, straight alpha; plates: (R, R, 3) uint8, their crops.
        context: how many of the first frames are there to be looked at by the next ones, and are not refined.
        """
        return self.painted(self.windows(renders, plates, context), batch)

    def windows(
        self, renders: Iterable[NDArray[np.uint8]], plates: Iterable[NDArray[np.uint8]], context: int = 0
    ) -> Iterator[RefinerInput]:
        """What the generator sees of each frame; one render and one plate are read for each, as it is needed.

        Identity features are smoothed over no more than the window, since a kept crop depends on nothing else.
        """
        recent: deque[PreparedFrame] = deque(maxlen=WINDOW)
        features: deque[NDArray[np.float32]] = deque(maxlen=WINDOW)
        for number, (render, plate) in enumerate(zip(renders, plates)):
            recent.append(prepare(render, plate, self.region))
            features.append(self.feature_of(recent[-1]))
            while len(recent) < WINDOW:  # the first stands in for those before it
                recent.append(recent[0])
                features.append(features[0])
            if number >= context:
                yield RefinerInput(window_array(list(recent)), np.mean(features, axis=0), recent[-1].mask)

    def painted(
        self, windows: Iterable[RefinerInput], batch: int | None = None
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """Refined crop and mask of each window, in order. batch: windows at a time, by default what the device likes;
        no more than that are held, so memory does not grow with the number of frames."""
        rest = iter(windows)
        while chunk := list(islice(rest, batch or BATCH[self.device.type])):
            for window, picture in zip(chunk, self.paint(chunk)):
                yield picture, window.mask

    def paint(self, windows: list[RefinerInput]) -> NDArray[np.uint8]:
        """Refined crops (B, R, R, 3) uint8 of windows; fewer at a time where memory runs out."""
        try:
            return self._paint(windows)
        except RuntimeError as error:
            if self.device.type == "cpu" or not is_out_of_memory(error):
                raise
        torch.accelerator.empty_cache()
        if len(windows) == 1:
            log.warning("The GPU's memory is full; refining goes on on the CPU")
            self.device, self.generator, self._painter = torch.device("cpu"), self.generator.cpu(), None
            return self._paint(windows)
        half = len(windows) // 2
        return np.concatenate([self.paint(windows[:half]), self.paint(windows[half:])])

    @torch.inference_mode()
    def _paint(self, windows: list[RefinerInput]) -> NDArray[np.uint8]:
        identity = torch.from_numpy(np.stack([window.identity for window in windows])).to(self.device)
        if self._painter is None:
            self._painter = _frozen(self.generator, self.device)
        with autocast(self.device):
            refined, _ = self._painter(to_tensor([window.pixels for window in windows], self.device), identity)
        return (refined.clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def save(self, path: Path) -> None:
        """One safetensors file, weights in half precision; the settings are in its metadata."""
        settings = {
            "generator": asdict(self.generator.config),
            "region": asdict(self.region),
            "resolution": self.resolution,
            "feature": self.feature,
        }
        state = self.generator.state_dict()
        tensors = {name: value.detach().cpu().half().contiguous() for name, value in state.items()}
        tensors["identity"] = torch.from_numpy(self.identity)
        if self.recall:
            settings |= self.recall.settings()
            remembered = self.recall.tensors()
            tensors |= {_MEMORY + name: value.cpu().contiguous() for name, value in remembered.items()}
        with atomic_write(Path(path)) as temporary:
            save_file(tensors, temporary, metadata={"format": FORMAT, "config": json.dumps(settings)})

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> Refiner:
        """The refiner that `save` wrote."""
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except (OSError, SafetensorError) as error:
            raise InputError(f"Cannot read the refiner {path}. Learn the subject again.") from error
        if metadata.get("format") != FORMAT:
            raise InputError(f"{path} is not a refiner of this version of Headroom. Learn the subject again.")
        try:
            settings = json.loads(metadata["config"])
            identity = tensors.pop("identity").numpy()
            remembered = {name[len(_MEMORY) :]: tensors.pop(name) for name in list(tensors) if name.startswith(_MEMORY)}
            recall = MemoryRetrieval.restored(settings, remembered) if remembered else None
            generator = Generator(GeneratorConfig(**settings["generator"]))
            generator.load_state_dict({name: value.float() for name, value in tensors.items()})
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise InputError(f"{path} was written by another version of Headroom. Learn the subject again.") from error
        return cls(generator, identity, RegionConfig(**settings["region"]), settings["resolution"], device, recall,
                   settings.get("feature", ""))  # older files do not say

    def feature_of(self, picture: PreparedFrame) -> NDArray[np.float32]:
        """The identity feature (D,) of one frame: what the memory says of its render, or the one identity."""
        if self.recall is None:
            return self.identity
        render = to_tensor([np.dstack([picture.colour, picture.alpha])], self.recall.memory.keys.device)
        return self.recall.retrieve(render)[0].cpu().numpy()


def autocast(device: torch.device) -> AbstractContextManager:
    """bfloat16 where it is faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=_has_bfloat16(device))


def _has_bfloat16(device: torch.device) -> bool:
    """GPUs, and CPUs with instructions for it (0.038 instead of 0.068 s a frame)."""
    return device.type == "cuda" or (device.type == "cpu" and torch.cpu._is_avx512_bf16_supported())


def _frozen(generator: Generator, device: torch.device) -> Generator:
    """The generator for use alone: its weights are converted once, where autocast would do it for every frame."""
    return copy.deepcopy(generator).requires_grad_(False).bfloat16() if _has_bfloat16(device) else generator
