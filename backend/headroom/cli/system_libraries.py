"""The shared libraries that Blender, OpenCV and the rasteriser need from a Linux system."""

from __future__ import annotations

import ctypes
import sys

SYSTEM_LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
"""Shared library -> the Debian or Ubuntu package that contains it."""
SOFTWARE_OPENGL = "libgl1-mesa-dri"


def missing_packages() -> list[str]:
    """Return the apt packages of the libraries that cannot be loaded; empty on other systems than Linux."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for library, package in SYSTEM_LIBRARIES.items() if not _loads(library)]


def package_named_in(message: str) -> str | None:
    """Return the apt package of the library that the dynamic loader's message mentions, None if it mentions none."""
    return next((package for library, package in SYSTEM_LIBRARIES.items() if library in message), None)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
