"""The user's own face model to ours: landmarks found, holes closed, texture laid out, modes named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headroom.common.progress import Progress, no_progress
from headroom.face import topology as top
from headroom.face.basel import EXPRESSIONS, IDENTITIES, LinearFace, read_basel
from headroom.face.closing import close_holes, mouth_hole, with_cavity
from headroom.face.model import FaceModel, bundled_model
from headroom.face.texture_layout import depth_inside, texture_coordinates
from headroom.track.face_models.landmark_vertices import find_vertices

SPARE = "Spare"
"""Region of expression modes that the file does not have; they move nothing."""

_MOUTH_CORNERS = (78, 308)


def import_model(paths: Sequence[Path], progress: Progress = no_progress) -> FaceModel:
    """A face model for tracking and drawing from the user's files (see `headroom.face.basel`)."""
    progress(0.0, "Reading the face model")
    face = read_basel(paths)
    progress(0.3, "Finding the landmarks on the model")
    return completed(face, progress)


def completed(face: LinearFace, progress: Progress = no_progress) -> FaceModel:
    """What the files do not say, supplied: correspondence, closed eyes and mouth, texture, names of the modes."""
    closed, holes = close_holes(face)
    model = _drawable(closed)
    vertices, wide = find_vertices(model)
    progress(0.7, "Laying out the texture")
    ids = top.control_landmarks()
    at = dict(zip(ids.tolist(), vertices.tolist()))
    corners = model.mean[[at[corner] for corner in _MOUTH_CORNERS]]
    width = float(np.linalg.norm(corners[0] - corners[1]))
    hole = mouth_hole(model.mean, holes, corners.mean(0), width)
    if hole is not None:
        model = with_cavity(model, len(face.mean) + hole, width)
    ring = np.array([at[landmark] for landmark in top.INNER_LIPS]) if hole is None else holes[hole]
    uv = texture_coordinates(model.mean + model.expression_basis @ wide, model.faces)
    names, regions = named_modes(closed.expression_basis, vertices, ids)
    return replace(
        model, mean=_at_bundled_place(model.mean, vertices, ids), uv=uv, landmark_vertices=vertices, landmark_ids=ids,
        names=names, regions=regions, interior=depth_inside(uv, ring),
    )


def named_modes(
    basis: np.ndarray, vertices: np.ndarray, ids: np.ndarray
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and regions (64,) of expression modes (V, 3, E): the part of the face that each moves most.

    vertices (L,) and ids (L,): which vertex is which of MediaPipe's landmarks.
    """
    from mediapipe.python.solutions import face_mesh_connections as connections

    parts = {
        "Mouth": connections.FACEMESH_LIPS,
        "Eyes": connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE,
        "Brows": connections.FACEMESH_LEFT_EYEBROW | connections.FACEMESH_RIGHT_EYEBROW,
    }
    members = [np.isin(ids, top.points_of(edges)) for edges in parts.values()]
    moved = [(basis[vertices[part]] ** 2).sum(1).mean(0) for part in members]
    regions = [list(parts)[part] for part in np.argmax(moved, axis=0)]
    regions += [SPARE] * (EXPRESSIONS - len(regions))
    names = [f"{region} {regions[:i + 1].count(region):02d}" for i, region in enumerate(regions)]
    return tuple(names), tuple(regions)


def _drawable(face: LinearFace) -> FaceModel:
    """The model as far as its file goes, with 80, 64 and 80 modes: enough to draw it."""
    none = np.zeros(0, np.int64)
    return FaceModel(
        mean=face.mean,
        identity_basis=_padded(face.identity_basis, IDENTITIES),
        expression_basis=_padded(face.expression_basis, EXPRESSIONS),
        albedo_mean=face.albedo_mean,
        albedo_basis=_padded(face.albedo_basis, IDENTITIES),
        faces=face.faces,
        uv=texture_coordinates(face.mean, face.faces),
        landmark_vertices=none,
        landmark_ids=none,
        names=(),
        regions=(),
        interior=np.zeros(len(face.mean), np.float32),
        eyes=np.zeros(len(face.mean), np.float32),  # the files' eyes are skin, painted on
        source=face.source,
    )


def _padded(basis: np.ndarray, modes: int) -> np.ndarray:
    """(V, 3, modes): modes that the file does not have move nothing."""
    return np.pad(basis, ((0, 0), (0, 0), (0, modes - basis.shape[2])))


def _at_bundled_place(mean: np.ndarray, vertices: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """mean (V, 3), shifted so that its landmarks lie about those of the bundled model: poses then mean the same."""
    bundled = bundled_model()
    known = bundled.resting_place(ids)
    return (mean + (known - mean[vertices]).mean(0)).astype(np.float32)
