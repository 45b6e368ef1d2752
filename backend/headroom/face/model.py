"""The morphable face: S = S̄ + B_id α + B_exp β and T = T̄ + B_tex δ (paper §3.1), one class for every source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from headroom.common.files import file_digest
from headroom.common.paths import FACE_MODEL
from headroom.common.stored import Array, Damaged, damage, require_arrays
from headroom.face.eyeballs import TEXTURE_CENTRES, WHITE, Eyeball
from headroom.face.model_format import not_a_model, read_arrays, write_arrays
from headroom.face.subdivision import SubdivisionSurface
from headroom.face.topology import IRISES, MOUTH_CAVITY, SOCKETS

GAZE = "Gaze"
"""Region of the two expression modes that turn both eyes."""
BROWS = "Brows"
"""Region of the expression modes that move the brows alone."""
GAZE_DEGREES = 10.0
"""Angle by which one unit of a gaze mode turns the eyes."""
_MAX_SKIN_DEPTH = 0.02
"""Vertices whose `interior` or `eyes` exceeds this are not skin."""


@dataclass(frozen=True)
class FaceModel:
    """A linear face. Coefficients are in standard deviations; lengths in millimetres, model axes.

    mean: (V, 3) float32.
    identity_basis: (V, 3, I) float32; expression_basis: (V, 3, E) float32.
    albedo_mean: (V, 3), albedo_basis: (V, 3, I), float32, display values 0..1.
    faces: (F, 3) int32, counter-clockwise from outside.
    uv: (V, 2) texture coordinates, origin bottom left.
    landmark_vertices, landmark_ids: (L,) vertices that carry landmarks, and MediaPipe's numbers of these.
    names, regions: of the E expression modes.
    interior: (V,) 1 deep inside the mouth, 0 outside of it.
    eyes: (V,) 1 on the eyeballs, 0 outside of the eyes' openings, between 0 and 1 in the sockets.
    source: who made the model.
    digest: first 16 digits of the SHA-256 of the model's file; "" for a model that has no file yet.
    """

    mean: np.ndarray
    identity_basis: np.ndarray
    expression_basis: np.ndarray
    albedo_mean: np.ndarray
    albedo_basis: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    landmark_vertices: np.ndarray
    landmark_ids: np.ndarray
    names: tuple[str, ...]
    regions: tuple[str, ...]
    interior: np.ndarray
    eyes: np.ndarray
    source: str
    digest: str = ""

    def shape(self, identity: np.ndarray, expression: np.ndarray | None = None) -> np.ndarray:
        """Return vertices (..., V, 3) float32, mm, for identity (I,) and expression (..., E).

        expression: None for the neutral face.
        """
        neutral = self.mean + self.identity_basis @ identity
        if expression is None:
            return neutral.astype(np.float32)
        offsets = np.tensordot(expression, self.expression_basis, axes=(-1, 2))
        return (neutral + offsets).astype(np.float32)

    def albedo(self, texture: np.ndarray) -> np.ndarray:
        """Return vertex colours (V, 3) float32, display values, for texture δ (I,)."""
        return (self.albedo_mean + self.albedo_basis @ texture).astype(np.float32)

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Return unit normals (V, 3) float32 of vertices (V, 3): area-weighted means over the adjacent faces.

        Hand-written, because trimesh would build a mesh for every frame.
        """
        a, b, c = self.at_corners(vertices)
        (x, y, z), (u, v, w) = b - a, c - a
        summed = self.faces_of_vertex @ np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)
        return (summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9)).astype(np.float32)

    def at_corners(self, values: np.ndarray) -> np.ndarray:
        """Return the values (3, C, F) at the three corners of each triangle, of values (V, C) at the vertices."""
        return np.ascontiguousarray(values.T).take(self._corners, axis=1).swapaxes(0, 1)

    @cached_property
    def _corners(self) -> np.ndarray:
        """(3, F) vertices of the triangles."""
        return np.ascontiguousarray(self.faces.T, np.intp)

    @cached_property
    def skin(self) -> np.ndarray:
        """(V,) bool: vertices outside of mouth and eyes."""
        return (self.interior < _MAX_SKIN_DEPTH) & (self.eyes < _MAX_SKIN_DEPTH)

    def vertex_of(self, landmark: int) -> int:
        """Return the vertex that carries one of MediaPipe's landmarks."""
        return int(self.landmark_vertices[np.flatnonzero(self.landmark_ids == landmark)[0]])

    @property
    def gaze_modes(self) -> tuple[int, ...]:
        """Indices of the expression modes that turn the eyes left and up; empty where the model has none."""
        return tuple(number for number, region in enumerate(self.regions) if region == GAZE)

    @property
    def brow_modes(self) -> tuple[int, ...]:
        """Indices of the expression modes that move the brows; empty where no mode moves them alone."""
        return tuple(number for number, region in enumerate(self.regions) if region == BROWS)

    def mean_positions(self, landmarks: Iterable[int]) -> np.ndarray:
        """Return the positions (L, 3), mm, of some of MediaPipe's landmarks on the mean face."""
        return self.mean[[self.vertex_of(landmark) for landmark in landmarks]]

    def opening_direction(self, upper: int, lower: int) -> np.ndarray:
        """Return (E,) mm by which one unit of each expression mode moves landmark `upper` up from `lower`."""
        basis = self.expression_basis
        return basis[self.vertex_of(upper), 1] - basis[self.vertex_of(lower), 1]

    def save(self, path: Path) -> None:
        """Write the model as a surface."""
        arrays = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self) if f.name != "digest"}
        write_arrays(path, arrays, compressed=False)

    @cached_property
    def faces_of_vertex(self) -> sparse.csr_matrix:
        """(V, F) matrix that is 1 where a triangle has the vertex."""
        rows, columns = self.faces.T.ravel(), np.tile(np.arange(len(self.faces)), 3)
        return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(self.mean), len(self.faces)))


