"""Every difference between Blender 4.2 and 5.2, one function each, tested by feature.

The rest of the add-on is written for the newest API.
"""

from __future__ import annotations

import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import bpy
import gpu

MIX_RATE, MIX_BLOCK = 48000, 2048  # samples a second, and samples that may be missing at the end of a mixed file
MIX_AGAIN_SECONDS, MIX_SECONDS = 5.0, 60.0  # after which mixing is asked for again; besides the sound's length


def use_eevee(scene: bpy.types.Scene) -> None:
    """Make Eevee the scene's engine. It was BLENDER_EEVEE_NEXT from 4.2 to 4.5 and is BLENDER_EEVEE since 5.0.

    The list of engines is dynamic and cannot be read, so both names are tried.
    """
    for name in ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE"):
        try:
            scene.render.engine = name  # type: ignore[assignment]
            return
        except TypeError:
            continue
    raise RuntimeError("this Blender has no Eevee")


def set_if_present(owner: Any, **values: Any) -> None:
    """Set properties that not every release has, such as Eevee's."""
    for name, value in values.items():
        if hasattr(owner, name):
            setattr(owner, name, value)


def gpu_device_type() -> str | None:
    """Return the kind of device that Blender draws with, such as NVIDIA or SOFTWARE; None before it draws.

    Without a window Blender has no device until it renders, and `gpu` raises SystemError.
    """
    try:
        return str(gpu.platform.device_type_get())
    except SystemError:
        return None


def write_png(settings: bpy.types.ImageFormatSettings) -> None:
    """Choose 8-bit RGBA PNG. Since 5.0 the media type has to be set before the format."""
    set_if_present(settings, media_type="IMAGE")
    settings.file_format = "PNG"
    settings.color_mode = "RGBA"
    settings.color_depth = "8"
    settings.compression = 15


def new_action(owner: Any, name: str) -> bpy.types.Action:
    """Return the action of `owner`; a new one is assigned where it has none.

    Since 4.4 the first key on an object and on its shape keys would otherwise go into one action with two slots.
    """
    data = owner.animation_data or owner.animation_data_create()
    if data.action is None:
        action = bpy.data.actions.new(name)
        data.action = action
    channels(data.action, owner)
    return data.action


def channels(action: Any, owner: Any) -> Any:
    """Return the container of `.fcurves` and `.groups` in `action` for `owner`; slot, layer and strip are ensured.

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
    return _channelbag(action, slot)


def shape_key_channels(action: Any) -> Any:
    """Return the container of `.fcurves` of an action for shape keys that nothing plays yet. See `channels`."""
    if not hasattr(action, "slots"):
        action.id_root = "KEY"
        return action
    return _channelbag(action, next(iter(action.slots), None) or action.slots.new("KEY", "Pose"))


def _channelbag(action: Any, slot: Any) -> Any:
    """Return the channelbag of a slot; layer and strip are ensured."""
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def curves_of(owner: Any) -> list[bpy.types.FCurve]:
    """Return the F-curves that animate `owner`; nothing is created. See `channels`."""
    data = owner.animation_data
    if data is None or data.action is None:
        return []
    if not hasattr(data.action, "slots"):
        return list(data.action.fcurves)
    bags = [strip.channelbag(data.action_slot) for layer in data.action.layers for strip in layer.strips
            if data.action_slot is not None]
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]


def curves_in(action: Any) -> list[bpy.types.FCurve]:
    """Return the F-curves of every slot of an action. See `channels`."""
    if not hasattr(action, "slots"):
        return list(action.fcurves)
    return [curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags
            for curve in bag.fcurves]


def stash_action(owner: Any) -> None:
    """Move the action of `owner`, if it has one, to a muted NLA track."""
    data = owner.animation_data
    if data is None or data.action is None:
        return
    action, slot = data.action, getattr(data, "action_slot", None)
    data.action = None
    add_muted_track(owner, action, action.name, slot)


def add_muted_track(owner: Any, action: bpy.types.Action, name: str, slot: Any = None) -> bpy.types.NlaStrip:
    """Add a muted NLA track with one muted strip of `action`. Exporters check only the strip, evaluation checks both.

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


def stored_properties(owner: bpy.types.ID) -> Any:
    """Return what the file stores for the RNA properties of `owner`, by name; a name may have no RNA property any more.

    Until 4.5 they are custom properties. Since 5.0 they are system properties: older files have them in both, and
    only the system properties are used.
    """
    get: Any = getattr(owner, "bl_system_properties_get", None)
    return owner if get is None else get(do_create=True)


def strips_of(scene: bpy.types.Scene) -> Any:
    """Return the scene's sequencer strips; they were called `sequences` before 4.4."""
    editor: Any = scene.sequence_editor or scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips(editor: Any) -> Any:
    """Return every strip of a sequencer, also those inside meta strips; `sequences_all` before 4.4."""
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def strip_span(strip: Any) -> tuple[int, int]:
    """Return the first frame and the frame after the last one. Since 5.1 they are `left_handle`, `right_handle`."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.right_handle)
    return int(strip.frame_final_start), int(strip.frame_final_end)


def strip_content(strip: Any) -> tuple[float, float]:
    """Return the frames at which a strip's file begins and ends, wherever its handles are. The names changed in 5.1."""
    if hasattr(strip, "content_start"):
        return float(strip.content_start), float(strip.content_start + strip.content_duration)
    return float(strip.frame_start), float(strip.frame_start + strip.frame_duration)


