"""Tracking: from a clip's frames to the face's coefficients, its appearance and the camera."""
