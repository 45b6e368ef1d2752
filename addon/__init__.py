"""Headroom: a clip of a person and a speech recording in, an editable performance and a photoreal shot out.

Modules are imported inside `register()`, so that `core` can be used in any Python without bpy.
"""

_command = None
"""Handle of the command line; set by `register`, cleared by `unregister`."""


def register() -> None:
    """Register the extension; called by Blender when it is enabled."""
    global _command
    import bpy

    from . import cli, translations, ui

    translations.register()
    ui.register()
    _command = bpy.utils.register_cli_command("headroom", cli.main)  # type: ignore[func-returns-value]


def unregister() -> None:
    """Unregister the extension; called by Blender when it is disabled and at exit."""
    global _command
    import bpy

    from . import translations, ui

    if _command is not None:
        bpy.utils.unregister_cli_command(_command)
        _command = None
    ui.unregister()
    translations.unregister()
