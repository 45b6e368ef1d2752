"""What each kind of job returns. Files are named by the SHA-256 of their content."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of a file's bytes, and its name as a blob")]
Notes = Annotated[list[str], Field(description="what the user should know, one sentence each")]


class Result(BaseModel):
    """Base of the results: immutable."""

    model_config = ConfigDict(frozen=True)

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return []


class LearnResult(Result):
    """A learned subject."""

    subject: dict[str, Sha] = Field(description="the subject folder: relative path -> blob")
    notes: Notes

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return list(self.subject.values())


class PerformResult(Result):
    """A predicted performance."""

    performance: Sha = Field(description="performance.npz")
    notes: Notes

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.performance]


class AlignWordsResult(Result):
    """The words of a transcript in speech."""

    spoken: Sha = Field(
        description="npz with word_texts, word_starts, word_ends and word_confidences (K,), and the phones of their "
        "pronunciations under the names of performance.npz"
    )
    notes: Notes

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.spoken]


class WriteTrackResult(Result):
    """An audio track of a file."""

    sound: Sha = Field(description="WAV, 16 bits, 48 kHz, stereo or mono")

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.sound]


class MatchPlatesResult(Result):
    """A plate for each frame of a shot."""

    match: Sha = Field(
        description="npz with plate (T,) int, rotation (T, 3), translation (T, 3), distance (T,) to the nearest plate "
        "in degrees (10 mm count as one), position (T,) in the clip, of which plate is the nearest whole number"
    )

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.match]


class RefineResult(Result):
    """A finished movie."""

    movie: Sha = Field(description="with the speech; where the ending is .png, a zip file with 000000.png and so on")
    frames: int
    notes: Notes = []

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.movie]


class RefineFramesResult(Result):
    """Frames that are ready for the movie."""

    frames: int = Field(description="number of frames asked for, without those that only give context")
    refined: int = Field(description="number of them that were not in the cache")
    pictures: list[Sha] = Field(description="PNG of each frame before and after, side by side; empty unless compare")

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return self.pictures


class RefineChunkResult(Result):
    """Finished frames of a part of a shot."""

    chunk: Sha = Field(description="video without loss and sound, without watermark and label")
    frames: int
    notes: Notes = []

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.chunk]


class EvaluateResult(Result):
    """How well the rest of a clip was remade."""

    figures: Sha = Field(description="JSON as `headroom evaluate --json` writes it")
    movies: dict[str, Sha] = Field(description="file name -> movie of the truth and of what was remade; empty unless "
                                   "asked for")
    notes: Notes

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.figures, *self.movies.values()]


class CheckResult(Result):
    """Whether a clip is good to learn from."""

    usable_seconds: float = Field(description="of the best part without a cut")
    people: int = Field(description="number of people, without bystanders")
    picture: Sha = Field(description="JPEG: of several people a picture with their numbers, otherwise frames in small")
    notes: Notes

    def blobs(self) -> list[str]:
        """Return the blobs that the result names."""
        return [self.picture]


JobResult: TypeAlias = (LearnResult | PerformResult | AlignWordsResult | WriteTrackResult | MatchPlatesResult
                        | RefineResult | RefineFramesResult | RefineChunkResult | EvaluateResult
                        | CheckResult)
