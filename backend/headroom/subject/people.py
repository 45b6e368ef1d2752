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
from headroom.common.settings import RefineSettings
from headroom.face.camera import Camera, Crop
from headroom.media.credentials.provenance import Provenance
from headroom.media.soundtrack import MixedSoundtrack, SoundtrackSource
from headroom.plate.placing import Placement, outline, over_frame
from headroom.plate.seam import find_seam, join_at_seam, seam_difference, seam_range, seam_weight
from headroom.plate.shot_renders import PersonInShot
from headroom.refine.refined_crops import CropCache
from headroom.subject import shot_refiner
from headroom.subject.folder import Subject
from headroom.subject.provenance import provenance_of, provenance_of_people
from headroom.subject.shot_movie import MovieContent
from headroom.subject.shot_refiner import ShotRefiner

SAMPLED_FRAMES = 16  # of the shot, in which the seam is searched
MOVED = 20.0  # mean difference along the seam, of 255; where the camera moves it is larger
FACES_APART = 0.6  # distance of two faces' middles, of the mean side of their crops
VISIBLE = 8.0  # the same; smaller differences are not seen

Picture = NDArray[np.uint8]
Join = Callable[[int, Picture, Picture], Picture]
"""Takes the number of a frame, the picture so far and a person's own frame, and returns both in one picture."""


@dataclass(frozen=True)
class OpenPerson:
    """A person with their plates and refiner."""

    wanted: PersonInShot
    subject: Subject
    refiner: ShotRefiner

    @property
    def name(self) -> str:
        """The name, for messages."""
        return self.refiner.title

    @property
    def placement(self) -> Placement:
        """Where the person's frame lies in the movie's."""
        return Placement(self.wanted.settings.scale, self.wanted.settings.x, self.wanted.settings.y)

    @property
    def crop(self) -> Crop:
        """The face crop in the movie's frame."""
        crop = self.refiner.track.crop
        return crop if self.placement == Placement() else self.placement.crop(crop)

    def shares_picture_of(self, other: OpenPerson) -> bool:
        """Return whether both are from one clip and stay in their places."""
        clips = [each.subject.info.clip for each in (self, other)]
        digests = {None if clip is None else clip.sha256 for clip in clips}
        return len(digests) == 1 and None not in digests and self.placement == Placement()

    def frames(self, layer: Layer) -> Generator[Picture, None, None]:
        """Yield the person's own finished frames."""
        shot = self.wanted.shot
        return self.refiner.composites(shot.renders, shot.match, CropCache(shot.crops / self.subject.key), layer)

    def plate(self, frame: int) -> Picture:
        """Return the plate of a frame with the head in its pose."""
        return self.refiner.plate(self.wanted.shot.match, frame, None).picture


@contextmanager
def open_people(wanted: Sequence[PersonInShot]) -> Iterator[PeopleInShot]:
    """Open the people of a shot, the first of whom gives the frame.

    Raises InputError where the consent of one does not cover the shot, and where their renders do not fit together.
    """
    subjects = [_subject_of(each) for each in wanted]
    counts = {len(each.shot.renders) for each in wanted}
    if len(counts) > 1:
        raise InputError(f"The people of the shot have {' and '.join(map(str, sorted(counts)))} frames; render the "
                         "shot again.")
    with ExitStack() as stack:
        refiners = [shot_refiner.open_shot_refiner(each.subject) for each in wanted[:shot_refiner.MAX_OPEN]]
        refiners += [stack.enter_context(closing(ShotRefiner.open(subject)))
                     for subject in subjects[shot_refiner.MAX_OPEN:]]
        yield PeopleInShot([OpenPerson(*each) for each in zip(wanted, subjects, refiners)])


def _subject_of(person: PersonInShot) -> Subject:
    """Return the subject; raises InputError where its consent or the renders do not allow the shot."""
    count = len(person.shot.renders)
    if count != len(person.shot.match.plate):
        raise InputError(f"There are {count} renders for {len(person.shot.match.plate)} plates; render the shot again.")
    return Subject.open_for(person.subject, person.settings.use)


class PeopleInShot:
    """The people of a shot, the first of whom gives the frame."""

    def __init__(self, people: Sequence[OpenPerson]):
        """Take the open people; there is at least one."""
        self._people, self.notes = people, list[str]()

    @property
    def camera(self) -> Camera:
        """The camera of the movie."""
        return self._people[0].refiner.track.camera

    def content(self, settings: RefineSettings) -> MovieContent:
        """Return what the movie has besides its frames: the voices, the faces and the sources of all."""
        sources = [SoundtrackSource(each.wanted.speech, each.wanted.settings.speech_from_seconds,
                                    each.wanted.settings.speech_range) for each in self._people if each.wanted.speech]
        return MovieContent(self.camera, [each.crop for each in self._people],
                            MixedSoundtrack(tuple(sources)) if sources else None, self._provenance(settings))

    def _provenance(self, settings: RefineSettings) -> Provenance:
        """Return what the movie says about how it was made."""
        if len(self._people) == 1:
            only = self._people[0]
            return provenance_of(only.subject, only.name, settings, only.wanted.speech)
        return provenance_of_people([(each.subject, each.wanted.settings.use, each.wanted.speech)
                                     for each in self._people], settings)

    def frames(self, layer: Layer) -> Generator[Picture, None, None]:
        """Yield the finished frames (H, W, 3); of the layer "face", with the alpha of the faces (H, W, 4).

        Raises InputError where the pictures cannot be one.
        """
        first = self._people[0]
        together = [first, *(each for each in self._people[1:] if each.shares_picture_of(first))]
        together.sort(key=lambda each: each.crop.x + each.crop.size / 2)
        placed = [each for each in self._people if each not in together]
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
        camera, notes = self.camera, self.notes
        first, end = seam_range(left.crop, right.crop)
        if end - first < 2:
            raise InputError(f"{left.name} and {right.name} are too close to each other in the clip to be joined in "
                             "one picture. Render each in a shot of their own.")
        count = len(left.wanted.shot.renders)
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
        camera, placement, match = self.camera, person.placement, person.wanted.shot.match
        behind = placement.placed(background, camera.width, camera.height)

        def join(number: int, picture: Picture, other: Picture) -> Picture:
            coarse = person.refiner.person_alpha(match, number)
            alpha = placement.placed(outline(coarse, np.ascontiguousarray(other[..., :3])), camera.width, camera.height)
            moved = placement.placed(other, camera.width, camera.height)
            colours = over_frame(picture[..., :3], moved[..., :3], alpha, behind)
            if picture.shape[2] == 3:
                return colours
            below = np.rint(picture[..., 3] * (1 - alpha)).astype(np.uint8)
            return np.dstack([colours, np.maximum(below, moved[..., 3])])

        return join

    def _require_apart(self, person: OpenPerson, others: Sequence[OpenPerson]) -> None:
        """Raise InputError where a face lies over another one."""
        for other in others:
            one, two = person.crop, other.crop
            bigger = (one.size - two.size) / 2
            if max(abs(one.x - two.x + bigger), abs(one.y - two.y + bigger)) < FACES_APART * (one.size + two.size) / 2:
                raise InputError(f"{person.name} would cover {other.name} in the picture. Open both in Blender, and "
                                 f"move the empty of {person.name} in the camera view.")
