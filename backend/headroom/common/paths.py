"""Paths of Headroom's own files: bundled weights and samples, and the user's folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

from headroom.common.errors import HeadroomError

PACKAGE = Path(__file__).resolve().parents[1]
"""Folder of the package `headroom`."""

WEIGHTS = PACKAGE / "weights"
FACE_MODEL = WEIGHTS / "face.npz"
MOTION_WEIGHTS = WEIGHTS / "motion.safetensors"
PHONE_MODEL = WEIGHTS / "phones.npz"
SPEECH_ENCODER = WEIGHTS / "speech_encoder.safetensors"
IMAGE_FEATURES = WEIGHTS / "image_features.safetensors"
REFINER_WEIGHTS = WEIGHTS / "refiner.safetensors"
REGRESSOR_WEIGHTS = WEIGHTS / "regressor.safetensors"
PEOPLE = WEIGHTS / "people.toml"
CHECKSUMS = WEIGHTS / "SHA256SUMS"

CREDENTIALS_VARIABLE = "HEADROOM_CREDENTIALS"
"""Environment variable; "off" leaves content credentials and XMP out of what Headroom makes."""
WATERMARK_VARIABLE = "HEADROOM_WATERMARK"
"""Environment variable; "off" leaves the imperceptible watermark out of movies."""
CERTIFICATE_VARIABLE = "HEADROOM_CERTIFICATE"
"""Environment variable; the file with the certificate that signs them."""


def is_off(variable: str) -> bool:
    """Return whether the user has switched off what an environment variable stands for."""
    return os.environ.get(variable, "").strip().lower() == "off"


def cache_folder() -> Path:
    """Return the folder for jobs, blobs, logs and tracked clips: HEADROOM_DATA, or the platform's cache folder."""
    folder = os.environ.get("HEADROOM_DATA")
    return Path(folder) if folder else platformdirs.user_cache_path("headroom", appauthor=False)


def face_models_folder() -> Path:
    """Return the folder for imported face models: HEADROOM_MODELS, or the platform's data folder.

    The cache folder would be wrong, because Headroom cannot make an imported model again.
    """
    folder = os.environ.get("HEADROOM_MODELS")
    return Path(folder) if folder else platformdirs.user_data_path("headroom", appauthor=False) / "models"


def certificate_file() -> Path:
    """Return the file of the certificate for content credentials: HEADROOM_CERTIFICATE, or one in the data folder."""
    file = os.environ.get(CERTIFICATE_VARIABLE)
    return Path(file) if file else platformdirs.user_data_path("headroom", appauthor=False) / "certificate.pem"


def extension_folders() -> list[Path]:
    """Return the folders in which Blender's extension stores its files, one for each Blender that has it."""
    roots = list(platformdirs.user_config_path("Blender" if os.name == "nt" or sys.platform == "darwin" else "blender",
                                               "Blender Foundation", roaming=True).glob("*/extensions"))
    if resources := os.environ.get("BLENDER_USER_RESOURCES"):
        roots.append(Path(resources) / "extensions")
    if extensions := os.environ.get("BLENDER_USER_EXTENSIONS"):
        roots.append(Path(extensions))
    return [folder for root in roots for folder in sorted(root.glob(".user/*/headroom"))]


def shipped_file(folder: str, name: str) -> Path:
    """Return a file that is part of Headroom but not of the package's code.

    In a checkout the file lies in `folder` below the repository's root; the wheel carries it in `headroom/_FOLDER`.

    folder: "samples", or "" for the root itself, whose files the wheel carries in `headroom/_extension`.

    Raises HeadroomError when the file is missing from this installation.
    """
    for path in (PACKAGE.parents[1] / folder / name, PACKAGE / f"_{folder or 'extension'}" / name):
        if path.is_file():
            return path
    raise HeadroomError(f"{name} is missing from this installation. Install Headroom again.")
