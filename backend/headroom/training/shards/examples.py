"""Shards as examples for the motion networks: each process reads shards of its own, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch

from headroom.common import distributed
from headroom.common.errors import InputError
from headroom.face.directions import FaceDirections
from headroom.motion.audio.features import utterance_stats
from headroom.motion.style.measure import (
    SHORT_FRAMES,
    measure_style,
    normalise_motion,
    pooled_deviations,
    with_deviations,
)
from headroom.motion.style.speaker_style import SpeakerStyle, average_style, unnormalised_style
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import Sample, SpokenClip, shifted_rows
from headroom.motion.train.general import GeneralData, group_by_person, joined
from headroom.training.shards.choose import TrainingShards
from headroom.training.shards.clip import ShardClip, encode_speech
from headroom.training.shards.shard_file import read_shard

MEASURED_CLIPS = 2_000
"""Clips that the average style, the deviations, the ridge regression and the lip curve are measured on."""
POOL_SHARDS = 2
"""Shards that are in memory together, which the batches of some steps are sampled from."""
POOL_VISITS = 2.0
"""How often a clip is sampled, on average, while its shard is in memory."""

Deviations = tuple[np.ndarray, np.ndarray]


class ShardExamples:
    """Normalises the clips of shards for one training.

    stored_features: whether the shards hold the features that the training uses; others are computed from the sound.
    """

    def __init__(self, directions: FaceDirections, config: TrainConfig, stored_features: bool):
        self.directions, self.config, self.stored_features = directions, config, stored_features
        self._deviations: Deviations | None = None

    def measure(self, shards: Iterable[Path]) -> tuple[SpeakerStyle, list[Sample]]:
        """Return the average style of the first clips of shards, a random part of a corpus, and their samples.

        Clips that are normalised afterwards get the deviations of these ones where they are short.
        """
        clips = list(islice(chain.from_iterable(map(read_shard, shards)), MEASURED_CLIPS))
        people = self._people(clips)
        styles = [style for style, _ in people.values()]
        frames = [sum(len(clips[index].motion) for index in indices) for _, indices in people.values()]
        self._deviations = pooled_deviations(styles, frames)
        normalised = [self._normalising(style, count) for style, count in zip(styles, frames)]
        return average_style(normalised, normalised[int(np.argmax(frames))]), self.samples(clips)

    def samples(self, clips: Sequence[ShardClip]) -> list[Sample]:
        """Return the samples of the clips of some shards, in order; a person's clips are normalised together."""
        samples: dict[int, Sample] = {}
        for style, indices in self._people(clips).values():
            style = self._normalising(style, sum(len(clips[index].motion) for index in indices))
            speaker_mean = self._speaker_mean([clips[index] for index in indices]) if len(indices) > 1 else None
            for index in indices:
                samples[index] = self._sample(clips[index], style, speaker_mean)
        return [samples[index] for index in range(len(clips))]

    def _people(self, clips: Sequence[ShardClip]) -> dict[str, tuple[SpeakerStyle, list[int]]]:
        """Return the style of each person in some clips, not normalised, and the places of the person's clips."""
        people = {}
        for person, indices in group_by_person([clip.person for clip in clips]).items():
            sound, motion = joined([SpokenClip(clips[index].sound, clips[index].motion) for index in indices])
            people[person] = measure_style(sound, motion, self.directions), indices
        return people

    def _normalising(self, style: SpeakerStyle, frames: int) -> SpeakerStyle:
        """Return the style that motion is normalised with."""
        if self.config.network.targets == "unnormalised":
            return unnormalised_style(style)
        assert self._deviations is not None
        return with_deviations(style, self._deviations) if frames < SHORT_FRAMES else style

    def _speaker_mean(self, clips: Sequence[ShardClip]) -> np.ndarray:
        """Return the mean (A,) of the features over all clips of a speaker."""
        sound, _ = joined([SpokenClip(clip.sound, clip.motion) for clip in clips])
        return utterance_stats(sound, self.config.network.features).mean

    def _sample(self, clip: ShardClip, style: SpeakerStyle, speaker_mean: np.ndarray | None) -> Sample:
        rows, mean = clip.rows, clip.mean
        if not self.stored_features:
            rows, mean = encode_speech(clip.sound, len(clip.motion), self.config, 0)
        rows = shifted_rows(rows.astype(np.float32), mean, speaker_mean)
        motion = torch.from_numpy(normalise_motion(clip.motion, style))
        return Sample(torch.from_numpy(rows), motion, self.config.network.features)


class ShardPools:
    """The samples of a process's own shards, of which a few are in memory together.

    Which shards belong to a step depends on the seed and the step alone, so a resumed training reads the same ones.
    """

    def __init__(self, examples: ShardExamples, shards: TrainingShards):
        """Take all shards of a training; of n processes each reads every n-th one."""
        count, rank = distributed.world_size(), distributed.rank()
        if len(shards.paths) < count:
            raise InputError(f"A corpus of {len(shards.paths)} shards cannot be split over {count} processes; "
                             "start fewer, or prepare it with fewer --clips-per-shard.")
        self.shards, self._examples = shards.paths[rank::count], examples
        clips, batch = POOL_SHARDS * shards.clips / len(shards.paths), examples.config.batch.size / count
        self.steps_per_pool = max(1, round(POOL_VISITS * clips / batch))
        self._number, self._pool = -1, list[Sample]()

    def pool(self, step: int) -> Sequence[Sample]:
        """Return the samples that the batch of a step is sampled from."""
        number = step // self.steps_per_pool
        if number != self._number:
            self._pool = []  # before the next ones are read, because both do not have to fit into memory
            clips = [clip for path in self.pool_shards(number) for clip in read_shard(path)]
            self._pool = self._examples.samples(clips)
            self._number = number
        return self._pool

    def pool_shards(self, number: int) -> list[Path]:
        """Return the shards of a pool: an epoch goes through all shards in a new order."""
        pools = -(-len(self.shards) // POOL_SHARDS)
        epoch, within = divmod(number, pools)
        order = np.random.default_rng((self._examples.config.seed, distributed.rank(), epoch)).permutation(
            len(self.shards))
        return [self.shards[index] for index in order[within * POOL_SHARDS:(within + 1) * POOL_SHARDS]]


def shard_data(directions: FaceDirections, config: TrainConfig, shards: TrainingShards) -> GeneralData:
    """Return what the general motion weights are learned from, for this process."""
    examples = ShardExamples(directions, config, shards.stored_features)
    pools = ShardPools(examples, shards)
    style, measured = examples.measure(shards.paths)
    return GeneralData(pools, measured, style)
