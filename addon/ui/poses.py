"""The pose library: asset shelf in the 3D view, picker in the sidebar, entry in the asset browser's menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from ..core.messages import message
from ..scene.anim import poses
from . import follow
from .head_button import PoseButton
from .layout import SidebarPanel, split_layout
from .properties import settings, shown_shot

LIBRARY_TYPES = (("LOCAL", "Current File", "", 1), ("ALL", "All", "", 2), ("ESSENTIALS", "Essentials", "", 3),
                 ("CUSTOM", "Custom", "", 100))
"""Blender's kinds of asset libraries, with its numbers."""


class HEADROOM_OT_apply_pose(PoseButton):
    """Key this pose of the library on the head at the current frame. Visemes leave eyes and brows as they are"""

    bl_idname, bl_label = "headroom.apply_pose", "Apply Pose"

    amount: FloatProperty(  # type: ignore[valid-type]
        name="Amount", default=1.0, min=0.0, soft_max=1.0, max=2.0, subtype="FACTOR",
        description="0 keeps the present face, 1 is the whole pose")
    pose: StringProperty(options={"SKIP_SAVE"})  # type: ignore[valid-type]
    # what the asset shelf hands over
    asset_library_type: EnumProperty(items=LIBRARY_TYPES, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    asset_library_identifier: StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    relative_asset_identifier: StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    def run(self, context):
        """Key the pose."""
        shot = shown_shot(context)
        action, is_borrowed = self._find(context)
        name = action.name
        try:
            count = poses.apply_pose(shot, action, context.scene.frame_current, self.amount)
        finally:
            if is_borrowed:
                bpy.data.actions.remove(action)
        follow.controls_changed(shot.root)
        return message("{pose}: {count} controls at frame {frame}", pose=name, count=count,
                       frame=context.scene.frame_current)

    def _find(self, context: bpy.types.Context) -> tuple[bpy.types.Action, bool]:
        """Return the pose, and whether it was read from another file for this use."""
        name = self.pose or self.relative_asset_identifier.rpartition("/")[2]
        action = bpy.data.actions.get(name) if name else None
        if action is not None and poses.is_pose(action):
            return action, False
        asset: Any = getattr(context, "asset", None)
        if asset is not None and isinstance(asset.local_id, bpy.types.Action):
            return asset.local_id, False
        if asset is not None and asset.full_library_path:
            return poses.read_library_pose(Path(asset.full_library_path), asset.name), True
        chosen = bpy.data.actions.get(settings(context).library_pose)
        if chosen is None:
            raise poses.missing_pose(name)
        return chosen, False


class HEADROOM_OT_add_pose_library(PoseButton):
    """Add the 15 visemes and 12 expressions to this file as assets. Files of the shot template have them"""

    bl_idname, bl_label = "headroom.add_pose_library", "Add Pose Library"

    def run(self, context):
        """Add the poses."""
        return message("Added poses: {count}", count=poses.append_library())


class HEADROOM_OT_store_pose(PoseButton):
    """Add the head's face at the current frame to the pose library of this file"""

    bl_idname, bl_label = "headroom.store_pose", "Store Pose"

    name: StringProperty(name="Name", default="Pose", description="Name of the pose")  # type: ignore[valid-type]

    def invoke(self, context, event):
        """Ask for the name."""
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context):
        """Store the pose."""
        action = poses.store_pose(shown_shot(context), self.name.strip() or "Pose", context.scene.frame_current)
        settings(context).library_pose = action.name
        return message("Stored {pose}", pose=action.name)


class VIEW3D_AST_headroom_poses(bpy.types.AssetShelf):
    """The poses, along the lower edge of the 3D view; a click applies one."""

    bl_idname = "VIEW3D_AST_headroom_poses"
    bl_space_type = "VIEW_3D"
    bl_activate_operator = "headroom.apply_pose"
    bl_default_preview_size = 64

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the asset shelf where a head is in the scene."""
        return context.mode == "OBJECT" and shown_shot(context) is not None

    @classmethod
    def asset_poll(cls, asset: Any) -> bool:
        """Show poses only."""
        return asset.id_type == "ACTION" and poses.TAG in (tag.name for tag in asset.metadata.tags)


class HEADROOM_PT_poses(SidebarPanel):
    """The pose library in the sidebar."""

    bl_label, bl_parent_id, bl_order, bl_options = "Poses", "HEADROOM_PT_main", 4, {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel when there is a shot."""
        return shown_shot(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the picker and the buttons."""
        layout, chosen = split_layout(self), settings(context)
        if not poses.poses():
            layout.operator(HEADROOM_OT_add_pose_library.bl_idname, icon="ADD")
        else:
            layout.template_icon_view(chosen, "library_pose", show_labels=True, scale=5.0, scale_popup=4.0)
            layout.operator(HEADROOM_OT_apply_pose.bl_idname, text=chosen.library_pose or "Apply Pose", translate=False,
                            icon="CHECKMARK").pose = chosen.library_pose
        layout.operator(HEADROOM_OT_store_pose.bl_idname, text="Store Pose...", icon="ADD")


CLASSES = (HEADROOM_OT_apply_pose, HEADROOM_OT_add_pose_library, HEADROOM_OT_store_pose, HEADROOM_PT_poses)


def draw_menu_entry(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Add *Apply Pose* to the menu of a pose in the asset browser."""
    asset: Any = getattr(context, "asset", None)
    if asset is not None and VIEW3D_AST_headroom_poses.asset_poll(asset):
        menu.layout.separator()
        menu.layout.operator(HEADROOM_OT_apply_pose.bl_idname)


def register() -> None:
    """Register the asset shelf and the menu entry."""
    bpy.utils.register_class(VIEW3D_AST_headroom_poses)
    bpy.types.ASSETBROWSER_MT_context_menu.append(draw_menu_entry)


def unregister() -> None:
    """Undo `register`."""
    bpy.types.ASSETBROWSER_MT_context_menu.remove(draw_menu_entry)
    bpy.utils.unregister_class(VIEW3D_AST_headroom_poses)
