"""Where the backend is. Tokens stay in the preferences and never enter a .blend."""

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.client import Client
from ..core.connection import Address, Connection
from ..core.environment import State
from .layout import wrapped
from .managed_backend import PACKAGE, environment, sentence, user_folder

connection = Connection()
"""The add-on's one connection; `ui.unregister` stops it."""


class HeadroomPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    where: EnumProperty(  # type: ignore[valid-type]
        name="Backend",
        items=[("LOCAL", "This Machine", "Start the backend on this machine when it is needed"),
               ("SERVER", "Server", "Use a Headroom server that is already running")],
    )
    python: StringProperty(  # type: ignore[valid-type]
        name="Own Python", subtype="FILE_PATH",
        description="A Python in which you have installed the package headroom; empty takes the backend set up above",
    )
    package: StringProperty(  # type: ignore[valid-type]
        name="Backend Package", subtype="FILE_PATH",
        description="A wheel or folder to set the backend up from; empty takes the one inside the extension",
    )
    url: StringProperty(name="URL", description="Such as http://127.0.0.1:8765")  # type: ignore[valid-type]
    token: StringProperty(name="Token", subtype="PASSWORD")  # type: ignore[valid-type]

    def draw(self, context: bpy.types.Context) -> None:
        from . import setup

        layout = self.layout
        layout.use_property_split = True
        layout.row().prop(self, "where", expand=True)
        if self.where == "LOCAL":
            setup.draw_preferences(layout, context)
            layout.prop(self, "python")
            layout.prop(self, "package")
        else:
            layout.prop(self, "url")
            layout.prop(self, "token")
            problem = missing(context)
            if problem:
                wrapped(layout.column(align=True), context, problem, "ERROR")


def preferences(context: bpy.types.Context) -> HeadroomPreferences:
    found: Any = context.preferences.addons[PACKAGE].preferences
    return found


def address(context: bpy.types.Context) -> Address:
    """Where the preferences say the backend is: a server, a Python of the user's own, or the one we have set up."""
    chosen = preferences(context)
    if chosen.where == "SERVER":
        return Address(url=chosen.url.strip().rstrip("/"), token=chosen.token)
    python = bpy.path.abspath(chosen.python) or os.environ.get("HEADROOM_PYTHON", "")
    if not python and environment().state is State.READY:
        python = str(environment().python)
    return local(python)


def connector(context: bpy.types.Context) -> Callable[[], Client]:
    """Reads the preferences now, on the main thread; what it returns gives a client in any thread."""
    where = address(context)
    return lambda: connection.client(where)


def local(python: str) -> Address:
    """A backend of our own; its jobs and logs lie in the extension's user folder unless HEADROOM_DATA names another."""
    return Address(python=python, data=os.environ.get("HEADROOM_DATA") or str(user_folder("data")))


def missing(context: bpy.types.Context) -> str:
    """Why the backend cannot be reached as things stand, without asking it; empty when nothing is missing."""
    chosen, found = preferences(context), address(context)
    if chosen.where == "SERVER" and not found.url:
        return "Enter the server's URL in the preferences"
    if chosen.where == "LOCAL" and not found.python:
        return sentence()
    return refusal(found)


def refusal(found: Address) -> str:
    """Why Blender's settings forbid to reach a backend; one on this machine is always allowed."""
    if found.url and not _is_loopback(found.url) and not bpy.app.online_access:
        return "Blender's Online Access is off, so only a server on this machine can be used"
    return ""


def _is_loopback(url: str) -> bool:
    return urlsplit(url if "//" in url else f"//{url}").hostname in ("localhost", "127.0.0.1", "::1")
