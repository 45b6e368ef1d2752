"""The clips of a data set, as general training uses them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from headroom.common.errors import InputError
from headroom.common.files import file_digest
from headroom.common.paths import PEOPLE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOVIE_SUFFIXES = (".mp4", ".mov", ".m4v", ".mpg", ".mpeg", ".mkv", ".avi", ".webm")
LRW_FOLDER, LRW_CLIPS = "lipread_mp4", "*/train/*.mp4"
CORPUS_FILE = "corpus.json"
"""The file that marks the folder of a prepared corpus."""


@dataclass(frozen=True)
class CorpusClip:
    """A movie of one person speaking; messages and people.toml refer to it by `name`.

    person: name of the person, which several clips share; empty where the clip is all that is known of them.
    """

    path: Path
    person: str = ""

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return file_digest(self.path)


@dataclass(frozen=True)
class People:
    """Names of the clips of the people that the weights are trained on, and of those that they are measured on."""

    training: tuple[str, ...]
    held_out: tuple[str, ...]

    @staticmethod
    def load(path: Path = PEOPLE) -> People:
        """Read the list that comes with the weights."""
        lists = tomllib.loads(path.read_text(encoding="utf-8"))
        return People(tuple(lists["training"]), tuple(lists["held_out"]))


def is_corpus(path: Path) -> bool:
    """Whether a folder holds a prepared corpus."""
    return (path / CORPUS_FILE).is_file()


def find_clips(datasets: Iterable[Path]) -> list[CorpusClip]:
    """Return the clips of data sets, in order: LRW's training part, every movie in a folder, or a single movie.

    Raises InputError when a data set is missing or holds no clips, and when it holds a held-out person.
    """
    clips = [clip for dataset in datasets for clip in sorted(clips_of(Path(dataset)), key=lambda clip: clip.path)]
    require_not_held_out(clips)
    return clips


def clips_of(dataset: Path) -> Iterator[CorpusClip]:
    """Yield the clips of a data set in the order of the file system, one at a time, because there may be many.

    The movies in a sub-folder show one person, whose name the sub-folder has. LRW is
    `lipread_mp4/WORD/{train,val,test}/WORD_00001.mp4`. Its `.txt` files are not needed: they give the time of the word,
    which is always the middle of the clip.

    Raises InputError when the data set is missing or holds no clips.
    """
    if dataset.is_file():
        yield CorpusClip(dataset)
        return
    if not dataset.is_dir():
        raise InputError(f"{dataset} does not exist; choose a clip or a folder of clips.")
    if is_corpus(dataset):
        raise InputError(f"{dataset} is a prepared corpus, which `train motion` alone reads; choose the clips that it "
                         "was prepared from.")
    root, found = dataset / LRW_FOLDER if (dataset / LRW_FOLDER).is_dir() else dataset, False
    for path in root.glob(LRW_CLIPS):
        found = True
        yield CorpusClip(path)
    if found:
        return
    for path in dataset.rglob("*"):
        if path.suffix.lower() in MOVIE_SUFFIXES and path.is_file():
            found = True
            yield CorpusClip(path, "" if path.parent == dataset else str(path.parent.relative_to(dataset)))
    if not found:
        raise InputError(f"{dataset} holds no clips; choose a folder of movies, or one laid out as LRW.")


def require_not_held_out(clips: Iterable[CorpusClip]) -> None:
    """Raise InputError when a clip shows a person that the weights are measured on."""
    held_out = sorted({clip.name for clip in clips} & set(People.load().held_out))
    if held_out:
        raise InputError(f"{', '.join(held_out)} is held out for measuring (weights/people.toml); leave it out of "
                         "training.")