@dataclass(frozen=True)
class ControlModel:
    """The same linear model over the C control points of `headroom.face.topology`, as the bundled model's file has it.

    triangles (F0, 3), uv (C, 2); the other arrays as in `FaceModel`, with C for V.
    """

    triangles: np.ndarray
    uv: np.ndarray
    mean: np.ndarray
    identity_basis: np.ndarray
    expression_basis: np.ndarray
    albedo_mean: np.ndarray
    albedo_basis: np.ndarray
    landmark_ids: np.ndarray
    names: np.ndarray
    regions: np.ndarray

    def save(self, path: Path) -> None:
        """Write the control points."""
        write_arrays(path, {f.name: getattr(self, f.name) for f in fields(self)}, compressed=True)

    @staticmethod
    def load(path: Path) -> ControlModel:
        """Read the control points in a file; InputError when it holds none."""
        return _control_model(read_arrays(path), path)

    def subdivided(self, levels: int = 2) -> FaceModel:
        """Return the model over the subdivided surface, with eyeballs behind its lids."""
        surface = SubdivisionSurface(self.triangles, levels)
        eyeball, irises, sockets = Eyeball.front_half(), list(IRISES), list(SOCKETS)

        def joined(control_values: np.ndarray, eyeball_values: np.ndarray) -> np.ndarray:
            skin = np.tensordot(surface.smooth_weights, control_values, axes=(1, 0))
            return np.concatenate([skin, eyeball_values]).astype(np.float32)

        white, white_basis = np.full((2, 3), WHITE), np.zeros((2, *self.albedo_basis.shape[1:]))
        uv = surface.linear_weights @ self.uv
        uv[irises] = TEXTURE_CENTRES
        eyes = surface.linear_weights[:, sockets].sum(1)
        eyes[irises] = 1
        eyeball_vertices = 2 * len(eyeball.directions)
        return FaceModel(
            mean=joined(self.mean, eyeball.positions(self.mean[irises])),
            identity_basis=joined(self.identity_basis, eyeball.translation_basis(self.identity_basis[irises])),
            expression_basis=joined(self.expression_basis, eyeball.rotation_basis(self.expression_basis[irises])),
            albedo_mean=joined(self.albedo_mean, eyeball.blend_to_white(self.albedo_mean[irises], white)),
            albedo_basis=joined(self.albedo_basis, eyeball.blend_to_white(self.albedo_basis[irises], white_basis)),
            faces=eyeball.joined_faces(surface.faces, len(surface.smooth_weights)),
            uv=np.concatenate([uv, eyeball.texture_coordinates()]).astype(np.float32),
            landmark_vertices=np.arange(len(self.landmark_ids)),
            landmark_ids=self.landmark_ids,
            names=tuple(str(name) for name in self.names),
            regions=tuple(str(region) for region in self.regions),
            interior=np.pad(surface.linear_weights[:, MOUTH_CAVITY], (0, eyeball_vertices)),
            eyes=np.concatenate([eyes, np.ones(eyeball_vertices)]).astype(np.float32),
            source="Headroom",
        )


