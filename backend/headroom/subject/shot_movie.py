"""The finished frames of a shot as a movie: with its sound, watermark, label and content credentials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.settings import RefineSettings
from headroom.face.camera import Camera, Crop
from headroom.media.credentials.provenance import Provenance
from headroom.media.label import open_label
from headroom.media.picture_sequence import PictureSequenceWriter
from headroom.media.soundtrack import Soundtrack, SoundtrackSource
from headroom.media.video import MovieOptions, VideoWriter
from headroom.subject.folder import Subject
from headroom.subject.provenance import provenance_of
from headroom.track.watermark.draw import open_watermarks


@dataclass(frozen=True)
class MovieContent:
    """What a movie has besides its frames.

    crops: the squares of the frames in which faces are generated.
    """

    camera: Camera
    crops: Sequence[Crop]
    sound: Soundtrack | None
    provenance: Provenance

    @staticmethod
    def of(person: Subject, settings: RefineSettings, speech: Path | None) -> MovieContent:
        """Return that of a movie of one person."""
        track = person.track
        sound = SoundtrackSource(speech, settings.speech_from_seconds, settings.speech_range) if speech else None
        return MovieContent(track.camera, [track.crop], sound,
                            provenance_of(person, person.info.name, settings, speech))


def write_movie(
    content: MovieContent, frames: Iterable[NDArray[np.uint8]], movie: Path, settings: RefineSettings
) -> list[str]:
    """Write the frames of a shot in their order; return notes for the user.

    frames: (H, W, 3) uint8 RGB; of the layer "face", with the face's alpha (H, W, 4).
    """
    camera, provenance, has_alpha = content.camera, content.provenance, settings.layer == "face"
    label = None if has_alpha else open_label(settings.label, camera.width, camera.height)
    options = MovieOptions(title=provenance.title, provenance=provenance, has_alpha=has_alpha)
    with PictureSequenceWriter(movie, provenance) if settings.ending == ".png" else VideoWriter(
            movie, settings.fps, camera.width, camera.height, sound=content.sound, options=options) as writer:
        with open_watermarks(content.crops, settings.fps) as watermark:
            for frame in frames:
                marked = watermark.draw(np.ascontiguousarray(frame[..., :3]))
                frame = np.dstack([marked, frame[..., 3:]]) if has_alpha else marked
                writer.write(label.draw(frame) if label else frame)
        writer.provenance = replace(provenance, watermark=watermark.is_drawn)
    return [*watermark.notes, *writer.notes]
