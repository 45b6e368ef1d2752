"""Several processes that train together."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom.common.distributed import shard
from headroom.motion.train.general import train_general

CONFIG = replace(TINY, members=1, steps=6, warm_up=4)  # half the pieces judge fewer frames: counts differ in a team
PROGRAM = """
import sys
import torch
from headroom.common import distributed as team
from test_motion_distributed import train
with team.gathered_team():
    assert team.size() == 2
    weights = train()
    if team.leads():
        torch.save(weights, sys.argv[1])
"""


def train():
    clips = [speaker(seconds, seed=seed) for seed, seconds in enumerate((4.0, 3.0))]
    return train_general(clips, LIP, LID, None, CONFIG).networks[0].state_dict()


def test_two_processes_learn_what_one_learns_from_the_joint_batch(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    team = [subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "weights.pt")],
                             env=os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                                               "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                                               "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": paths})
            for rank in range(2)]
    alone = train()
    assert [process.wait(timeout=120) for process in team] == [0, 0]
    together = torch.load(tmp_path / "weights.pt", weights_only=True)
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, atol=2e-5, rtol=1e-3)


def test_a_team_of_one_takes_the_whole_batch():
    assert list(range(16))[shard(16)] == list(range(16))


@pytest.mark.parametrize("size,place", [(2, 0), (2, 1), (4, 3)])
def test_parts_of_a_batch_are_shared_out_and_an_uneven_team_is_told(monkeypatch, size, place):
    from headroom.common import distributed as team
    from headroom.common.errors import InputError

    monkeypatch.setattr(team, "size", lambda: size)
    monkeypatch.setattr(team, "place", lambda: place)
    assert list(range(8))[team.shard(8)] == list(range(place, 8, size))
    with pytest.raises(InputError, match="cannot be shared"):
        team.shard(9)
