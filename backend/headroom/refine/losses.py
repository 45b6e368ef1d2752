"""What the refiner is taught by: Eq. 4 term by term, and what sharpens mouth and eyes.

Every loss is a scalar and the mean over the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

L1_WEIGHT = 100.0  # λ1 of Eq. 4
ATTENTION_WEIGHT = 2.0  # λ2
SMOOTHNESS_WEIGHT = 1e-5  # λ3
PICTURE_CHANNELS = 3


def generator_gan_loss(fake_logits: Tensor) -> Tensor:
    """How far the discriminator is from taking the refined frame for a photo (non-saturating log D)."""
    return functional.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


def discriminator_gan_loss(true_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """First term of Eq. 4 seen by D: -log D(r, g) - log(1 - D(r, G(r, f))), halved as pix2pix does."""
    true = functional.binary_cross_entropy_with_logits(true_logits, torch.ones_like(true_logits))
    fake = functional.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return 0.5 * (true + fake)


def l1_loss(refined: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Second term of Eq. 4 without λ1. Pictures (B, 3, H, W) 0..1; weight (B, 1, H, W), a weighted mean where given."""
    difference = (refined - truth).abs()
    if weight is None:
        return difference.mean()
    return (difference * weight).sum() / (PICTURE_CHANNELS * weight.sum()).clamp(min=1)


def attention_loss(attention: Tensor) -> Tensor:
    """Third term of Eq. 4 without λ2: the norm of A (B, 1, H, W), over the root of its size."""
    return attention.flatten(1).norm(dim=1).mean() / attention[0].numel() ** 0.5


def smoothness_loss(attention: Tensor) -> Tensor:
    """Fourth term of Eq. 4 without λ3: squared differences of neighbours in A (B, 1, H, W), summed over the picture."""
    down = (attention[:, :, 1:] - attention[:, :, :-1]).square().sum()
    right = (attention[:, :, :, 1:] - attention[:, :, :, :-1]).square().sum()
    return (down + right) / len(attention)


def detail_loss(refined: Tensor, truth: Tensor, weight: Tensor, levels: int = 3) -> Tensor:
    """Weighted L1 between Laplacian pyramids: edges of lids, lips and teeth count at every size.

    Pictures (B, 3, H, W) 0..1, weight (B, 1, H, W).
    """
    difference, total = refined - truth, refined.new_zeros(())
    for _ in range(levels):
        smaller = functional.avg_pool2d(difference, 2)
        band = difference - functional.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + l1_loss(band, torch.zeros_like(band), weight)
        difference, weight = smaller, functional.avg_pool2d(weight, 2)
    return total + l1_loss(difference, torch.zeros_like(difference), weight)
