"""What an artist sees: preferences, the sidebar tab and its buttons."""

import bpy

from . import command_line, jobs, operators, panels, preferences, properties, setup

CLASSES = (preferences.HeadroomPreferences, *setup.CLASSES, *operators.CLASSES, *command_line.CLASSES, *panels.CLASSES)


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
