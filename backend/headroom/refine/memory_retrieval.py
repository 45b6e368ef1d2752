"""Memory retrieval: the memory with the network that describes renders, its training, and its form in a file."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headroom.refine.memory import Memory, MemoryConfig, slots_for
from headroom.refine.spatial import (
    SpatialConfig,
    SpatialNetwork,
    bundled_spatial,
    restored_spatial,
    stored_tensors,
)

_SPATIAL = "spatial."
REPLAYED_PAIRS = 16  # earlier pairs in each training step, because the generator's batch has only one or two frames


class MemoryRetrieval(nn.Module):
    """A memory, and the network whose features its queries are computed from."""

    def __init__(self, spatial: SpatialNetwork, memory: Memory):
        super().__init__()
        self.spatial, self.memory = spatial, memory

    @torch.inference_mode()
    def retrieve(self, renders: Tensor) -> Tensor:
        """Return identity features (B, D) of renders (B, 4, R, R), colours and alpha, 0..1."""
        return self.memory.retrieve(self.spatial(renders))

    def settings(self) -> dict[str, Any]:
        """Return the configs that a file stores in its metadata."""
        return {"memory": asdict(self.memory.config), "spatial": asdict(self.spatial.config)}

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors that a file stores."""
        spatial = {_SPATIAL + name: value for name, value in stored_tensors(self.spatial).items()}
        return {**self.memory.state_dict(), **spatial}

    @staticmethod
    def restored(settings: dict[str, Any], tensors: dict[str, Tensor]) -> MemoryRetrieval:
        """Return the inverse of `settings` and `tensors`.

        Raises KeyError, TypeError, RuntimeError or ValueError where they do not fit each other.
        """
        config = dict(settings["spatial"])
        config |= {name: tuple(config[name]) for name in ("blocks", "mean", "std")}
        spatial = {name[len(_SPATIAL) :]: value for name, value in tensors.items() if name.startswith(_SPATIAL)}
        memory = Memory(MemoryConfig(**settings["memory"]))
        memory.load_state_dict({name: value for name, value in tensors.items() if not name.startswith(_SPATIAL)})
        return MemoryRetrieval(restored_spatial(SpatialConfig(**config), spatial), memory)


class MemoryTrainer:
    """Trains a memory on each batch before the generator learns from it, which is the paper's order."""

    def __init__(self, spatial: SpatialNetwork, config: MemoryConfig, seed: int, device: torch.device,
                 learning_rate: float = 1e-3):
        """Start an empty memory; `learning_rate` is Adam's, for the query layer."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.retrieval = MemoryRetrieval(spatial, Memory(config)).to(device)
        self._random = torch.Generator().manual_seed(seed)
        self._replay: deque[tuple[Tensor, Tensor]] = deque(maxlen=config.slots)  # the latest pairs
        self._optimiser = torch.optim.Adam(self.retrieval.memory.query.parameters(), learning_rate, betas=(0.5, 0.999))
        self.loss = 0.0  # of the latest step

    def step(self, renders: Tensor, identities: Tensor) -> None:
        """Train on renders (B, 4, R, R), 0..1, with their identity features (B, D), then store them."""
        self.step_features(self.retrieval.spatial(renders), identities)

    def step_features(self, spatial: Tensor, identities: Tensor) -> None:
        """Train on spatial features (B, S) with identity features (B, D), then store them.

        Some earlier pairs are repeated, because batches are small, and because that updates their keys to the changed
        query layer.
        """
        memory = self.retrieval.memory
        new = list(zip(spatial, identities))
        repeated = []
        if self._replay:
            indices = torch.randint(len(self._replay), (REPLAYED_PAIRS,), generator=self._random)
            repeated = [self._replay[index] for index in indices.tolist()]
        spatial, identities = map(torch.stack, zip(*new, *repeated))
        self._replay.extend(new)
        loss = memory.loss(memory.queries(spatial), identities)
        self.loss = float(loss.detach())
        if self.loss > 0:
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
        with torch.no_grad():
            memory.update(memory.queries(spatial), identities, self._random)


def memory_trainer_for(
    identities: NDArray[np.float32], spatial: SpatialNetwork | None, seed: int, device: torch.device
) -> MemoryTrainer | None:
    """Return the trainer of a memory for the identity features (T, D) of all training frames.

    Returns None where they are all equal, because then there is nothing to retrieve.

    spatial: describes renders; the bundled network if None.
    """
    if np.ptp(identities, axis=0).max() < 1e-6:
        return None
    network = spatial or bundled_spatial()
    config = MemoryConfig(slots_for(len(identities)), network.config.features, identities.shape[1])
    return MemoryTrainer(network, config, seed, device)
