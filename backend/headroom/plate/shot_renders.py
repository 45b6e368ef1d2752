"""The renders of a shot with the plates that were matched to its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.settings import PersonSettings
from headroom.common.stored import Array, Damaged, read_npy
from headroom.plate.match import PlateMatch


@dataclass(frozen=True)
class DrawnFrame:
    """The head in one frame.

    picture: (R, R, 4) uint8, straight alpha.
    vertices: (V, 3) float32, millimetres, camera axes; None where they are not known.
    """

    picture: NDArray[np.uint8]
    vertices: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Render:
    """The head in one frame, as Blender sends it.

    picture: RGBA PNG file; None where the picture is to be drawn from the mesh.
    mesh: npy file of the vertices that the picture shows; None where the mesh is not that of the face model.
    """

    picture: Path | None
    mesh: Path | None = None

    def __post_init__(self) -> None:
        if self.picture is None and self.mesh is None:
            raise InputError("A frame has neither a render nor a mesh; render the shot again.")

    def vertices(self, count: int) -> NDArray[np.float32] | None:
        """Return the vertices (V, 3) float32, millimetres, camera axes; None for a frame without a mesh.

        count: V of the face model.

        Raises InputError when the file holds anything else.
        """
        if self.mesh is None:
            return None
        try:
            return read_npy(self.mesh, Array((count, 3))).astype(np.float32)
        except Damaged as error:
            raise InputError(f"{self.mesh.name} is not a mesh of {count} vertices: {error}. Render the shot again."
                             ) from error


@dataclass(frozen=True)
class ShotPart:
    """Which frames of a shot some renders show.

    first: frame of the match that the first render shows.
    context: number of leading renders that only give the others their context.
    """

    first: int = 0
    context: int = 0


@dataclass(frozen=True)
class ShotRenders:
    """The renders of a shot, or of neighbouring frames of it, and what refines them.

    renders: in the order of their frames.
    match: plates and poses of all frames of the shot.
    crops: folder that caches refined crops, so that no frame is painted twice.
    """

    renders: Sequence[Render]
    match: PlateMatch
    crops: Path

    def own_match(self, part: ShotPart) -> PlateMatch:
        """Return the plates and poses of the renders alone.

        part: which frames they show.

        Raises InputError when the match has other frames, or no render is left.
        """
        end = part.first + len(self.renders)
        if end > len(self.match.plate) or part.context >= len(self.renders):
            raise InputError("The renders do not fit the matched frames. Render the shot again.")
        return self.match.part(part.first, end)


@dataclass(frozen=True)
class PersonInMovie:
    """One person of a movie.

    subject: folder.
    """

    subject: Path
    settings: PersonSettings = field(default_factory=PersonSettings)
    speech: Path | None = None


@dataclass(frozen=True, kw_only=True)
class PersonInShot(PersonInMovie):
    """One person of a shot, or of neighbouring frames of it.

    shot: renders of as many frames as those of the others.
    """

    shot: ShotRenders
