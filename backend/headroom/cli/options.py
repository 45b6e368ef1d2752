"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from headroom.common.choices import Albedo, Engine, HeadPose, Layer, Preset
from headroom.common.errors import InputError

ClipArgument = Annotated[Path, typer.Argument(help="Video of one person speaking.", show_default=False)]
ClipOrPhotoArgument = Annotated[Path, typer.Argument(help="Video of one person speaking, or one photo.",
                                                     show_default=False)]
SubjectArgument = Annotated[Path, typer.Argument(help="Folder that `learn` wrote.", show_default=False)]
SpeechArgument = Annotated[Path, typer.Argument(help="Any recording of speech, or a video with one.",
                                                show_default=False)]
PresetOption = Annotated[Preset, typer.Option(
    help="How long to learn: minutes, several times as long, or as in the paper.")]
BudgetOption = Annotated[float | None, typer.Option(
    "--budget", help="Minutes to train the refiner, instead of the preset's number of steps.", min=0.1,
    max=100_000)]
AlbedoOption = Annotated[Albedo, typer.Option(help="The skin's texture: the face model's, from the most neutral frame "
                                                   "as in the paper, or from the whole clip.")]
FromOption = Annotated[float | None, typer.Option("--from", help="Start of the part of the clip to use, seconds.",
                                                  min=0)]
ToOption = Annotated[float | None, typer.Option("--to", help="End of that part, seconds.", min=0)]
FaceModelOption = Annotated[Path | None, typer.Option(help="Model that `model import` wrote, instead of the bundled "
                                                           "one.")]
RegressorOption = Annotated[Path | None, typer.Option(
    help="Network that estimates frames without landmarks, instead of the bundled one: from `train regressor`, or the "
         "published R-Net's epoch_20.pth with an imported Basel Face Model 2009.")]
ArcFaceOption = Annotated[Path | None, typer.Option(
    help="Published ArcFace network, whose embeddings become the refiner's identity feature.")]
ResNetOption = Annotated[Path | None, typer.Option(help="Published ResNet-18, for the memory that --arcface needs.")]
AudioTrackOption = Annotated[int | None, typer.Option(
    help="Number of the file's audio track; by default the first with sound.", min=1)]
TranscriptOption = Annotated[Path | None, typer.Option(
    help="Text file with what is said; the words are found in the recording and stored, and lips close at its B, M and "
         "P.")]
FaceOption = Annotated[int, typer.Option(
    help="Number of the person from the left, where the clip shows several; 0 is the only one.", min=0)]
SeedOption = Annotated[int, typer.Option(help="Another number gives another head motion.", min=0)]
UseOption = Annotated[str, typer.Option(help="What the result is for, where the consent names the uses it covers.")]
LabelOption = Annotated[str, typer.Option(help="Text in the top left corner of every picture, such as AI-generated.")]
LayerOption = Annotated[Layer, typer.Option(
    help="The finished frame, or the refined face alone with alpha for compositing, as ProRes 4444 .mov or .png.")]
PoseOption = Annotated[HeadPose, typer.Option(help="The head's motion: predicted, or replayed from the clip.")]
EngineOption = Annotated[Engine, typer.Option(help="What draws the head; auto is Eevee where Blender has a graphics "
                                                   "card, otherwise fast.")]
WithOption = Annotated[list[str], typer.Option(
    "--with", metavar="SUBJECT=SPEECH", default_factory=list, show_default=False,
    help="Another person in the picture and what they say, in a file as long as the conversation; may be given several "
         "times.")]
ControlOption = Annotated[list[str], typer.Option(
    "--control", metavar="NAME=VALUE", default_factory=list, show_default=False,
    help="Change of the prediction; may be given several times. head, mouth and upper (brows and lids) have gain, lag "
         "and smoothing in seconds, e.g. mouth.gain=1.2. head.hold=1 holds the head still. These are added to the "
         "motion: head.pitch, yaw, roll in degrees, head.x, y, z in mm, mouth.open, upper.lids, upper.brows, and the "
         "gaze upper.left and upper.up in tens of degrees.")]
SchedulerOption = Annotated[str, typer.Option(
    help="Address of a Dask scheduler, whose workers run the jobs instead.", metavar="ADDRESS")]

S = TypeVar("S")


def people_of(texts: list[str]) -> tuple[tuple[Path, Path], ...]:
    """Return subject and speech of the people given as SUBJECT=SPEECH."""
    pairs = [text.partition("=") for text in texts]
    for text, (subject, _, speech) in zip(texts, pairs):
        if not subject or not speech:
            raise InputError(f"--with names no subject and speech: {text}. Write it like --with ben=ben.wav.")
    return tuple((Path(subject), Path(speech)) for subject, _, speech in pairs)


def settings_of(kind: type[S], **values: Any) -> S:
    """Return settings of a pipeline function; raises InputError for values that its model refuses."""
    from pydantic import ValidationError

    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise InputError(f"The setting {name} cannot be used: {first['msg']}. Correct it.") from error


def require_one_choice(scheduler: str, jobs: int) -> None:
    """Raise InputError where both a scheduler and a number of jobs are given."""
    if scheduler and jobs != 1:
        raise InputError("The workers of the scheduler decide how many jobs run at the same time; leave --jobs out.")
