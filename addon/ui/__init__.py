"""What an artist sees: preferences, the sidebar tab and its buttons."""

import bpy

from ..scene import controls as scene_controls
from . import controls, coverage, jobs, live, operators, panels, preferences, properties, refining, takes

CLASSES = (preferences.HeadroomPreferences, *operators.CLASSES, *panels.CLASSES, *takes.CLASSES, *controls.CLASSES,
           *coverage.CLASSES, *refining.CLASSES)


def register() -> None:
    scene_controls.register()
    properties.register()
    for each in CLASSES:
        bpy.utils.register_class(each)
    coverage.register()
    live.register()


def unregister() -> None:
    live.unregister()
    coverage.unregister()
    jobs.unregister()
    preferences.connection.stop()
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
    properties.unregister()
    scene_controls.unregister()
