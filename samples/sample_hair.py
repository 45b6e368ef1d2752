"""Hair strands of the sample's person: a side-parted bob and brows, generated on the base mesh.

Units are decimetres, axes are the person's (see sample_person). S strands have K points each. One seed is used.
"""

from dataclasses import dataclass

import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from sample_person import Person, Surface

SEED = 7
GUIDES, STRANDS, STEPS = 800, 12000, 24
STEP = 0.078
PART_X = 0.17
HAIRLINE_Z = [-0.6, 0.0, 0.2, 0.36, 0.56, 0.66, 0.78, 0.95, 1.12, 1.5]
HAIRLINE_Y = [6.10, 6.2, 6.5, 6.80, 6.82, 7.02, 7.22, 7.42, 7.50, 7.56]


@dataclass(frozen=True)
class Strands:
    """points (S, K, 3) in dm; radius (K,) in dm, root to tip; shade (S,) from 0, dark, to 1, light."""

    points: np.ndarray
    radius: np.ndarray
    shade: np.ndarray


def scalp_mask(points: np.ndarray, softness: float = 0.06) -> np.ndarray:
    """Return the density of hair at points (..., 3) of the head, from 0 to 1."""
    line = np.interp(points[..., 2], HAIRLINE_Z, HAIRLINE_Y)
    return np.clip((points[..., 1] - line) / softness, 0, 1)


def head_hair(person: Person) -> Strands:
    """Return the hair of the head: guides fall around it, and each strand follows the nearest guide."""
    random = np.random.default_rng(SEED)
    tree = _tree(person)
    roots = _scatter_on_scalp(person, GUIDES + STRANDS, random)
    guides = _fall(roots[:GUIDES], tree, random)
    roots = roots[GUIDES:]
    nearest = _nearest(roots, guides[:, 0])
    along = np.linspace(0, 1, STEPS)[None, :, None]
    offset = (roots - guides[nearest, 0])[:, None] * (1 - 0.55 * along)
    wave = 0.014 * np.sin(along * 9 + random.uniform(0, 6.3, (STRANDS, 1, 3)))
    layer = random.uniform(0, 1, (STRANDS, 1, 1)) ** 2 * 0.05 * np.sqrt(along)
    outward = guides[nearest] - np.array([0, 6.9, 0.35])
    outward = outward / np.linalg.norm(outward, axis=2, keepdims=True)
    length = random.uniform(0.86, 1.0, (STRANDS, 1, 1))
    points = guides[nearest] + offset + along * wave + layer * outward
    points = _shorten(points, length[:, 0, 0])
    radius = 0.0085 * np.interp(np.linspace(0, 1, STEPS), [0, 0.1, 0.75, 1], [0.8, 1, 0.9, 0.25])
    shade = np.clip(0.45 + 0.2 * random.normal(size=STRANDS) + 0.12 * np.sin(nearest * 2.4), 0, 1)
    return Strands(points, radius, shade)


def _fall(roots: np.ndarray, tree: BVHTree, random: np.random.Generator) -> np.ndarray:
    """Return guides (G, STEPS, 3), combed away from the parting and then down, outside the head."""
    points = [roots]
    side = np.where(roots[:, 0] + 0.03 * random.normal(size=len(roots)) > PART_X, 1.0, -1.0)
    lift = 0.045 + 0.07 * random.uniform(size=len(roots))
    for step in range(1, STEPS):
        p = points[-1]
        down = np.clip((7.75 - p[:, 1]) / 0.7, 0.06, 1)  # combed on top, hanging at the sides
        comb = np.stack([side * 1.0, np.full(len(p), 0.1), np.full(len(p), -0.42)], axis=1)
        pull = (1 - down)[:, None] * comb + down[:, None] * np.array([0, -1.0, -0.02])
        in_face = np.clip((p[:, 2] - 0.62) / 0.25, 0, 1) * np.clip((7.62 - p[:, 1]) / 0.2, 0, 1)
        pull[:, 2] -= 1.5 * in_face
        pull[:, 0] += side * 0.5 * in_face
        tip = np.clip((5.95 - p[:, 1]) / 0.3, 0, 1)
        pull[:, 0] -= side * 0.9 * tip * (np.abs(p[:, 0]) > 0.3)
        moved = p + STEP * pull / np.linalg.norm(pull, axis=1, keepdims=True)
        clearance = 0.02 + lift * min(1.0, step / 5)
        points.append(_push_out(moved, clearance, tree))
    return np.stack(points, axis=1)