def load_model(path: Path) -> FaceModel:
    """Load a face model: control points as `headroom model build` writes them, or an imported surface.

    Raises InputError when the file is not a face model.
    """
    arrays = read_arrays(path)
    if "triangles" in arrays:
        control_points = _control_model(arrays, path)
        try:
            with damage():
                model = control_points.subdivided()
        except Damaged as error:
            raise not_a_model(path) from error
    else:
        model = _surface_model(arrays, path)
    return replace(model, digest=file_digest(path)[:16])


@lru_cache(maxsize=1)
def bundled_model() -> FaceModel:
    """Return the face model that comes with Headroom. The process keeps it, because every step needs it."""
    return load_model(FACE_MODEL)


_LINEAR = {
    "mean": Array(("vertices", 3)),
    "identity_basis": Array(("vertices", 3, "identity modes")),
    "expression_basis": Array(("vertices", 3, "expression modes")),
    "albedo_mean": Array(("vertices", 3)),
    "albedo_basis": Array(("vertices", 3, "albedo modes")),
    "uv": Array(("vertices", 2)),
    "landmark_ids": Array(("landmarks",), "integer", low=0),
    "names": Array(("expression modes",), "text"),
    "regions": Array(("expression modes",), "text"),
}
_CONTROL_POINTS = {**_LINEAR, "triangles": Array(("triangles", 3), "integer", low=0)}
_SURFACE = {
    **_LINEAR,
    "faces": Array(("triangles", 3), "integer", low=0),
    "landmark_vertices": Array(("landmarks",), "integer", low=0),
    "interior": Array(("vertices",)),
    "eyes": Array(("vertices",)),
    "source": Array((), "text"),
}


def _control_model(arrays: dict[str, np.ndarray], path: Path) -> ControlModel:
    try:
        require_arrays(arrays, _CONTROL_POINTS)
        _require_vertices(arrays, "triangles")
    except Damaged as error:
        raise not_a_model(path) from error
    return ControlModel(**{f.name: arrays[f.name] for f in fields(ControlModel)})


def _require_vertices(arrays: dict[str, np.ndarray], *names: str) -> None:
    """Raise Damaged when one of the arrays names a vertex that is missing."""
    for name in names:
        if arrays[name].max() >= len(arrays["mean"]):
            raise Damaged(f"{name} has vertices that are missing")


def _surface_model(arrays: dict[str, np.ndarray], path: Path) -> FaceModel:
    try:
        require_arrays(arrays, _SURFACE)
        _require_vertices(arrays, "faces", "landmark_vertices")
    except Damaged as error:
        raise not_a_model(path) from error
    values: dict[str, Any] = {f.name: arrays[f.name] for f in fields(FaceModel) if f.name != "digest"}
    for name in ("names", "regions"):
        values[name] = tuple(str(text) for text in values[name])
    return FaceModel(**{**values, "source": str(values["source"])})
