"""A summary of a face model, for people and for programs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from headroom.face.model import FaceModel


def model_info(model: FaceModel) -> dict[str, Any]:
    """Return the summary as JSON values: modes that have an effect, and the size of the mean face."""
    return {
        "source": model.source,
        "digest": model.digest,
        "vertices": len(model.mean),
        "faces": len(model.faces),
        "identity_modes": _effective_modes(model.identity_basis),
        "expression_modes": _effective_modes(model.expression_basis),
        "albedo_modes": _effective_modes(model.albedo_basis),
        "units": "millimetres, standard deviations",
        "size_mm": [round(float(length), 1) for length in np.ptp(model.mean, axis=0)],
        "landmarks": len(model.landmark_ids),
        "regions": dict(Counter(model.regions)),
    }


def _effective_modes(basis: np.ndarray) -> int:
    return int((np.abs(basis).max((0, 1)) > 0).sum())
