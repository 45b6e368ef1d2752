"""Settings of the refiner's training, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
    texture: float = 0.0  # weight of the texture loss
    features: float = 0.0  # weight of the perceptual distance
    gan: float = 1.0  # weight of the GAN loss
    gan_start: float = 0.0  # fraction of the training after which the discriminator is used
    discriminator_width: int = 64
    ema_decay: float = 0.998  # of the running mean of weights, which is what training returns
    seed: int = 0
    device: str = "auto"


# The paper's λ2 = 2 drives the attention to zero, so everything is generated, and blurred. A mean absolute difference
# alone does nearly the same: the attention to the plate is 0.1 to 0.3, and the sharpness 0.7 to 0.8 of the truth's.
HEADROOM = RefinerTrainConfig(
    GeneratorConfig(width=24, plate_term=True),
    seconds=None,
    attention=0.0,
    smoothness=0.0,
    l1=50.0,
    texture=2500.0,
    features=20.0,
    gan=0.0,
)
"""What Headroom's own trainings have in common."""

# The general weights already refine a stranger nearly as well, so a person is learned slowly: with six times the rate
# the face of a clip of four seconds lost 1.2 dB.
PERSONAL = replace(HEADROOM, learning_rate=1e-4)

PRESETS = {
    "draft": replace(PERSONAL, steps=200),
    "standard": replace(PERSONAL, steps=2000, gan=0.3, gan_start=0.5),
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


def personal_training(preset: str, budget_minutes: float | None = None) -> RefinerTrainConfig:
    """Return a preset's training; with a budget it lasts that long, whatever the number of steps."""
    config = PRESETS[preset]
    return config if budget_minutes is None else replace(config, steps=None, seconds=60 * budget_minutes)


GENERAL = replace(
    HEADROOM,
    augment=RefinerAugmentConfig(scale=0.1, shift=0.06, transform_probability=1.0, mirror_probability=0.5,
                                 brightness=0.15, tint=0.05, other_plate_probability=0.5),
    steps=8_000,
    batch_size=2,
    ema_decay=0.999,
)
"""The training of the general refiner on many people."""
