"""Who is seen in a clip: the faces of a few frames, joined to people by place and colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import tee

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.track.landmarks.detect import face_boxes

SAME_COLOURS = 24.0
"""Largest distance of two people's colours that counts as the same person. In 49 clips of different people, 95 % of the
frames of one person are nearer to each other, and 1 % of those of two people."""
_LINKED_COLOURS = 15.0  # of two samples of a face at the same place
MOST_MISSED = 2  # samples in a row in which the detector may miss a face
_GRID, _GRID_WIDTH = 4, 1.6  # cells, and size in widths of the face, of the square whose colours are compared
_SEEN, _SIZE = 0.1, 0.5  # share of the samples and of the largest face's width, below which a face is a bystander's
_NUMBER_PX = 80  # height of a face beside which a number of the usual size stands
_PICTURE_SIDE = 640  # pixels to which pictures are reduced


@dataclass(frozen=True)
class Person:
    """One person in S samples of a clip.

    boxes: (S, 4) left, top, right and bottom of the face in pixels; NaN where the person is not seen.
    colours: (48,) CIELAB of the face and what surrounds it, in 4 x 4 cells.
    """

    boxes: NDArray[np.float64]
    colours: NDArray[np.float64]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(S,) whether the person is seen."""
        return np.isfinite(self.boxes[:, 0])

    @property
    def width(self) -> float:
        """Median width of the face, pixels."""
        return float(np.nanmedian(self.boxes[:, 2] - self.boxes[:, 0]))

    def sample_with(self, wanted: int) -> int:
        """Return the sample `wanted` if it shows the person, otherwise the first that does."""
        return wanted if self.seen[wanted] else int(np.argmax(self.seen))

    def distance(self, colours: NDArray[np.float64]) -> float:
        """Return how different the person looks from colours (48,): the mean over the cells in CIELAB units."""
        return _distance(self.colours, colours)


@dataclass(frozen=True)
class People:
    """The people in S samples of a clip, numbered from 1 in this order, and the bystanders.

    pictures: S reduced frames (H, W, 3), in which one pixel is `scale` pixels of the clip.
    """

    persons: list[Person]
    bystanders: list[Person]
    pictures: list[NDArray[np.uint8]]
    scale: float

    @property
    def all(self) -> list[Person]:
        """The people and the bystanders."""
        return [*self.persons, *self.bystanders]

    def numbered(self, sample: int) -> NDArray[np.uint8]:
        """Return the picture of a sample with the number of each person at the face."""
        picture = self.pictures[sample].copy()
        for number, person in enumerate(self.persons, 1):
            if person.seen[sample]:
                left, top, right, bottom = (int(edge) for edge in np.rint(person.boxes[sample] / self.scale))
                cv2.rectangle(picture, (left, top), (right, bottom), (255, 255, 255), 2)
                size = max(1.0, (bottom - top) / _NUMBER_PX)  # legible in a small picture of the panel too
                for thickness, ink in ((6, (0, 0, 0)), (2, (255, 255, 255))):
                    cv2.putText(picture, str(number), (left + 4, max(top - 6, round(24 * size))),
                                cv2.FONT_HERSHEY_SIMPLEX, size, ink, round(thickness * size), cv2.LINE_AA)
        return picture

    def picture(self) -> NDArray[np.uint8]:
        """Return samples below each other, in which every person is seen with their number."""
        missing, chosen = set(range(len(self.persons))), list[int]()
        while missing:
            seen = [sum(self.persons[i].seen[sample] for i in missing) for sample in range(len(self.pictures))]
            chosen.append(int(np.argmax(seen)))
            missing -= {i for i in missing if self.persons[i].seen[chosen[-1]]}
        return np.concatenate([self.numbered(sample) for sample in sorted(chosen)])


class SeveralPeople(InputError):
    """A clip shows several people, and none of them was chosen; `people` has a picture of them."""

    def __init__(self, text: str, people: People):
        super().__init__(text)
        self.people = people


def choose(people: People, face: int, name: str) -> Person | None:
    """Return the person to use, None where nobody is seen.

    face: number of the person; 0 for the only one beside bystanders.
    name: of the clip, for messages.

    Raises SeveralPeople when a number is needed, InputError when there is no such person.
    """
    if not face:
        if len(people.persons) > 1:
            first = _most_shown(people.persons)
            places = [f"{number} at {_place(people, person, first)}" for number, person in enumerate(people.persons, 1)]
            raise SeveralPeople(f"{name} shows {len(places)} people: {', '.join(places)}. Choose the face to learn by "
                                "its number.", people)
        return people.persons[0] if people.persons else None
    if face > len(people.persons):
        raise InputError(f"{name} has no face {face}, because it shows only {len(people.persons)}. Choose a lower "
                         "number.")
    return people.persons[face - 1]


