"""Losses of the refiner: the terms of the paper's equation 4, and one for details of mouth and eyes.

Every loss is a scalar, the mean over the batch. Pictures are (B, 3, H, W), 0..1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from headroom.refine.generator import COLOURS

L1_WEIGHT = 100.0  # λ1 of equation 4
ATTENTION_WEIGHT = 2.0  # λ2
SMOOTHNESS_WEIGHT = 1e-5  # λ3


def generator_gan_loss(fake_logits: Tensor) -> Tensor:
    """Return the GAN loss of the generator, -log D(r, G(r, f)): non-saturating, unlike equation 4."""
    return functional.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


def discriminator_gan_loss(true_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the first term of equation 4 for the discriminator, halved as in pix2pix.

    -log D(r, g) - log(1 - D(r, G(r, f))), with logits of true and of refined frames.
    """
    true = functional.binary_cross_entropy_with_logits(true_logits, torch.ones_like(true_logits))
    fake = functional.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return 0.5 * (true + fake)


def l1_loss(refined: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the second term of equation 4 without λ1; the weighted mean where `weight` (B, 1, H, W) is given."""
    difference = (refined - truth).abs()
    if weight is None:
        return difference.mean()
    return (difference * weight).sum() / (COLOURS * weight.sum()).clamp(min=1)


def attention_loss(attention: Tensor) -> Tensor:
    """Return the third term of equation 4 without λ2: the norm of A (B, 1, H, W), over the root of its size."""
    return attention.flatten(1).norm(dim=1).mean() / attention[0].numel() ** 0.5


def smoothness_loss(attention: Tensor) -> Tensor:
    """Return the fourth term of equation 4 without λ3: the sum of squared differences of adjacent pixels of A."""
    down = (attention[:, :, 1:] - attention[:, :, :-1]).square().sum()
    right = (attention[:, :, :, 1:] - attention[:, :, :, :-1]).square().sum()
    return (down + right) / len(attention)


def detail_loss(refined: Tensor, truth: Tensor, weight: Tensor, levels: int = 3) -> Tensor:
    """Return the weighted L1 loss of Laplacian pyramids, so that edges of lids, lips and teeth count at every scale.

    weight: (B, 1, H, W).
    """
    difference, total = refined - truth, refined.new_zeros(())
    for _ in range(levels):
        smaller = functional.avg_pool2d(difference, 2)
        band = difference - functional.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + l1_loss(band, torch.zeros_like(band), weight)
        difference, weight = smaller, functional.avg_pool2d(weight, 2)
    return total + l1_loss(difference, torch.zeros_like(difference), weight)
