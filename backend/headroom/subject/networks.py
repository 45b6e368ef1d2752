"""The networks and the face model that the user gives instead of the bundled ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headroom.common.errors import InputError
from headroom.face.model import FaceModel, bundled_model, load_model
from headroom.track.tracker import regressor_from

if TYPE_CHECKING:
    from headroom.common.networks.arcface import ArcFace
    from headroom.refine.spatial import SpatialNetwork
    from headroom.track.regressor.estimate import FaceRegressor


@dataclass(frozen=True)
class NetworkFiles:
    """Files that learning uses instead of the bundled ones; None is the bundled one.

    face_model: a file that `headroom model import` wrote.
    regressor: the network that estimates the coefficients of frames without landmarks.
    arcface: ArcFace as published; its embeddings become the refiner's identity feature (paper, section 3.4).
    resnet18: ResNet-18 as published; the refiner's memory describes renders with it. It needs arcface.
    """

    face_model: Path | None = None
    regressor: Path | None = None
    arcface: Path | None = None
    resnet18: Path | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the networks that were given; the face model has a digest instead."""
        return tuple(name for name in ("regressor", "arcface", "resnet18") if getattr(self, name) is not None)


@dataclass(frozen=True)
class LearningNetworks:
    """The networks that learning uses, loaded; None is the bundled one, or none where nothing is bundled.

    regressor: estimates the coefficients of frames without landmarks.
    arcface: computes each frame's identity feature; without it the feature is the face model's coefficients.
    spatial: describes renders for the refiner's memory.
    """

    regressor: FaceRegressor | None = None
    arcface: ArcFace | None = None
    spatial: SpatialNetwork | None = None


def load_networks(files: NetworkFiles, model: FaceModel) -> LearningNetworks:
    """Load the networks; InputError when a file holds another network or does not fit the face model."""
    from headroom.common.networks.arcface import load_arcface
    from headroom.refine.spatial import imagenet_spatial

    if files.resnet18 and not files.arcface:
        raise InputError("ResNet-18 is used only together with ArcFace; give ArcFace's file too.")
    return LearningNetworks(
        regressor_from(files.regressor, model),
        load_arcface(files.arcface) if files.arcface else None,
        imagenet_spatial(files.resnet18) if files.resnet18 else None,
    )


def load_face_model(files: NetworkFiles) -> FaceModel:
    """Load the face model that the user gave, or the bundled one."""
    return bundled_model() if files.face_model is None else load_model(files.face_model)
