"""What an artist sees: preferences, the sidebar tab and its buttons."""

import bpy

from ..scene.anim import controls as scene_controls
from . import command_line, controls, coverage, jobs, new_shot, operators, panels, preferences, properties, setup, takes
from . import follow as live
from . import refine as refining

CLASSES = (preferences.HeadroomPreferences, *setup.CLASSES, *operators.CLASSES, *command_line.CLASSES,
           *new_shot.CLASSES, *panels.CLASSES, *takes.CLASSES, *controls.CLASSES, *coverage.CLASSES,
           *refining.CLASSES)


def register() -> None:
    scene_controls.register()
    properties.register()
    for each in CLASSES:
        bpy.utils.register_class(each)
    coverage.register()
    jobs.register()
    live.register()
    new_shot.register()


def unregister() -> None:
    live.unregister()
    coverage.unregister()
    jobs.unregister()
    preferences.connection.stop()
    new_shot.unregister()
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
    properties.unregister()
    scene_controls.unregister()
