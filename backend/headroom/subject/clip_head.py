"""The head in the frames of a clip: its depth, and its poses by more than the face."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headroom.common.subject_files import MATTES
from headroom.face.model import FaceModel
from headroom.face.pose_information import PoseInformation
from headroom.plate.head_alignment import HeadDetail, find_head_detail
from headroom.plate.head_colours import HeadColours
from headroom.plate.head_surface import HeadSurface
from headroom.plate.head_views import HeadViews
from headroom.plate.matte import load_mattes, mattes_of
from headroom.plate.measured_depth import measure_head_depth
from headroom.plate.plates import Frames, Plates
from headroom.subject.folder import Subject
from headroom.subject.track_plates import head_surface
from headroom.track.solve.fit import Fit
from headroom.track.track import Track


@dataclass(frozen=True)
class ClipHead:
    """The head of a person in the T frames (H, W, 3) that they are learned from.

    mattes: (T, h, w) uint8, 255 where a frame shows the person.
    """

    model: FaceModel
    frames: Frames
    mattes: NDArray[np.uint8]

    def with_depth(self, track: Track) -> Track:
        """Return the track of the frames with the depth of the head beyond the face."""
        surface = head_surface(self.model, replace(track, head_depth=None))
        return replace(track, head_depth=measure_head_depth(surface, self._views(track)))

    def posed(self, fit: Fit) -> PosedClipHead:
        """Return the head in the poses of a fit, with the depth that it has in them."""
        views, guess = _views_of_fit(fit, self.frames, self.mattes), self._guess(fit)
        depth = measure_head_depth(guess, views)
        return PosedClipHead(guess.with_depth(depth) if depth else guess, views)

    def known(self, track: Track, frames: Frames) -> KnownHead:
        """Return the head, whose track in its own frames is given, in other frames of the same camera."""
        surface, views = head_surface(self.model, track), self._views(track)
        return KnownHead(surface, HeadColours.of(surface, views), find_head_detail(surface, views), frames,
                         mattes_of(frames))

    def _guess(self, fit: Fit) -> HeadSurface:
        return HeadSurface.of(self.model.shape(fit.identity)[self.model.skin])

    def _views(self, track: Track) -> HeadViews:
        return HeadViews(self.frames, self.mattes, track.camera, track.rotation, track.translation,
                         track.confidence > 0)


@dataclass(frozen=True)
class PosedClipHead:
    """The head that frames show in given poses."""

    surface: HeadSurface
    views: HeadViews

    def measure_poses(self) -> PoseInformation | None:
        """Return what the head beyond the face tells of the poses; None where too few frames show it."""
        detail = find_head_detail(self.surface, self.views)
        return detail.align(self.views) if detail else None

    def disagreement(self) -> float:
        """Return how much the frames differ in what they show of the head."""
        return HeadColours.of(self.surface, self.views).disagreement()


@dataclass(frozen=True)
class KnownHead:
    """The head of a learned person in T other frames (H, W, 3).

    surface: with its measured depth. colours, detail: what the learned frames show of it; the second is None where too
    few show it.
    """

    surface: HeadSurface
    colours: HeadColours
    detail: HeadDetail | None
    frames: Frames
    mattes: NDArray[np.uint8]

    @staticmethod
    def of(person: Subject, frames: Frames) -> KnownHead:
        """Return the head of a subject in further frames of the learned clip."""
        track, stored = person.track, person.folder / MATTES
        with Plates(person.plates_path, track.camera.width, track.camera.height) as plates:
            mattes = load_mattes(stored) if stored.is_file() else mattes_of(plates)
            return ClipHead(person.model, plates, mattes).known(track, frames)

    def posed(self, fit: Fit) -> PosedKnownHead:
        """Return the head in the poses of a fit of the frames."""
        return PosedKnownHead(self, _views_of_fit(fit, self.frames, self.mattes))


@dataclass(frozen=True)
class PosedKnownHead:
    """A known head in given poses of other frames."""

    known: KnownHead
    views: HeadViews

    def measure_poses(self) -> PoseInformation | None:
        """Return what the head tells of the poses; None where it is not known."""
        return self.known.detail.align(self.views) if self.known.detail else None

    def disagreement(self) -> float:
        """Return how much the frames differ from the learned ones in what they show of the head."""
        return HeadColours.of(self.known.surface, self.views).disagreement(self.known.colours)


def _views_of_fit(fit: Fit, frames: Frames, mattes: NDArray[np.uint8]) -> HeadViews:
    return HeadViews(frames, mattes, fit.camera, fit.rotation, fit.translation, np.isfinite(fit.error))
