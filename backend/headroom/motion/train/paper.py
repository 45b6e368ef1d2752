"""The paper's mapping (§3.2, Eq. 1 and 2) as a configuration of ours, for comparison.

MFCC windows of 28 x 12 that no utterance levels, the encoder E of the authors' code, three LSTM layers of 256, the loss
with λ1 = 0.2 and λ2 = 0.01, and targets as they are: nothing is normalised to the person, lengths are decimetres. The
predicted pose is used as it is. The first and last windows are heard with silence around the sound, so N frames have N
windows, where the authors' code loses one.
"""

from __future__ import annotations

from headroom.motion.audio.features import FeatureConfig
from headroom.motion.model.network import NetworkConfig
from headroom.motion.train.dataset import AugmentConfig
from headroom.motion.train.losses import PAPER_LOSS
from headroom.motion.train.personal import TrainConfig

PAPER_NETWORK = NetworkConfig(features=FeatureConfig("mfcc", bands=26, cepstra=12, normalise=False), encoder="paper",
                              targets="plain", head="network", code=256, hidden=256, layers=3, dropout=0.0)

# The authors' 1,700 steps are those of one person's 300 frames; what they took for LRW is unpublished.
PAPER = TrainConfig(network=PAPER_NETWORK, loss=PAPER_LOSS,
                    augment=AugmentConfig(variants=1, tilt=0.0, jitter=0.0, masked_rows=0, masked_columns=0),
                    members=1, steps=1700, validate_every=1700, batch=16, shortest=16, longest=16, warm_up=0, rate=2e-4,
                    fine_rate=1e-4, weight_decay=0.0, betas=(0.5, 0.999), grad_clip=float("inf"), average=0.0,
                    ridge_weight=0.0)
