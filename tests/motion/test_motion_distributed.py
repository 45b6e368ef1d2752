"""Distributed training."""

from dataclasses import replace

import pytest
import torch
from synthetic_speaker import DIRECTIONS, TINY, speaker
from two_processes import start_two

from headroom.common import distributed
from headroom.common.errors import InputError
from headroom.motion.train.dataset import SpokenClip
from headroom.motion.train.general import train_general

# half the pieces have fewer counted frames, so the processes' counts differ
CONFIG = replace(TINY, members=1, steps=6, batch=replace(TINY.batch, warm_up=4))
PROGRAM = """
import sys
import torch
from headroom.common import distributed
from test_motion_distributed import train
with distributed.process_group():
    assert distributed.world_size() == 2
    weights = train()
    if distributed.is_main():
        torch.save(weights, sys.argv[1])
"""


def train():
    clips = [SpokenClip(*speaker(seconds, seed=seed)) for seed, seconds in enumerate((4.0, 3.0))]
    return train_general(clips, DIRECTIONS, None, CONFIG).networks[0].state_dict()


def test_two_processes_learn_what_one_learns_from_the_joint_batch(tmp_path):
    processes = start_two(PROGRAM, tmp_path / "weights.pt", beside=__file__)
    alone = train()
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    together = torch.load(tmp_path / "weights.pt", weights_only=True)
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, atol=2e-5, rtol=1e-3)


def test_a_single_process_computes_the_whole_batch():
    assert list(range(16))[distributed.shard(16)] == list(range(16))


@pytest.mark.parametrize("world_size", [2, 4])
def test_the_shards_of_all_processes_are_the_batch_and_an_uneven_split_is_refused(monkeypatch, world_size):
    monkeypatch.setattr(distributed, "world_size", lambda: world_size)
    shards = []
    for rank in range(world_size):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        shards.append(list(range(8))[distributed.shard(8)])
    assert sorted(item for shard in shards for item in shard) == list(range(8))
    assert {len(shard) for shard in shards} == {8 // world_size}
    with pytest.raises(InputError, match=f"9 cannot be split over {world_size} processes"):
        distributed.shard(9)
