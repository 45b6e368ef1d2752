"""What an artist sees: preferences, the sidebar tab and its buttons."""

import bpy

from . import jobs, operators, panels, preferences, properties, refining

CLASSES = (preferences.HeadroomPreferences, *operators.CLASSES, *panels.CLASSES, *refining.CLASSES)


def register() -> None:
    properties.register()
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    jobs.unregister()
    preferences.connection.stop()
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
    properties.unregister()
