"""What the panel asks for, kept with the scene."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.take_settings import PREDICTED, REPLAYED
from ..scene import compat
from ..scene.build.shot import Shot, active_shot, shots_in

RELATIVE = compat.relative_path_options()


class HeadroomSettings(bpy.types.PropertyGroup):
    clip: StringProperty(  # type: ignore[valid-type]
        name="Clip", subtype="FILE_PATH", options=RELATIVE,
        description="A video of one person speaking to the camera, or one photo")
    name: StringProperty(name="Name", description="Who is shown")  # type: ignore[valid-type]
    consent: BoolProperty(  # type: ignore[valid-type]
        name="The person shown has agreed",
        description="They know that their face will be animated with other words, and have agreed to it")
    preset: EnumProperty(  # type: ignore[valid-type]
        name="Preset",
        items=[("draft", "Draft", "Minutes; for trying out"),
               ("standard", "Standard", "The usual quality"),
               ("paper", "Paper", "The published settings; needs a GPU and hours")])
    albedo: EnumProperty(  # type: ignore[valid-type]
        name="Skin", default="clip",
        items=[("low", "Model", "The face model's own texture; soft, and free of the clip's highlights"),
               ("frame", "One Frame", "The most neutral frame of the clip, as the published method does"),
               ("clip", "Whole Clip", "What many frames agree on")])
    resolution: EnumProperty(  # type: ignore[valid-type]
        name="Face Crop",
        items=[("256", "256 px", "Fits faces of films up to 1080p"),
               ("512", "512 px", "For close-ups; needs the presets Standard or Paper, and four times as long")])
    from_seconds: FloatProperty(  # type: ignore[valid-type]
        name="From", min=0.0, subtype="TIME_ABSOLUTE", unit="TIME_ABSOLUTE",
        description="Where in the clip to begin")
    to_seconds: FloatProperty(  # type: ignore[valid-type]
        name="To", min=0.0, subtype="TIME_ABSOLUTE", unit="TIME_ABSOLUTE",
        description="Where in the clip to end; 0 is its end")
    learn_output: StringProperty(  # type: ignore[valid-type]
        name="Save In", subtype="DIR_PATH", options=RELATIVE,
        description="Where the subject's folder is made; empty is the extension's own folder")
    subject: StringProperty(  # type: ignore[valid-type]
        name="Subject", subtype="DIR_PATH", options=RELATIVE, description="A folder that Learn wrote")
    speech: StringProperty(  # type: ignore[valid-type]
        name="Speech", subtype="FILE_PATH", options=RELATIVE, description="What shall be said, by any speaker")
    speech_source: EnumProperty(  # type: ignore[valid-type]
        name="Speech",
        items=[("FILE", "File", "A sound file, laid where this head's speech is, or at the scene's start"),
               ("STRIP", "Strip", "The sound strip that is selected in the sequencer, as it lies and is trimmed")])
    seed: IntProperty(name="Seed", min=0, description="Another seed is another take")  # type: ignore[valid-type]
    take_count: IntProperty(  # type: ignore[valid-type]
        name="Takes", default=1, min=1, max=16, description="How many takes, from this seed on")
    pose: EnumProperty(  # type: ignore[valid-type]
        name="Head",
        items=[(PREDICTED, "Predicted", "The head moves with the speech"),
               (REPLAYED, "Replayed", "The head moves as in the clip, forwards and backwards in turn")])
    output: StringProperty(  # type: ignore[valid-type]
        name="Movie", subtype="FILE_PATH", options=RELATIVE, description="The movie to write")
    plate_fit: FloatProperty(  # type: ignore[valid-type]
        name="Plate Fit", min=0.0, max=1.0, subtype="FACTOR",
        description="0 keeps your head motion and bends the picture to it; 1 takes the head pose of the picture")


def settings(context: bpy.types.Context) -> HeadroomSettings:
    return context.scene.headroom  # type: ignore[attr-defined]


def shown_shot(context: bpy.types.Context) -> Shot | None:
    """The shot that the panel is about: the selected one, otherwise the scene's last."""
    return active_shot(shots_in(context.scene), context.active_object)


def register() -> None:
    bpy.utils.register_class(HeadroomSettings)
    bpy.types.Scene.headroom = bpy.props.PointerProperty(type=HeadroomSettings)  # type: ignore[attr-defined, func-returns-value]


def unregister() -> None:
    del bpy.types.Scene.headroom  # type: ignore[attr-defined]
    bpy.utils.unregister_class(HeadroomSettings)
