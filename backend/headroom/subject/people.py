"""Several people in the frames of one shot: each has plates of their own, and their pictures become one.

People of the same clip share its picture, which is joined at a seam between them. A person of another clip is cut out
of it and placed over the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from headroom.common.choices import Layer
from headroom.common.errors import InputError
from headroom.plate.cut_out import cut_out, outline, over_frame
from headroom.plate.match import PlateMatch
from headroom.plate.placing import Placement
from headroom.plate.seam import find_seam, join_at_seam, seam_difference, seam_range, seam_weight
from headroom.plate.shot_renders import PersonInShot, ShotPart, ShotRenders
from headroom.refine.refined_crops import CropCache
from headroom.subject import shot_refiner
from headroom.subject.folder import Subject
from headroom.subject.shot_movie import Speaker
from headroom.subject.shot_refiner import ShotRefiner

SAMPLED_FRAMES = 16  # of the shot, in which the seam is searched
MOVED = 20.0  # mean difference along the seam, of 255; where the camera moves it is larger
FACES_APART = 0.6  # distance of two faces' middles, of the mean side of their crops
VISIBLE = 8.0  # the same; smaller differences are not seen

Picture = NDArray[np.uint8]
Join = Callable[[int, Picture, Picture], Picture]
"""Returns the picture so far and a person's own frame in one picture; the first frame after the context is 0."""


@dataclass(frozen=True, eq=False)
class OpenPerson(Speaker):
    """A person with their plates and refiner.

    shot: the renders, and the match of the whole shot.
    match: that of the renders alone.
    context: number of leading renders that only give the others their context.
    """

    shot: ShotRenders
    match: PlateMatch
    context: int
    refiner: ShotRefiner

    @property
    def name(self) -> str:
        """The name, for messages."""
        return self.subject.info.name

    def shares_picture_of(self, other: OpenPerson) -> bool:
        """Return whether both are from one clip and stay in their places."""
        clips = [each.subject.info.clip for each in (self, other)]
        digests = {None if clip is None else clip.sha256 for clip in clips}
        return len(digests) == 1 and None not in digests and self.placement == Placement()

    def frames(self, layer: Layer) -> Generator[Picture, None, None]:
        """Yield the person's own finished frames."""
        cache = CropCache(self.shot.crops / self.subject.key)
        return self.refiner.composites(self.shot.renders, self.match, cache, layer, self.context)

    def plate(self, frame: int) -> Picture:
        """Return the plate of a frame of the whole shot with the head in its pose."""
        return self.refiner.plate(self.shot.match, frame, None).picture


@contextmanager
def open_people(wanted: Sequence[PersonInShot], part: ShotPart | None = None) -> Iterator[PeopleInShot]:
    """Open the people of a shot, the first of whom gives the frame.

    part: which frames of the shot the renders show; None for all of them.

    Raises InputError where the consent of one does not cover the shot, and where their renders do not fit together.
    """
    matches = [_own_match(each.shot, part) for each in wanted]
    subjects = [Subject.open_for(each.subject, each.settings.use) for each in wanted]
    counts = {len(each.shot.renders) for each in wanted}
    if len(counts) > 1:
        raise InputError(f"The people of the shot have {' and '.join(map(str, sorted(counts)))} frames; render the "
                         "shot again.")
    with ExitStack() as stack:
        refiners = [shot_refiner.open_shot_refiner(each.subject) for each in wanted[:shot_refiner.MAX_OPEN]]
        refiners += [stack.enter_context(closing(ShotRefiner.open(subject)))
                     for subject in subjects[shot_refiner.MAX_OPEN:]]
        context = part.context if part is not None else 0
        yield PeopleInShot([OpenPerson(subject, each.settings, each.speech, each.shot, match, context, refiner)
                            for each, subject, match, refiner in zip(wanted, subjects, matches, refiners)])


def _own_match(shot: ShotRenders, part: ShotPart | None) -> PlateMatch:
    """Return the match of the renders alone; raises InputError where they are not all of the shot, or of the part."""
    count = len(shot.renders)
    if part is None and count != len(shot.match.plate):
        raise InputError(f"There are {count} renders for {len(shot.match.plate)} plates; render the shot again.")
    return shot.own_match(part or ShotPart())


