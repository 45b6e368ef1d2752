"""Teeth and tongue of the sample's person: crowns along the dental arch of the base mesh."""

import numpy as np
from sample_person import Person, Surface

WIDTHS = {
    "upper": [0.085, 0.068, 0.076, 0.07, 0.07, 0.1],
    "lower": [0.055, 0.06, 0.068, 0.07, 0.072, 0.11],
}  # dm, from the middle outwards


def upper_teeth(person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (V, 3) and quads (F, 4) of the upper row at rest."""
    return _row(person, "upper", height=0.1)


def lower_teeth(person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (V, 3) and quads (F, 4) of the lower row at rest."""
    return _row(person, "lower", height=0.085)


def tongue_quads(person: Person) -> Surface:
    """Return the tongue of the base mesh."""
    return person.parts["helper-tongue"]


def _row(person: Person, row: str, height: float):
    strip = person.neutral[person.group(f"helper-{row}-teeth")]
    bite = person.neutral[person.group("helper-upper-teeth")][:, 1].min() - 0.015
    front, half = strip[:, 2].max() - 0.035, np.abs(strip[:, 0]).max() * 0.9
    middle = bite + (height / 2 if row == "upper" else -height / 2 - 0.004)
    vertices, quads, count = [], [], 0
    for side in (1, -1):
        along = 0.0
        for width in WIDTHS[row]:
            centre, angle = _on_arch(along + width / 2, front, half)
            along += width
            crown, faces = _crown(width * 1.04, height, depth=0.06)
            turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
            placed = crown @ turn.T + np.array([centre[0], middle, centre[1]])
            vertices.append(placed * np.array([side, 1, 1]))
            quads.append((faces if side == 1 else faces[:, ::-1]) + count)
            count += len(crown)
    return np.concatenate(vertices), np.concatenate(quads)


def _on_arch(distance: float, front: float, half: float):
    """Return point (x, z) and angle of the arch, half an ellipse, at a distance from its middle."""
    t = np.linspace(0, np.pi / 2, 200)
    x, z = half * np.sin(t), front - half * 1.35 * (1 - np.cos(t))
    lengths = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    at = np.interp(distance, lengths, t)
    normal = np.array([np.sin(at) * 1.35, np.cos(at)])
    return (half * np.sin(at), front - half * 1.35 * (1 - np.cos(at))), np.arctan2(normal[0], normal[1])


def _crown(width: float, height: float, depth: float, rows: int = 8, columns: int = 12):
    """Return vertices and quads of a superellipsoid."""
    v, u = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, rows), np.linspace(-np.pi, np.pi, columns, endpoint=False), indexing="ij"
    )
    points = np.stack(
        [
            width / 2 * _bend(np.cos(v), 0.4) * _bend(np.sin(u), 0.5),
            height / 2 * _bend(np.sin(v), 0.5),
            depth / 2 * _bend(np.cos(v), 0.5) * _bend(np.cos(u), 0.6),
        ],
        axis=-1,
    ).reshape(-1, 3)
    row, column = np.divmod(np.arange((rows - 1) * columns), columns)
    following = (column + 1) % columns
    quads = np.stack(
        [
            row * columns + column,
            row * columns + following,
            (row + 1) * columns + following,
            (row + 1) * columns + column,
        ],
        axis=1,
    )
    return points, quads


def _bend(values: np.ndarray, power: float) -> np.ndarray:
    return np.sign(values) * np.abs(values) ** power
