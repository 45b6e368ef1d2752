"""Settings of the panel, stored with the scene. Their names are part of the .blend format."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.movie_output import FACE, FRAME
from ..core.render_settings import AUTO, EEVEE, FAST
from ..core.take_settings import PREDICTED, REPLAYED
from ..scene import compat
from ..scene.anim.poses import poses
from ..scene.build.shot import Shot, active_shot, shots_in

RELATIVE = compat.relative_path_options()


_shown_poses: list[tuple[str, str, str, int, int]] = []
"""The entries that the picker shows, because Blender does not keep their texts."""


def _pose_items(self: Any, context: bpy.types.Context | None) -> list[tuple[str, str, str, int, int]]:
    _shown_poses[:] = [(pose.name, pose.name, pose.asset_data.description, pose.preview_ensure().icon_id, number)
                       for number, pose in enumerate(poses())]
    return _shown_poses


class HeadroomSettings(bpy.types.PropertyGroup):
    """Settings for learning, performing and rendering; `Scene.headroom`."""

    clip: StringProperty(  # type: ignore[valid-type]
        name="Clip or Photo", subtype="FILE_PATH", options=RELATIVE,
        description="Video of one person who speaks to the camera, or one photo")
    name: StringProperty(name="Name", description="Name of the person shown")  # type: ignore[valid-type]
    consent: BoolProperty(  # type: ignore[valid-type]
        name="The person shown has agreed",
        description="The person shown knows that their face will speak other words, and has agreed to it")
    consent_uses: StringProperty(  # type: ignore[valid-type]
        name="For", description="Uses that the person shown has agreed to, such as the production's title, with commas "
                                "between them. Leave empty if they agreed to every use")
    consent_until: StringProperty(  # type: ignore[valid-type]
        name="Until", description="Last day of the consent, as in 2027-05-02. Leave empty if it has no end")
    preset: EnumProperty(  # type: ignore[valid-type]
        name="Preset", description="Quality and duration of learning",
        items=[("draft", "Draft", "Takes minutes, for tests"),
               ("standard", "Standard", "Takes several times as long, for finished shots"),
               ("paper", "Paper", "Settings of the published method. Needs a GPU and takes hours")])
    albedo: EnumProperty(  # type: ignore[valid-type]
        name="Skin", default="clip", description="Source of the skin texture",
        items=[("low", "Model", "The texture of the face model. Soft and without highlights from the clip"),
               ("frame", "One Frame", "The most neutral frame of the clip, as in the published method"),
               ("clip", "Whole Clip", "Combined from many frames")])
    resolution: EnumProperty(  # type: ignore[valid-type]
        name="Face Crop", default=AUTO, description="Size of the square around the face that is refined, in pixels",
        items=[(AUTO, "Automatic", "By the size of the face in the footage", 2),  # the others are older
               ("256", "256 px", "For faces in footage up to 1080p", 0),
               ("512", "512 px", "For close-ups. Takes three to four times as long", 1)])
    from_seconds: FloatProperty(  # type: ignore[valid-type]
        name="Start", min=0.0, subtype="TIME_ABSOLUTE", unit="TIME_ABSOLUTE",
        description="Start of the section of the clip to learn from, in seconds")
    to_seconds: FloatProperty(  # type: ignore[valid-type]
        name="End", min=0.0, subtype="TIME_ABSOLUTE", unit="TIME_ABSOLUTE",
        description="End of the section of the clip to learn from, in seconds. 0 for the end of the clip")
    face: IntProperty(  # type: ignore[valid-type]
        name="Face", min=0, max=1000,
        description="Number of the person to learn, from the left, where the clip shows several. 0 for the only one")
    clip_audio_track: IntProperty(  # type: ignore[valid-type]
        name="Audio Track", min=0, max=1000,
        description="Number of the clip's audio track to learn the way of speaking from. 0 for the first with sound")
    learn_output: StringProperty(  # type: ignore[valid-type]
        name="Save In", subtype="DIR_PATH", options=RELATIVE,
        description="Folder in which the subject's folder is created. Leave empty to use the extension's folder")
    subject: StringProperty(  # type: ignore[valid-type]
        name="Subject Folder", subtype="DIR_PATH", options=RELATIVE, description="Folder of a learned subject")
    speech: StringProperty(  # type: ignore[valid-type]
        name="Speech File", subtype="FILE_PATH", options=RELATIVE,
        description="Sound file with the speech to perform, by any speaker")
    audio_track: IntProperty(  # type: ignore[valid-type]
        name="Audio Track", min=0, max=1000,
        description="Number of the speech file's audio track. 0 for the first with sound. Any other is written to a "
                    "sound file of its own beside the .blend, because Blender plays the first")
    speech_source: EnumProperty(  # type: ignore[valid-type]
        name="Speech", description="Source of the speech to perform",
        items=[("FILE", "File", "A sound file, placed at the head's present speech or at the start of the scene"),
               ("STRIP", "Strip", "The sound strip selected in the sequencer, with its position and trimming")])
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed", min=0, description="Seed of the prediction. Each seed gives another take")
    take_count: IntProperty(  # type: ignore[valid-type]
        name="Takes", default=1, min=1, max=16, description="Number of takes to perform, with consecutive seeds")
    pose: EnumProperty(  # type: ignore[valid-type]
        name="Head Motion", description="Source of the head's motion",
        items=[(PREDICTED, "Predicted", "Predict the head's motion from the speech"),
               (REPLAYED, "Replayed", "Play the head's motion in the clip, forwards and backwards")])
    control_board: BoolProperty(  # type: ignore[valid-type]
        name="Control Board", default=True,
        description="Handles on the active head in the 3D view, which are dragged to pose the face and the head")
    library_pose: EnumProperty(  # type: ignore[valid-type]
        name="Pose", items=_pose_items, description="Pose of the library")
    output: StringProperty(  # type: ignore[valid-type]
        name="Movie", subtype="FILE_PATH", options=RELATIVE, description="Movie file to write")
    all_heads: BoolProperty(  # type: ignore[valid-type]
        name="All Heads", default=True,
        description="Render all heads of the scene into one movie. Heads whose face is hidden in renders are left out")
    plate_fit: FloatProperty(  # type: ignore[valid-type]
        name="Plate Fit", min=0.0, max=1.0, subtype="FACTOR",
        description="How far the head's pose follows the plate behind it. 0 keeps the keyed pose and warps the plate, "
                    "1 uses the pose in the plate")
    engine: EnumProperty(  # type: ignore[valid-type]
        name="Engine", description="What draws the head before it is refined",
        items=[(AUTO, "Automatic", "Eevee where Blender has a graphics card, otherwise Fast"),
               (EEVEE, "Eevee", "Shows every change to material, camera and mesh. Slow without a graphics card"),
               (FAST, "Fast", "The backend draws the mesh, with the material that Headroom made. Frames of a changed "
                              "material are rendered with Eevee")])

    layer: EnumProperty(  # type: ignore[valid-type]
        name="Layer", description="What is in the pictures",
        items=[(FRAME, "Finished Frame", "The person in the clip's frames"),
               (FACE, "Face Alone", "The refined face with alpha, for compositing, as ProRes 4444 .mov or .png")])


def settings(context: bpy.types.Context) -> HeadroomSettings:
    """Return the settings of the scene."""
    return context.scene.headroom  # type: ignore[attr-defined]


def shown_shot(context: bpy.types.Context) -> Shot | None:
    """Return the shot that the panel shows: the one of the active object, otherwise the scene's last."""
    return active_shot(shots_in(context.scene), context.active_object)


def typed_number(value: float) -> float:
    """Return a field's number as it was typed; Blender stores it in single precision, 0.35 as 0.3499999940395355."""
    return round(value, 4)


def register() -> None:
    """Register the settings."""
    bpy.utils.register_class(HeadroomSettings)
    bpy.types.Scene.headroom = bpy.props.PointerProperty(type=HeadroomSettings)  # type: ignore[attr-defined, func-returns-value]


def unregister() -> None:
    """Unregister the settings; they stay in the open file."""
    del bpy.types.Scene.headroom  # type: ignore[attr-defined]
    bpy.utils.unregister_class(HeadroomSettings)
