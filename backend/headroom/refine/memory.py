"""The memory of the refiner: which render belongs to which identity feature (paper, section 3.4).

A slot pairs a key, the direction of a render's spatial feature, with a value, the identity feature of the true frame.
Cosine similarity finds keys. Loss and update follow Yoo et al. (CVPR 2019), without the entries that they mask out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

EMPTY = float("inf")
"""Age of an empty slot: older than all others, so it is filled first."""

MIN_SLOTS = 32


@dataclass(frozen=True)
class MemoryConfig:
    """Sizes and constants of the memory; the paper's has 30000 slots for LRW, and keys and values of 512 numbers."""

    slots: int  # M
    spatial_size: int = 480  # length of the spatial feature, S
    value_size: int = 160  # length of the identity feature, D
    key_size: int = 256  # length of a key, K
    candidates: int = 256  # nearest keys that the loss compares
    same_cosine: float = 0.98  # identity features with a larger cosine similarity belong to the same identity
    margin: float = 0.3  # of the triplet loss
    age_noise: float = 4.0  # steps, so that it is not always the very oldest slot that is replaced
    neighbours: int = 8  # slots that are blended; the paper's 1 jumps where two keys are equally near
    softmax_scale: float = 30.0  # factor of the cosines in the softmax that weights the neighbours


def slots_for(frames: int) -> int:
    """Return the number of slots for `frames` training frames: 1.2 per frame are enough."""
    return max(MIN_SLOTS, -(-6 * frames // 5))


class Memory(nn.Module):
    """Keys (M, K), values (M, D) and ages (M,) as buffers; the linear layer `query` is trained by gradient."""

    keys: Tensor
    values: Tensor
    ages: Tensor

    def __init__(self, config: MemoryConfig):
        super().__init__()
        self.config = config
        self.query = nn.Linear(config.spatial_size, config.key_size)
        self.register_buffer("keys", torch.zeros(config.slots, config.key_size))
        self.register_buffer("values", torch.zeros(config.slots, config.value_size))
        self.register_buffer("ages", torch.full((config.slots,), EMPTY))

    def queries(self, spatial: Tensor) -> Tensor:
        """Return queries (B, K) of unit length for spatial features (B, S)."""
        return functional.normalize(self.query(spatial), dim=1)

    def scores(self, queries: Tensor) -> Tensor:
        """Return the cosines (B, M) of queries (B, K) with the keys; -inf for empty slots."""
        return (queries @ self.keys.T).masked_fill(self.ages == EMPTY, -torch.inf)

    def loss(self, queries: Tensor, identities: Tensor) -> Tensor:
        """Return the threshold triplet loss.

        Among the keys nearest to a query, the furthest of the same identity must be nearer than the nearest of another
        identity, by the margin. Queries whose nearest keys are all of the same identity, or all of others, do not
        count. The paper compares the nearest key of the same identity. That is an adjacent frame and teaches nothing:
        the furthest one raises correct retrievals on unseen frames of three people from 67 to 77 %.

        queries: (B, K).
        identities: (B, D), true.
        """
        nearest = self.scores(queries).topk(min(self.config.candidates, self.config.slots), dim=1)
        same = (cosines(identities, self.values) > self.config.same_cosine).gather(1, nearest.indices)
        same &= nearest.values.isfinite()
        furthest_same = nearest.values.masked_fill(~same, torch.inf).amin(1)
        nearest_other = nearest.values.masked_fill(same, -torch.inf).amax(1)
        has_both = furthest_same.isfinite() & nearest_other.isfinite()
        violation = nearest_other[has_both] - furthest_same[has_both] + self.config.margin
        return violation.clamp(min=0).sum() / max(int(has_both.sum()), 1)

    @torch.no_grad()
    def update(self, queries: Tensor, identities: Tensor, random: torch.Generator) -> None:
        """Store a batch.

        Where the nearest slot has the true identity, its key moves towards the query. Otherwise query and identity
        replace one of the oldest slots.

        queries: (B, K).
        identities: (B, D), true.
        random: a generator of the CPU.
        """
        nearest = self.scores(queries).argmax(1)
        known = functional.cosine_similarity(self.values[nearest], identities) > self.config.same_cosine
        matched = nearest[known]
        self.keys.index_add_(0, matched, queries[known])
        self.keys[matched] = functional.normalize(self.keys[matched], dim=1)
        self.ages += 1
        self.ages[matched] = 0
        new = (~known).nonzero()[: self.config.slots, 0]
        noise = self.config.age_noise * (2 * torch.rand(len(self.ages), generator=random) - 1)
        oldest = (self.ages + noise.to(self.ages)).topk(len(new)).indices
        self.keys[oldest], self.values[oldest], self.ages[oldest] = queries[new], identities[new], 0

    @torch.no_grad()
    def retrieve(self, spatial: Tensor) -> Tensor:
        """Return identity features (B, D) for spatial features (B, S).

        They are means of the nearest slots' values, weighted by a softmax of the cosines, so they change as smoothly as
        the render does.
        """
        nearest = self.scores(self.queries(spatial)).topk(min(self.config.neighbours, self.config.slots), dim=1)
        weights = torch.softmax(self.config.softmax_scale * nearest.values, 1)
        return torch.einsum("bk,bkd->bd", weights, self.values[nearest.indices])


def cosines(a: Tensor, b: Tensor) -> Tensor:
    """Return cosine similarities (N, M) of vectors (N, D) and (M, D); 0 for a vector of zeros."""
    return functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T
