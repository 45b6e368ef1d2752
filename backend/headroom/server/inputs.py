"""The inputs of each kind of job: blobs by the SHA-256 of their content, and folders of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from headroom.common.errors import InputError
from headroom.common.settings import PersonSettings, UseSettings
from headroom.server import trees
from headroom.server.results import Sha

if TYPE_CHECKING:
    from typing import Self  # from Python 3.11 on


def _checked_tree(tree: dict[str, str]) -> dict[str, str]:
    """Return `tree` if all of its paths are safe to write; pydantic wants a ValueError otherwise."""
    try:
        return trees.check_tree(tree)
    except InputError as error:
        raise ValueError(str(error)) from error


Tree = Annotated[
    dict[str, Sha],
    AfterValidator(_checked_tree),
    Field(min_length=1, description="a folder: relative path with / between its parts -> blob"),
]
FileName = Annotated[str, Field(max_length=1000, description="the file's name at the client; its last part is used")]
Renders = Annotated[list[Sha | None], Field(
    min_length=1, description="RGBA PNG pictures in the order of their frames; null for a frame that is drawn from its "
    "mesh, with the subject's albedo and light")]
Meshes = Annotated[list[Sha | None], Field(
    description="npy (V, 3) float32 for each render: the vertices that it shows, millimetres in camera axes; null for "
    "a render whose mesh is not that of the face model; empty for no meshes")]


class Strict(BaseModel):
    """Base of what a client sends: immutable, unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Inputs(Strict):
    """Base of the inputs of a job."""

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return []

    def subjects(self) -> list[trees.Tree]:
        """Return the subjects of all people."""
        return []


class LearnInputs(Inputs):
    """The clip or photo to learn a person from."""

    clip: Sha
    clip_name: FileName = "clip.mp4"

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [self.clip]


class SpeechInputs(Inputs):
    """Base of the inputs with speech."""

    speech: Sha
    speech_name: FileName = "speech.wav"

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [self.speech]


class OtherSpeakerInputs(SpeechInputs):
    """The speech of another person in the shot, which begins with that of the person who performs."""

    side: Literal["left", "right"] = Field(description="where they are in the picture, seen from that person")


class AlignWordsInputs(SpeechInputs):
    """The speech in which words are found."""


class WriteTrackInputs(SpeechInputs):
    """The file with several audio tracks."""


class SubjectInputs(Inputs):
    """Base of the inputs with a subject."""

    subject: Tree

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [*self.subject.values(), *super().blobs()]

    def subjects(self) -> list[trees.Tree]:
        """Return the subjects of all people."""
        return [self.subject]


class PerformInputs(SubjectInputs, SpeechInputs):
    """The subject, and the speech that it performs.

    others: who else speaks in the shot. The person listens to them, and the speech may be silent.
    """

    others: list[OtherSpeakerInputs] = []

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [*super().blobs(), *(each.speech for each in self.others)]


class MatchPlatesInputs(SubjectInputs):
    """The subject whose plates are matched, and the poses to match them to."""

    poses: Sha = Field(
        description="npz with fps, rotation (T, 3), translation (T, 3) and, where frames keep the position of an "
        "earlier match, fixed_positions (T,): that position, NaN for a frame that is matched anew"
    )

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [*super().blobs(), self.poses]


class SpeakerInputs(SubjectInputs):
    """The subject and the speech of a person in a movie."""

    speech: Sha | None = None
    speech_name: FileName = "speech.wav"

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [*super().blobs(), *filter(None, [self.speech])]


class ShotInputs(SubjectInputs):
    """Base of the inputs with the renders of neighbouring frames and their match."""

    renders: Renders
    meshes: Meshes = []
    match: Sha = Field(description="npz that a match_plates job returned for the whole shot")

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [*super().blobs(), *filter(None, [*self.renders, *self.meshes]), self.match]


class PersonInputs(ShotInputs, SpeakerInputs):
    """The renders of a person in a whole shot, with their match and speech."""


class OtherPerson(SubjectInputs):
    """Base of the inputs of another person in the same frames."""

    settings: PersonSettings = PersonSettings()


Other = TypeVar("Other", bound=OtherPerson)


class PeopleInputs(SubjectInputs, Generic[Other]):
    """Base of the inputs with more people in the same frames."""

    others: list[Other] = []

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [*super().blobs(), *(sha for each in self.others for sha in each.blobs())]

    def subjects(self) -> list[trees.Tree]:
        """Return the subjects of all people."""
        return [*super().subjects(), *(each.subject for each in self.others)]

    def people(self, settings: UseSettings) -> list[tuple[Self | Other, PersonSettings]]:
        """Return the inputs and the settings of all people, first those of the one who gives the frame."""
        return [(self, PersonSettings.of(settings)), *((each, each.settings) for each in self.others)]


class OtherPersonInputs(OtherPerson, PersonInputs):
    """Another person in the same frames."""


class RefineInputs(PeopleInputs[OtherPersonInputs], PersonInputs):
    """The renders of a whole shot with its match and its speech.

    others: more people in its frames.
    """


class RefineFramesInputs(ShotInputs):
    """The renders of some neighbouring frames of a shot."""


class OtherPersonInChunk(OtherPerson, ShotInputs):
    """Another person in the same frames."""


class RefineChunkInputs(PeopleInputs[OtherPersonInChunk], ShotInputs):
    """The renders of some neighbouring frames of a shot.

    others: more people in its frames.
    """


class OtherPersonInMovie(OtherPerson, SpeakerInputs):
    """Another person in the same frames."""


class JoinChunksInputs(PeopleInputs[OtherPersonInMovie], SpeakerInputs):
    """The finished frames of a whole shot with its speech.

    others: more people in its frames.
    """

    chunks: list[Sha] = Field(min_length=1, description="what refine_chunk jobs returned, in the order of their frames")

    def blobs(self) -> list[str]:
        """Return the blobs that the inputs name."""
        return [*super().blobs(), *self.chunks]
