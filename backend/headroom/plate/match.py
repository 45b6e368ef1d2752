"""Which frame of the clip lies under each frame of the shot (paper §3.3, "Background matching").

The paper matches key poses, the extremes of the wanted motion, and moves from one key plate to the next by linear
interpolation. Here the key plates are chosen together, as one shortest path over the frames of the clip, so that the
plates between two keys never play faster than the clip itself and what is under the first keys bears what comes later.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from headroom.common.errors import InputError
from headroom.common.files import NPZ_ERRORS, atomic_write

Floats = NDArray[np.floating]

KEY_SPACING = 3  # frames two keys are apart at least
FRAMES_PER_KEY = 10  # at most one key in so many frames
SHORT_TIME = 0.4  # a key is the largest pose within so many seconds on either side
LEAST_SWING = 0.3  # degrees-equivalent from the usual pose that a key has at least
DEGREES_PER_MM = 0.1  # how much a shift counts: 10 mm as one degree
SPEED_COST = 0.15  # degrees-equivalent a frame that playing away from the clip's own speed costs
BACKWARD_COST = 0.1  # the same, more, for playing backwards


@dataclass(frozen=True)
class PlateMatch:
    """The plate and the pose of every frame of a shot."""

    plate: NDArray[np.int32]  # (T,) frame of the clip
    rotation: NDArray[np.float32]  # (T, 3) pitch, yaw, roll, radians: what the face is to be rendered with
    translation: NDArray[np.float32]  # (T, 3) millimetres
    distance: NDArray[np.float32]  # (T,) how far the wanted pose is from the clip's nearest, degrees-equivalent
    position: NDArray[np.float64]  # (T,) where in the clip, frames; `plate` is the nearest whole one

    def part(self, first: int, end: int) -> PlateMatch:
        """The frames first..end-1."""
        return replace(self, **{name: values[first:end] for name, values in vars(self).items()})

    def save(self, path: Path) -> None:
        """Write as .npz."""
        with atomic_write(Path(path)) as temporary:
            np.savez(temporary, **vars(self))

    @classmethod
    def load(cls, path: Path) -> PlateMatch:
        """Read what `save` wrote."""
        try:
            with np.load(path, allow_pickle=False) as file:
                kinds = {"plate": np.int32, "position": np.float64}
                return cls(**{each.name: file[each.name].astype(kinds.get(each.name, np.float32))
                              for each in fields(cls)})
        except NPZ_ERRORS as error:
            raise InputError(f"{path} is not a plate match. Match the plates again.") from error


def match_plates(
    rotation: Floats,
    translation: Floats,
    fps: float,
    plate_rotation: Floats,
    plate_translation: Floats,
    plate_fps: float,
    plate_fit: float = 0.0,
    held: Floats | None = None,
) -> PlateMatch:
    """A plate for every frame of a wanted motion.

    rotation (T, 3) radians, translation (T, 3) millimetres at `fps`; plate_rotation (S, 3), plate_translation (S, 3)
    are the clip's at `plate_fps`. plate_fit: 1 gives the face the plate's pose (the paper), 0 keeps the wanted pose,
    and the plate is warped to meet it. held (T,): the position that a frame keeps from an earlier match, NaN where it
    is free; so an edit changes what lies under the edited frames and nothing else.
    """
    if len(rotation) == 0 or len(plate_rotation) == 0:
        raise InputError("There is no pose to match plates to. Make a performance first.")
    wanted = pose_vector(rotation, translation)
    plates = pose_vector(plate_rotation, plate_translation)
    exact = np.full(len(wanted), np.nan) if held is None else np.clip(np.asarray(held, np.float64), 0, len(plates) - 1)
    keys = key_poses(wanted, fps)
    for first, end in _free_runs(exact):
        exact[first:end] = _fill(exact, first, end, keys, wanted, plates, plate_fps / fps)
    pose = (1 - plate_fit) * wanted + plate_fit * _between(plates, exact)
    return PlateMatch(
        np.rint(exact).astype(np.int32),
        np.radians(pose[:, :3]).astype(np.float32),
        (pose[:, 3:] / DEGREES_PER_MM).astype(np.float32),
        _nearest(wanted, plates).astype(np.float32),
        exact,
    )


def pose_vector(rotation: Floats, translation: Floats) -> NDArray[np.float64]:
    """Poses (T, 6) in one unit, degrees-equivalent, so that their differences can be measured."""
    return np.hstack([np.degrees(rotation), np.asarray(translation, np.float64) * DEGREES_PER_MM])


def key_poses(poses: Floats, fps: float) -> NDArray[np.int64]:
    """Frames of the critical head movements, ascending, the first and the last among them.

    poses (T, 6) degrees-equivalent. A key is the largest turn about, or shift along, one axis, to either side of the
    usual pose, in a short time. At most one in ten frames, three or more apart; of too many, the most pronounced stay.
    """
    count = len(poses)
    ends = [0] if count == 1 else [0, count - 1]
    smooth = gaussian_filter1d(np.asarray(poses, np.float64), max(0.04 * fps, 1e-3), axis=0, mode="nearest")
    swing = np.abs(smooth - np.median(smooth, axis=0))
    reach = 2 * max(round(SHORT_TIME * fps), 1) + 1
    peaks = (swing == maximum_filter1d(swing, reach, axis=0, mode="nearest")) & (swing > LEAST_SWING)
    strength = np.where(peaks, swing, 0).max(axis=1)
    chosen = list(ends)
    room = max(count // FRAMES_PER_KEY, len(ends))
    for frame in np.argsort(-strength, kind="stable"):
        if len(chosen) >= room or strength[frame] == 0:
            break
        if min(abs(frame - other) for other in chosen) >= KEY_SPACING:
            chosen.append(int(frame))
    return np.array(sorted(chosen), dtype=np.int64)


def shortest_path(costs: Floats, spans: Floats) -> NDArray[np.int64]:
    """The plate of each key (K,): the cheapest sequence by `costs` (K, S) plus `step_cost` between neighbours.

    spans (K - 1,): clip frames that pass between two keys at the clip's own speed. The plates may not move further
    than that, forwards or backwards. Dynamic programming: each key is solved for all plates from the key before it.
    """
    total = np.asarray(costs[0], np.float64)
    came_from = []
    for cost, span in zip(costs[1:], spans):
        best, origin = _cheapest_arrival(total, float(span))
        came_from.append(origin)
        total = best + cost
    path = [int(np.argmin(total))]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1], dtype=np.int64)


def step_cost(jump: Floats | int, span: float) -> NDArray[np.float64]:
    """What it costs to move by `jump` plates in the time of `span`: nothing at the clip's own speed, forwards.

    Infinite when faster than the clip.
    """
    jump = np.asarray(jump, np.float64)
    cost = SPEED_COST * np.abs(span - jump) + BACKWARD_COST * np.maximum(-jump, 0)
    return np.where(np.abs(jump) <= _reach(span), cost, np.inf)


def _reach(span: float) -> int:
    """How many plates at most may be passed in the time of `span`."""
    return max(int(span + 1e-6), 1)


def _free_runs(position: Floats) -> list[tuple[int, int]]:
    """First frame and the frame after the last one of every run of NaN in `position` (T,)."""
    edges = np.flatnonzero(np.diff(np.isnan(position).astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _fill(
    position: Floats, first: int, end: int, keys: NDArray[np.int64], wanted: Floats, plates: Floats, rate: float
) -> NDArray[np.float64]:
    """Positions of the frames first..end-1, which are free, between the neighbours, which are held.

    keys (K,): the motion's key frames; rate: clip frames in the time of a frame.
    """
    anchors = [frame for frame in (first - 1, end) if 0 <= frame < len(position)]
    inner = [int(key) for key in keys if first <= key < end]
    frames = np.array(sorted([*inner, *anchors]), dtype=np.int64)
    costs = _distances(wanted[frames], plates)
    for anchor in anchors:
        row = costs[np.searchsorted(frames, anchor)]
        row[:] = np.inf
        row[int(np.rint(position[anchor]))] = 0.0
    path = shortest_path(costs, np.diff(frames) * rate)
    if not np.isfinite(costs[np.arange(len(frames)), path]).all():  # whole plates within whole reaches do not meet
        frames, path = np.array(anchors), np.zeros(len(anchors), np.int64)
    exact = path.astype(np.float64)
    for anchor in anchors:
        exact[np.searchsorted(frames, anchor)] = position[anchor]
    return np.interp(np.arange(first, end), frames, exact)


def _cheapest_arrival(total: NDArray[np.float64], span: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For every plate the cheapest cost (S,) of arriving there and where from (S,)."""
    best = np.full(len(total), np.inf)
    origin = np.zeros(len(total), np.int64)
    index = np.arange(len(total))
    reach = min(_reach(span), len(total) - 1)
    for jump in range(-reach, reach + 1):
        here = index[max(jump, 0) : len(total) + min(jump, 0)]
        cost = total[here - jump] + step_cost(jump, span)
        better = cost < best[here]
        best[here[better]] = cost[better]
        origin[here[better]] = here[better] - jump
    return best, origin


def _distances(wanted: NDArray[np.float64], plates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees-equivalent (K, S) between wanted poses (K, 6) and plate poses (S, 6)."""
    return np.linalg.norm(wanted[:, None] - plates[None], axis=-1)


def _nearest(wanted: NDArray[np.float64], plates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance (T,) of each wanted pose to the nearest plate; a block at a time, for a shot may be long."""
    blocks = np.array_split(wanted, len(wanted) // 256 + 1)
    return np.concatenate([_distances(block, plates).min(axis=1) for block in blocks])


def _between(plates: NDArray[np.float64], exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poses (T, 6) at the fractional plates `exact` (T,): a whole plate's own, and no step from one to the next."""
    index = np.arange(len(plates))
    return np.stack([np.interp(exact, index, column) for column in plates.T], axis=1)
