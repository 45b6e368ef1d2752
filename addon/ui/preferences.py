"""Preferences: where the backend is. Tokens stay in the preferences and are never saved in a .blend file."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.client import Client
from ..core.connection import Address, Connection
from ..core.environment import State
from ..core.errors import InputError
from ..core.known_servers import KnownServers
from ..core.messages import message
from .found_files import Found
from .layout import draw_wrapped
from .managed_backend import PACKAGE, environment, state, state_text, user_folder

connection = Connection()
"""The add-on's only connection to a backend; `ui.unregister` stops it."""


def _get_fingerprint(chosen: Any) -> str:
    return _fingerprints.shown(_url(chosen))


def _known_fingerprint(url: str) -> str:
    return KnownServers(_known_servers_file()).fingerprint(url)


_fingerprints = Found(_known_fingerprint, unknown="")


def _set_fingerprint(chosen: Any, text: str) -> None:
    with suppress(InputError):  # a text that is no fingerprint is not taken, which the user sees at once
        KnownServers(_known_servers_file()).expect(_url(chosen), text.strip())
    _fingerprints.find_now(_url(chosen))


def _url(chosen: Any) -> str:
    return str(chosen.url).strip().rstrip("/")


def _known_servers_file() -> Path:
    return user_folder("servers") / "known_servers.json"


class HeadroomPreferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = PACKAGE

    where: EnumProperty(  # type: ignore[valid-type]
        name="Backend", description="Where the backend runs",
        items=[("LOCAL", "This Machine", "Start the backend on this machine when it is needed"),
               ("SERVER", "Server", "Use a Headroom server that is already running")],
    )
    python: StringProperty(  # type: ignore[valid-type]
        name="Python", subtype="FILE_PATH",
        description="Python with the headroom package installed. Leave empty to use the backend that is set up above",
    )
    package: StringProperty(  # type: ignore[valid-type]
        name="Backend Package", subtype="FILE_PATH",
        description="Wheel or folder to set up the backend from. Leave empty to use the one in the extension",
    )
    url: StringProperty(  # type: ignore[valid-type]
        name="URL", description="Address of the server, such as https://render.studio:8765")
    token: StringProperty(  # type: ignore[valid-type]
        name="Token", subtype="PASSWORD", description="Access token: your own, or the one that the server printed")
    fingerprint: StringProperty(  # type: ignore[valid-type]
        name="Fingerprint", get=_get_fingerprint, set=_set_fingerprint,
        description="What the server's certificate must be, as the server printed it. It is remembered when the server "
                    "is first used. Clear it when the server has another certificate")

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the preferences."""
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
            if self.url.strip().startswith("https:"):
                layout.prop(self, "fingerprint")
            reason = backend_disabled_reason(context)
            if reason:
                draw_wrapped(layout.column(align=True), context, reason, "ERROR")


def preferences(context: bpy.types.Context) -> HeadroomPreferences:
    """Return the add-on's preferences."""
    addon: Any = context.preferences.addons[PACKAGE]
    return addon.preferences


def address(context: bpy.types.Context) -> Address:
    """Return the address in the preferences: a server, the user's own Python, or the backend that was set up."""
    chosen = preferences(context)
    if chosen.where == "SERVER":
        return server_address(_url(chosen), chosen.token)
    python = bpy.path.abspath(chosen.python) or os.environ.get("HEADROOM_PYTHON", "")
    if not python and state() is State.READY:
        python = str(environment().python)
    return local_address(python)


def server_address(url: str, token: str) -> Address:
    """Return the address of a server."""
    return Address(url=url, token=token, known_servers=str(_known_servers_file()))


def local_address(python: str) -> Address:
    """Return the address of a local backend; its jobs and logs are in the user folder, or in HEADROOM_DATA if set."""
    return Address(python=python, data=os.environ.get("HEADROOM_DATA") or str(user_folder("data")))


def connector(context: bpy.types.Context) -> Callable[[], Client]:
    """Return a function that gives a client in any thread; the preferences are read now, on the main thread."""
    where = address(context)
    return lambda: connection.client(where)


def backend_disabled_reason(context: bpy.types.Context) -> str:
    """Return why the backend cannot be used, without a request to it; empty when it can."""
    chosen, where = preferences(context), address(context)
    if chosen.where == "SERVER" and not where.url:
        return message("No server URL in the preferences")
    if chosen.where == "LOCAL" and not where.python:
        return state_text()
    return offline_reason(where)


def offline_reason(where: Address) -> str:
    """Return why Blender's settings forbid a connection; empty when it is allowed, as to this machine always."""
    if where.url and not _is_loopback(where.url) and not bpy.app.online_access:
        return message("Online access is off, so only a server on this machine can be used")
    return ""


def _is_loopback(url: str) -> bool:
    return urlsplit(url if "//" in url else f"//{url}").hostname in ("localhost", "127.0.0.1", "::1")
