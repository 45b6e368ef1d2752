"""The shot: a root empty that stands for camera axes, with the face and two cameras as its children.

Objects are found by the custom property `headroom_role`, never by their names, which belong to the artist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import bpy
import numpy as np

from ...core.coordinates import SHOT_ROTATION
from ...core.errors import HeadroomError, InputError
from ...core.messages import message
from ...core.rig import Rig
from ...core.subject import Subject
from .backdrop import build_backdrop
from .camera import build_crop_camera, build_full_camera
from .face import build_face, detail_names
from .material import build_material
from .plates import load_plates, show_plates
from .scene_setup import KEEPS_SCENE, set_up_scene

ROLE = "headroom_role"
FORMAT_KEY, FORMAT = "headroom_format", 3
"""Custom property of every root: the format of what the shot stores in the .blend. `upgrade.py` brings older ones up to
date; until then `shots_in` leaves them out."""


class ShotRef(NamedTuple):
    """The names of a scene and of a shot's root. Undo makes Python references stale; names survive it."""

    scene: str
    root: str


@dataclass(frozen=True)
class Shot:
    """One subject in one scene."""

    scene: bpy.types.Scene
    root: bpy.types.Object
    face: bpy.types.Object
    camera: bpy.types.Object
    crop_camera: bpy.types.Object

    @property
    def ref(self) -> ShotRef:
        """The shot by name, for `find_shot`."""
        return ShotRef(self.scene.name, self.root.name)

    @property
    def subject(self) -> Subject:
        """The subject; raises InputError when its folder is gone."""
        folder = self.subject_folder
        if not folder.is_dir():
            raise InputError(message("The subject of {shot} is not at {path}. Choose its folder with Relink Subject or "
                                     "Speech, or with --subject.", shot=self.root.name, path=folder))
        return Subject.open(folder)

    @property
    def subject_folder(self) -> Path:
        """The subject's folder as it was opened; it may be gone."""
        return self._path("headroom_subject")

    @property
    def backdrop(self) -> bpy.types.Object | None:
        """The plane that shows the plates in Blender's own render; None for a subject without plates."""
        return next((child for child in self.root.children if child.get(ROLE) == "backdrop"), None)

    @property
    def fps(self) -> float:
        """The scene's rate."""
        return self.scene.render.fps / self.scene.render.fps_base

    @property
    def resolution(self) -> int:
        """The side of a rendered face crop in pixels."""
        return int(self.root["headroom_resolution"])

    @property
    def control_directions(self) -> np.ndarray:
        """Coefficients (C, 64) float32 per unit of each control; C is 0 for a head of an older version."""
        values = np.array(self.root["headroom_control_directions"], dtype=np.float32)
        return values.reshape(-1, len(self.root["headroom_regions"]))

    @property
    def speech(self) -> Path | None:
        """The speech of the performance; None before the first take."""
        return self._path("headroom_speech") if self.root.get("headroom_speech") else None

    @property
    def start_frame(self) -> int:
        """The scene frame at which the performance and the speech start."""
        return int(self.root.get("headroom_start_frame", self.scene.frame_start))

    def _path(self, name: str) -> Path:
        """Return a stored path; that of a linked shot is relative to its own file."""
        return Path(bpy.path.abspath(self.root.get(name, ""), library=self.root.library))


def open_subject(scene: bpy.types.Scene, folder: Path, set_up: bool = True) -> Shot:
    """Build the head of a subject in `scene`.

    set_up: whether the first head sets the scene's rate, size and camera to the clip's. Otherwise nothing of the scene
        changes, and its frame range does not follow performances.
    """
    subject = Subject.open(folder)
    rig = subject.rig()
    first = not shots_in(scene)
    shot = build_head(scene, rig, subject.albedo, subject.name)
    shot.root["headroom_subject"] = str(subject.folder.absolute())
    if subject.plates.is_file():
        plates = load_plates(subject.plates)
        show_plates(shot.camera, plates, scene.frame_start)
        backdrop = build_backdrop(rig, plates, subject.name, scene.frame_start)
        backdrop.hide_render = not (first and set_up)  # only one clip can fill the picture
        _add(backdrop, "backdrop", shot.root)
    if first and set_up:
        set_up_scene(scene, rig, shot.camera)
    elif first:
        shot.root[KEEPS_SCENE] = True
    return shot


