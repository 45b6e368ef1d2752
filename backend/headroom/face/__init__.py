"""The face: its linear model, surface, camera, light and texture, and how they are drawn."""
