"""File paths made from the panel's fields."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.movie_output import FRAME, endings_of
from ..core.outputs import file_name
from .managed_backend import user_folder
from .properties import settings


def absolute(value: str) -> Path:
    """Return a field's path as an absolute path; // is the folder of the open file."""
    return Path(bpy.path.abspath(value)).absolute()


def movie_file(context: bpy.types.Context) -> Path:
    """Return the path of the movie to write; .mp4, or .mov for a face alone, is appended where it has none."""
    movie = absolute(settings(context).output)
    named = movie.suffix.lower() in endings_of(FRAME)
    return movie if named else movie.with_name(movie.name + endings_of(settings(context).layer)[0])


def new_subject_folder(context: bpy.types.Context) -> Path:
    """Return a folder that does not exist yet, named after the person."""
    chosen = settings(context)
    parent = absolute(chosen.learn_output) if chosen.learn_output else user_folder("subjects")
    name = file_name(chosen.name) or "Subject"
    existing = {path.name.casefold() for path in parent.iterdir()} if parent.is_dir() else set()
    names = [name, *(f"{name} {number}" for number in range(2, len(existing) + 3))]
    return parent / next(each for each in names if each.casefold() not in existing)
