"""File paths made from the panel's fields."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

from .managed_backend import user_folder
from .properties import HeadroomSettings, settings

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""Suffixes of photos that a subject can be learned from; the backend has the same list."""
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\\/:*?"<>|\s]+')


def absolute(value: str) -> Path:
    """Return a field's path as an absolute path; // is the folder of the open file."""
    return Path(bpy.path.abspath(value)).absolute()


def is_photo(value: str) -> bool:
    """Return whether a field's path is a single photo."""
    return Path(value).suffix.lower() in PHOTO_SUFFIXES


def clip_range(chosen: HeadroomSettings) -> tuple[float, float]:
    """Return the start and end of the clip to learn from, in seconds; (0, 0) is the whole clip, or a photo."""
    return (0.0, 0.0) if is_photo(chosen.clip) else (chosen.from_seconds, chosen.to_seconds)


def movie_file(context: bpy.types.Context) -> Path:
    """Return the path of the movie to write; .mp4 is appended where it is missing."""
    movie = absolute(settings(context).output)
    return movie if movie.suffix.lower() == ".mp4" else movie.with_name(movie.name + ".mp4")


def new_subject_folder(context: bpy.types.Context) -> Path:
    """Return a folder that does not exist yet, named after the person."""
    chosen = settings(context)
    parent = absolute(chosen.learn_output) if chosen.learn_output else user_folder("subjects")
    name = _NOT_IN_NAMES.sub(" ", chosen.name).strip(" .") or "Subject"
    existing = {path.name.casefold() for path in parent.iterdir()} if parent.is_dir() else set()
    names = [name, *(f"{name} {number}" for number in range(2, len(existing) + 3))]
    return parent / next(each for each in names if each.casefold() not in existing)
