"""The finished frames of a shot as a movie: with its sound, watermark, label and content credentials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.settings import PersonSettings, RefineSettings
from headroom.face.camera import Camera, Crop
from headroom.media.credentials.provenance import Provenance
from headroom.media.label import open_label
from headroom.media.picture_sequence import PictureSequenceWriter
from headroom.media.soundtrack import MixedSoundtrack, Soundtrack, SoundtrackSource
from headroom.media.video import MovieOptions, VideoWriter
from headroom.plate.placing import Placement
from headroom.subject.folder import Subject
from headroom.subject.provenance import provenance_of, provenance_of_people
from headroom.track.watermark.draw import open_watermarks


@dataclass(frozen=True)
class Speaker:
    """One person of a movie."""

    subject: Subject
    settings: PersonSettings
    speech: Path | None

    @property
    def placement(self) -> Placement:
        """Where the person's frame lies in the movie's."""
        return Placement(self.settings.scale, self.settings.x, self.settings.y)

    @property
    def crop(self) -> Crop:
        """The face crop in the movie's frame."""
        crop = self.subject.track.crop
        return crop if self.placement == Placement() else self.placement.crop(crop)

    @property
    def sound(self) -> SoundtrackSource | None:
        """The voice; None for one that is not heard."""
        heard = self.settings
        return SoundtrackSource(self.speech, heard.speech_from_seconds, heard.speech_range) if self.speech else None


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
    def of(people: Sequence[Speaker], settings: RefineSettings) -> MovieContent:
        """Return that of a movie of people, the first of whom gives the frame."""
        sources = tuple(each.sound for each in people if each.sound is not None)
        return MovieContent(people[0].subject.track.camera, [each.crop for each in people],
                            MixedSoundtrack(sources) if sources else None, _provenance(people, settings))


def _provenance(people: Sequence[Speaker], settings: RefineSettings) -> Provenance:
    """Return what the movie says about how it was made."""
    if len(people) == 1:
        only = people[0]
        return provenance_of(only.subject, only.subject.info.name, settings, only.speech)
    return provenance_of_people([(each.subject, each.settings.use, each.speech) for each in people], settings)


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
