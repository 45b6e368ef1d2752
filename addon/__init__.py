"""Headroom: a person's clip and a speech recording in, an editable performance and a photoreal shot out.

Modules are imported inside `register()`, so that `core` can be used in any Python without bpy.
"""

_command = None


def register() -> None:
    """Called by Blender when the extension is enabled."""
    global _command
    import bpy

    from . import cli, ui

    ui.register()
    _command = bpy.utils.register_cli_command("headroom", cli.main)  # type: ignore[func-returns-value]


def unregister() -> None:
    """Called by Blender when the extension is disabled, and at exit."""
    global _command
    import bpy

    from . import ui

    if _command is not None:
        bpy.utils.unregister_cli_command(_command)
        _command = None
    ui.unregister()
