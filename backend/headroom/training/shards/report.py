"""What is known of a prepared corpus: statistics, the clips that were left out, and a picture of some clips."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from headroom.common.arrays import evenly_spaced
from headroom.common.files import atomic_write
from headroom.media.image import read_picture, write_picture
from headroom.training.shards.folder import CorpusFolder
from headroom.training.shards.prepare import CONFIDENCE_STEPS, YAW_STEP

STATISTICS, LEFT_OUT, PREVIEWS = "statistics.json", "left_out.csv", "previews.jpg"
COLUMNS, ROWS, TILE, MARGIN = 8, 6, 192, 4  # pixels
_SUMS = "clips", "seconds", "work_seconds", "clips_without_person"
_TAIL = 0.05  # of the clips on either side of the range of yaw


@dataclass(frozen=True)
class CorpusStatistics:
    """What the finished shards of a corpus hold.

    shards, planned_shards: finished ones, and all. left_out: clips that cannot be used.
    seconds: of the clips. work_seconds: of the workers, all together.
    confidence: share of the clips in each tenth of the mean confidence.
    yaw_degrees: of the head's median yaw in a clip, the range of nine clips in ten; None without clips.
    people: with a name. clips_without_person: each of which counts as a person of its own.
    """

    shards: int
    planned_shards: int
    clips: int
    left_out: int
    seconds: float
    work_seconds: float
    confidence: tuple[float, ...]
    yaw_degrees: tuple[int, int] | None
    people: int
    clips_without_person: int


def write_report(corpus: CorpusFolder) -> CorpusStatistics:
    """Write statistics, the list of clips that were left out, and the picture; one summary is in memory at a time."""
    counts: Counter[str] = Counter()
    yaw: Counter[int] = Counter()
    confidence, people, numbers = np.zeros(CONFIDENCE_STEPS), set[str](), []
    with atomic_write(corpus.path / LEFT_OUT) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["shard", "clip", "reason"])
        for number in corpus.finished():
            summary = corpus.summary(number)
            numbers.append(number)
            table.writerows([number, *row] for row in summary["left_out"])
            counts.update({name: summary[name] for name in _SUMS})
            counts["left_out"] += len(summary["left_out"])
            yaw.update({int(step): count for step, count in summary["yaw"].items()})
            confidence += summary["confidence"]
            people.update(summary["people"])
    shares = tuple(round(float(share), 4) for share in confidence / max(confidence.sum(), 1))
    statistics = CorpusStatistics(len(numbers), corpus.shard_count, counts["clips"], counts["left_out"],
                                  round(counts["seconds"], 1), round(counts["work_seconds"], 1), shares,
                                  _range_of(yaw), len(people), counts["clips_without_person"])
    with atomic_write(corpus.path / STATISTICS) as temporary:
        temporary.write_text(json.dumps(asdict(statistics), indent=1) + "\n", encoding="utf-8")
    _write_previews(corpus, numbers)
    return statistics


def _range_of(yaw: Counter[int]) -> tuple[int, int] | None:
    """Return the degrees that nine of ten clips lie between."""
    if not yaw:
        return None
    steps = sorted(yaw)
    shares = np.cumsum([yaw[step] for step in steps]) / yaw.total()
    low = steps[int(np.searchsorted(shares, _TAIL))]
    return low, steps[min(int(np.searchsorted(shares, 1 - _TAIL)), len(steps) - 1)] + YAW_STEP


def _write_previews(corpus: CorpusFolder, numbers: Sequence[int]) -> None:
    """Write a picture with the tracked faces of shards evenly from the corpus."""
    files = [path for path in map(corpus.preview_file, numbers) if path.is_file()]
    if not files:
        return
    chosen: list[Path] = [files[index] for index in evenly_spaced(np.arange(len(files)), COLUMNS * ROWS)]
    columns = min(COLUMNS, len(chosen))
    cell = TILE + MARGIN
    sheet = np.full((-(-len(chosen) // columns) * cell + MARGIN, columns * cell + MARGIN, 3), 255, np.uint8)
    for index, path in enumerate(chosen):
        picture = read_picture(path)
        scale = TILE / max(picture.shape[:2])
        tile = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:TILE, :TILE]
        y, x = MARGIN + index // columns * cell, MARGIN + index % columns * cell
        sheet[y:y + tile.shape[0], x:x + tile.shape[1]] = tile
    with atomic_write(corpus.path / PREVIEWS) as temporary:
        write_picture(temporary, sheet)
