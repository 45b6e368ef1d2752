"""Headroom's data inside Blender, without user interface. `output` imports `anim`, and `anim` imports `build`."""
