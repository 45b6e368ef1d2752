"""What a face model is, for people and for programs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from headroom.face.model import FaceModel


def model_info(model: FaceModel) -> dict[str, Any]:
    """Plain values; modes are counted as far as they move or colour anything, size is that of the mean face."""
    return {
        "source": model.source,
        "digest": model.digest,
        "vertices": len(model.mean),
        "faces": len(model.faces),
        "identity_modes": _used(model.identity_basis),
        "expression_modes": _used(model.expression_basis),
        "albedo_modes": _used(model.albedo_basis),
        "units": "millimetres, standard deviations",
        "size_mm": [round(float(length), 1) for length in np.ptp(model.mean, axis=0)],
        "landmarks": len(model.landmark_ids),
        "regions": dict(Counter(model.regions)),
    }


def _used(basis: np.ndarray) -> int:
    return int((np.abs(basis).max((0, 1)) > 0).sum())