class PeopleInShot:
    """The people of a shot, the first of whom gives the frame."""

    def __init__(self, people: Sequence[OpenPerson]):
        """Take the open people; there is at least one."""
        self.people, self.notes = people, list[str]()
        self._camera = people[0].subject.track.camera

    def frames(self, layer: Layer) -> Generator[Picture, None, None]:
        """Yield the finished frames (H, W, 3) after the context; of the layer "face", with the faces' alpha (H, W, 4).

        Raises InputError where the pictures cannot be one.
        """
        first = self.people[0]
        together = [first, *(each for each in self.people[1:] if each.shares_picture_of(first))]
        together.sort(key=lambda each: each.crop.x + each.crop.size / 2)
        placed = [each for each in self.people if each not in together]
        joins: list[Join] = [self._at_seam(left, right) for left, right in pairwise(together)]
        for number, person in enumerate(placed):
            self._require_apart(person, [*together, *placed[:number]])
            joins.append(self._cut_out(person))
        with ExitStack() as stack:
            streams = [stack.enter_context(closing(each.frames(layer))) for each in (*together, *placed)]
            for number, (picture, *others) in enumerate(zip(*streams, strict=True)):
                for join, other in zip(joins, others):
                    picture = join(number, picture, other)
                yield picture

    def _at_seam(self, left: OpenPerson, right: OpenPerson) -> Join:
        """Return what joins the picture of a person, and of all on their left, with that of the next one."""
        camera, notes = self._camera, self.notes
        first, end = seam_range(left.crop, right.crop)
        if end - first < 2:
            raise InputError(f"{left.name} and {right.name} are too close to each other in the clip to be joined in "
                             "one picture. Render each in a shot of their own.")
        count = len(left.shot.match.plate)
        sampled = np.unique(np.linspace(0, count - 1, SAMPLED_FRAMES).astype(int)).tolist()
        difference = seam_difference((left.plate(frame), right.plate(frame)) for frame in sampled)
        width = difference.shape[1]
        low, high = (min(max(round(side * width / camera.width), 0), width) for side in (first, end))
        columns = find_seam(difference, min(low, width - 1), max(high, low + 1))
        level = float(difference[np.arange(len(columns)), columns].mean())
        if level > MOVED:
            raise InputError(f"The pictures of {left.name} and {right.name} do not meet between them, because the "
                             "camera or the background moves. Use a clip whose camera stands still.")
        if level > VISIBLE:
            notes.append(f"The clip changes between {left.name} and {right.name}, so the seam between them may be "
                         "visible.")
        weight = seam_weight(columns, width, (camera.height, camera.width))
        return lambda number, picture, other: join_at_seam(picture, other, weight)

    def _cut_out(self, person: OpenPerson) -> Join:
        """Return what places a person of another clip over the picture."""
        background = person.refiner.background
        if background is None:
            raise InputError(f"{person.name} cannot be cut out, because the background of the clip moves or is never "
                             "visible. Learn the person from a clip with a still background and space around the head.")
        camera, placement = self._camera, person.placement

        def join(number: int, picture: Picture, other: Picture) -> Picture:
            coarse = person.refiner.person_alpha(person.match, person.context + number)
            own = np.ascontiguousarray(other[..., :3])
            alpha, colours = (placement.placed(each, camera.width, camera.height)
                              for each in cut_out(outline(coarse, own), own, background))
            joined = over_frame(picture[..., :3], alpha, colours)
            if picture.shape[2] == 3:
                return joined
            below = np.rint(picture[..., 3] * (1 - alpha)).astype(np.uint8)
            face = placement.placed(np.ascontiguousarray(other[..., 3]), camera.width, camera.height)
            return np.dstack([joined, np.maximum(below, face)])

        return join

    def _require_apart(self, person: OpenPerson, others: Sequence[OpenPerson]) -> None:
        """Raise InputError where a face lies over another one."""
        for other in others:
            one, two = person.crop, other.crop
            bigger = (one.size - two.size) / 2
            if max(abs(one.x - two.x + bigger), abs(one.y - two.y + bigger)) < FACES_APART * (one.size + two.size) / 2:
                raise InputError(f"{person.name} would cover {other.name} in the picture. Open both in Blender, and "
                                 f"move the empty of {person.name} in the camera view.")
