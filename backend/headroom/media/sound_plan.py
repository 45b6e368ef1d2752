"""Which audio track of a file is read and how its channels are mixed, decided by what they contain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.media.mix_down import mix_weights
from headroom.media.sound_blocks import SoundBlock, open_sound, sound_blocks

MAX_SECONDS = 600.0  # of a track, by which its channels are judged
SILENT_POWER = 10 ** -6.6  # mean power of full scale of a track without any sound
MUCH_QUIETER = 1e-4  # power relative to the loudest track, -40 dB
Layout = tuple[str, ...]


@dataclass(frozen=True)
class SoundPlan:
    """How a file's sound is read.

    track: number of the audio stream, from 0.
    weights: layout -> weights (C,) that mix its channels to one.
    stereo: whether the track has two channels.
    changes: what is changed, each as a part of a sentence.
    """

    track: int
    weights: dict[Layout, np.ndarray]
    stereo: bool
    changes: tuple[str, ...]

    def matrix(self, layout: Layout, outputs: int) -> np.ndarray:
        """Return the weights (C, outputs) of a layout's channels in one or two channels; two channels stay two."""
        if outputs == len(layout):
            return np.eye(outputs, dtype=np.float32)
        mono = self.weights.get(layout, np.full(len(layout), 1 / len(layout), np.float32))
        return np.repeat(mono[:, None], outputs, axis=1)


def sound_plan(path: Path, track: int | None = None) -> SoundPlan:
    """Return how to read a file's sound; InputError where the file has none, or no such track.

    track: number of the audio track, from 1; None for the first, or where that one is silent the first with sound.
    """
    path = Path(path)
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{path} does not exist. Choose another file.") from error
    return _plan(path, track, _tracks(path, stat.st_size, stat.st_mtime_ns))


@dataclass
class _Track:
    """What was heard in one audio track.

    products: layout -> sums (C, C) of the products of the channels' samples.
    counts: layout -> number of samples.
    """

    products: dict[Layout, np.ndarray] = field(default_factory=dict)
    counts: dict[Layout, int] = field(default_factory=dict)
    skipped: int = 0
    invalid: int = 0

    def add(self, block: SoundBlock) -> None:
        samples = block.samples.astype(np.float64)
        self.products[block.layout] = self.products.get(block.layout, 0) + samples.T @ samples
        self.counts[block.layout] = self.counts.get(block.layout, 0) + len(samples)
        self.skipped += block.skipped
        self.invalid += block.invalid

    @property
    def power(self) -> float:
        """Mean power of the loudest channel."""
        total = sum(self.counts.values())
        return sum(products.diagonal().max() for products in self.products.values()) / total if total else 0.0


@lru_cache(maxsize=16)
def _tracks(path: Path, size: int, modified: int) -> tuple[_Track, ...]:
    """Return what is heard in the tracks of a file; size and time of the file belong to the cache's key."""
    with open_sound(path) as container:
        tracks = tuple(_Track() for _ in container.streams.audio)
        for block in sound_blocks(container, container.streams.audio):
            tracks[block.track].add(block)
            heard = any(track.power > SILENT_POWER for track in tracks)
            if heard and (block.seconds or 0.0) > MAX_SECONDS:
                break
    return tracks


def _plan(path: Path, wanted: int | None, tracks: Sequence[_Track]) -> SoundPlan:
    """Choose a track and mix its channels."""
    if wanted is not None and wanted > len(tracks):
        raise InputError(f"{path.name} has {len(tracks)} audio tracks and no track {wanted}; choose another number.")
    chosen = _first_with_sound(tracks) if wanted is None else wanted - 1
    track, changes = tracks[chosen], []
    if wanted is None and chosen:
        changes.append(f"its sound is audio track {chosen + 1} of {len(tracks)}, because those before are silent")
    weights = {}
    for layout, products in track.products.items():
        weights[layout], change = mix_weights(layout, products / max(track.counts[layout], 1))
        changes += [change] if change else []
    if track.skipped:
        changes.append(f"{track.skipped} damaged parts of its sound were left out")
    if track.invalid:
        changes.append("sound samples that are not numbers were replaced by silence")
    return SoundPlan(chosen, weights, any(len(layout) == 2 for layout in weights), tuple(changes))


def _first_with_sound(tracks: Sequence[_Track]) -> int:
    """Return the number of the first track that is not silent beside the loudest; 0 where all are."""
    threshold = max(SILENT_POWER, MUCH_QUIETER * max(track.power for track in tracks))
    return next((number for number, track in enumerate(tracks) if track.power > threshold), 0)
