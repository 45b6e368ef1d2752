"""Which clips a corpus has, and which shard each of them is in: the manifests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.motion.audio.encoder_file import bundled_encoder_digest
from headroom.motion.train.config import TrainConfig
from headroom.track.tracker import TRACKER_VERSION
from headroom.training.corpus import LRW_FOLDER, clips_of, require_not_held_out
from headroom.training.shards.folder import SHARD_BYTES, CorpusFolder, CorpusSettings, ManifestRow

SCANNED_TOGETHER = 5_000


def encoding_digest(config: TrainConfig) -> str:
    """Return what identifies the stored features of a clip: speech encoder, features and degraded variants."""
    identity = (bundled_encoder_digest(), config.network.features, config.augment, config.seed)
    return hashlib.sha256(repr(identity).encode()).hexdigest()


def open_corpus(folder: Path, model: FaceModel, config: TrainConfig, clips_per_shard: int) -> CorpusFolder:
    """Return the corpus in a folder, or a new one, which `plan_shards` writes.

    Raises InputError where the folder holds a corpus that was prepared otherwise.
    """
    wanted = CorpusSettings(model.digest, TRACKER_VERSION, encoding_digest(config), clips_per_shard)
    corpus = CorpusFolder.open(folder, wanted)
    stored = corpus.settings
    if (stored.model, stored.tracker, stored.encoding) != (wanted.model, wanted.tracker, wanted.encoding):
        raise InputError(f"{folder} was prepared with another face model, tracker or speech encoder; choose another "
                         "folder.")
    return corpus


def plan_shards(corpus: CorpusFolder, datasets: Sequence[Path], progress: Progress = no_progress) -> None:
    """Write the manifests of the shards for those clips of data sets that the corpus does not have.

    The clips are in the order of a digest of their names, so a shard is a random sample of the corpus, and a plan that
    was interrupted goes on as it would have. Clips of one person follow each other.

    Raises InputError, before anything is written, when a data set is missing or holds no clips or a held-out person,
    when two have the same name, and when a clip was changed after it was planned.
    """
    roots = _roots(datasets)
    known = _KnownClips.of(corpus)
    keys: list[NDArray[np.uint64]] = []
    lines: list[str] = []
    for name, dataset in roots.items():
        rows = _scan(name, dataset)
        while some := list(islice(rows, SCANNED_TOGETHER)):
            progress(0.0, f"Found {len(known.names) + len(lines)} clips")
            some = known.others(some)
            keys.append(_digests(row.speaker or row.name for row in some))
            lines += [json.dumps(row) for row in some]
    corpus.write_settings({name: str(_root(dataset)) for name, dataset in roots.items()})
    if lines:
        progress(0.0, "Planning shards")
        _write_manifests(corpus, np.concatenate(keys), lines)


def _roots(datasets: Sequence[Path]) -> dict[str, Path]:
    """Return data sets by name."""
    roots: dict[str, Path] = {}
    for dataset in (Path(dataset).absolute() for dataset in datasets):
        name = _root(dataset).name
        if _root(roots.get(name, dataset)) != _root(dataset):
            raise InputError(f"Two data sets have the name {name}, which tells their clips apart; rename a folder.")
        roots[name] = dataset
    return roots


def _root(dataset: Path) -> Path:
    """Return the folder that the paths of a data set's clips are relative to, however the data set was named."""
    lrw = dataset / LRW_FOLDER
    return dataset.parent if dataset.is_file() else lrw if lrw.is_dir() else dataset


def _scan(name: str, dataset: Path) -> Iterator[ManifestRow]:
    root = _root(dataset)
    for clip in clips_of(dataset):
        require_not_held_out([clip])
        yield ManifestRow(name, clip.path.relative_to(root).as_posix(), clip.path.stat().st_size, clip.person)


class _KnownClips:
    """Names and sizes of the clips in the manifests, as numbers, because the names of a large corpus fill memory."""

    def __init__(self, names: NDArray[np.uint64], sizes: NDArray[np.int64]):
        order = np.argsort(names)
        self.names, self._sizes = names[order], sizes[order]

    @staticmethod
    def of(corpus: CorpusFolder) -> _KnownClips:
        """Read the manifests, one after the other."""
        names, sizes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        for number in range(corpus.shard_count):
            rows = corpus.manifest(number)
            names.append(_digests(row.name for row in rows))
            sizes.append(np.array([row.size for row in rows], np.int64))
        return _KnownClips(np.concatenate(names), np.concatenate(sizes))

    def others(self, rows: list[ManifestRow]) -> list[ManifestRow]:
        """Return the clips that are not known; InputError when one is known with another size."""
        if not len(self.names):
            return rows
        names = _digests(row.name for row in rows)
        found = np.minimum(np.searchsorted(self.names, names), len(self.names) - 1)
        known = self.names[found] == names
        for row, is_known, size in zip(rows, known, self._sizes[found]):
            if is_known and size != row.size:
                raise InputError(f"{row.name} was changed after the corpus was planned; prepare the corpus again in "
                                 "another folder.")
        return [row for row, is_known in zip(rows, known) if not is_known]


def _digests(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return 64-bit digests; two of a million texts have the same one once in 37 million corpora."""
    whole = b"".join(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(whole, np.uint64)


def _write_manifests(corpus: CorpusFolder, keys: NDArray[np.uint64], lines: list[str]) -> None:
    """Write the manifests of new shards, one after the other; an interruption loses those that follow."""
    order = sorted(range(len(lines)), key=lambda index: (keys[index], lines[index]))
    number, first, size = corpus.shard_count, 0, 0
    for position, index in enumerate(order):
        size += json.loads(lines[index])[2]
        last = position + 1 == len(order)
        if last or position + 1 - first == corpus.settings.clips_per_shard or size >= SHARD_BYTES:
            with atomic_write(corpus.manifest_file(number)) as temporary:
                text = "".join(f"{lines[each]}\n" for each in order[first:position + 1])
                temporary.write_text(text, encoding="utf-8")
            number, first, size = number + 1, position + 1, 0
