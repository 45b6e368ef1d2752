"""A learned person's head as a file for other programs: OBJ, PLY, GLB or USD, in metres, +y up, +z out of the face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.files import atomic_files
from headroom.common.outputs import require_output_file, require_own_files
from headroom.common.settings import PictureSettings
from headroom.face.performance import Performance
from headroom.media.credentials.marks import add_marks
from headroom.subject.export.morphs import Tree, add_animation, add_morphs
from headroom.subject.export.shapes import METRES_PER_MM, HeadShapes, head_shapes
from headroom.subject.face_controls import with_face_controls
from headroom.subject.folder import Subject
from headroom.subject.performance_files import read_performance
from headroom.subject.provenance import provenance_of

if TYPE_CHECKING:
    from trimesh import Trimesh
    from trimesh.visual import TextureVisuals



@dataclass(frozen=True)
class ExportedMotion:
    """What moves in an export that can hold motion.

    shapes: the head's controls, perhaps with detail.
    performance: expression and pose over time; None for a still head.
    """

    shapes: HeadShapes
    performance: Performance | None


def export_head(subject: Path, output: Path, performance: Path | None = None, detail: bool = False,
                use: str = "") -> tuple[list[Path], list[str]]:
    """Write the fitted neutral face to `output`, in the format of its suffix.

    Returns the files that were written, and what the user should know. All files of the format are written, or none.

    performance: expression and pose over time, for GLB and USD only, which can hold them.
    detail: whether these have the modes of the face model besides the 52 ARKit shapes.
    use: what the head is for, where the consent names the uses it covers.
    """
    output = require_output_file(Path(output), *FORMATS, inputs=[performance])
    convert = FORMATS[output.suffix.lower()]
    if performance is not None and output.suffix.lower() not in MOVING:
        raise InputError(f"{output.suffix} files hold no motion; choose a name that ends in .glb or .usd.")
    person = Subject.open_for(subject, use)
    motion = _exported_motion(person, performance, detail)
    files = convert(person, output.stem, motion)
    for name in files:
        require_output_file(output.with_name(name), Path(name).suffix)
    require_own_files(output.parent, tuple(files))
    with atomic_files(output.parent, tuple(files)) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
            if Path(name).suffix == ".png":
                add_marks(folder / name, provenance_of(person, output.stem, PictureSettings(use=use)))
    return [output.with_name(name) for name in files], export_notes(output, motion)


def _exported_motion(person: Subject, performance: Path | None, detail: bool) -> ExportedMotion:
    """Return what moves; a performance that was stored without controls gets them where nothing else would move."""
    shapes = head_shapes(person.rig, detail)
    motion = None if performance is None else read_performance(performance, person.rig)
    if motion is not None and motion.controls is None and not shapes.has_detail:
        motion = with_face_controls(motion, person.rig, person.motion.style)
    return ExportedMotion(shapes, motion)


def export_notes(output: Path, motion: ExportedMotion) -> list[str]:
    """Return what an exported performance lacks."""
    if motion.performance is None or motion.shapes.has_detail:
        return []
    return [f"{output.name} has the motion of the 52 ARKit shapes alone. Use --detail to export all of the motion."]


def _obj(person: Subject, stem: str, _: ExportedMotion) -> dict[str, bytes]:
    from trimesh.exchange.obj import export_obj

    mesh = _mesh(person, _textured(person, f"{stem}_albedo"))
    text, extra_files = export_obj(mesh, include_normals=True, return_texture=True, mtl_name=f"{stem}.mtl", header=None)
    return {**extra_files, f"{stem}.obj": text.encode()}


def _ply(person: Subject, stem: str, _: ExportedMotion) -> dict[str, bytes]:
    from trimesh.exchange.ply import export_ply
    from trimesh.visual import ColorVisuals

    colours = vertex_colours(person.albedo, person.rig.uv)
    mesh = _mesh(person, ColorVisuals(vertex_colors=colours))
    return {f"{stem}.ply": export_ply(mesh, vertex_normal=True)}


def _glb(person: Subject, stem: str, motion: ExportedMotion) -> dict[str, bytes]:
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb

    def postprocess(buffers: dict[Any, bytes], json: dict[str, Any]) -> None:
        json["asset"]["generator"] = "Headroom"
        tree = Tree(json, buffers, METRES_PER_MM)
        add_morphs(motion.shapes, tree)
        if motion.performance is not None:
            add_animation(motion.performance, motion.shapes, tree)

    scene = Scene()
    scene.add_geometry(_mesh(person, _textured(person, "albedo")), node_name="Head", geom_name="Head")
    return {f"{stem}.glb": export_glb(scene, include_normals=True, buffer_postprocessor=postprocess)}


def _usd(person: Subject, stem: str, motion: ExportedMotion) -> dict[str, bytes]:
    from headroom.subject.export.usd import usd_file

    texture = f"{stem}_albedo.png"
    _, picture = cv2.imencode(".png", person.albedo[..., ::-1])
    return {texture: picture.tobytes(), f"{stem}.usd": usd_file(person.rig, motion.shapes, motion.performance, texture)}


FORMATS: dict[str, Callable[[Subject, str, ExportedMotion], dict[str, bytes]]] = {
    ".obj": _obj, ".ply": _ply, ".glb": _glb, ".usd": _usd}
"""Suffix -> function that returns the files of the format: name -> contents."""
MOVING = (".glb", ".usd")
"""Suffixes of the formats that hold motion."""


def vertex_colours(albedo: NDArray[np.uint8], uv: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Sample an albedo texture (S, S, 3), row 0 on top, at uv (V, 2), origin bottom left; return (V, 3)."""
    height, width = albedo.shape[:2]
    pixels = (uv * [1, -1] + [0, 1]) * [width, height] - 0.5
    x, y = pixels.astype(np.float32).T[..., None]
    return np.asarray(cv2.remap(albedo, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0], np.uint8)


def _mesh(person: Subject, visual: Any) -> Trimesh:
    from trimesh import Trimesh

    rig = person.rig
    # process=True would merge vertices, and the morph targets would no longer fit
    return Trimesh(rig.neutral * METRES_PER_MM, rig.faces, visual=visual, process=False)


def _textured(person: Subject, name: str) -> TextureVisuals:
    from PIL import Image
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    skin = PBRMaterial(name=name, baseColorTexture=Image.fromarray(person.albedo), metallicFactor=0.0,
                       roughnessFactor=0.7)
    return TextureVisuals(uv=person.rig.uv, material=skin)
