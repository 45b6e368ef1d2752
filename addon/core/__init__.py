"""Numbers, files and messages; no bpy."""
