"""The shared libraries that Blender, OpenCV and the rasteriser expect from a Linux system."""

from __future__ import annotations

import ctypes
import sys

# Shared library -> the Debian or Ubuntu package that brings it.
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
SOFTWARE_OPENGL = "libgl1-mesa-dri"


def missing_packages() -> list[str]:
    """The packages to install with apt so that everything loads; empty on other systems, which bring their own."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for library, package in SYSTEM_LIBRARIES.items() if not _loads(library)]


def package_named_in(text: str) -> str | None:
    """The package to install when `text` is a loader's complaint about one of the libraries."""
    return next((package for library, package in SYSTEM_LIBRARIES.items() if library in text), None)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
