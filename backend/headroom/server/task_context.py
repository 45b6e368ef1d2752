"""What a task may use: its folder, the server's files, and the pipeline.

The pipeline is imported in the worker process only.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from headroom.common.progress import Progress, TrainingMonitor
from headroom.common.settings import (
    AlignWordsSettings,
    JoinChunksSettings,
    LearnSettings,
    MatchSettings,
    PerformSettings,
    RefineChunkSettings,
    RefineFramesSettings,
    RefineSettings,
)
from headroom.server.blobs import Blobs
from headroom.server.job_cache import JobCache

if TYPE_CHECKING:
    from headroom import pipeline
    from headroom.common.other_speaker import OtherSpeaker
    from headroom.face.performance import Performance, PoseTrack
    from headroom.face.word_track import SpokenWords
    from headroom.plate.match import PlateMatch
    from headroom.plate.shot_renders import PersonInMovie, PersonInShot, ShotRenders


class Pipeline(Protocol):
    """The functions of `headroom.pipeline` that tasks call; tests pass another module."""

    def learn(self, clip: Path, subject: Path, settings: LearnSettings, /, *, progress: Progress,
              monitor: TrainingMonitor | None) -> list[str]:
        """Learn a person and write the subject."""

    def perform(self, subject: Path, speech: Path, settings: PerformSettings, /, *, others: Sequence[OtherSpeaker],
                progress: Progress) -> tuple[Performance, list[str]]:
        """Predict a performance from speech."""

    def align_words(self, speech: Path, settings: AlignWordsSettings, /, *, progress: Progress
                    ) -> tuple[SpokenWords, list[str]]:
        """Find the words of a transcript in speech."""

    def write_track(self, speech: Path, track: int, path: Path, /) -> None:
        """Write an audio track of a file as a sound file."""

    def match_plates(self, subject: Path, poses: PoseTrack, settings: MatchSettings, /, *,
                     fixed_positions: NDArray[np.float64] | None, progress: Progress) -> PlateMatch:
        """Find a plate for every frame of a shot."""

    def refine(self, people: Sequence[PersonInShot], movie: Path, settings: RefineSettings, /, *, progress: Progress
               ) -> tuple[int, list[str]]:
        """Refine a shot and write it as a movie; return the number of frames and notes."""

    def refine_frames(self, subject: Path, shot: ShotRenders, settings: RefineFramesSettings, /, *,
                      comparisons: Path | None, progress: Progress) -> int:
        """Refine some frames of a shot; return how many were not in the cache."""

    def refine_chunk(self, people: Sequence[PersonInShot], chunk: Path, settings: RefineChunkSettings, /, *,
                     progress: Progress) -> tuple[int, list[str]]:
        """Finish some frames of a shot; return their number and notes."""

    def join_chunks(self, people: Sequence[PersonInMovie], chunks: Sequence[Path], movie: Path,
                    settings: JoinChunksSettings, /, *, progress: Progress) -> tuple[int, list[str]]:
        """Write a movie from chunks of its frames; return the number of frames and notes."""


if TYPE_CHECKING:
    CHECKED: Pipeline = pipeline  # mypy compares the module's functions with the protocol


@dataclass(frozen=True)
class TaskContext:
    """What a task may use."""

    folder: Path  # private to the job, empty at the start, removed when the job ends
    blobs: Blobs
    cache: JobCache
    pipeline: Pipeline
    progress: Progress
    monitor: TrainingMonitor


def load_pipeline(module: str) -> Pipeline:
    """Import the module with the pipeline's functions."""
    return cast(Pipeline, importlib.import_module(module))
