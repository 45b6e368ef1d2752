"""Paths as the panel's fields hold them, and where a new subject goes."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

from .managed_backend import user_folder
from .properties import HeadroomSettings, settings

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""What a photo to learn from may end in."""


def absolute(value: str) -> Path:
    """A field's path; // is the open file's folder."""
    return Path(bpy.path.abspath(value)).absolute()


def is_picture(value: str) -> bool:
    """Whether a field names a single photo, which has no length to take a part of."""
    return Path(value).suffix.lower() in PICTURES


def clip_part(chosen: HeadroomSettings) -> tuple[float, float]:
    """From and to, seconds, 0 where the clip begins and ends; a photo has no part, and the fields are not shown."""
    return (0.0, 0.0) if is_picture(chosen.clip) else (chosen.from_seconds, chosen.to_seconds)


def movie_file(context: bpy.types.Context) -> Path:
    """The movie to write; its name ends in .mp4 whatever was typed."""
    movie = absolute(settings(context).output)
    return movie if movie.suffix.lower() == ".mp4" else movie.with_name(movie.name + ".mp4")


def new_subject_folder(context: bpy.types.Context) -> Path:
    """A folder that is not there yet, named after the person."""
    chosen = settings(context)
    parent = absolute(chosen.learn_output) if chosen.learn_output else user_folder("subjects")
    name = re.sub(r'[\x00-\x1f\\/:*?"<>|\s]+', " ", chosen.name).strip(" .") or "Subject"
    taken = {path.name.casefold() for path in parent.iterdir()} if parent.is_dir() else set()
    names = [name, *(f"{name} {number}" for number in range(2, len(taken) + 3))]
    return parent / next(each for each in names if each.casefold() not in taken)
