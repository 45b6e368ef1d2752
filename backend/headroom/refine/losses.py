"""Losses of the refiner: the terms of the paper's equation 4, and those of Headroom's own presets.

A mean absolute difference is least for a blurred picture where the truth is uncertain. So Headroom's presets also
compare the strength of fine texture (`texture_loss`) and features of an ImageNet network (`feature_distance` in
headroom/common/networks/image_features.py).

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
TEXTURE_BANDS, TEXTURE_PIXELS = 2, 9


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


def texture_loss(refined: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Return the mean difference of the local strength of texture, in the two finest bands of a Laplacian pyramid.

    The strength is the root mean square of the band in windows of `TEXTURE_PIXELS`. It does not ask where a pore or a
    grain of film lies, so texture that is slightly displaced costs nothing, and missing texture does.

    mask: (B, 1, H, W), 0..1, where it counts.
    """
    total = refined.new_zeros(())
    for refined_strength, true_strength in zip(_texture_strengths(refined), _texture_strengths(truth)):
        weight = functional.interpolate(mask, size=refined_strength.shape[-2:], mode="area")
        total = total + (weight * (refined_strength - true_strength).abs()).sum() / weight.sum().clamp(min=1)
    return total


def _texture_strengths(pictures: Tensor) -> list[Tensor]:
    """Return the strength of texture of pictures (B, 3, H, W), of each band a quarter of its size."""
    level, strengths = pictures.mean(1, keepdim=True), []
    for _ in range(TEXTURE_BANDS):
        smaller = functional.avg_pool2d(level, 2)
        band = level - functional.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        power = functional.avg_pool2d(band.square(), TEXTURE_PIXELS, stride=4, padding=TEXTURE_PIXELS // 2)
        strengths.append((power + 1e-6).sqrt())
        level = smaller
    return strengths
