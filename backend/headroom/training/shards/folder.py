"""A prepared corpus on disk: its settings, the manifests of its shards, and where everything lies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.stored import Damaged, config_of, json_of
from headroom.training.corpus import CORPUS_FILE

FORMAT = 1
"""Format of `corpus.json`, the manifests, the shards and their summaries."""
CLIPS_PER_SHARD = 200
SHARD_BYTES = 64_000_000
"""Movies of a shard; a shard of long clips has fewer of them, so that it fits into a worker's memory."""


class ManifestRow(NamedTuple):
    """One clip of a shard's manifest.

    data_set: name of the data set. path: of the movie in it, with slashes. size: of the movie, bytes.
    person: name of the person, which several clips share; empty where the clip is all that is known of them.
    """

    data_set: str
    path: str
    size: int
    person: str

    @property
    def name(self) -> str:
        """What the clip is called in messages and in the corpus; with its size it tells the clip from all others."""
        return f"{self.data_set}/{self.path}"

    @property
    def speaker(self) -> str:
        """The person's name, which no other data set has; empty where the clip is all that is known of them."""
        return f"{self.data_set}/{self.person}" if self.person else ""


@dataclass(frozen=True)
class CorpusSettings:
    """What all shards of a corpus have in common.

    model: digest of the face model. tracker: version. encoding: digest of the speech encoder and of its variants.
    data_sets: folder of each data set by name.
    id: tells corpora apart.
    """

    model: str
    tracker: int
    encoding: str
    clips_per_shard: int = CLIPS_PER_SHARD
    data_sets: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    format: int = FORMAT


@dataclass(frozen=True)
class CorpusFolder:
    """The folder of a prepared corpus. Nobody writes a shard's files but the worker that prepares it."""

    path: Path

    @staticmethod
    def open(path: Path, new: CorpusSettings) -> CorpusFolder:
        """Return the corpus in a folder, and where there is none, one with the settings `new` that is not stored."""
        corpus = CorpusFolder(path)
        if not (path / CORPUS_FILE).exists():
            corpus.__dict__["settings"] = new
        return corpus

    @cached_property
    def settings(self) -> CorpusSettings:
        """The settings; InputError when the folder is no corpus that this version can read."""
        path = self.path / CORPUS_FILE
        try:
            stored = json_of(path.read_text(encoding="utf-8"))
            if isinstance(stored, dict) and stored.get("format", 0) > FORMAT:
                raise InputError(f"{self.path} was written by a newer version of Headroom; update Headroom.")
            return config_of(CorpusSettings, stored)
        except (OSError, UnicodeDecodeError, Damaged) as error:
            raise InputError(f"{path} cannot be read; prepare the corpus again in another folder.") from error

    def write_settings(self, data_sets: dict[str, str]) -> None:
        """Write the settings, the first file of a corpus, with the folders of data sets, which may have moved."""
        self.__dict__["settings"] = replace(self.settings, data_sets={**self.settings.data_sets, **data_sets})
        _write_json(self.path / CORPUS_FILE, asdict(self.settings))

    def movie(self, row: ManifestRow) -> Path:
        """Return the file of a clip."""
        return Path(self.settings.data_sets[row.data_set], row.path)

    def manifest_file(self, number: int) -> Path:
        """Return the file with the clips of a shard, one JSON list a line."""
        return self.path / "manifests" / f"{number:06d}.jsonl"

    def shard_file(self, number: int) -> Path:
        """Return the file of a shard, which exists when the shard is finished."""
        return self.path / "shards" / f"{number:06d}.tar"

    def summary_file(self, number: int) -> Path:
        """Return the file with the statistics of a shard and its clips that were left out."""
        return self.path / "summaries" / f"{number:06d}.json"

    def preview_file(self, number: int) -> Path:
        """Return the picture of a frame of a shard."""
        return self.path / "previews" / f"{number:06d}.jpg"

    @property
    def shard_count(self) -> int:
        """The number of shards, finished or not; manifests are numbered without gaps."""
        return sum(1 for _ in (self.path / "manifests").glob("*.jsonl"))

    def manifest(self, number: int) -> list[ManifestRow]:
        """Read the clips of a shard."""
        path = self.manifest_file(number)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return [ManifestRow(str(data_set), str(name), int(size), str(person))
                    for data_set, name, size, person in map(json.loads, lines)]
        except (OSError, TypeError, ValueError) as error:
            raise InputError(f"{path} cannot be read; prepare the corpus again in another folder.") from error

    def unfinished(self) -> Iterator[int]:
        """Yield the numbers of the shards that are not finished."""
        return (number for number in range(self.shard_count) if not self.shard_file(number).is_file())

    def finished(self) -> Iterator[int]:
        """Yield the numbers of the finished shards."""
        return (number for number in range(self.shard_count) if self.shard_file(number).is_file())

    def summary(self, number: int) -> dict[str, Any]:
        """Read the summary of a finished shard."""
        path = self.summary_file(number)
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError) as error:
            shard = self.shard_file(number)
            raise InputError(f"{path} cannot be read; remove {shard} and prepare the corpus again.") from error

    def write_summary(self, number: int, summary: dict[str, Any]) -> None:
        """Write the summary of a shard."""
        _write_json(self.summary_file(number), summary)


def _write_json(path: Path, content: Any) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
