"""The settings of each pipeline function: one definition for the pipeline, the command line and the HTTP API."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

from headroom.common.choices import Albedo, ChosenResolution, HeadPose, Layer, MovieEnding, Preset, Resolution

__all__ = ["HAS_AGREED", "Albedo", "AlignWordsSettings", "CheckSettings", "EvaluateSettings", "HeadPose",
           "JoinChunksSettings", "LearnSettings", "MatchSettings", "PerformSettings", "PersonSettings",
           "Preset", "RefineChunkSettings", "RefineFramesSettings", "RefineSettings", "Resolution",
           "Settings", "WriteTrackSettings"]

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]

HAS_AGREED = "The person shown has agreed to this use."
"""The consent statement that a ticked box stands for."""


class Settings(BaseModel):
    """Base of the settings: immutable, unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AudioTrack = Annotated[int | None, Field(
    default=None, ge=1, description="number of the file's audio track; null is the first with sound")]


class LearnSettings(Settings):
    """How a person is learned from a clip or a photo."""

    preset: Preset = Field(default="draft", description="how long the refiner is trained")
    budget_minutes: float | None = Field(
        default=None, gt=0, le=100_000, description="minutes to train the refiner, instead of the preset's steps")
    albedo: Albedo = Field(
        default="clip", description="the skin's texture: the face model's, from one frame, or from the whole clip")
    resolution: ChosenResolution = Field(
        default="auto", description="side of the face crop, pixels; auto goes by the size of the face")
    from_seconds: Seconds | None = Field(default=None, description="start of the part to learn from; null is the start")
    to_seconds: Seconds | None = Field(default=None, description="end of that part; null is the clip's end")
    audio_track: AudioTrack = None
    face: int = Field(
        default=0, ge=0, description="number of the person from the left, where there are several; 0 is the only one")
    name: str | None = Field(default=None, description="the person's name; null is the clip's file name")
    consent: str | None = Field(
        default=None, description="how and when the person agreed; true says only that they agreed")
    consent_who: str = Field(default="", description="who agreed, if the statement does not say it")
    consent_uses: tuple[str, ...] | None = Field(default=None, description="the uses agreed to; null is every use")
    consent_until: date | None = Field(default=None, description="the last day of the consent; null is without an end")

    @field_validator("consent", mode="before", json_schema_input_type=str | bool | None)
    @classmethod
    def _statement(cls, value: object) -> object:
        """Return the statement to store: `true` says no more than that the person agreed."""
        if isinstance(value, bool):
            return HAS_AGREED if value else None
        return value or None


class CheckSettings(Settings):
    """Which part of a clip, and which person in it, is checked before learning."""

    from_seconds: Seconds | None = Field(default=None, description="start of the part to check; null is the start")
    to_seconds: Seconds | None = Field(default=None, description="end of that part; null is the clip's end")
    audio_track: AudioTrack = None
    face: int = Field(default=0, ge=0, description="number of the person from the left; 0 is the largest face")


class EvaluateSettings(Settings):
    """How a clip is remade and measured."""

    train_seconds: float = Field(
        default=12.0, ge=2, le=1e6, description="learn the person from this many seconds, and measure on the rest")
    preset: Preset = Field(default="draft", description="how long the refiner is trained")
    movies: bool = Field(default=False, description="also return the truth, the reconstruction and the prediction")


class UseSettings(Settings):
    """Base of the settings for making something of a subject."""

    use: str = Field(default="", description="what the result is for, where the consent names the uses it covers")


class PictureSettings(UseSettings):
    """Base of the settings for finished pictures."""

    label: str = Field(default="", max_length=200, description="text in the top left corner of every picture, such as "
                       "AI-generated; empty is none")


Transcript = Annotated[str, Field(max_length=200_000, description="the words of the speech, in their order")]


class PerformSettings(UseSettings):
    """How a performance is predicted from speech."""

    seed: int = Field(default=0, ge=0, description="another seed gives another take")
    pose: HeadPose = Field(default="predicted", description="the head's motion: from the speech, or the clip's own")
    audio_track: AudioTrack = None
    transcript: Transcript | None = None


class AlignWordsSettings(Settings):
    """How words are found in speech."""

    transcript: Transcript
    audio_track: AudioTrack = None


class WriteTrackSettings(Settings):
    """Which audio track of a file is written."""

    audio_track: int = Field(ge=1, description="number of the file's audio track")


class MatchSettings(UseSettings):
    """How plates are matched to a head motion."""

    plate_fit: float = Field(
        default=0.0, ge=0, le=1, description="0 keeps the head motion and warps the plates, 1 takes the plates' poses")


class SpeechSettings(UseSettings):
    """Base of the settings for the speech of one person in a movie."""

    speech_from_seconds: FiniteFloat = Field(
        default=0.0, description="time in the speech at the first frame; negative where the speech starts later")
    speech_range: tuple[FiniteFloat, FiniteFloat] | None = Field(
        default=None, description="start and end of the part of the speech that is heard, seconds; null is all of it")


class PersonSettings(SpeechSettings):
    """Another person in the frames of a shot.

    Where the person is from the same clip and stays in place, both pictures are joined beside the people. Otherwise
    the person is cut out of their clip.
    """

    scale: float = Field(default=1.0, gt=0, le=100, description="pixels of the movie per pixel of the person's clip")
    x: FiniteFloat = Field(default=0.0, description="where the left side of the person's frame is in the movie, pixels")
    y: FiniteFloat = Field(default=0.0, description="where its upper side is, pixels")

    @staticmethod
    def of(settings: UseSettings) -> PersonSettings:
        """Return the settings of the person who gives the frame."""
        return PersonSettings(**settings.model_dump(include=set(SpeechSettings.model_fields)))


class RefineSettings(PictureSettings, SpeechSettings):
    """How a finished movie is made from renders."""

    fps: float = Field(gt=0, allow_inf_nan=False)
    ending: MovieEnding = Field(default=".mp4", description="kind of the movie; .png gives a zip file of pictures")
    layer: Layer = Field(default="frame", description="the finished frame, or the face alone with alpha (.mov, .png)")


First = Annotated[int, Field(ge=0, description="frame of the match, counted from 0, that the first render shows")]
Context = Annotated[int, Field(
    ge=0, description="number of leading renders that only give the following frames their context: two, or all that "
    "the shot has before them")]


class RefineFramesSettings(PictureSettings):
    """Which frames of a shot are refined before the movie is made."""

    first: First
    context: Context
    compare: bool = Field(default=False, description="also return a before and after picture of each frame")


class RefineChunkSettings(UseSettings):
    """Which frames of a shot are finished, to be joined with others."""

    first: First
    context: Context
    layer: Layer = Field(default="frame", description="the finished frame, or the face alone with alpha")


class JoinChunksSettings(RefineSettings):
    """How a finished movie is made from chunks of finished frames."""

    frames: int = Field(ge=1, description="of the whole shot")
