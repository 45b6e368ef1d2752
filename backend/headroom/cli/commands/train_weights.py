"""`headroom train motion` and `headroom train refiner`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, progress_bar, require_file_later, say_notes


class Method(str, Enum):
    general = "general"
    paper = "paper"


DatasetsArgument = Annotated[list[Path], typer.Argument(
    help="Clips of one person speaking each, folders of them, or LRW.", metavar="DATASET...")]
OutputOption = Annotated[Path, typer.Option("-o", "--output", help="Weights to write, .safetensors.")]
MethodOption = Annotated[Method, typer.Option(help="Ours, or the paper's network and loss.")]
StepsOption = Annotated[int | None, typer.Option(help="Steps of each network.", min=1)]
CacheOption = Annotated[Path | None, typer.Option(help="Folder that keeps tracked clips.")]
EveryOption = Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint beside the output.")]
CurvesOption = Annotated[Path | None, typer.Option(help="Folder for TensorBoard's curves.")]


def train_motion(
    datasets: DatasetsArgument,
    output: OutputOption,
    preset: MethodOption = Method.general,
    steps: StepsOption = None,
    cache: CacheOption = None,
    checkpoint_every: EveryOption = 100,
    resume: ResumeOption = False,
    tensorboard: CurvesOption = None,
) -> None:
    """Train the general motion weights that `learn` begins from; several processes under torchrun."""
    require_file_later(output, ".safetensors")
    from headroom.training.runs import TrainingRun, train_motion_weights

    run = TrainingRun(datasets, output, cache or kept_tracks(), steps, checkpoint_every, resume, tensorboard)
    with progress_bar() as progress:
        notes = train_motion_weights(run, preset.value, progress=progress)
    report(notes, output)


def train_refiner(
    datasets: DatasetsArgument,
    output: OutputOption,
    preset: MethodOption = Method.general,
    resolution: Annotated[int, typer.Option(help="Pixels across a crop: 256 or 512.")] = 256,
    steps: StepsOption = None,
    cache: CacheOption = None,
    checkpoint_every: EveryOption = 500,
    resume: ResumeOption = False,
    tensorboard: CurvesOption = None,
) -> None:
    """Train the general refiner that `learn` begins from; several processes under torchrun."""
    require_file_later(output, ".safetensors")
    from headroom.subject.refiner_training import require_resolution
    from headroom.training.runs import TrainingRun, train_refiner_weights

    require_resolution(resolution)
    run = TrainingRun(datasets, output, cache or kept_tracks(), steps, checkpoint_every, resume, tensorboard)
    with progress_bar() as progress:
        notes = train_refiner_weights(run, preset.value, resolution, progress=progress)
    report(notes, output)


def kept_tracks() -> Path:
    from headroom.common.paths import cache_folder

    return cache_folder() / "tracks"


def report(notes: list[str] | None, output: Path) -> None:
    """What was left out and what was written; a team's other processes say nothing."""
    if notes is not None:
        say_notes(notes)
        out.print(f"Wrote {output}", markup=False)