def _push_out(points: np.ndarray, clearance: np.ndarray, tree: BVHTree) -> np.ndarray:
    """Move points out of the head; above the ears, also move distant ones back to it."""
    result = points.copy()
    for i, point in enumerate(points):
        at, normal, _, _ = tree.find_nearest(Vector(point))
        height = (Vector(point) - at).dot(normal)
        loose = np.clip((7.05 - point[1]) / 0.4, 0, 1)
        if height < clearance[i]:
            result[i] = at + normal * clearance[i]
        elif loose < 1:
            result[i] = at + normal * (clearance[i] + loose * (height - clearance[i]))
    return result


def _shorten(points: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Shorten strands (S, K, 3) to a fraction of their length, resampled to K points."""
    steps = points.shape[1]
    position = np.linspace(0, 1, steps)[None] * length[:, None] * (steps - 1)
    low = np.minimum(position.astype(int), steps - 2)
    part = (position - low)[..., None]
    rows = np.arange(len(points))[:, None]
    return points[rows, low] * (1 - part) + points[rows, low + 1] * part


def _scatter_on_scalp(person: Person, count: int, random: np.random.Generator) -> np.ndarray:
    corners = person.neutral[skull(person).quads]
    corners = corners[scalp_mask(corners.mean(axis=1)) > 0]
    area = np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1)
    picked = corners[random.choice(len(corners), 3 * count, p=area / area.sum())]
    a, b = random.uniform(size=(2, 3 * count, 1))
    points = (1 - a) * ((1 - b) * picked[:, 0] + b * picked[:, 1]) + a * ((1 - b) * picked[:, 3] + b * picked[:, 2])
    return points[random.uniform(size=len(points)) < scalp_mask(points)][:count]


def skull(person: Person) -> Surface:
    """Return the outer skin of the head without the ears."""
    body = person.parts["body"]
    centre = person.neutral[body.quads].mean(axis=1)
    ear = (np.abs(centre[:, 0]) > 0.72) & (centre[:, 1] < 6.9) & (centre[:, 2] > 0.1) & (centre[:, 2] < 0.7)
    selected = (centre[:, 1] > 5.9) & ~ear
    return Surface(body.quads[selected], body.uv[selected])


def _tree(person: Person) -> BVHTree:
    body = person.parts["body"]
    quads = body.quads[person.neutral[body.quads][..., 1].min(axis=1) > 5.0]
    return BVHTree.FromPolygons(person.neutral.tolist(), quads.tolist())


def _nearest(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [
            ((chunk[:, None] - targets[None]) ** 2).sum(-1).argmin(1)
            for chunk in np.array_split(points, max(1, len(points) // 500))
        ]
    )


def brows(person: Person) -> tuple[np.ndarray, Strands]:
    """Return the vertex (S,) that each brow hair moves with, and the strands."""
    random = np.random.default_rng(SEED + 1)
    tree, eye = _tree(person), person.joint("l-eye")
    roots, tips = [], []
    for _ in range(210):
        u = random.uniform() ** 0.9  # 0 at the nose, 1 at the temple
        thick = 0.036 * (1 - 0.7 * u) * np.interp(u, [0, 0.12, 1], [0.5, 1, 1])
        x = eye[0] - 0.19 + 0.47 * u
        y = eye[1] + 0.185 + 0.075 * np.sin(np.pi * u * 0.72) - 0.05 * u**3 + random.uniform(-1, 1) * thick * 0.5
        root = _onto_face(tree, x, y)
        angle = np.interp(u, [0, 0.25, 1], [1.15, 0.5, -0.35]) + 0.15 * random.normal()
        tip = _onto_face(tree, x + 0.075 * np.cos(angle), y + 0.075 * np.sin(angle))
        if root is not None and tip is not None:
            roots.append(root), tips.append(tip + np.array([0, 0, 0.008]))
    roots, tips = np.array(roots), np.array(tips)
    along = np.linspace(0, 1, 4)[None, :, None]
    points = roots[:, None] * (1 - along) + tips[:, None] * along + np.array([0, 0, 0.006]) * np.sin(np.pi * along)
    points = np.concatenate([points, points * np.array([-1, 1, 1])])
    anchors = skull(person).quads.ravel()
    vertices = anchors[_nearest(points[:, 0], person.neutral[anchors])]
    return vertices, Strands(points, np.array([0.8, 1, 0.8, 0.2]) * 0.0036, random.uniform(0, 0.4, len(points)))


def _onto_face(tree: BVHTree, x: float, y: float) -> np.ndarray | None:
    hit = tree.ray_cast(Vector((x, y, 3)), Vector((0, 0, -1)))[0]
    return None if hit is None else np.array(hit) + np.array([0, 0, 0.002])
