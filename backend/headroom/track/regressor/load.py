"""Loader of regressors that the user brings: Headroom's own, or the published R-Net."""

from __future__ import annotations

from pathlib import Path

from headroom.face.model import FaceModel
from headroom.track.regressor.deep3d import Deep3DNet
from headroom.track.regressor.estimate import FaceRegressor
from headroom.track.regressor.network import Regressor

_OWN_SUFFIX = ".safetensors"


def load_regressor(path: Path, model: FaceModel) -> FaceRegressor:
    """Load what `headroom train regressor` wrote (.safetensors), otherwise a published checkpoint.

    Raises InputError when the file is neither, or for another face model.
    """
    return Regressor.load(path, model) if path.suffix == _OWN_SUFFIX else Deep3DNet.load(path, model)
