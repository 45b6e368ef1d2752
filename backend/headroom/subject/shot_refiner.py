"""Refining a shot: one subject's refiner, renders composited over their plates, and the cache of what is done."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import headroom
from headroom.common.choices import Layer
from headroom.common.files import file_digest
from headroom.common.prefetch import prefetch
from headroom.common.subject_files import ALBEDO, BACKGROUND, MATTES, PLATES, REFINER, RIG, TRACK
from headroom.face.camera import Crop
from headroom.face.raster import Rasterizer
from headroom.media.image import read_picture
from headroom.plate.composite import composite, crop_frame, with_alpha
from headroom.plate.head_surface import Pose
from headroom.plate.layers import BackgroundLayers
from headroom.plate.match import PlateMatch
from headroom.plate.reprojected_plates import FramePlate
from headroom.plate.shot_renders import DrawnFrame, Render
from headroom.plate.source_choice import WantedFace
from headroom.refine.generator import INPUT_FRAMES
from headroom.refine.inputs import CropPlate
from headroom.refine.refined_crops import CropCache, RefinedCrop
from headroom.refine.refiner import Refiner
from headroom.refine.region import feathered_alpha
from headroom.subject.folder import Subject
from headroom.subject.track_plates import head_surface, plates_of_track
from headroom.track.track import Track

MAX_OPEN = 2  # refiners: those of a shot with two people
MAX_CACHED_PLATES = 20  # warped, full frame: a batch of eight, its context frames, and those in the prefetch threads
REFINING_VERSION = 4
"""Raise this when the same files give other refined crops; those that caches hold are then made again."""
SOURCE_FILES = (REFINER, TRACK, RIG, ALBEDO, PLATES, MATTES, BACKGROUND)
"""Files of the subject that a refined frame depends on; the last two may be missing."""


@dataclass(frozen=True)
class Composite:
    """One finished frame, and what it was made from.

    frame: (H, W, 3) uint8.
    plate: (H, W, 3) uint8, what lies under the refined crop.
    mask: (R, R) float32, 0..1, of the crop.
    """

    frame: NDArray[np.uint8]
    plate: NDArray[np.uint8]
    mask: NDArray[np.float32]


class PlateSource(Protocol):
    """What a `ShotRefiner` takes its plates from, such as `ReprojectedPlates`."""

    @property
    def vertex_count(self) -> int:
        """V, the number of vertices of the face model."""

    def warped(self, number: int, pose: Pose) -> FramePlate:
        """Return plate `number` with its head moved to a pose; its face keeps its expression."""

    def reprojected(self, number: int, wanted: WantedFace) -> FramePlate:
        """Return plate `number` with its head and its face moved to the wanted ones."""

    @property
    def background(self) -> NDArray[np.uint8] | None:
        """The frame without the person (H, W, 3); None where it is not known."""

    def person_alpha(self, number: int, pose: Pose, crop: Crop) -> NDArray[np.float32]:
        """Return where (H, W), 0..1, plate `number` shows the person with its head moved to a pose."""

    def close(self) -> None:
        """Release the plates."""


class ShotRefiner:
    """One subject's refiner, track and plates, which it owns: close it after use."""

    def __init__(self, refiner: Refiner, track: Track, plates: PlateSource, raster: Rasterizer, subject_digest: str):
        """Take ownership of the plates.

        raster: draws the frames that come without a picture.
        subject_digest: identifies everything of the subject that refined crops depend on.
        """
        self.refiner, self.track = refiner, track
        self.subject_digest = subject_digest
        self._plates, self._raster = plates, raster
        self._recent: OrderedDict[bytes, FramePlate] = OrderedDict()  # the latest, by what they depend on
        self._lock = threading.Lock()  # two threads need each plate: one before refining and one after it

    @staticmethod
    def open(subject: Subject) -> ShotRefiner:
        """Open the refiner and the plates of a subject."""
        refiner, track, model = subject.refiner, subject.track, subject.model
        layers = BackgroundLayers.open(subject.folder, track.camera, head_surface(model, track))
        plates = plates_of_track(model, track, layers, refiner.resolution)
        raster = Rasterizer(model, track.camera, track.crop, refiner.resolution)
        raster.set_appearance(subject.albedo, track.light)
        return ShotRefiner(refiner, track, plates, raster, subject_digest(subject.folder))

    def close(self) -> None:
        """Release the plates."""
        self._plates.close()

    def plate(self, match: PlateMatch, frame: int, vertices: NDArray[np.float32] | None) -> FramePlate:
        """Return the plate of a frame of the shot; any thread may call this.

        vertices: (V, 3), camera axes, of the face in the frame. Without them, and for a refiner without a plate term,
            the plate is warped to the frame's pose and not reprojected.
        """
        if not self.refiner.uses_plates:
            vertices = None
        key = _pose_key(match, frame) + (b"" if vertices is None else hashlib.sha256(vertices.tobytes()).digest())
        with self._lock:
            if key not in self._recent:
                number, pose = int(match.plate[frame]), (match.rotation[frame], match.translation[frame])
                self._recent[key] = (self._plates.warped(number, pose) if vertices is None
                                     else self._plates.reprojected(number, WantedFace(vertices, pose)))
                if len(self._recent) > MAX_CACHED_PLATES:
                    self._recent.popitem(last=False)
            return self._recent[key]

    @property
    def background(self) -> NDArray[np.uint8] | None:
        """The frame without the person (H, W, 3); None where it is not known."""
        return self._plates.background

    def person_alpha(self, match: PlateMatch, frame: int) -> NDArray[np.float32]:
        """Return where (H, W), 0..1, a frame of the shot shows the person; it needs a `background`."""
        pose = (match.rotation[frame], match.translation[frame])
        return self._plates.person_alpha(int(match.plate[frame]), pose, self.track.crop)

    def refine(self, frames: Iterable[DrawnFrame], match: PlateMatch) -> Iterator[Composite]:
        """Yield the finished frames of a shot, without the cache."""
        plates: deque[FramePlate] = deque()

        def with_plates() -> Iterator[tuple[NDArray[np.uint8], CropPlate]]:
            for number, frame in enumerate(frames):
                plates.append(self.plate(match, number, frame.vertices))
                yield frame.picture, self.crop_plate(plates[-1])

        for crop in self.refiner.refine(with_plates()):
            plate = plates.popleft()
            yield Composite(self._over_plate(plate, crop), plate.picture, crop[1])

    def refine_files(
        self, renders: Sequence[Render], match: PlateMatch, cache: CropCache, context: int = 0
    ) -> Generator[tuple[RefinedCrop, bool], None, None]:
        """Yield the refined crop of every frame after the first `context`, and whether it was not in the cache.

        New crops are stored in the cache. Reading, refining and storing run at the same time, in threads.

        renders: one for each frame of the match.
        """
        digests = crop_digests(self.subject_digest, renders, match)
        with closing(prefetch(self._cached_or_new(renders, match, cache, digests, context))) as crops:
            for digest, (crop, is_new) in zip(digests[context:], crops):
                yield cache.save(digest, crop) if is_new else crop, is_new

    def composites(
        self, renders: Sequence[Render], match: PlateMatch, cache: CropCache, layer: Layer = "frame", context: int = 0
    ) -> Generator[NDArray[np.uint8], None, None]:
        """Yield the finished frames (H, W, 3) after the first `context`; of the layer "face" with its alpha (H, W, 4).

        renders: one for each frame of the match.
        """
        with closing(self.refine_files(renders, match, cache, context)) as crops:
            for frame, (crop, _) in enumerate(crops, context):
                finished = self.composite(match, frame, renders[frame], crop)
                if layer == "face":
                    drawn = self.drawn(renders[frame]).picture
                    finished = with_alpha(finished, self.track.crop, feathered_alpha(drawn[..., 3]))
                yield finished

    def comparison(self, match: PlateMatch, frame: int, render: Render, crop: RefinedCrop) -> NDArray[np.uint8]:
        """Return the frame's crop before and after refining, side by side: (S, 2 S, 3), pixels of the frame."""
        area, drawn = self.track.crop, self.drawn(render)
        plate, pixels = self.plate(match, frame, drawn.vertices), drawn.picture
        before = composite(plate.picture, area, pixels[..., :3], feathered_alpha(pixels[..., 3]))
        after = self._over_plate(plate, crop)
        return np.hstack([crop_frame(picture, area, area.size) for picture in (before, after)])

    def composite(self, match: PlateMatch, frame: int, render: Render, crop: RefinedCrop) -> NDArray[np.uint8]:
        """Composite a refined crop over its plate; return the full frame (H, W, 3)."""
        return self._over_plate(self.plate(match, frame, self._vertices(render)), crop)

    def _over_plate(self, plate: FramePlate, crop: RefinedCrop) -> NDArray[np.uint8]:
        """Return the full frame (H, W, 3); a reprojected plate keeps its detail under the crop."""
        return composite(plate.picture, self.track.crop, *crop, plate_detail=plate.valid is not None)

    def crop_plate(self, plate: FramePlate) -> CropPlate:
        """Return the part of a plate that the refiner sees."""
        return CropPlate(crop_frame(plate.picture, self.track.crop, self.refiner.resolution), plate.valid)

    def drawn(self, render: Render) -> DrawnFrame:
        """Return picture and vertices of a render; the picture is drawn where Blender sent none."""
        vertices = self._vertices(render)
        if render.picture is not None:
            return DrawnFrame(read_picture(render.picture, alpha=True), vertices)
        assert vertices is not None  # a render has a picture or a mesh
        return DrawnFrame(self._raster.render(vertices), vertices)

    def _vertices(self, render: Render) -> NDArray[np.float32] | None:
        """Return the vertices (V, 3) of a render, or None where nothing needs them or it has none."""
        needed = self.refiner.uses_plates or render.picture is None
        return render.vertices(self._plates.vertex_count) if needed else None

    def _cached_or_new(
        self, renders: Sequence[Render], match: PlateMatch, cache: CropCache, digests: list[str], context: int
    ) -> Iterator[tuple[RefinedCrop, bool]]:
        """Yield the crop of every frame after the first `context`, and whether it was not in the cache."""
        for is_cached, run in groupby(range(context, len(renders)), lambda frame: digests[frame] in cache):
            frames = list(run)
            if not is_cached:
                yield from self._refine_run(renders, match, frames[0], frames[-1] + 1)
                continue
            for frame in frames:
                cached = cache.load(digests[frame])
                if cached:
                    yield cached, False
                else:  # the file is damaged, or was removed in the meantime
                    yield from self._refine_run(renders, match, frame, frame + 1)

    def _refine_run(
        self, renders: Sequence[Render], match: PlateMatch, first: int, end: int
    ) -> Iterator[tuple[RefinedCrop, bool]]:
        """Refine the frames first..end-1, with the frames before them as context; yield True with each."""
        start = max(first - (INPUT_FRAMES - 1), 0)
        frames = ((drawn.picture, self.crop_plate(self.plate(match, frame, drawn.vertices)))
                  for frame, drawn in enumerate(map(self.drawn, renders[start:end]), start))
        inputs = self.refiner.prepare(frames, first - start)
        with closing(prefetch(inputs)) as prepared:
            for crop in self.refiner.refine_inputs(prepared):
                yield crop, True


