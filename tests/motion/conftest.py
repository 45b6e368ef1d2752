"""A tiny model of the synthetic speaker, learnt once for all tests."""

import pytest
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom.motion.train.personal import train_motion


@pytest.fixture(scope="session")
def learnt():
    """(model, samples, truth) of twelve seconds."""
    samples, truth = speaker(12.0)
    return train_motion(samples, truth, TINY, lip_opening=LIP, lid_opening=LID), samples, truth
