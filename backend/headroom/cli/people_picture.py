"""The picture that shows the numbers of the people in a clip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headroom.common.errors import InputError
from headroom.common.outputs import unused_file


@contextmanager
def people_are_numbered(clip: Path, folder: Path) -> Iterator[None]:
    """Where the block finds several people, write a picture of their numbers into `folder` and name it in the error."""
    from headroom.media.image import write_picture
    from headroom.track.landmarks.people import SeveralPeople

    try:
        yield
    except SeveralPeople as error:
        path = unused_file(folder, f"{clip.stem}_people", ".png")
        write_picture(path, error.people.picture())
        raise InputError(f"{error} {path} shows the numbers, for --face.") from error
