"""Background matching: which frame of the clip lies under each frame of the shot (paper, section 3.3).

The paper matches key poses, the extremes of the wanted motion, one by one, and interpolates linearly between their
plates. Here keys follow each other closely, because most frames are not extremes, and their plates are chosen together
as one shortest path over the frames of the clip: plates never play faster than the clip itself, and the choice for the
first keys takes the later ones into account.

Distances between poses are in degrees, where 10 mm of translation count as one degree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.stored import Array, Damaged, format_number, read_npz, require_arrays, write_npz
from headroom.face.performance import PoseTrack

FORMAT = 1
"""Format number in the .npz of a match. Files without one are format 1, because Headroom did not write it at first."""

Floats = NDArray[np.floating]

KEY_SECONDS = 0.2  # between two keys
MIN_KEY_SPACING = 3  # frames between two keys
DEGREES_PER_MM = 0.1
SPEED_COST = 0.15  # degrees per frame of difference from the clip's own speed
BACKWARD_COST = 0.1  # degrees per frame that plates play backwards, in addition
POSES_AT_ONCE = 256  # of which distances to all plates are computed together, to limit memory


_LAYOUT = {
    "plate": Array(("frames",), "integer", low=0),
    "rotation": Array(("frames", 3)),
    "translation": Array(("frames", 3)),
    "distance": Array(("frames",), low=0),
    "position": Array(("frames",), low=0),
}


@dataclass(frozen=True)
class PlateMatch:
    """The plate and the pose of each of T frames of a shot.

    plate: (T,) int32, frame of the clip; the nearest integer to `position`.
    rotation: (T, 3) float32, pitch, yaw, roll in radians, the pose to render the face with.
    translation: (T, 3) float32, millimetres.
    distance: (T,) float32, from the wanted pose to the nearest pose of the clip, degrees.
    position: (T,) float64, fractional frame of the clip.
    """

    plate: NDArray[np.int32]
    rotation: NDArray[np.float32]
    translation: NDArray[np.float32]
    distance: NDArray[np.float32]
    position: NDArray[np.float64]

    def part(self, first: int, end: int) -> PlateMatch:
        """Return the match of the frames first..end-1."""
        return replace(self, **{name: values[first:end] for name, values in vars(self).items()})

    def save(self, path: Path) -> None:
        """Write the match as .npz."""
        write_npz(path, {"format": FORMAT, **vars(self)})

    @classmethod
    def load(cls, path: Path) -> PlateMatch:
        """Read a match that `save` wrote."""
        types = {"plate": np.int32, "position": np.float64}
        try:
            stored = read_npz(path)
            version = format_number(stored, "format")
            if version <= FORMAT:
                require_arrays(stored, _LAYOUT)
        except Damaged as error:
            raise InputError(f"{path} is not a plate match, because {error}. Render the shot again.") from error
        if version > FORMAT:
            raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
        return cls(**{name: stored[name].astype(types.get(name, np.float32)) for name in _LAYOUT})


def match_plates(
    wanted: PoseTrack, clip: PoseTrack, plate_fit: float = 0.0, fixed_positions: Floats | None = None
) -> PlateMatch:
    """Match a plate to every frame of a wanted head motion.

    wanted: T poses at the shot's rate.
    clip: S poses, one for each plate, at the clip's rate.
    plate_fit: 1 renders the face with the plate's pose, as the paper does; 0 renders it with the wanted pose, to which
        the plate is warped; values between interpolate.
    fixed_positions: (T,) positions that frames keep from an earlier match, NaN for frames to be matched. An edit then
        changes the plates of the edited frames only.
    """
    if len(wanted) == 0 or len(clip) == 0:
        raise InputError("There are no poses to match plates to. Perform a speech first.")
    poses, plates = pose_vectors(wanted), pose_vectors(clip)
    if fixed_positions is None:
        positions = np.full(len(poses), np.nan)
    else:
        positions = np.clip(np.asarray(fixed_positions, np.float64), 0, len(plates) - 1)
    matcher = _Matcher(poses, plates, key_frames(len(poses), wanted.fps), clip.fps / wanted.fps)
    for first, end in _nan_runs(positions):
        positions[first:end] = matcher.match(positions, first, end)
    fitted = (1 - plate_fit) * poses + plate_fit * _interpolated(plates, positions)
    return PlateMatch(
        np.rint(positions).astype(np.int32),
        np.radians(fitted[:, :3]).astype(np.float32),
        (fitted[:, 3:] / DEGREES_PER_MM).astype(np.float32),
        _nearest_distances(poses, plates).astype(np.float32),
        positions,
    )


def pose_vectors(track: PoseTrack) -> NDArray[np.float64]:
    """Return poses (T, 6) in degrees, in which 10 mm count as one degree, so that their distances can be measured."""
    return np.hstack([np.degrees(track.rotation), np.asarray(track.translation, np.float64) * DEGREES_PER_MM])


def key_frames(count: int, fps: float) -> NDArray[np.int64]:
    """Return the frames of a head motion of `count` frames whose plates are chosen, ascending, with both ends."""
    spacing = max(round(KEY_SECONDS * fps), MIN_KEY_SPACING)
    return np.unique(np.append(np.arange(0, count, spacing), count - 1))


def shortest_path(costs: Floats, spans: Floats) -> NDArray[np.int64]:
    """Return the plate (K,) of each key that minimises the sum of `costs` and of `transition_cost` between keys.

    Dynamic programming (Viterbi): the best path to each plate of a key extends the best paths to the key before it.

    costs: (K, S), of each plate for each key.
    spans: (K - 1,) clip frames that pass between two keys at the clip's own speed. Plates never move further than that,
        forwards or backwards.
    """
    total = np.asarray(costs[0], np.float64)
    origins = []
    for cost, span in zip(costs[1:], spans):
        best, origin = _cheapest_arrival(total, float(span))
        origins.append(origin)
        total = best + cost
    path = [int(np.argmin(total))]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1], dtype=np.int64)


def transition_cost(step: Floats | int, span: float) -> NDArray[np.float64]:
    """Return the cost of moving by `step` plates while `span` clip frames pass.

    Zero when moving forwards at the clip's own speed, infinite when moving faster.
    """
    step = np.asarray(step, np.float64)
    cost = SPEED_COST * np.abs(span - step) + BACKWARD_COST * np.maximum(-step, 0)
    return np.where(np.abs(step) <= _max_step(span), cost, np.inf)


@dataclass(frozen=True)
class _Matcher:
    """Finds positions of frames between others whose positions are fixed.

    poses: (T, 6) degrees, wanted. plates: (S, 6) degrees. keys: (K,) key frames. rate: clip frames per shot frame.
    """

    poses: NDArray[np.float64]
    plates: NDArray[np.float64]
    keys: NDArray[np.int64]
    rate: float

    def match(self, positions: Floats, first: int, end: int) -> NDArray[np.float64]:
        """Return positions of the frames first..end-1; the frames before and after them are fixed in `positions`."""
        fixed = [frame for frame in (first - 1, end) if 0 <= frame < len(positions)]
        keys = [int(key) for key in self.keys if first <= key < end]
        frames = np.array(sorted([*keys, *fixed]), dtype=np.int64)
        costs = np.concatenate(list(_distance_blocks(self.poses[frames], self.plates)))
        for frame in fixed:
            row = costs[np.searchsorted(frames, frame)]
            row[:] = np.inf
            row[int(np.rint(positions[frame]))] = 0.0
        path = shortest_path(costs, np.diff(frames) * self.rate)
        if not np.isfinite(costs[np.arange(len(frames)), path]).all():  # no path of whole plates joins the fixed frames
            frames, path = np.array(fixed), np.zeros(len(fixed), np.int64)
        exact = path.astype(np.float64)
        for frame in fixed:
            exact[np.searchsorted(frames, frame)] = positions[frame]
        return np.interp(np.arange(first, end), frames, exact)


def _max_step(span: float) -> int:
    """Return the largest number of plates to move by while `span` clip frames pass."""
    return max(int(span + 1e-6), 1)


def _nan_runs(positions: Floats) -> list[tuple[int, int]]:
    """Return first frame and the frame after the last one of every run of NaN in `positions` (T,)."""
    edges = np.flatnonzero(np.diff(np.isnan(positions).astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _cheapest_arrival(total: NDArray[np.float64], span: float) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the lowest cost (S,) of arriving at each plate, and the plate (S,) it is reached from."""
    best = np.full(len(total), np.inf)
    origin = np.zeros(len(total), np.int32)
    index = np.arange(len(total))
    max_step = min(_max_step(span), len(total) - 1)
    for step in range(-max_step, max_step + 1):
        plates = index[max(step, 0) : len(total) + min(step, 0)]
        cost = total[plates - step] + transition_cost(step, span)
        better = cost < best[plates]
        best[plates[better]] = cost[better]
        origin[plates[better]] = plates[better] - step
    return best, origin


def _distances(poses: NDArray[np.float64], plates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return distances (K, S) between wanted poses (K, 6) and plates' poses (S, 6), degrees."""
    return np.linalg.norm(poses[:, None] - plates[None], axis=-1)


def _distance_blocks(poses: NDArray[np.float64], plates: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the distances of some poses after the other to all plates, because of all poses they need much memory."""
    for block in np.array_split(poses, len(poses) // POSES_AT_ONCE + 1):
        yield _distances(block, plates)


def _nearest_distances(poses: NDArray[np.float64], plates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance (T,) of each wanted pose to the nearest plate."""
    return np.concatenate([distances.min(axis=1) for distances in _distance_blocks(poses, plates)])


def _interpolated(plates: NDArray[np.float64], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the clip's poses (T, 6) at fractional frames (T,)."""
    index = np.arange(len(plates))
    return np.stack([np.interp(positions, index, column) for column in plates.T], axis=1)
