"""The user interface: preferences, the sidebar tab and its buttons."""

import bpy

from ..scene.anim import controls as scene_controls
from ..scene.anim import transfer_settings
from . import (
    board,
    clip_check,
    command_line,
    controls,
    conversation,
    coverage,
    cuts,
    export_performance,
    first_view,
    follow,
    found_files,
    import_performance,
    job_pictures,
    jobs,
    learn,
    managed_backend,
    new_shot,
    panels,
    perform,
    poses,
    preferences,
    properties,
    refine,
    relink,
    render,
    setup,
    shown_channels,
    span_edits,
    takes,
    transfer,
    word_names,
    words,
)

CLASSES = (preferences.HeadroomPreferences, *setup.CLASSES, *clip_check.CLASSES, *learn.CLASSES, *perform.CLASSES,
           *import_performance.CLASSES, *export_performance.CLASSES, *render.CLASSES,
           *command_line.CLASSES, *new_shot.CLASSES, *panels.CLASSES, *takes.CLASSES, *cuts.CLASSES,
           *shown_channels.CLASSES, *conversation.CLASSES,
           *span_edits.CLASSES, *controls.CLASSES, *coverage.CLASSES, *refine.CLASSES, *relink.CLASSES,
           *transfer.CLASSES, *words.CLASSES, *poses.CLASSES, *board.CLASSES)


def register() -> None:
    """Register all classes, handlers and menu entries."""
    scene_controls.register()
    transfer_settings.register()
    properties.register()
    for each in CLASSES:
        bpy.utils.register_class(each)
    coverage.register()
    clip_check.register()
    job_pictures.register()
    managed_backend.register()
    jobs.register()
    follow.register()
    new_shot.register()
    first_view.register()
    words.register()
    word_names.register()
    poses.register()


def unregister() -> None:
    """Undo `register`, and stop the jobs and the local backend."""
    poses.unregister()
    word_names.unregister()
    words.unregister()
    first_view.unregister()
    follow.unregister()
    coverage.unregister()
    jobs.unregister()
    job_pictures.unregister()
    clip_check.unregister()
    found_files.unregister()
    preferences.connection.stop()
    new_shot.unregister()
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
    properties.unregister()
    transfer_settings.unregister()
    scene_controls.unregister()
