"""The command line `headroom`. Heavy modules are imported inside the commands, so that --help answers at once."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from headroom import __version__
from headroom.cli.commands.export import export
from headroom.cli.commands.model import app as model
from headroom.cli.commands.train_regressor import train_regressor
from headroom.cli.commands.train_weights import train_motion, train_refiner
from headroom.cli.commands.upgrade import upgrade
from headroom.cli.console import (
    EXIT_CANCELLED,
    EXIT_FAILED,
    exit_code_of,
    native_logs_dropped,
    out,
    progress_bar,
    require_file_later,
    require_folder_later,
    say_notes,
)
from headroom.common.device import DEVICE_VARIABLE as DEVICE_VARIABLE
from headroom.common.errors import Cancelled

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["-h", "--help"]},
                  help="A short video of a person and a speech recording in, an editable performance and a shot out.")

app.add_typer(model, name="model")
train = typer.Typer(no_args_is_help=True, help="Train the general weights that `learn` begins from.")
app.add_typer(train, name="train")


class Device(str, Enum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Preset(str, Enum):
    draft = "draft"
    standard = "standard"
    paper = "paper"


class Pose(str, Enum):
    predicted = "predicted"
    replayed = "replayed"


class Albedo(str, Enum):
    low = "low"
    frame = "frame"
    clip = "clip"


ClipArgument = Annotated[Path, typer.Argument(help="Video of one person speaking.", show_default=False)]
ClipOrPhotoArgument = Annotated[Path, typer.Argument(help="Video of one person speaking, or one photo.",
                                                     show_default=False)]
SubjectArgument = Annotated[Path, typer.Argument(help="Folder that `learn` wrote.", show_default=False)]
SpeechArgument = Annotated[Path, typer.Argument(help="Any recording of speech, or a video with one.",
                                                show_default=False)]
PresetOption = Annotated[Preset, typer.Option(help="How long to learn: minutes, most of an hour, or as the paper.")]
AlbedoOption = Annotated[Albedo, typer.Option(help="The skin's texture: the model's alone, from the one most neutral "
                                                   "frame as in the paper, or from the whole clip.")]
FromOption = Annotated[float | None, typer.Option("--from", help="Where to begin in the clip, seconds.", min=0)]
ToOption = Annotated[float | None, typer.Option("--to", help="Where to end.", min=0)]
FaceModelOption = Annotated[Path | None, typer.Option(help="Model of `model import` instead of the bundled one.")]
ArcFaceOption = Annotated[Path | None, typer.Option(help="Published ArcFace: the refiner hears who each frame shows.")]
ResNetOption = Annotated[Path | None, typer.Option(help="Published ResNet-18, for the memory that --arcface needs.")]
RegressorOption = Annotated[Path | None, typer.Option(
    help="Network that reads frames without landmarks, instead of the bundled one: of `train regressor`, or the "
         "published R-Net's epoch_20.pth beside an imported Basel Face Model 2009.")]
SeedOption = Annotated[int, typer.Option(help="Another number gives another head motion.")]
ControlOption = Annotated[list[str], typer.Option(
    "--control", metavar="NAME=VALUE", default_factory=list, show_default=False,
    help="How the prediction is played; again for each. Head, mouth or upper (brows and lids) with gain, lag and "
         "smoothing in seconds, e.g. mouth.gain=1.2; head.hold=1 holds the head still; head.pitch, yaw, roll in "
         "degrees, head.x, y, z in mm, mouth.open, upper.lids, upper.brows and the gaze, upper.left and upper.up in "
         "tens of degrees, are added.")]
PoseOption = Annotated[Pose, typer.Option(help="The head's motion: predicted, or replayed from the clip.")]


@app.callback(invoke_without_command=True)
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    device: Annotated[Device, typer.Option(envvar=DEVICE_VARIABLE, help="What the networks run on; auto is a GPU where "
                                                                        "there is one.")] = Device.auto,
) -> None:
    os.environ[DEVICE_VARIABLE] = device.value  # for the processes that a command starts as well
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def learn(
    clip: ClipOrPhotoArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write the subject to.")],
    preset: PresetOption = Preset.draft,
    from_seconds: FromOption = None,
    to_seconds: ToOption = None,
    albedo: AlbedoOption = Albedo.clip,
    resolution: Annotated[int, typer.Option(help="Pixels across the face crop: 256, or 512 with more time.")] = 256,
    name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    consent: Annotated[str | None, typer.Option(help='Who agreed and when, e.g. "A. Person, 2 May".')] = None,
    face_model: FaceModelOption = None,
    arcface: ArcFaceOption = None,
    resnet18: ResNetOption = None,
    regressor: RegressorOption = None,
) -> None:
    """Learn a person from a clip, or from one photo."""
    require_folder_later(output)
    if consent is None:
        out.print("The person shown must have agreed to this use; say who agreed with --consent.", markup=False)
    from headroom import pipeline
    from headroom.common.settings import LearnSettings
    from headroom.subject.networks import NetworkFiles
    from headroom.subject.refiner_training import require_resolution

    require_resolution(resolution)
    settings = LearnSettings.model_validate({
        "preset": preset.value, "albedo": albedo.value, "resolution": resolution, "from_seconds": from_seconds,
        "to_seconds": to_seconds, "name": name, "consent": consent})
    networks = NetworkFiles(face_model=face_model, regressor=regressor, arcface=arcface, resnet18=resnet18)
    with progress_bar() as progress:
        notes = pipeline.learn(clip, output, settings, networks, progress=progress)
    say_notes(notes)
    out.print(f"Learned {output}", markup=False)


app.command()(upgrade)


@app.command()
def track(
    clip: ClipArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Track to write, .npz.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="Movie that shows the track over the clip, .mp4.")] = None,
    from_seconds: FromOption = None,
    to_seconds: ToOption = None,
    albedo: AlbedoOption = Albedo.clip,
    face_model: FaceModelOption = None,
    regressor: RegressorOption = None,
) -> None:
    """Track a clip without learning the person, and say how well it went."""
    for path, suffix in ((output, ".npz"), (overlay, ".mp4")):
        if path:
            require_file_later(path, suffix)
    from headroom.cli.tables import print_track
    from headroom.evaluation import track_report
    from headroom.subject.networks import NetworkFiles

    networks = NetworkFiles(face_model=face_model, regressor=regressor)
    options = track_report.TrackOptions(from_seconds, to_seconds, albedo.value, networks)
    with progress_bar() as progress:
        figures, notes = track_report.track(clip, track_report.TrackFiles(output, overlay), options, progress=progress)
    print_track(out, clip.name, figures)
    say_notes(notes)
    for path in filter(None, (output, overlay)):
        out.print(f"Wrote {path}", markup=False)


@app.command()
def perform(
    subject: SubjectArgument,
    speech: SpeechArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Performance to write, .npz.")],
    control: ControlOption,
    seed: SeedOption = 0,
    pose: PoseOption = Pose.predicted,
) -> None:
    """Predict expression and head motion from speech."""
    require_file_later(output, ".npz")
    from headroom import pipeline
    from headroom.common.settings import PerformSettings

    settings = PerformSettings(seed=seed, pose=pose.value)
    with progress_bar() as progress:
        performance, notes = pipeline.perform(subject, speech, settings, controls=control, progress=progress)
    performance.save(output)
    say_notes(notes)
    out.print(f"Wrote {output}: {performance.seconds:.2f} s at {performance.fps:g} fps", markup=False)


@app.command()
def shot(
    subject: SubjectArgument,
    speech: SpeechArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Movie to write, .mp4.")],
    control: ControlOption,
    blend: Annotated[Path | None, typer.Option(help="Also save the editable scene, .blend.")] = None,
    performance: Annotated[Path | None, typer.Option(help="Use this performance instead of predicting one.")] = None,
    seed: SeedOption = 0,
    plate_fit: Annotated[float, typer.Option(help="0 keeps the head's motion, 1 takes the plate's.", min=0,
                                             max=1)] = 0.0,
    pose: PoseOption = Pose.predicted,
) -> None:
    """Make a finished shot in Blender: the person says the speech, full frame."""
    require_file_later(output, ".mp4")
    if blend:
        require_file_later(blend, ".blend")
    from headroom.cli import blender

    with progress_bar() as progress:
        result = blender.make_shot(subject, speech, output, blend=blend, performance=performance, seed=seed,
                                   plate_fit=plate_fit, controls=control, pose=pose.value, progress=progress)
    say_notes(result.get("notes", []))
    out.print(f"Wrote {output}: {result['frames']} frames", markup=False)
    if blend:
        out.print(f"Wrote {blend}", markup=False)


@app.command()
def evaluate(
    clip: ClipArgument,
    train_seconds: Annotated[float, typer.Option(help="Learn from this much; work on the rest.", min=2)] = 12.0,
    preset: PresetOption = Preset.draft,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")] = None,
    save: Annotated[Path | None, typer.Option(help="Folder for truth, reconstruction and prediction .mp4.")] = None,
    face_model: FaceModelOption = None,
) -> None:
    """Learn from the first seconds of a clip and measure what comes out for the rest."""
    if json_file:
        require_file_later(json_file, ".json")
    if save:
        require_folder_later(save)
    from headroom.cli.tables import print_evaluation
    from headroom.common.files import atomic_write
    from headroom.evaluation.evaluate import evaluate as run

    with progress_bar() as progress:
        figures = run(clip, train_seconds=train_seconds, save=save, preset=preset.value, face_model=face_model,
                      progress=progress).to_dict()
    print_evaluation(out, figures)
    if json_file:
        with atomic_write(json_file) as temporary:
            temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


app.command()(export)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for everything made.")] = Path("headroom-demo"),
) -> None:
    """Run everything on the bundled sample: learn, perform, shot."""
    require_folder_later(output)
    from headroom.cli.demo import run

    with progress_bar() as progress:
        made = run(output, progress=progress)
    for path in made:
        out.print(f"Wrote {path}", markup=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 0,
    exit_with_parent: Annotated[int | None, typer.Option(help="Stop when this process has gone.",
                                                         metavar="PID")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for jobs and files.")] = None,
) -> None:
    """Serve the Blender add-on over HTTP. The first line printed is {"url", "token", "pid"}."""
    from headroom.server.serve import serve as run

    run(host=host, port=port, data_dir=data, exit_with_parent=exit_with_parent)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Say what is installed, what is missing and what to do about it."""
    from headroom.cli.doctor import examine
    from headroom.cli.tables import print_findings

    findings = examine()
    if as_json:
        print(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        print_findings(out, findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_FAILED)


@train.command("phones")
def take_phones(
    folder: Annotated[Path, typer.Argument(help="Sphinx acoustic model: means, variances, sendump.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Phone model to write, .npz.")],
) -> None:
    """Take the phones that motion is learnt from out of an acoustic model."""
    require_file_later(output, ".npz")
    from headroom.motion.audio.sphinx import read_phone_model

    read_phone_model(folder).save(output)
    out.print(f"Wrote {output}", markup=False)


train.command("motion")(train_motion)
train.command("refiner")(train_refiner)
train.command("regressor")(train_regressor)


def main() -> None:
    """Run one command; errors become one sentence and an exit code, Ctrl-C becomes 130."""
    signal.signal(signal.SIGTERM, _interrupt)
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]  # allowed anywhere
    quiet = nullcontext() if debug or "serve" in arguments[:1] else native_logs_dropped()
    with quiet:
        code = _run(arguments, debug)
    sys.exit(code)


def _run(arguments: list[str], debug: bool) -> int:
    try:
        code = app(arguments, prog_name="headroom", standalone_mode=False)
        if code == EXIT_CANCELLED:  # typer turns Ctrl-C into this
            code = exit_code_of(Cancelled(), debug)
    except typer.Exit as end:
        code = end.exit_code
    except (Exception, KeyboardInterrupt) as error:
        code = _usage_error(error)
        code = exit_code_of(error, debug) if code is None else code
    return code or 0


def _usage_error(error: BaseException) -> int | None:
    """Print what typer says of a mistyped command; None for any other error."""
    show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if show is None or code is None:
        return None
    show()
    return int(code)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
