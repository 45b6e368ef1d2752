"""Two real processes train motion on shards: each reads its own, and they learn what one process learns."""

import shutil

import torch
from safetensors.torch import load_file
from shard_stages import FAKE, write_clips
from two_processes import start_two

from headroom.common import distributed
from headroom.face.model import bundled_model
from headroom.motion.model.network import NetworkConfig
from headroom.motion.model.ridge import RidgeConfig
from headroom.motion.train.augment import AugmentConfig
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import BatchConfig
from headroom.training import runs
from headroom.training.shards import examples
from headroom.training.shards.plan import open_corpus, plan_shards
from headroom.training.shards.prepare import prepare_shard

CONFIG = TrainConfig(network=NetworkConfig(width=8, code=8, hidden=8, dropout=0.0), members=1, steps=6,
                     batch=BatchConfig(size=4), augment=AugmentConfig(variants=1), ridge=RidgeConfig(size=64))
PROGRAM = """
import sys
from pathlib import Path
from test_shards_distributed import train
train(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def train(corpus, folder):
    """Train on a corpus, one shard at a time, and write the weights and which shards this process has read."""
    runs.MOTION_PRESETS["general"], examples.POOL_SHARDS, read = CONFIG, 1, set()
    choose = examples.ShardPools.pool_shards

    def remember(self, number):
        chosen = choose(self, number)
        read.update(path.name for path in chosen)
        (folder / f"read {distributed.rank()} of {distributed.world_size()}").write_text(" ".join(sorted(read)))
        return chosen

    examples.ShardPools.pool_shards = remember
    try:
        runs.train_motion_weights(runs.TrainingRun([corpus], folder / "motion.safetensors", folder / "cache"))
    finally:
        examples.ShardPools.pool_shards = choose


def test_two_processes_read_different_shards_and_learn_what_one_learns(tmp_path, monkeypatch):
    monkeypatch.setitem(runs.MOTION_PRESETS, "general", CONFIG)
    monkeypatch.setattr(examples, "POOL_SHARDS", examples.POOL_SHARDS)
    corpus = open_corpus(tmp_path / "corpus", bundled_model(), CONFIG, 4)
    plan_shards(corpus, [write_clips(tmp_path / "clips", [f"{number}.mp4" for number in range(8)])])
    for number in corpus.unfinished():
        prepare_shard(corpus, number, CONFIG, FAKE)
    shutil.copyfile(corpus.shard_file(0), corpus.shard_file(1))  # so that a joint batch does not depend on who reads
    (tmp_path / "alone").mkdir()
    (tmp_path / "together").mkdir()
    processes = start_two(PROGRAM, corpus.path, tmp_path / "together", beside=__file__, OMP_NUM_THREADS="1")
    train(corpus.path, tmp_path / "alone")
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    read = [(tmp_path / "together" / f"read {rank} of 2").read_text() for rank in range(2)]
    assert sorted(read) == ["000000.tar", "000001.tar"]
    alone, together = (load_file(tmp_path / name / "motion.safetensors") for name in ("alone", "together"))
    assert together.keys() == alone.keys()
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, atol=2e-5, rtol=1e-3)
