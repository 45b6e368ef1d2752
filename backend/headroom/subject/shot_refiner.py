"""The steps of refining: one subject made ready, renders laid over their plates, what was refined before found."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

import headroom
from headroom.common.files import file_digest
from headroom.common.prefetch import prefetch
from headroom.media.image import read_picture
from headroom.plate.composite import composite, crop_frame
from headroom.plate.head_surface import HeadSurface
from headroom.plate.layers import BACKGROUND, MATTES, PLATES, BackgroundLayers
from headroom.plate.match import PlateMatch
from headroom.refine.generator import WINDOW
from headroom.refine.refined_crops import RefinedCrop, CropCache
from headroom.refine.region import feathered
from headroom.subject.folder import Subject

KEPT_PLATES = 20  # warped, full frame: a batch of eight, its window and what is on its way to and from it
SOURCE_FILES = ("refiner.safetensors", "track.npz", "rig.npz", PLATES, MATTES, BACKGROUND)
"""The subject's files that a refined frame depends on; the last two may be missing."""


@dataclass(frozen=True)
class Composite:
    """One finished frame and what it was made over."""

    frame: np.ndarray  # (H, W, 3) uint8
    plate: np.ndarray  # (H, W, 3) uint8, its head moved
    mask: np.ndarray  # (R, R) 0..1, of the crop


class ShotRefiner:
    """One subject with network, track and plates at hand."""

    def __init__(self, subject: Subject):
        self.track, self.refiner, self.resolution = subject.track, subject.refiner, subject.resolution
        self.title = subject.info.name
        files = (subject.folder / name for name in SOURCE_FILES)
        self.person = "|".join([headroom.__version__, *(file_digest(file) for file in files if file.is_file())])
        surface = HeadSurface.of(subject.model.shape(self.track.identity)[subject.model.skin])
        self._ground = BackgroundLayers(subject.folder, self.track.camera, surface)
        self._ground.__enter__()
        self._warped: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._warping = threading.Lock()  # plates are wanted before painting and once more after it, in two threads

    def close(self) -> None:
        self._ground.__exit__()

    def plate(self, matched: PlateMatch, frame: int) -> np.ndarray:
        """The plate (H, W, 3) uint8 under a frame of the shot, its head moved to the wanted pose."""
        key = frame_key(matched, frame)
        with self._warping:
            if key not in self._warped:
                number = matched.plate[frame]
                filmed = (self.track.rotation[number], self.track.translation[number])
                wanted = (matched.rotation[frame], matched.translation[frame])
                self._warped[key] = self._ground.under(number, filmed, wanted)
                if len(self._warped) > KEPT_PLATES:
                    self._warped.popitem(last=False)
            return self._warped[key]

    def painted(self, renders: Iterable[np.ndarray], matched: PlateMatch) -> Iterator[RefinedCrop]:
        """Refined crops of the renders (R, R, 4) uint8 of a shot."""
        return self.refiner.refine(renders, self._plate_crops(matched, 0))

    def refined(
        self, renders: Sequence[Path], matched: PlateMatch, crops: CropCache, context: int = 0
    ) -> Generator[tuple[RefinedCrop, bool], None, None]:
        """The crop of every frame after the first `context`, and whether it had to be painted; painted ones are kept.

        renders: RGBA PNG files, one for each frame of the match. Reading, painting and keeping go on side by side.
        """
        keys = crop_keys(self.person, renders, matched)
        with closing(prefetch(self._found(renders, matched, crops, keys, context))) as found:
            for key, (crop, is_new) in zip(keys[context:], found):
                yield crops.save(key, crop) if is_new else crop, is_new

    def composites(
        self, renders: Sequence[Path], matched: PlateMatch, crops: CropCache
    ) -> Generator[np.ndarray, None, None]:
        """The finished frames (H, W, 3) uint8 of a shot."""
        with closing(self.refined(renders, matched, crops)) as refined:
            for frame, (crop, _) in enumerate(refined):
                yield self.composite(matched, frame, crop)

    def composite(self, matched: PlateMatch, frame: int, crop: RefinedCrop) -> np.ndarray:
        """The full frame (H, W, 3) uint8."""
        return composite(self.plate(matched, frame), self.track.crop, *crop)

    def comparison(self, matched: PlateMatch, frame: int, render: Path, crop: RefinedCrop) -> np.ndarray:
        """The crop of the frame before and after refining, side by side: (S, 2 S, 3) uint8, pixels of the frame."""
        drawn = read_picture(render, alpha=True)
        before = composite(self.plate(matched, frame), self.track.crop, drawn[..., :3], feathered(drawn[..., 3]))
        after = self.composite(matched, frame, crop)
        where = self.track.crop
        return np.hstack([crop_frame(picture, where, where.size) for picture in (before, after)])

    def _found(
        self, renders: Sequence[Path], matched: PlateMatch, crops: CropCache, keys: list[str], context: int
    ) -> Iterator[tuple[RefinedCrop, bool]]:
        """CropCache that are kept, and between them those that are painted now."""
        for known, run in groupby(range(context, len(renders)), lambda frame: keys[frame] in crops):
            frames = list(run)
            if not known:
                yield from self._run(renders, matched, frames[0], frames[-1] + 1)
                continue
            for frame in frames:
                kept = crops.load(keys[frame])
                if kept:
                    yield kept, False
                else:  # it was damaged or removed meanwhile
                    yield from self._run(renders, matched, frame, frame + 1)

    def _run(
        self, renders: Sequence[Path], matched: PlateMatch, first: int, end: int
    ) -> Iterator[tuple[RefinedCrop, bool]]:
        """Paint the frames first..end-1, with the frames before them in view; True with each, for they are new."""
        start = max(first - (WINDOW - 1), 0)
        pictures = (read_picture(render, alpha=True) for render in renders[start:end])
        windows = self.refiner.windows(pictures, self._plate_crops(matched, start), first - start)
        with closing(prefetch(windows)) as prepared:
            for crop in self.refiner.painted(prepared):
                yield crop, True

    def _plate_crops(self, matched: PlateMatch, first: int) -> Iterator[np.ndarray]:
        """The crop (R, R, 3) uint8 of each plate from the frame `first` on."""
        for frame in range(first, len(matched.plate)):
            yield crop_frame(self.plate(matched, frame), self.track.crop, self.resolution)


