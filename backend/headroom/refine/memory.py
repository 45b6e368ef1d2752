"""The memory of the refiner (paper §3.4): which render belongs to which identity feature.

A slot pairs a key, the direction of a render's spatial feature, with a value, the identity feature of the true frame.
Keys are found by cosine. The loss and the update follow Yoo et al. (CVPR 2019); what is masked out takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

EMPTY = float("inf")
"""Age of a slot that holds nothing: older than all, so it is filled first."""


@dataclass(frozen=True)
class MemoryConfig:
    """The paper's memory has 30000 slots for LRW, and keys and values of 512."""

    slots: int  # M; 1.2 for every training frame are enough
    spatial: int = 480  # length of the spatial feature
    value: int = 160  # length of the identity feature, D
    key: int = 256  # length of a key, K
    top: int = 256  # nearest keys among which the loss looks
    same: float = 0.98  # cosine above which two identity features are one person's
    margin: float = 0.3  # by which the loss sets the nearest other person off
    age_noise: float = 4.0  # steps, so that not always the very oldest slot is replaced
    shared: int = 8  # slots that share an answer; the paper's 1 jumps where two keys are equally near
    sharpness: float = 30.0  # how much more a nearer slot says


def slots_for(frames: int) -> int:
    """How many slots remember so many training frames."""
    return max(32, -(-6 * frames // 5))


class Memory(nn.Module):
    """Keys (M, K), values (M, D) and ages (M,) as buffers; only the query is learnt by gradient."""

    keys: Tensor
    values: Tensor
    ages: Tensor

    def __init__(self, config: MemoryConfig):
        super().__init__()
        self.config = config
        self.query = nn.Linear(config.spatial, config.key)
        self.register_buffer("keys", torch.zeros(config.slots, config.key))
        self.register_buffer("values", torch.zeros(config.slots, config.value))
        self.register_buffer("ages", torch.full((config.slots,), EMPTY))

    def ask(self, spatial: Tensor) -> Tensor:
        """Queries (B, K), unit length, of spatial features (B, S)."""
        return functional.normalize(self.query(spatial), dim=1)

    def scores(self, queries: Tensor) -> Tensor:
        """Cosines (B, M) of queries (B, K) with the keys; -inf for empty slots."""
        return (queries @ self.keys.T).masked_fill(self.ages == EMPTY, -torch.inf)

    def loss(self, queries: Tensor, truths: Tensor) -> Tensor:
        """Threshold triplet loss: among the nearest keys, those of the same identity have to be nearer than any other's
        by the margin, the furthest of them too.

        queries (B, K), truths (B, D). Queries whose nearest keys are all of one kind say nothing. The paper looks at
        the nearest key of the same identity; that is a neighbouring frame, which teaches nothing (on the rest of three
        people's clips 67 % are found so, and 77 % with the furthest).
        """
        nearest = self.scores(queries).topk(min(self.config.top, self.config.slots), dim=1)
        same = (cosines(truths, self.values) > self.config.same).gather(1, nearest.indices)
        same &= nearest.values.isfinite()
        worst_same = nearest.values.masked_fill(~same, torch.inf).amin(1)
        best_other = nearest.values.masked_fill(same, -torch.inf).amax(1)
        both = worst_same.isfinite() & best_other.isfinite()
        violation = best_other[both] - worst_same[both] + self.config.margin
        return violation.clamp(min=0).sum() / max(int(both.sum()), 1)

    @torch.no_grad()
    def update(self, queries: Tensor, truths: Tensor, random: torch.Generator) -> None:
        """Remember a batch: queries (B, K), truths (B, D).

        Where the nearest value is the truth its key moves towards the query; otherwise one of the oldest slots is
        replaced. `random` is a generator of the CPU.
        """
        nearest = self.scores(queries).argmax(1)
        known = functional.cosine_similarity(self.values[nearest], truths) > self.config.same
        met = nearest[known]
        self.keys.index_add_(0, met, queries[known])
        self.keys[met] = functional.normalize(self.keys[met], dim=1)
        self.ages += 1
        self.ages[met] = 0
        new = (~known).nonzero()[: self.config.slots, 0]
        noise = self.config.age_noise * (2 * torch.rand(len(self.ages), generator=random) - 1)
        oldest = (self.ages + noise.to(self.ages)).topk(len(new)).indices
        self.keys[oldest], self.values[oldest], self.ages[oldest] = queries[new], truths[new], 0

    @torch.no_grad()
    def retrieve(self, spatial: Tensor) -> Tensor:
        """Identity features (B, D) for spatial features (B, S): the nearest slots' values, mixed by their nearness.

        A mixture changes as smoothly as the render does.
        """
        nearest = self.scores(self.ask(spatial)).topk(min(self.config.shared, self.config.slots), dim=1)
        weights = torch.softmax(self.config.sharpness * nearest.values, 1)
        return torch.einsum("bk,bkd->bd", weights, self.values[nearest.indices])


def cosines(a: Tensor, b: Tensor) -> Tensor:
    """(N, M) between vectors (N, D) and (M, D); 0 with a vector of zeros."""
    return functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T