class OpenShotRefiners:
    """Keeps the latest `ShotRefiner`s of this process open, because opening one takes longer than refining a frame.

    Opening another subject closes the one that was used least recently; opening one whose files have changed closes
    it. The jobs of a worker process run one after the other, so no lock is needed.
    """

    def __init__(self) -> None:
        self._refiners: OrderedDict[Path, tuple[tuple[object, ...], ShotRefiner]] = OrderedDict()

    def open(self, folder: Path) -> ShotRefiner:
        """Return the `ShotRefiner` of a subject folder; this object closes it."""
        folder = Path(folder).absolute()
        stamps, known = _file_stamps(folder), self._refiners.get(folder)
        if known is None or known[0] != stamps:
            subject = Subject.open(folder)
            if known is not None:
                self._close(folder)
            while len(self._refiners) >= MAX_OPEN:
                self._close(next(iter(self._refiners)))
            self._refiners[folder] = stamps, ShotRefiner.open(subject)
        self._refiners.move_to_end(folder)
        return self._refiners[folder][1]

    def close(self) -> None:
        """Close all."""
        for folder in list(self._refiners):
            self._close(folder)

    def _close(self, folder: Path) -> None:
        """Close one."""
        self._refiners.pop(folder)[1].close()


_open_refiners = OpenShotRefiners()
"""Those of this process; only `open_shot_refiner` uses them."""