_open: dict[tuple, ShotRefiner] = {}  # the one that was used last; owned by `open_shot_refiner`


def open_shot_refiner(folder: Path) -> ShotRefiner:
    """The studio of a subject folder; the last one stays open, for loading it takes longer than refining a frame."""
    files = [(folder / name).stat() for name in SOURCE_FILES if (folder / name).is_file()]
    key = (Path(folder).absolute(), *((each.st_mtime_ns, each.st_size, each.st_ino) for each in files))
    if key not in _open:
        subject = Subject.open(folder)
        while _open:
            _open.popitem()[1].close()
        _open[key] = ShotRefiner(subject)
    return _open[key]


def crop_keys(person: str, renders: Sequence[Path], matched: PlateMatch) -> list[str]:
    """What each frame's refined crop is kept under: the person, and what is seen in the frame and its window."""
    marks = [file_digest(render).encode() + frame_key(matched, frame) for frame, render in enumerate(renders)]
    windows = ([marks[max(frame - back, 0)] for back in range(WINDOW)] for frame in range(len(marks)))
    return [hashlib.sha256(b"|".join([person.encode(), *window])).hexdigest() for window in windows]


def frame_key(matched: PlateMatch, frame: int) -> bytes:
    """The plate and pose of a frame, as bytes."""
    parts = (matched.plate[frame], matched.rotation[frame], matched.translation[frame])
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
