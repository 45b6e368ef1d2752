"""The face models of this machine: the bundled one, and those the user imported, found again by their digest."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path

from headroom.common.files import atomic_write
from headroom.common.paths import face_models_folder
from headroom.face.model import FaceModel, bundled_model, load_model


def store_model(path: Path) -> FaceModel:
    """The face model in a file, which is copied to the folder of models unless it is there already."""
    model = load_model(path)
    if find_model(model.digest) is None:
        with atomic_write(_kept(model.digest)) as temporary:
            shutil.copyfile(path, temporary)
    return model


def find_model(digest: str) -> FaceModel | None:
    """The face model with this digest, None when it is not on this machine."""
    bundled = bundled_model()
    if digest == bundled.digest:
        return bundled
    path = _kept(digest)
    return _loaded(path) if path.is_file() else None


def _kept(digest: str) -> Path:
    return face_models_folder() / f"{digest}.npz"


@lru_cache(maxsize=1)
def _loaded(path: Path) -> FaceModel:
    """An imported model; one is held in memory, since all steps of a job use the same."""
    return load_model(path)
