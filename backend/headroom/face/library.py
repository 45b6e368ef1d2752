"""The face models on this machine: the bundled one, and imported ones, found by their digest."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path

from headroom.common.files import atomic_write
from headroom.common.paths import face_models_folder
from headroom.face.model import FaceModel, bundled_model, load_model


def store_model(path: Path) -> FaceModel:
    """Load a face model and copy its file to the folder of models, unless the model is there already."""
    model = load_model(path)
    if find_model(model.digest) is None:
        with atomic_write(_stored_path(model.digest)) as temporary:
            shutil.copyfile(path, temporary)
    return model


def find_model(digest: str) -> FaceModel | None:
    """Return the face model with a digest, None when it is not on this machine."""
    bundled = bundled_model()
    if digest == bundled.digest:
        return bundled
    path = _stored_path(digest)
    return _load_cached(path) if path.is_file() else None


def _stored_path(digest: str) -> Path:
    return face_models_folder() / f"{digest}.npz"


@lru_cache(maxsize=1)
def _load_cached(path: Path) -> FaceModel:
    """Load an imported model. The cache holds the last one, because all steps of a job use the same."""
    return load_model(path)
