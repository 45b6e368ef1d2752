"""The memory at work: taught beside the generator, asked when renders are refined, kept in the refiner's file."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headroom.refine.memory import Memory, MemoryConfig, slots_for
from headroom.refine.spatial import SpatialConfig, SpatialNetwork, bundled_spatial, kept_tensors, restored

_SPATIAL = "spatial."
_REPLAYED = 16  # pairs a step: training takes one or two frames at a time


class MemoryRetrieval(nn.Module):
    """A memory and the network whose features it is asked by."""

    def __init__(self, spatial: SpatialNetwork, memory: Memory):
        super().__init__()
        self.spatial, self.memory = spatial, memory

    @torch.inference_mode()
    def retrieve(self, renders: Tensor) -> Tensor:
        """Identity features (B, D) of renders (B, 4, R, R), colours and alpha, 0..1."""
        return self.memory.retrieve(self.spatial(renders))

    def settings(self) -> dict[str, Any]:
        """What a file's metadata has to hold."""
        return {"memory": asdict(self.memory.config), "spatial": asdict(self.spatial.config)}

    def tensors(self) -> dict[str, Tensor]:
        """What a file has to hold."""
        spatial = {_SPATIAL + name: value for name, value in kept_tensors(self.spatial).items()}
        return {**self.memory.state_dict(), **spatial}

    @staticmethod
    def restored(settings: dict[str, Any], tensors: dict[str, Tensor]) -> "MemoryRetrieval":
        """The inverse of `settings` and `tensors`; KeyError, TypeError, RuntimeError or ValueError if they disagree."""
        facts = dict(settings["spatial"])
        facts |= {name: tuple(facts[name]) for name in ("blocks", "mean", "spread")}
        spatial = {name[len(_SPATIAL) :]: value for name, value in tensors.items() if name.startswith(_SPATIAL)}
        memory = Memory(MemoryConfig(**settings["memory"]))
        memory.load_state_dict({name: value for name, value in tensors.items() if not name.startswith(_SPATIAL)})
        return MemoryRetrieval(restored(SpatialConfig(**facts), spatial), memory)


class MemoryTrainer:
    """Teaches a memory; each batch before the generator learns from it (the paper's order)."""

    def __init__(self, spatial: SpatialNetwork, config: MemoryConfig, seed: int, device: torch.device,
                 rate: float = 1e-3):
        """rate: of Adam, for the query."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recall = MemoryRetrieval(spatial, Memory(config)).to(device)
        self.random = torch.Generator().manual_seed(seed)
        self.seen: deque[tuple[Tensor, Tensor]] = deque(maxlen=config.slots)  # features of the latest frames
        self.optimiser = torch.optim.Adam(self.recall.memory.query.parameters(), rate, betas=(0.5, 0.999))
        self.loss = 0.0  # of the last step

    def step(self, renders: Tensor, identity: Tensor) -> None:
        """Learn which renders (B, 4, R, R), 0..1, show which identity features (B, D), then remember them."""
        self.learn(self.recall.spatial(renders), identity)

    def learn(self, spatial: Tensor, identity: Tensor) -> None:
        """One step from spatial features (B, S) and identity features (B, D): the loss first, then the update.

        Batches are small, so some pairs seen before are shown again; this also keeps their keys up with the query.
        """
        memory = self.recall.memory
        new = list(zip(spatial, identity))
        again = torch.randint(len(self.seen), (_REPLAYED,), generator=self.random).tolist() if self.seen else []
        spatial, identity = map(torch.stack, zip(*new, *(self.seen[index] for index in again)))
        self.seen.extend(new)
        loss = memory.loss(memory.ask(spatial), identity)
        self.loss = float(loss.detach())
        if self.loss > 0:
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
        with torch.no_grad():
            memory.update(memory.ask(spatial), identity, self.random)


def memory_for(
    features: NDArray[np.float32], spatial: SpatialNetwork | None, seed: int, device: torch.device
) -> MemoryTrainer | None:
    """A memory to be taught the identity features (T, D) of all training frames; None where they are all the same."""
    if np.ptp(features, axis=0).max() < 1e-6:
        return None
    network = spatial or bundled_spatial()
    config = MemoryConfig(slots_for(len(features)), network.config.features, features.shape[1])
    return MemoryTrainer(network, config, seed, device)
