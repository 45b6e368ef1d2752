"""Import of a user's face model: finds landmarks, closes holes, lays out the texture, names the modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headroom.common.progress import Progress, no_progress
from headroom.face import topology as top
from headroom.face.basel import EXPRESSION_MODES, IDENTITY_MODES, LinearFace, read_basel
from headroom.face.holes import add_cavity, close_holes, mouth_hole
from headroom.face.model import FaceModel, bundled_model
from headroom.face.texture_layout import depth_inside, texture_coordinates
from headroom.track.face_models.landmark_vertices import find_vertices

SPARE = "Spare"
"""Region of expression modes that the file lacks; they move nothing."""

_MOUTH_CORNERS = (78, 308)


def import_model(paths: Sequence[Path], progress: Progress = no_progress) -> FaceModel:
    """Return a face model for tracking and drawing from the user's files (see `headroom.face.basel`)."""
    progress(0.0, "Reading the face model")
    face = read_basel(paths)
    progress(0.3, "Finding the landmarks on the model")
    return complete_model(face, progress)


def complete_model(face: LinearFace, progress: Progress = no_progress) -> FaceModel:
    """Add what the files lack: landmarks, closed eyes and mouth, texture coordinates, names of the modes."""
    closed, holes = close_holes(face)
    model = _drawable_model(closed)
    vertices, open_mouth = find_vertices(model)
    progress(0.7, "Laying out the texture")
    ids = top.control_landmarks()
    vertex_of = dict(zip(ids.tolist(), vertices.tolist()))
    corners = model.mean[[vertex_of[corner] for corner in _MOUTH_CORNERS]]
    width = float(np.linalg.norm(corners[0] - corners[1]))
    hole = mouth_hole(model.mean, holes, corners.mean(0), width)
    if hole is not None:
        model = add_cavity(model, len(face.mean) + hole, width)
    ring = np.array([vertex_of[landmark] for landmark in top.INNER_LIPS]) if hole is None else holes[hole]
    uv = texture_coordinates(model.mean + model.expression_basis @ open_mouth, model.faces)
    names, regions = name_modes(closed.expression_basis, vertices, ids)
    return replace(
        model, mean=_at_bundled_position(model.mean, vertices, ids), uv=uv, landmark_vertices=vertices,
        landmark_ids=ids, names=names, regions=regions, interior=depth_inside(uv, ring),
    )


def name_modes(
    basis: np.ndarray, vertices: np.ndarray, ids: np.ndarray
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and regions (64,) of expression modes (V, 3, E), after the part of the face that each moves most.

    vertices, ids: (L,) vertices that carry landmarks, and MediaPipe's numbers of these.
    """
    from mediapipe.python.solutions import face_mesh_connections as connections

    parts = {
        "Mouth": connections.FACEMESH_LIPS,
        "Eyes": connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE,
        "Brows": connections.FACEMESH_LEFT_EYEBROW | connections.FACEMESH_RIGHT_EYEBROW,
    }
    members = [np.isin(ids, top.points_of(edges)) for edges in parts.values()]
    motion = [(basis[vertices[part]] ** 2).sum(1).mean(0) for part in members]
    regions = [list(parts)[part] for part in np.argmax(motion, axis=0)]
    regions += [SPARE] * (EXPRESSION_MODES - len(regions))
    names = [f"{region} {regions[:i + 1].count(region):02d}" for i, region in enumerate(regions)]
    return tuple(names), tuple(regions)


def _drawable_model(face: LinearFace) -> FaceModel:
    """Return a model with 80, 64 and 80 modes and a preliminary texture layout, enough to draw it."""
    none = np.zeros(0, np.int64)
    return FaceModel(
        mean=face.mean,
        identity_basis=_padded(face.identity_basis, IDENTITY_MODES),
        expression_basis=_padded(face.expression_basis, EXPRESSION_MODES),
        albedo_mean=face.albedo_mean,
        albedo_basis=_padded(face.albedo_basis, IDENTITY_MODES),
        faces=face.faces,
        uv=texture_coordinates(face.mean, face.faces),
        landmark_vertices=none,
        landmark_ids=none,
        names=(),
        regions=(),
        interior=np.zeros(len(face.mean), np.float32),
        eyes=np.zeros(len(face.mean), np.float32),  # the files have no eyeballs; the skin's texture shows the eyes
        source=face.source,
    )


def _padded(basis: np.ndarray, modes: int) -> np.ndarray:
    """Return a basis (V, 3, modes), with zeros for modes that the file lacks."""
    return np.pad(basis, ((0, 0), (0, 0), (0, modes - basis.shape[2])))


def _at_bundled_position(mean: np.ndarray, vertices: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return mean (V, 3) moved so that its landmarks have the bundled model's centre: then poses mean the same."""
    bundled = bundled_model().mean_positions(ids)
    return (mean + (bundled - mean[vertices]).mean(0)).astype(np.float32)
