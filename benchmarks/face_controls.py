"""Measure the face controls, and draw them.

Usage: python benchmarks/face_controls.py SHEET.png [TRACK.npz ...]

The tracks are those that `headroom track -o` wrote. For each it prints the mean error of the vertices and of the lip
opening with the controls alone, and the time. Cross-talk is the mean motion of the landmarks that define another shape,
as a fraction of the mean motion of those that define this one, weighted by how far their shape moves them. Of the
other's landmarks those count that are 16 mm from this shape's, and a pair counts where they make at least half of the
other's motion: neighbours such as smile and dimple share their landmarks. Eyes are not paired with eyes, because the
bundled model moves both together. Weak shapes are those that the model makes with less than 90 % of the wanted motion.
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np

from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.controls.basis import Landmarks, control_directions, landmark_mirror
from headroom.face.controls.names import CONTROL_NAMES, GROUPS
from headroom.face.controls.solve import ControlSpace
from headroom.face.controls.targets import shape_targets
from headroom.face.directions import FaceDirections
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture
from headroom.track.track import Track

SIDE, COLUMNS, AWAY_MM, YAW_DEGREES = 300, 6, 16.0, 35.0
MODEL = bundled_model()
NEUTRAL = MODEL.shape(np.zeros(MODEL.identity_basis.shape[2]))


def main(sheet: Path, tracks: list[Path]) -> None:
    directions = control_directions(MODEL, NEUTRAL)
    shares = cross_talk(directions)
    values = np.array([share for share, _, _ in shares])
    print(f"cross-talk: mean {values.mean():.3f}, above 10 %: {(values > 0.1).sum()} of {len(values)} pairs")
    for name in sorted({name for share, name, _ in shares if share > 0.1}):
        worst = [(share, other) for share, each, other in shares if each == name and share > 0.1]
        print(f"  {name} moves {len(worst)} others, {worst[0][1]} by {100 * worst[0][0]:.0f} %")
    print("weak: " + ", ".join(f"{name} {100 * part:.0f} %" for name, part in reached(directions) if part < 0.9))
    for path in tracks:
        print_errors(path)
    draw(sheet, directions)


def cross_talk(directions: np.ndarray) -> list[tuple[float, str, str]]:
    """(fraction, shape, other shape), largest first."""
    landmarks = Landmarks.of(MODEL, NEUTRAL)
    wanted = np.zeros((len(CONTROL_NAMES), len(landmarks.positions)))  # mm
    for name, targets in shape_targets(landmark_mirror().__getitem__).items():
        places = [landmarks.index[each] for each in targets]
        wanted[CONTROL_NAMES.index(name), places] = np.linalg.norm(np.nan_to_num(list(targets.values())), axis=1)
    shapes, found = np.flatnonzero(wanted.any(1)), []
    for shape in shapes:
        own = wanted[shape] > 0
        moved = np.linalg.norm(landmarks.basis @ directions[shape], axis=1)
        away = np.linalg.norm(landmarks.positions[:, None] - landmarks.positions[own], axis=2).min(1) > AWAY_MM
        for other in shapes:
            name, theirs = CONTROL_NAMES[shape], np.where(away, wanted[other], 0.0)
            if (shape == other or theirs.sum() < 0.5 * wanted[other].sum()
                    or {name, CONTROL_NAMES[other]} <= set(GROUPS["Eyes"])):
                continue
            share = np.average(moved, weights=theirs) / np.average(moved, weights=wanted[shape])
            found.append((float(share), name, CONTROL_NAMES[other]))
    return sorted(found, reverse=True)


def reached(directions: np.ndarray) -> list[tuple[str, float]]:
    """(shape, part of the wanted motion of its landmarks that it makes)."""
    landmarks = Landmarks.of(MODEL, NEUTRAL)
    return [(name, 1 / landmarks.scale(directions[CONTROL_NAMES.index(name)], wanted))
            for name, wanted in shape_targets(landmark_mirror().__getitem__).items()]


def print_errors(path: Path) -> None:
    track, effects = Track.load(path), FaceDirections.of(MODEL)
    basis = np.moveaxis(MODEL.expression_basis, 2, 0)
    directions = control_directions(MODEL, MODEL.shape(track.identity))
    space = ControlSpace.of(directions, basis, effects.lip_opening, effects.lid_opening)
    start = time.perf_counter()
    controls = space.solve(track.expression, track.fps)
    seconds = time.perf_counter() - start
    detail = track.expression - controls @ directions
    error = np.linalg.norm(np.tensordot(detail[::3], basis, 1), axis=2).mean()
    opening = track.expression @ effects.lip_opening
    lips = np.abs(detail @ effects.lip_opening).mean()
    print(f"{path.stem}: {len(controls)} frames in {seconds:.2f} s, vertices {error:.3f} mm, lip opening {lips:.3f} mm "
          f"({100 * lips / np.ptp(opening):.1f} % of its range), controls above 0.01 a frame: "
          f"{(controls > 0.01).sum(1).mean():.1f}")


def draw(sheet: Path, directions: np.ndarray) -> None:
    """The neutral face and each control at 1, from the front and from the side that it moves."""
    camera, light = Camera(0.85 * SIDE / 190 * 900, SIDE, SIDE), AMBIENT * 0.7
    light[1], light[2], light[3] = 0.2, 0.4, 0.12
    raster = Rasterizer(MODEL, camera, Crop(0, 0, SIDE), SIDE)
    raster.set_appearance(albedo_texture(MODEL, MODEL.albedo_mean, 1024), light)
    middle = (NEUTRAL.min(0) + NEUTRAL.max(0)) / 2
    tiles = []
    for name, direction in (("neutral", np.zeros(64)), *zip(CONTROL_NAMES, directions)):
        shape = NEUTRAL + MODEL.expression_basis @ direction - middle
        views = [raster.render(pose_vertices(shape, np.radians([0, yaw, 0]), np.array([0, 0, -900.0])))
                 for yaw in (0.0, -YAW_DEGREES if name.endswith("Left") else YAW_DEGREES)]
        alpha = [view[..., 3:] / 255 for view in views]
        tile = np.hstack([view[..., :3] * a + 40 * (1 - a) for view, a in zip(views, alpha)]).astype(np.uint8)
        cv2.putText(tile, name, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[first:first + COLUMNS]) for first in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(sheet), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
