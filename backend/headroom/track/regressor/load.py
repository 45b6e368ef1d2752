"""Regressors that the user brings: ours of a file, or the published R-Net."""

from __future__ import annotations

from pathlib import Path

from headroom.face.model import FaceModel
from headroom.track.regressor.deep3d import Deep3DNet
from headroom.track.regressor.estimate import FaceRegressor
from headroom.track.regressor.network import Regressor

OURS = ".safetensors"


def load_regressor(path: Path, model: FaceModel) -> FaceRegressor:
    """The network in a file: what `headroom train regressor` wrote, otherwise a published checkpoint.

    Raises InputError when it is neither or speaks of another face model.
    """
    return Regressor.load(path, model) if path.suffix == OURS else Deep3DNet.load(path, model)
