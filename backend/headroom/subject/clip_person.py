"""Whom of the people in a clip a person is learned from, and in which parts of the clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.media.video import read_frames
from headroom.track.landmarks.detect import SAMPLE_SECONDS
from headroom.track.landmarks.follow import stretches
from headroom.track.landmarks.people import People, Person, box_change, choose, find_people
from headroom.track.track import Track

MIN_SECONDS = 2.0
_LEFT_OUT_SECONDS = 1.0  # without the person, or elsewhere in the picture; less is tracked through
_PLACE, _SIZE = 0.75, 1.3  # widths of the face and ratio of widths up to which two stretches are framed alike

Parts = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ClipPerson:
    """The person to use.

    colours: (48,) by which they are known among others; None where nobody else is seen.
    parts: starts and ends in the clip, seconds, in which they are seen at one place in the picture.
    notes: what the user should know.
    """

    colours: NDArray[np.float64] | None
    parts: Parts
    notes: tuple[str, ...] = ()


def find_in_clip(clip: Path, seconds: tuple[float, float], face: int = 0) -> ClipPerson:
    """Find the person in a part of a clip.

    face: number of the person from the left; 0 for the only one.

    Raises SeveralPeople when a number is needed, InputError when nobody has the number or the person is hardly seen.
    """
    people = people_in_clip(clip, seconds)
    person = choose(people, face, clip.name)
    if person is None:  # which tracking tells, because it looks at every frame
        return ClipPerson(None, (seconds,))
    parts = parts_at_one_place(person, seconds)
    colours = person.colours if len(people.all) > 1 else None
    kept = sum(end - start for start, end in parts)
    hardly_seen = kept < MIN_SECONDS and person.seen.mean() < 0.5  # which tracking tells too
    if seconds[1] - seconds[0] - kept < _LEFT_OUT_SECONDS or hardly_seen:
        return ClipPerson(colours, (seconds,))
    if kept < MIN_SECONDS:
        raise InputError(f"The person is seen at one place in the picture for only {kept:.1f} s of {clip.name}; choose "
                         f"a part in which that lasts at least {MIN_SECONDS:.0f} s.")
    used = " and ".join(f"{start:.1f} to {end:.1f} s" for start, end in parts)
    return ClipPerson(colours, parts, clip_person_notes(used))


def people_in_clip(clip: Path, seconds: tuple[float, float]) -> People:
    """Return the people in a part of a clip; their numbers are those of learning from this part."""
    return find_people(read_frames(clip, *seconds, 1 / SAMPLE_SECONDS))


def clip_person_notes(used: str) -> tuple[str, ...]:
    """Return what the user should know where only a part is used."""
    return (f"Only {used} were used, where the person is seen at one place in the picture.",)


def stored_samples(plates: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of stored plates in which people are looked for."""
    return read_frames(plates, fps=1 / SAMPLE_SECONDS)


def colours_of_track(samples: Iterable[NDArray[np.uint8]], track: Track) -> NDArray[np.float64] | None:
    """Return the colours (48,) of the person whom a track shows in samples of its frames; None where they are alone."""
    people = find_people(samples).all
    if len(people) < 2:
        return None
    middle = np.array([track.crop.x, track.crop.y]) + track.crop.size / 2
    places = [np.nanmedian(person.boxes[:, :2] + person.boxes[:, 2:], axis=0) / 2 for person in people]
    return people[int(np.argmin([np.linalg.norm(place - middle) for place in places]))].colours


def parts_at_one_place(person: Person, seconds: tuple[float, float]) -> Parts:
    """Return the parts, in seconds, in which a person is seen at the place at which they are seen longest.

    seconds: time of the first sample, and end of the samples.
    """
    found = stretches(person)
    alike = [[other for other in found if _framed_alike(person, anchor, other)] for anchor in found]
    samples = max(alike, key=lambda group: sum(last - first + 1 for first, last in group))
    parts = (_seconds(first, last, len(person.boxes), seconds) for first, last in samples)
    return tuple((start, end) for start, end in parts if end > start)


def _seconds(first: int, last: int, count: int, seconds: tuple[float, float]) -> tuple[float, float]:
    """Return start and end of a stretch; between two samples it may be cut anywhere, so it ends with a sample."""
    start, end = (seconds[0] + SAMPLE_SECONDS * sample for sample in (first, last))
    return (start, seconds[1] if last == count - 1 else end)


def _framed_alike(person: Person, one: Sequence[int], other: Sequence[int]) -> bool:
    """Return whether the face is at about the same place, and of the same size, in two stretches."""
    first, second = (np.nanmedian(person.boxes[start:end + 1], axis=0) for start, end in (one, other))
    way, ratio = box_change(first, second)
    return way < _PLACE and 1 / _SIZE < ratio < _SIZE
