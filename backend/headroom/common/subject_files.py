"""The names of the files in a subject folder. `headroom/subject/folder.py` reads and writes them."""

from __future__ import annotations

INFO = "subject.toml"
TRACK = "track.npz"
RIG = "rig.npz"
ALBEDO = "albedo.png"
MOTION = "motion.safetensors"
REFINER = "refiner.safetensors"
PLATES = "plates.mp4"
SOUND = "sound.wav"
MATTES = "mattes.npz"
BACKGROUND = "background.png"
PREVIEW = "preview.png"

PARTS = (INFO, TRACK, RIG, ALBEDO, MOTION, REFINER, PLATES, SOUND, MATTES, BACKGROUND, PREVIEW)
"""All files of a subject. A folder is a subject if it has the first one, so that one is written last."""
