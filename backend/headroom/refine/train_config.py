"""Settings of the refiner's training, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, field

from headroom.refine import losses
from headroom.refine.augment import RefinerAugmentConfig
from headroom.refine.generator import GeneratorConfig
from headroom.refine.region import RegionConfig

PAPER_EPOCHS = 60
"""Length of a training whose config has neither seconds nor steps."""


@dataclass(frozen=True)
class RefinerTrainConfig:
    """How a refiner is trained. Training ends after `seconds` or `steps`, whichever comes first."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    from_general: bool = True  # start from the bundled weights, with their network
    region: RegionConfig = field(default_factory=RegionConfig)
    augment: RefinerAugmentConfig = field(default_factory=RefinerAugmentConfig)
    seconds: float | None = 360.0
    steps: int | None = None
    batch_size: int = 1  # two steps of one sample learn more in the same time than one of two (27.6 and 27.3 dB)
    learning_rate: float = 6e-4  # the highest
    betas: tuple[float, float] = (0.9, 0.99)
    warm_up: float = 0.05  # fraction of the training in which the learning rate rises; it then falls as a cosine
    constant_rate: bool = False  # the paper's schedule
    l1: float = losses.L1_WEIGHT
    attention: float = losses.ATTENTION_WEIGHT
    smoothness: float = losses.SMOOTHNESS_WEIGHT
    detail: float = 30.0  # weight of the Laplacian pyramid loss
    gan: float = 1.0  # weight of the GAN loss
    gan_start: float = 0.0  # fraction of the training after which the discriminator is used
    discriminator_width: int = 64
    ema_decay: float = 0.998  # of the running mean of weights, which is what training returns
    seed: int = 0
    device: str = "auto"


PRESETS = {
    # The paper's λ2 = 2 drives the attention to zero, so everything is generated, and blurred (A is 0.03 on average;
    # eyelids and lips lose detail). Renders as good as ours deserve attention.
    "draft": RefinerTrainConfig(seconds=420.0, attention=0.0, gan=0.0),
    "standard": RefinerTrainConfig(seconds=1800.0, attention=0.0, gan=0.3, gan_start=0.5),
    "paper": RefinerTrainConfig(
        GeneratorConfig(width=64, levels=8, style_hidden=512, sub_pixel=False),
        from_general=False,
        seconds=None,
        learning_rate=1e-4,
        betas=(0.5, 0.999),
        constant_rate=True,
        detail=0.0,
    ),
}
"""Trainings of one person's refiner."""

GENERAL = RefinerTrainConfig(
    augment=RefinerAugmentConfig(scale=0.1, shift=0.06, transform_probability=1.0, mirror_probability=0.5,
                                 brightness=0.15, tint=0.05, other_plate_probability=0.5),
    seconds=None,
    steps=10_000,
    batch_size=2,
    attention=0.0,
    gan=0.0,
    ema_decay=0.999,
)
"""The training of the general refiner on many people."""