def find_people(samples: Iterable[NDArray[np.uint8]]) -> People:
    """Find the people in frames (H, W, 3) RGB that lie `detect.SAMPLE_SECONDS` apart, numbered from left to right."""
    faces, pictures, scale = [], [], 1.0
    searched, shown = tee(samples)
    for frame, boxes in zip(shown, face_boxes(searched)):
        scale = max(1.0, max(frame.shape[:2]) / _PICTURE_SIDE)
        size = round(frame.shape[1] / scale), round(frame.shape[0] / scale)
        pictures.append(np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8))
        faces.append([_Face(len(pictures) - 1, box, _colours(frame, box)) for box in boxes])
    persons = [_person(faces_of_one, len(pictures)) for faces_of_one in _joined(_runs(faces))]
    largest = max((person.width for person in persons), default=0.0)
    counted: list[Person] = []
    bystanders: list[Person] = []
    for person in persons:
        counts = person.width >= _SIZE * largest and person.seen.mean() >= _SEEN
        (counted if counts else bystanders).append(person)
    first = _most_shown(counted)
    counted.sort(key=lambda person: (not person.seen[first], person.boxes[person.sample_with(first), 0]))
    return People(counted, bystanders, pictures, scale)


def box_change(earlier: NDArray[np.float64], later: NDArray[np.float64]) -> tuple[float, float]:
    """Return how far a face's box (4,) has moved, in widths of the earlier one, and the ratio of the widths."""
    way = (later[:2] + later[2:] - earlier[:2] - earlier[2:]) / 2
    width = earlier[2] - earlier[0]
    return float(np.linalg.norm(way) / width), float((later[2] - later[0]) / width)


def is_near(earlier: NDArray[np.float64], later: NDArray[np.float64]) -> bool:
    """Return whether a face is about where it was a few samples before."""
    way, ratio = box_change(earlier, later)
    return way < 1 and 0.6 < ratio < 1.6


@dataclass(frozen=True)
class _Face:
    """A face in one sample."""

    sample: int
    box: NDArray[np.float64]
    colours: NDArray[np.float64]

    def follows(self, earlier: _Face) -> bool:
        """Return whether this can be the face of an earlier sample: near it, of its size and colours."""
        return (self.sample - earlier.sample <= MOST_MISSED + 1 and is_near(earlier.box, self.box)
                and _distance(self.colours, earlier.colours) < _LINKED_COLOURS)


def _runs(faces: Sequence[Sequence[_Face]]) -> list[list[_Face]]:
    """Link the faces of neighbouring samples; each run is one person without a cut."""
    runs: list[list[_Face]] = []
    for sample in faces:
        pairs = [(_distance(face.colours, run[-1].colours), index, run) for index, face in enumerate(sample)
                 for run in runs if face.follows(run[-1])]
        linked: set[int] = set()
        for _, index, run in sorted(pairs, key=lambda pair: pair[0]):
            if index not in linked and run[-1].sample < sample[index].sample:
                run.append(sample[index])
                linked.add(index)
        runs += [[face] for index, face in enumerate(sample) if index not in linked]
    return runs


def _joined(runs: list[list[_Face]]) -> list[list[_Face]]:
    """Join runs of the same colours to people, the longest first; nobody is in two places at once."""
    people: list[list[_Face]] = []
    for run in sorted(runs, key=len, reverse=True):
        samples, colours = {face.sample for face in run}, _median_colours(run)
        others = [(_distance(colours, _median_colours(person)), person) for person in people
                  if not samples & {face.sample for face in person}]
        distance, nearest = min(others, key=lambda other: other[0], default=(np.inf, None))
        if nearest is not None and distance < SAME_COLOURS:
            nearest += run
        else:
            people.append(list(run))
    return people


def _person(faces: list[_Face], samples: int) -> Person:
    boxes = np.full((samples, 4), np.nan)
    for face in faces:
        boxes[face.sample] = face.box
    return Person(boxes, _median_colours(faces))


def _most_shown(persons: Sequence[Person]) -> int:
    """Return the first sample that shows most of the people, in which they are numbered from left to right."""
    return int(np.argmax(np.sum([person.seen for person in persons], axis=0)))


def _place(people: People, person: Person, first: int) -> str:
    """Return where a person is seen in the sample `first`, or elsewhere for the first time."""
    sample = person.sample_with(first)
    across = float(person.boxes[sample, [0, 2]].mean() / people.scale / people.pictures[sample].shape[1])
    return f"{100 * across:.0f} % of the width from the left"


def _median_colours(faces: Sequence[_Face]) -> NDArray[np.float64]:
    return np.asarray(np.median([face.colours for face in faces], axis=0))


def _colours(frame: NDArray[np.uint8], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the colours (48,) of a face in a frame, the hair, neck and clothes beside it included."""
    centre, half = (box[:2] + box[2:]) / 2, _GRID_WIDTH * (box[2] - box[0]) / 2
    height, width = frame.shape[:2]
    left, top = np.clip(np.rint(centre - half).astype(int), 0, [width - 1, height - 1])
    right, bottom = np.clip(np.rint(centre + half).astype(int), [left + 1, top + 1], [width, height])
    cells = cv2.resize(frame[top:bottom, left:right], (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(cells.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).ravel().astype(np.float64)


def _distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the root mean square distance of two people's colours over the cells."""
    return float(np.linalg.norm(first - second) / _GRID)
