"""Which shards a training reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headroom.common.errors import InputError
from headroom.face.model import FaceModel
from headroom.motion.train.config import TrainConfig
from headroom.training.corpus import is_corpus
from headroom.training.shards.folder import CorpusFolder
from headroom.training.shards.plan import encoding_digest


@dataclass(frozen=True)
class TrainingShards:
    """The finished shards of prepared corpora.

    clips: number of clips in all of them.
    stored_features: whether they hold the features that the training uses; others are computed from the sound.
    """

    paths: tuple[Path, ...]
    clips: int
    stored_features: bool


def training_shards(
    corpora: Sequence[Path], model: FaceModel, config: TrainConfig
) -> tuple[TrainingShards, list[str]]:
    """Return the shards of prepared corpora that hold clips, and what the user should know about them.

    Raises InputError where a corpus was made with another face model, and where clips are given beside corpora.
    """
    paths, clips, stored_features, notes = list[Path](), 0, True, []
    for folder in map(Path, corpora):
        if not is_corpus(folder):
            raise InputError(f"{folder} is no prepared corpus, unlike another data set; prepare all, or none.")
        corpus = CorpusFolder(folder)
        if corpus.settings.model != model.digest:
            raise InputError(f"{folder} was prepared with another face model; prepare it again.")
        stored_features &= corpus.settings.encoding == encoding_digest(config)
        finished = {number: corpus.summary(number)["clips"] for number in corpus.finished()}
        paths += [corpus.shard_file(number) for number, count in finished.items() if count]
        clips += sum(finished.values())
        if len(finished) < corpus.shard_count:
            notes.append(f"{folder} has {len(finished)} of {corpus.shard_count} shards; `train corpus` prepares the "
                         "others.")
    if not paths:
        raise InputError("No shard of the corpus has a clip that can be used; run `train corpus` to its end, and see "
                         "its left_out.csv for the reasons.")
    return TrainingShards(tuple(paths), clips, stored_features), notes
