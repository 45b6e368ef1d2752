"""The imperceptible watermark in generated faces: a slowly turning pattern in the coordinates of the landmarks."""
