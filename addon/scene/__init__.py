"""What Headroom makes inside Blender; no user interface."""
