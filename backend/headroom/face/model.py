"""The morphable face: S = S̄ + B_id α + B_exp β and T = T̄ + B_tex δ (paper §3.1), one class for every source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from headroom.common.errors import InputError
from headroom.common.files import NPZ_ERRORS, atomic_write, file_digest
from headroom.common.paths import FACE_MODEL
from headroom.face.eyeballs import TEXTURE_CENTRES, WHITE, Eyeball
from headroom.face.topology import IRISES, MOUTH_CAVITY, SOCKETS, SubdivisionSurface

GAZE = "Gaze"
"""Region of the two expression modes that turn both eyes."""
GAZE_DEGREES = 10.0
"""What one unit of them turns the eyes by."""
_INSIDE = 0.02
"""Vertices further inside the mouth or the eyes than this are not skin."""


@dataclass(frozen=True)
class FaceModel:
    """A linear face. Coefficients are in standard deviations; lengths in millimetres, model axes.

    mean (V, 3); identity_basis (V, 3, I) mm; expression_basis (V, 3, E) mm;
    albedo_mean (V, 3) and albedo_basis (V, 3, I), display values 0..1;
    faces (F, 3) counter-clockwise from outside; uv (V, 2), origin bottom left;
    landmark_vertices (L,) and landmark_ids (L,): which vertex is which of MediaPipe's landmarks;
    names (E,) and regions (E,) of the expression modes; interior (V,): 1 deep inside the mouth, 0 outside of it;
    eyes (V,): 1 on the eyeballs, 0 outside of the eyes' openings, between them in the sockets;
    source: who made it; digest: what tells its file from another's, "" before it has one.
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
        """Vertices (..., V, 3) mm from identity (I,) and expression (..., E); no expression is the neutral face."""
        neutral = self.mean + self.identity_basis @ identity
        if expression is None:
            return neutral.astype(np.float32)
        offsets = np.tensordot(expression, self.expression_basis, axes=(-1, 2))
        return (neutral + offsets).astype(np.float32)

    def albedo(self, texture: np.ndarray) -> np.ndarray:
        """Vertex colours (V, 3), display values, from texture δ (I,)."""
        return (self.albedo_mean + self.albedo_basis @ texture).astype(np.float32)

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Unit normals (V, 3) of vertices (V, 3): the area-weighted mean of the faces around each."""
        a, b, c = (vertices[self.faces[:, i]] for i in range(3))
        summed = self.faces_of_vertex @ np.cross(b - a, c - a)
        return (summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9)).astype(np.float32)

    @cached_property
    def skin(self) -> np.ndarray:
        """(V,) bool: what is neither in the mouth nor in the eyes."""
        return (self.interior < _INSIDE) & (self.eyes < _INSIDE)

    def vertex_of(self, landmark: int) -> int:
        """The vertex that carries one of MediaPipe's landmarks."""
        return int(self.landmark_vertices[np.flatnonzero(self.landmark_ids == landmark)[0]])

    @property
    def gaze_modes(self) -> tuple[int, ...]:
        """The numbers of the expression modes that turn the eyes left and up; none where a model has no such."""
        return tuple(number for number, region in enumerate(self.regions) if region == GAZE)

    def resting_place(self, landmarks: Iterable[int]) -> np.ndarray:
        """(L, 3) mm where some of MediaPipe's landmarks are on the mean face."""
        return self.mean[[self.vertex_of(landmark) for landmark in landmarks]]

    def opening(self, upper: int, lower: int) -> np.ndarray:
        """(E,) how much each expression unit moves landmark `upper` away from `lower` along y, mm."""
        basis = self.expression_basis
        return basis[self.vertex_of(upper), 1] - basis[self.vertex_of(lower), 1]

    def save(self, path: Path) -> None:
        """A file of its own, for models that are not made from control points."""
        values = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self) if f.name != "digest"}
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **values)

    @cached_property
    def faces_of_vertex(self) -> sparse.csr_matrix:
        """(V, F) 1 where a triangle has the vertex."""
        rows, columns = self.faces.T.ravel(), np.tile(np.arange(len(self.faces)), 3)
        return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(self.mean), len(self.faces)))


@dataclass(frozen=True)
class ControlModel:
    """What the bundled model's file holds: the same linear model over the surface's control points (C)."""

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
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **{f.name: getattr(self, f.name) for f in fields(self)})

    @staticmethod
    def load(path: Path) -> "ControlModel":
        with _opened(path) as data:
            return ControlModel(**{f.name: data[f.name] for f in fields(ControlModel)})

    def refined(self, levels: int = 2) -> FaceModel:
        """The model over the drawn surface, eyeballs behind its lids."""
        surface, ball, irises, sockets = SubdivisionSurface(self.triangles, levels), Eyeball.half(), list(IRISES), list(SOCKETS)

        def smooth(values: np.ndarray, of_balls: np.ndarray) -> np.ndarray:
            skin = np.tensordot(surface.refine, values, axes=(1, 0))
            return np.concatenate([skin, of_balls]).astype(np.float32)

        whites = np.full((2, 3), WHITE), np.zeros((2, *self.albedo_basis.shape[1:]))
        uv = surface.refine_flat @ self.uv
        uv[irises] = TEXTURE_CENTRES
        eyes = surface.refine_flat[:, sockets].sum(1)
        eyes[irises] = 1
        return FaceModel(
            mean=smooth(self.mean, ball.placed(self.mean[irises])),
            identity_basis=smooth(self.identity_basis, ball.carried(self.identity_basis[irises])),
            expression_basis=smooth(self.expression_basis, ball.turned(self.expression_basis[irises])),
            albedo_mean=smooth(self.albedo_mean, ball.coloured(self.albedo_mean[irises], whites[0])),
            albedo_basis=smooth(self.albedo_basis, ball.coloured(self.albedo_basis[irises], whites[1])),
            faces=ball.joined(surface.faces, len(surface.refine)),
            uv=np.concatenate([uv, ball.texture_coordinates()]).astype(np.float32),
            landmark_vertices=np.arange(len(self.landmark_ids)),
            landmark_ids=self.landmark_ids,
            names=tuple(str(name) for name in self.names),
            regions=tuple(str(region) for region in self.regions),
            interior=np.pad(surface.refine_flat[:, MOUTH_CAVITY], (0, 2 * len(ball.points))),
            eyes=np.concatenate([eyes, np.ones(2 * len(ball.points))]).astype(np.float32),
            source="Headroom",
        )


def load_model(path: Path) -> FaceModel:
    """The face model in a file: control points as `headroom model build` writes them, or a surface as imported."""
    with _opened(path) as data:
        if "triangles" in data:
            model = ControlModel.load(path).refined()
        else:
            values = {f.name: data[f.name] for f in fields(FaceModel) if f.name in data}
            values.setdefault("eyes", np.zeros(len(values["mean"]), np.float32))  # files of before there were any
            texts = {name: tuple(str(text) for text in values[name]) for name in ("names", "regions")}
            model = FaceModel(**{**values, **texts, "source": str(values["source"])})
    return replace(model, digest=file_digest(path)[:16])


@lru_cache(maxsize=1)
def bundled_model() -> FaceModel:
    """The face model that comes with Headroom."""
    return load_model(FACE_MODEL)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The arrays of a model's file; InputError when it is none."""
    try:
        with np.load(path, allow_pickle=False) as data:
            yield data
    except NPZ_ERRORS as error:
        remedy = "install Headroom again" if path == FACE_MODEL else "choose one that `headroom model import` wrote"
        raise InputError(f"{path} is not a Headroom face model; {remedy}.") from error
