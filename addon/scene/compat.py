"""Every difference between Blender 4.2 and 5.2, one function each, tested by feature.

The rest of the add-on is written for the newest API.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy


def use_eevee(scene: bpy.types.Scene) -> None:
    """Make Eevee the scene's engine. It was BLENDER_EEVEE_NEXT from 4.2 to 4.5 and is BLENDER_EEVEE since 5.0.

    The list of engines is dynamic and cannot be read, so the names are tried.
    """
    for name in ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE"):
        try:
            scene.render.engine = name  # type: ignore[assignment]
            return
        except TypeError:
            continue
    raise RuntimeError("this Blender has no Eevee")


def set_if_present(owner: Any, **values: Any) -> None:
    """Set properties that come and go between releases, such as Eevee's."""
    for name, value in values.items():
        if hasattr(owner, name):
            setattr(owner, name, value)


def write_png(settings: bpy.types.ImageFormatSettings) -> None:
    """8-bit RGBA PNG. Since 5.0 the media type has to be chosen before the format."""
    set_if_present(settings, media_type="IMAGE")
    settings.file_format = "PNG"
    settings.color_mode = "RGBA"
    settings.color_depth = "8"
    settings.compression = 15


def new_action(owner: Any, name: str) -> bpy.types.Action:
    """An action of its own for `owner`, the one that is there when it already has one.

    Since 4.4 the first key on an object and on its shape keys would go into one action with two slots.
    """
    data = owner.animation_data or owner.animation_data_create()
    if data.action is None:
        action = bpy.data.actions.new(name)
        data.action = action
    channels(data.action, owner)
    return data.action


def channels(action: Any, owner: Any) -> Any:
    """What holds `.fcurves` and `.groups` of `action` for `owner`; slot, layer and strip are made when missing.

    Blender 4.4 moved F-curves from the action into one channelbag per slot; 5.0 removed `action.fcurves`.
    """
    if not hasattr(action, "slots"):
        return action
    data = owner.animation_data or owner.animation_data_create()
    slot = data.action_slot if data.action == action else None
    slot = slot or next((each for each in action.slots if each.target_id_type == owner.id_type), None)
    slot = slot or action.slots.new(owner.id_type, owner.name)
    if data.action == action and data.action_slot != slot:
        data.action_slot = slot
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def stash_action(owner: Any) -> None:
    """Keep the action that is assigned to `owner`, if there is one, on a muted NLA track instead."""
    data = owner.animation_data
    if data is None or data.action is None:
        return
    action, slot = data.action, getattr(data, "action_slot", None)
    data.action = None
    lay_muted(owner, action, action.name, slot)


def lay_muted(owner: Any, action: bpy.types.Action, name: str, slot: Any = None) -> bpy.types.NlaStrip:
    """A muted NLA track with one muted strip of `action`. Exporters look at the strip's switch, evaluation at both.

    Since 4.4 a strip plays one slot of its action.
    """
    data = owner.animation_data or owner.animation_data_create()
    track = data.nla_tracks.new()
    strip = track.strips.new(name, int(action.frame_range[0]), action)
    if slot is not None:
        strip.action_slot = slot
    track.name = strip.name = name
    track.mute = strip.mute = True
    return strip


def curves_of(owner: Any) -> list[bpy.types.FCurve]:
    """The F-curves that drive `owner` at present; nothing is made."""
    data = owner.animation_data
    if data is None or data.action is None:
        return []
    if not hasattr(data.action, "slots"):
        return list(data.action.fcurves)
    bags = [strip.channelbag(data.action_slot) for layer in data.action.layers for strip in layer.strips
            if data.action_slot is not None]
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]


def strips_of(scene: bpy.types.Scene) -> Any:
    """The scene's sequencer strips; they were called `sequences` before 4.4."""
    editor: Any = scene.sequence_editor or scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips(editor: Any) -> Any:
    """Every strip of a sequencer, those inside of meta strips as well; `sequences_all` before 4.4."""
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def strip_span(strip: Any) -> tuple[int, int]:
    """First frame and the frame after the last one. Since 5.1 the names are `left_handle`, `right_handle`."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.right_handle)
    return int(strip.frame_final_start), int(strip.frame_final_end)


def strip_content(strip: Any) -> tuple[float, float]:
    """The frames at which a strip's file begins and ends, wherever its handles are. Names as of 5.1, or before."""
    if hasattr(strip, "content_start"):
        return float(strip.content_start), float(strip.content_start + strip.content_duration)
    return float(strip.frame_start), float(strip.frame_start + strip.frame_duration)


def selected_sound(context: bpy.types.Context) -> Any | None:
    """The sound strip an artist has selected in the sequencer, the active one first."""
    shown = sequencer_scene(context)
    if shown.sequence_editor is None:
        return None
    strips = [strip for strip in strips_of(shown) if strip.type == "SOUND" and strip.sound and strip.select]
    active = [strip for strip in strips if strip == shown.sequence_editor.active_strip]
    return next(iter(active + strips), None)


def new_strip(scene: bpy.types.Scene, kind: str, name: str, path: Path, channel: int, start_frame: int) -> Any:
    """A sound or movie strip; `kind` is "SOUND" or "MOVIE". 5.2 put an argument in between, so all are named."""
    make = {"SOUND": strips_of(scene).new_sound, "MOVIE": strips_of(scene).new_movie}[kind]
    return make(name=name, filepath=str(path), channel=channel, frame_start=start_frame)


def is_rendering() -> bool:
    """Whether Blender's own render runs beside the window; only one can at a time."""
    is_running: Any = bpy.app.is_job_running
    return bool(is_running("RENDER"))


def plays_sound() -> bool:
    """Whether this Blender can have sound strips; the bpy package of 4.2 was built without."""
    return bool(getattr(bpy.app.build_options, "audaspace", True))


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows: since 5.0 the workspace's own, the window's before."""
    scene: Any = getattr(context, "sequencer_scene", None) or context.scene
    return scene


def show_in_sequencer(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """Since 5.0 a workspace's sequencer has a scene of its own; give it `scene` if it has none."""
    workspace = getattr(context, "workspace", None)
    if workspace is not None and hasattr(workspace, "sequencer_scene") and workspace.sequencer_scene is None:
        workspace.sequencer_scene = scene


def modal_operators(window: bpy.types.Window) -> list[str]:
    """The identifiers of what an artist is in the middle of, such as dragging; 4.2 could not tell everywhere."""
    return [each.bl_idname for each in getattr(window, "modal_operators", ())]


def keys_are_held() -> bool:
    """Whether an artist is in the middle of something that holds on to keys: a drag of anything but strips, or one of
    the graph editor's sliders. Keys that are replaced meanwhile leave it with freed memory.
    """
    held = ("TRANSFORM_OT", "GRAPH_OT", "ACTION_OT", "NLA_OT")
    under_way = [name for window in bpy.context.window_manager.windows for name in modal_operators(window)]
    return any(name.startswith(held) and "seq" not in name for name in under_way)


def relative_path_options() -> set[Any]:
    """Options of a path property that may begin with //. Since 4.5 it has to say so, or 5.0 marks the path red."""
    return {"ANIMATABLE", "PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else {"ANIMATABLE"}
