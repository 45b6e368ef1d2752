"""The landmarks of one of several people in a clip, through crossings and cuts, and where the person is seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress
from headroom.track.landmarks.detect import (
    COUNT,
    NO_FACE,
    LandmarkFinder,
    Landmarks,
    complete,
    head_region,
    sample_step,
)
from headroom.track.landmarks.people import MOST_MISSED, SAME_COLOURS, People, Person, find_people, is_near

_OWN_WIDTH = 1.3  # widths of the face around its centre that are the person's own
_THUMBNAIL = (32, 18)  # pixels of the pictures that are compared for cuts


def find_person(
    frames: Sequence[NDArray[np.uint8]], fps: float, colours: NDArray[np.float64], progress: Progress = no_progress
) -> Landmarks:
    """Find the landmarks of the person with some colours (48,) in T frames (H, W, 3); NaN where they are not seen.

    Raises InputError when the person is not seen in half of the frames.
    """
    people = find_people(frames[::sample_step(fps)])
    person = min(people.all, key=lambda each: each.distance(colours), default=None)
    if person is None or person.distance(colours) > 2 * SAME_COLOURS:
        raise InputError(NO_FACE)
    return _follow_person(frames, fps, people, person, progress)


def _follow_person(
    frames: Sequence[NDArray[np.uint8]], fps: float, people: People, person: Person, progress: Progress
) -> Landmarks:
    """Find the landmarks of one of `people`, who were found in every `sample_step(fps)`th of T frames (H, W, 3).

    Raises InputError when the person is not seen in half of the frames.
    """
    step = sample_step(fps)
    points = np.full((len(frames), COUNT, 3), np.nan, np.float32)
    done = 0
    for first, last in stretches(person):
        numbers = _frames_of(frames, first, last, step)
        boxes = _boxes_at(person, numbers / step, first, last)
        others = [_boxes_at(other, numbers / step, first, last) for other in people.all if other is not person]
        region = head_region([box] for box in person.boxes[first:last + 1][person.seen[first:last + 1]])
        assert region is not None  # a stretch has a sample
        with LandmarkFinder(region) as finder:
            for i, number in enumerate(numbers):
                done += 1
                if done % 10 == 0:
                    progress(min(done / len(frames), 1.0), "Finding the face")
                found = finder.find(_without(frames[number], boxes[i], [other[i] for other in others]))
                if _is_inside(found, boxes[i]):
                    points[number] = found
    return complete(points, 1)


def stretches(person: Person) -> list[tuple[int, int]]:
    """Return the first and last samples of the stretches in which a person is seen at one place, without a cut."""
    found: list[tuple[int, int]] = []
    for sample in np.flatnonzero(person.seen):
        if found and sample - found[-1][1] <= MOST_MISSED + 1 and is_near(*person.boxes[[found[-1][1], sample]]):
            found[-1] = found[-1][0], int(sample)
        else:
            found.append((int(sample), int(sample)))
    return found


def _frames_of(frames: Sequence[NDArray[np.uint8]], first: int, last: int, step: int) -> NDArray[np.int64]:
    """Return the numbers of the frames of a stretch of samples: from the cut before it to the cut behind it."""
    start = 0 if first == 0 else _greatest_change(frames, (first - 1) * step, first * step)
    is_last = (last + 1) * step >= len(frames)
    return np.arange(start, len(frames) if is_last else _greatest_change(frames, last * step, (last + 1) * step))


def _greatest_change(frames: Sequence[NDArray[np.uint8]], first: int, last: int) -> int:
    """Return the frame, of those behind `first` up to `last`, that differs most from the one before it."""
    small = [cv2.resize(frames[i], _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float64)
             for i in range(first, last + 1)]
    if len(small) < 2:
        return first
    return first + 1 + int(np.argmax(np.abs(np.diff(small, axis=0)).mean((1, 2, 3))))


def _boxes_at(person: Person, samples: NDArray[np.float64], first: int, last: int) -> NDArray[np.float64]:
    """Return the boxes (N, 4) at fractional samples, between those of a stretch; NaN where there are none in it."""
    known = first + np.flatnonzero(person.seen[first:last + 1])
    if not len(known):
        return np.full((len(samples), 4), np.nan)
    return np.stack([np.interp(samples, known, person.boxes[known, edge]) for edge in range(4)], 1)


def _without(frame: NDArray[np.uint8], own: NDArray[np.float64], others: list[NDArray[np.float64]]
             ) -> NDArray[np.uint8]:
    """Return a frame in which other faces are painted over where they are not in front of the person's own."""
    others = [box for box in others if np.isfinite(box[0])]
    if not others:
        return frame
    painted = frame.copy()
    for box in others:
        left, top, right, bottom = _clipped(_grown(box), frame)
        painted[top:bottom, left:right] = 128
    left, top, right, bottom = _clipped(_grown(own), frame)
    painted[top:bottom, left:right] = frame[top:bottom, left:right]
    return painted


def _grown(box: NDArray[np.float64]) -> NDArray[np.float64]:
    centre, half = (box[:2] + box[2:]) / 2, _OWN_WIDTH * (box[2:] - box[:2]) / 2
    return np.concatenate([centre - half, centre + half])


def _clipped(box: NDArray[np.float64], frame: NDArray[np.uint8]) -> Iterator[int]:
    height, width = frame.shape[:2]
    return (int(edge) for edge in np.clip(np.rint(box), 0, [width, height, width, height]))


def _is_inside(points: NDArray[np.float32], box: NDArray[np.float64]) -> bool:
    """Return whether the middle of a face's landmarks lies in the person's own box."""
    middle = (points[:, :2].min(0) + points[:, :2].max(0)) / 2
    return bool((middle >= _grown(box)[:2]).all() and (middle <= _grown(box)[2:]).all())