def open_shot_refiner(folder: Path) -> ShotRefiner:
    """Return the `ShotRefiner` of a subject folder, which stays open until `MAX_OPEN` other subjects are opened."""
    return _open_refiners.open(folder)


def subject_digest(folder: Path) -> str:
    """Return what identifies a subject for refined crops: the versions and the digests of its `SOURCE_FILES`."""
    files = [folder / name for name in SOURCE_FILES if (folder / name).is_file()]
    return "|".join([headroom.__version__, str(REFINING_VERSION), *map(file_digest, files)])


def crop_digests(subject_digest: str, renders: Sequence[Render], match: PlateMatch) -> list[str]:
    """Return a digest of everything that each frame's refined crop depends on.

    That is the subject, and picture, mesh, plate and pose of the frame and of its context frames.
    """
    frames = [_render_key(render) + _pose_key(match, frame) for frame, render in enumerate(renders)]
    inputs = ([frames[max(frame - back, 0)] for back in range(INPUT_FRAMES)] for frame in range(len(frames)))
    return [hashlib.sha256(b"|".join([subject_digest.encode(), *each])).hexdigest() for each in inputs]


def _render_key(render: Render) -> bytes:
    """Return the digests of the files of a render."""
    files = (render.picture, render.mesh)
    return b"+".join(file_digest(file).encode() if file is not None else b"none" for file in files)


def _pose_key(match: PlateMatch, frame: int) -> bytes:
    """Return plate and pose of a frame as bytes, which identify its warped plate."""
    values = (match.plate[frame], match.rotation[frame], match.translation[frame])
    return b"".join(np.ascontiguousarray(value).tobytes() for value in values)


def _file_stamps(folder: Path) -> tuple[object, ...]:
    """Return what changes when a file of a subject folder is replaced."""
    files = [(folder / name).stat() for name in SOURCE_FILES if (folder / name).is_file()]
    return (Path(folder).absolute(), *((each.st_mtime_ns, each.st_size, each.st_ino) for each in files))
