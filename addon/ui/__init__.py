"""What an artist sees: preferences, the sidebar tab and its buttons."""

import bpy

from . import command_line, jobs, new_shot, operators, panels, preferences, properties, setup

CLASSES = (preferences.HeadroomPreferences, *setup.CLASSES, *operators.CLASSES, *command_line.CLASSES,
           *new_shot.CLASSES, *panels.CLASSES)


def register() -> None:
    properties.register()
    for each in CLASSES:
        bpy.utils.register_class(each)
    new_shot.register()


def unregister() -> None:
    jobs.unregister()
    preferences.connection.stop()
    new_shot.unregister()
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
    properties.unregister()
