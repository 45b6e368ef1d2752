"""A tiny model of the synthetic speaker, learnt once for all tests."""

import pytest
import torch
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom.motion.train import train_motion


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Networks this small only wait for each other on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def learnt(one_thread):
    """(model, samples, truth) of twelve seconds."""
    samples, truth = speaker(12.0)
    return train_motion(samples, truth, TINY, lip_opening=LIP, lid_opening=LID), samples, truth
