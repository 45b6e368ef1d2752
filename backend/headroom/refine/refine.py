"""Renders in, photos out: the trained refiner, streaming."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from headroom.errors import InputError
from headroom.files import atomic_write
from headroom.refine.dataset import Picture, prepare, to_tensor, window_array
from headroom.refine.generator import WINDOW, Generator, GeneratorConfig
from headroom.refine.recall import Recall
from headroom.refine.region import RegionConfig

FORMAT = "headroom refiner 1"
_MEMORY = "memory."


class Refiner:
    """One person's generator with all it needs to be used."""

    def __init__(
        self,
        generator: Generator,
        identity: NDArray[np.float32],
        region: RegionConfig,
        resolution: int,
        device: str = "auto",
        recall: Recall | None = None,
    ):
        """identity (D,) float32 normalised; resolution: pixels across a crop; device: auto, cpu, cuda or mps.

        recall: the memory that every render's identity is looked up in, instead of the one identity.
        """
        self.device = pick_device(device)
        self.generator = generator.to(self.device).eval()
        self.identity, self.region, self.resolution = identity, region, resolution
        self.recall = recall.to(self.device).eval() if recall else None

    def refine(
        self,
        renders: Iterable[NDArray[np.uint8]],
        plates: Iterable[NDArray[np.uint8]],
        batch: int | None = None,
        context: int = 0,
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """Refined crop (R, R, 3) uint8 and mask (R, R) float32 0..1 for each frame, in order.

        renders: (R, R, 4) uint8, straight alpha; plates: (R, R, 3) uint8, their crops. One is read from each as it is
        needed, so memory does not grow with the number of frames. batch: frames at a time; by default one on CPU.
        context: how many of the first frames are there to be looked at by the next ones, and are not refined.
        """
        batch = batch or (1 if self.device.type == "cpu" else 8)
        windows = islice(self._windows(renders, plates), context, None)
        while chunk := list(islice(windows, batch)):
            refined = self.paint([window_array(window) for window, _ in chunk], [feature for _, feature in chunk])
            for (window, _), picture in zip(chunk, refined):
                yield picture, window[-1].mask

    @torch.inference_mode()
    def paint(self, windows: list[NDArray[np.uint8]], features: list[NDArray[np.float32]]) -> NDArray[np.uint8]:
        """Refined crops (B, R, R, 3) uint8 of windows (R, R, 11) uint8 and their identity features (D,)."""
        identity = torch.from_numpy(np.stack(features)).to(self.device)
        with autocast(self.device):
            refined, _ = self.generator(to_tensor(windows, self.device), identity)
        return (refined.clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def save(self, path: Path) -> None:
        """One safetensors file, weights in half precision; the settings are in its metadata."""
        settings = {
            "generator": asdict(self.generator.config),
            "region": asdict(self.region),
            "resolution": self.resolution,
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
            recall = Recall.restored(settings, remembered) if remembered else None
            generator = Generator(GeneratorConfig(**settings["generator"]))
            generator.load_state_dict({name: value.float() for name, value in tensors.items()})
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise InputError(f"{path} was written by another version of Headroom. Learn the subject again.") from error
        return cls(generator, identity, RegionConfig(**settings["region"]), settings["resolution"], device, recall)

    def _windows(
        self, renders: Iterable[NDArray[np.uint8]], plates: Iterable[NDArray[np.uint8]]
    ) -> Iterator[tuple[list[Picture], NDArray[np.float32]]]:
        """For every t the pictures of t-2, t-1 and t, and the mean of their identity features; the first stands in for
        those before it.

        Features are smoothed over no more than the window, since a kept crop depends on nothing else.
        """
        recent: deque[Picture] = deque(maxlen=WINDOW)
        features: deque[NDArray[np.float32]] = deque(maxlen=WINDOW)
        for render, plate in zip(renders, plates):
            recent.append(prepare(render, plate, self.region))
            features.append(self.feature_of(recent[-1]))
            while len(recent) < WINDOW:
                recent.append(recent[0])
                features.append(features[0])
            yield list(recent), np.mean(features, axis=0)

    def feature_of(self, picture: Picture) -> NDArray[np.float32]:
        """The identity feature (D,) of one frame: what the memory says of its render, or the one identity."""
        if self.recall is None:
            return self.identity
        render = np.dstack([picture.colour, picture.alpha])
        return self.recall.retrieve(to_tensor([render], self.device))[0].cpu().numpy()


def pick_device(name: str) -> torch.device:
    """`auto` is the best there is."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def autocast(device: torch.device) -> AbstractContextManager:
    """bfloat16 where it is faster: GPUs, and CPUs with instructions for it (0.038 instead of 0.068 s a frame)."""
    supported = device.type == "cuda" or (device.type == "cpu" and torch.cpu._is_avx512_bf16_supported())
    return torch.autocast(device.type, torch.bfloat16, enabled=supported)