def build_head(scene: bpy.types.Scene, rig: Rig, albedo: Path, name: str) -> Shot:
    """Build root, face with material, full camera and crop camera in a new collection."""
    collection = bpy.data.collections.new(f"{name} Shot")
    scene.collection.children.link(collection)
    root = bpy.data.objects.new(f"{name} Shot", None)
    root.empty_display_size = 0.1
    root.rotation_euler = SHOT_ROTATION
    root[FORMAT_KEY] = FORMAT
    root["headroom_resolution"] = rig.resolution
    root["headroom_key_units"] = [float(unit) for unit in rig.key_units]
    root["headroom_regions"] = [str(region) for region in rig.regions]
    root["headroom_detail_keys"] = detail_names(rig)
    root["headroom_control_keys"] = [str(name) for name in rig.control_names]
    root["headroom_control_groups"] = [str(group) for group in rig.control_groups]
    root["headroom_control_directions"] = [float(value) for value in rig.controls.ravel()]
    face = build_face(rig, name)
    face.data.materials.append(build_material(rig.light, albedo, root, name))
    shot = Shot(scene, root, face, build_full_camera(rig, name), build_crop_camera(rig, name))
    collection.objects.link(root)
    root[ROLE] = "root"
    for role in ("face", "camera", "crop_camera"):
        _add(getattr(shot, role), role, root)
    for layer in scene.view_layers:  # its frame would be drawn over the picture that the full camera shows
        shot.crop_camera.hide_set(True, view_layer=layer)
    return shot


def _add(member: bpy.types.Object, role: str, root: bpy.types.Object) -> None:
    """Parent an object in camera axes to the root and link it to the root's collection."""
    member[ROLE] = role
    root.users_collection[0].objects.link(member)
    member.parent = root


def shots_in(scene: bpy.types.Scene) -> list[Shot]:
    """Return every complete shot of a scene, in the order of the roots' names."""
    members = [each for each in scene.objects if each.get(ROLE)]  # one pass, because `children` scans all objects too
    shots = [_shot_of(scene, root, [each for each in members if each.parent == root])
             for root in members if root[ROLE] == "root"]
    return [shot for shot in shots if shot is not None]


def all_shots() -> list[Shot]:
    """Return every complete shot of the open file."""
    return [shot for scene in bpy.data.scenes for shot in shots_in(scene)]


def active_shot(shots: Sequence[Shot], selected: bpy.types.Object | None = None) -> Shot | None:
    """Return the shot that the selected object belongs to, otherwise the last one."""
    for shot in shots:
        if selected is not None and selected in (shot.root, shot.face, shot.camera, shot.crop_camera):
            return shot
    return shots[-1] if shots else None


def find_shot(ref: ShotRef) -> Shot:
    """Return the shot of that name; raises HeadroomError when it is gone."""
    scene = bpy.data.scenes.get(ref.scene)
    root = scene.objects.get(ref.root) if scene else None
    shot = _shot_of(scene, root, root.children) if scene and root else None
    if shot is None:
        raise HeadroomError(message("The shot {shot} is no longer in the scene. Open the subject again.",
                                    shot=ref.root))
    return shot


def _shot_of(scene: bpy.types.Scene, root: bpy.types.Object, children: Iterable[bpy.types.Object]) -> Shot | None:
    """Return the shot of a root; None when a member is missing or its format is not the present one."""
    members = {child.get(ROLE): child for child in children}
    if root.get(FORMAT_KEY) != FORMAT or not {"face", "camera", "crop_camera"} <= members.keys():
        return None
    return Shot(scene, root, members["face"], members["camera"], members["crop_camera"])
