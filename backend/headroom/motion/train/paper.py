"""The paper's mapping (section 3.2, Eq. 1 and 2) as a configuration, for comparison.

MFCC windows of 28 x 12 without normalisation, the encoder E of the authors' code, three LSTM layers of 256, the loss
with λ1 = 0.2 and λ2 = 0.01. Targets are not normalised to the person; lengths are decimetres. The predicted pose is
used as it is. The first and last windows are padded with silence, so N frames have N windows; the authors' code loses
one.
"""

from __future__ import annotations

from headroom.motion.audio.features import FeatureConfig
from headroom.motion.model.network import NetworkConfig
from headroom.motion.train.augment import NO_AUGMENTATION
from headroom.motion.train.config import OptimiserConfig, TrainConfig
from headroom.motion.train.dataset import BatchConfig
from headroom.motion.train.losses import PAPER_LOSS

PAPER_NETWORK = NetworkConfig(
    features=FeatureConfig("mfcc", bands=26, cepstra=12, normalise=False),
    encoder="paper",
    targets="unnormalised",
    pose="network",
    code=256,
    hidden=256,
    layers=3,
    dropout=0.0,
)

# The authors' 1,700 steps are those of one person's 300 frames; their number for LRW is unpublished.
PAPER = TrainConfig(
    network=PAPER_NETWORK,
    loss=PAPER_LOSS,
    augment=NO_AUGMENTATION,
    batch=BatchConfig(size=16, min_frames=16, max_frames=16, warm_up=0),
    optimiser=OptimiserConfig(rate=2e-4, fine_rate=1e-4, weight_decay=0.0, betas=(0.5, 0.999), grad_clip=float("inf"),
                              average=0.0),
    members=1,
    steps=1700,
    validate_every=1700,
    ridge_weight=0.0,
)
