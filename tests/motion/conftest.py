"""A tiny model of the synthetic speaker, learned once for all tests."""

import pytest
from synthetic_speaker import DIRECTIONS, TINY, speaker

from headroom.motion.train.personal import train_motion


@pytest.fixture(scope="session")
def learned():
    """(model, samples, truth) of twelve seconds."""
    samples, truth = speaker(12.0)
    return train_motion(samples, truth, DIRECTIONS, TINY), samples, truth