def selected_sound(context: bpy.types.Context) -> Any | None:
    """Return the sound strip that is selected in the sequencer; of several, the active one."""
    scene = sequencer_scene(context)
    if scene.sequence_editor is None:
        return None
    strips = [strip for strip in strips_of(scene) if strip.type == "SOUND" and strip.sound and strip.select]
    active = [strip for strip in strips if strip == scene.sequence_editor.active_strip]
    return next(iter(active + strips), None)


def new_strip(scene: bpy.types.Scene, kind: Literal["SOUND", "MOVIE"], name: str, path: Path, channel: int,
              start_frame: int) -> Any:
    """Add a sound or movie strip. Arguments are passed by name, because 5.2 put another one between them."""
    make = {"SOUND": strips_of(scene).new_sound, "MOVIE": strips_of(scene).new_movie}[kind]
    return make(name=name, filepath=str(path), channel=channel, frame_start=start_frame)


def new_text_strip(scene: bpy.types.Scene, name: str, channel: int, first: int, end: int) -> Any:
    """Add a text strip from frame `first` to `end` - 1. Since 5.0 its length is asked for, before its end."""
    new: Any = strips_of(scene).new_effect
    try:
        return new(name=name, type="TEXT", channel=channel, frame_start=first, length=end - first)
    except TypeError:
        return new(name=name, type="TEXT", channel=channel, frame_start=first, frame_end=end)


def set_strip_span(strip: Any, first: int, end: int) -> None:
    """Set the first frame of a strip without a file, and the frame after its last one. See `strip_span`."""
    names = ("left_handle", "right_handle") if hasattr(strip, "left_handle") else (
        "frame_final_start", "frame_final_end")
    order = ((1, end), (0, first)) if first >= strip_span(strip)[1] else ((0, first), (1, end))
    for index, frame in order:  # an edge cannot pass the other one
        setattr(strip, names[index], frame)


def is_rendering() -> bool:
    """Return whether Blender's own render runs beside the window; only one can run at a time."""
    is_running: Any = bpy.app.is_job_running
    return bool(is_running("RENDER"))


def plays_sound() -> bool:
    """Return whether this Blender can have sound strips; the bpy package of 4.2 was built without."""
    return bool(getattr(bpy.app.build_options, "audaspace", True))


def mix_down(scene: bpy.types.Scene, path: Path) -> Iterator[None]:
    """Write what the sequencer of a scene plays in its frame range as a WAV file; yields meanwhile.

    Since 5.0 the operator mixes the sequencer's scene, before that the one of the context. Since 5.2 it returns at once
    where Blender has a window, mixes in a thread that starts when the window goes on, and does nothing while another
    file is mixed. Raises RuntimeError where Blender cannot, or undo has removed the scene.
    """
    name, frames = scene.name, scene.frame_end + 1 - scene.frame_start
    seconds = frames * scene.render.fps_base / scene.render.fps
    needed, stop, again = max(seconds * MIX_RATE - MIX_BLOCK, 1), time.monotonic() + MIX_SECONDS + seconds, 0.0
    while _samples_in(path) < needed:
        if (found := bpy.data.scenes.get(name)) is None:
            raise RuntimeError("it was undone")
        if not path.exists() and time.monotonic() >= again:
            again = time.monotonic() + MIX_AGAIN_SECONDS
            with bpy.context.temp_override(scene=found, sequencer_scene=found):
                bpy.ops.sound.mixdown(filepath=str(path), check_existing=False, container="WAV", codec="PCM",
                                      format="S16", mixrate=MIX_RATE)
            continue
        if time.monotonic() > stop:
            raise RuntimeError("it does not end")
        yield


def _samples_in(path: Path) -> int:
    """Return the number of samples in a WAV file that is complete; 0 for others.

    Until FFmpeg has written everything, the header claims 4 GiB.
    """
    try:
        with wave.open(str(path)) as file:
            size = file.getnframes() * file.getnchannels() * file.getsampwidth()
            return file.getnframes() if size <= path.stat().st_size else 0
    except (OSError, EOFError, wave.Error):
        return 0


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """Return the scene whose strips the sequencer shows: since 5.0 the workspace's, before the window's."""
    scene: Any = getattr(context, "sequencer_scene", None) or context.scene
    return scene


def show_in_sequencer(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """Show `scene` in the workspace's sequencer where it shows none. Since 5.0 a workspace has a scene of its own."""
    workspace = getattr(context, "workspace", None)
    if workspace is not None and hasattr(workspace, "sequencer_scene") and workspace.sequencer_scene is None:
        workspace.sequencer_scene = scene


def modal_operators(window: bpy.types.Window) -> list[str]:
    """Return the identifiers of the modal operators that run, such as a drag; 4.2 has no list of them."""
    return [each.bl_idname for each in getattr(window, "modal_operators", ())]


def keys_are_dragged() -> bool:
    """Return whether a modal operator holds pointers to keys: a transform of anything but strips, or a key slider.

    Replacing keys meanwhile would leave the operator with freed memory.
    """
    prefixes = ("TRANSFORM_OT", "GRAPH_OT", "ACTION_OT", "NLA_OT")
    names = [name for window in bpy.context.window_manager.windows for name in modal_operators(window)]
    return any(name.startswith(prefixes) and "seq" not in name for name in names)


def strips_are_dragged() -> bool:
    """Return whether the artist moves strips at this moment; never true in 4.2, which does not tell."""
    return any("seq_slide" in name for window in bpy.context.window_manager.windows
               for name in modal_operators(window))


def relative_path_options() -> set[Any]:
    """Return the options of a path property that may begin with //. Since 4.5 it needs one, or 5.0 marks it red."""
    return {"ANIMATABLE", "PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else {"ANIMATABLE"}
