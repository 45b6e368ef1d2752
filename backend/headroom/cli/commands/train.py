"""Commands for the general weights that `learn` starts from: train corpus, motion, refiner, speech-encoder, …."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import EXIT_FAILED, out, print_notes, progress_bar, resumable
from headroom.cli.options import SchedulerOption, require_one_choice
from headroom.common.choices import Resolution, TrainingMethod
from headroom.common.outputs import require_output_file, require_output_folder

app = typer.Typer(no_args_is_help=True, help="Train the general weights that `learn` starts from.")

DatasetsArgument = Annotated[list[Path], typer.Argument(
    help="Clips of one person speaking each, folders of them, or LRW.", metavar="DATASET...")]
MotionDatasetsArgument = Annotated[list[Path], typer.Argument(
    help="Clips of one person speaking each, folders of them, or LRW; or what `train corpus` wrote.",
    metavar="DATASET...")]
OutputOption = Annotated[Path, typer.Option("-o", "--output", help="Weights to write, .safetensors.")]
MethodOption = Annotated[TrainingMethod, typer.Option("--preset", help="Headroom's, or the paper's network and loss.")]
StepsOption = Annotated[int | None, typer.Option(help="Steps of each network.", min=1)]
CacheOption = Annotated[Path | None, typer.Option(help="Folder that stores tracked clips.")]
CheckpointOption = Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Resume from the checkpoint beside the output.")]
TensorBoardOption = Annotated[Path | None, typer.Option(help="Folder for TensorBoard's curves.")]


@app.command("speech-encoder")
def train_speech_encoder(
    source: Annotated[Path, typer.Argument(help="Whisper: a package or folder with CTranslate2's model.bin, that file, "
                                                "OpenAI's .pt, or a .safetensors file of the transformers library.")],
    output: OutputOption,
    layers: Annotated[int, typer.Option(help="Layers of the encoder to keep.", min=1)] = 2,
    speech: Annotated[list[Path] | None, typer.Option(help="Clips or folders of clips; the encoder's vectors are "
                                                           "projected on the main components of their speech.")] = None,
    components: Annotated[int, typer.Option(help="Number of components.", min=1)] = 64,
) -> None:
    """Extract the first layers of Whisper's encoder, which motion is learned from."""
    require_output_file(output, ".safetensors", inputs=[source])
    from headroom.motion.audio.encoder_file import extract_encoder, write_file
    from headroom.training.corpus import find_clips
    from headroom.training.encoder_components import clip_sounds, with_components

    clips = find_clips(speech or [])
    encoder = extract_encoder(source, layers)
    if clips:
        with progress_bar() as progress:
            encoder = with_components(encoder, clip_sounds(clips, progress), components)
    write_file(output, encoder)
    out.print(f"Wrote {output}", markup=False)


@app.command("image-features")
def train_image_features(
    source: Annotated[Path, typer.Argument(help="MobileNetV2: a package or folder with torchvision's "
                                                "mobilenet_v2-….pth, or that file.")],
    output: OutputOption,
) -> None:
    """Extract the first blocks of MobileNetV2, which tell how alike two pictures look."""
    require_output_file(output, ".safetensors", inputs=[source])
    from headroom.common.networks.image_features_file import extract_image_features, write_file

    write_file(output, extract_image_features(source))
    out.print(f"Wrote {output}", markup=False)


@app.command("phones")
def train_phones(
    folder: Annotated[Path, typer.Argument(help="Sphinx acoustic model: means, variances, sendump.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Phone model to write, .npz.")],
) -> None:
    """Convert an acoustic model to the phone model that tells which sounds a speech has."""
    require_output_file(output, ".npz")
    from headroom.motion.audio.sphinx import read_phone_model

    read_phone_model(folder).save(output)
    out.print(f"Wrote {output}", markup=False)


@app.command("corpus")
def train_corpus(
    datasets: DatasetsArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the corpus to write or to add to.")],
    method: MethodOption = "general",
    jobs: Annotated[int, typer.Option(help="Shards that are prepared at the same time on this machine.", min=1,
                                      max=1024)] = 1,
    scheduler: SchedulerOption = "",
    clips_per_shard: Annotated[int, typer.Option(help="Clips in a shard, which is done again after an interruption.",
                                                 min=1, max=100_000)] = 200,
) -> None:
    """Prepare clips for `train motion`: track them and encode their speech once, on one machine or many.

    A corpus that was interrupted goes on when the same command is run again.
    """
    require_output_folder(output, inputs=datasets)
    require_one_choice(scheduler, jobs)
    from headroom.cli.corpus import prepare_shards
    from headroom.cli.dask_workers import open_workers
    from headroom.cli.tables import print_corpus
    from headroom.face.model import bundled_model
    from headroom.training.runs import MOTION_PRESETS
    from headroom.training.shards.plan import open_corpus, plan_shards
    from headroom.training.shards.report import write_report

    config = MOTION_PRESETS[method]
    corpus = open_corpus(output.absolute(), bundled_model(), config, clips_per_shard)
    with resumable(), progress_bar() as progress:
        plan_shards(corpus, datasets, progress)
        with open_workers(scheduler, jobs) as client:
            failures = prepare_shards(client, corpus, config, progress)
    statistics = write_report(corpus)
    print_corpus(out, statistics)
    print_notes(failures)
    out.print(f"Wrote {output}", markup=False)
    if failures:
        raise typer.Exit(EXIT_FAILED)


@app.command("motion")
def train_motion(
    datasets: MotionDatasetsArgument,
    output: OutputOption,
    method: MethodOption = "general",
    steps: StepsOption = None,
    cache: CacheOption = None,
    checkpoint_every: CheckpointOption = 100,
    resume: ResumeOption = False,
    tensorboard: TensorBoardOption = None,
) -> None:
    """Train the general motion weights that `learn` starts from; under torchrun in several processes."""
    require_output_file(output, ".safetensors", inputs=datasets)
    for folder in filter(None, (cache, tensorboard)):
        require_output_folder(folder)
    from headroom.training.runs import TrainingRun, train_motion_weights

    run = TrainingRun(datasets, output, cache or _track_cache(), steps, checkpoint_every, resume, tensorboard)
    with progress_bar() as progress:
        notes = train_motion_weights(run, method, progress=progress)
    _print_result(notes, output)


@app.command("refiner")
def train_refiner(
    datasets: DatasetsArgument,
    output: OutputOption,
    method: MethodOption = "general",
    resolution: Annotated[Resolution, typer.Option(help="Side of a crop, pixels.")] = 256,
    steps: StepsOption = None,
    cache: CacheOption = None,
    checkpoint_every: CheckpointOption = 500,
    resume: ResumeOption = False,
    tensorboard: TensorBoardOption = None,
) -> None:
    """Train the general refiner that `learn` starts from; under torchrun in several processes."""
    require_output_file(output, ".safetensors", inputs=datasets)
    for folder in filter(None, (cache, tensorboard)):
        require_output_folder(folder)
    from headroom.training.runs import TrainingRun, train_refiner_weights

    run = TrainingRun(datasets, output, cache or _track_cache(), steps, checkpoint_every, resume, tensorboard)
    with progress_bar() as progress:
        notes = train_refiner_weights(run, method, resolution, progress=progress)
    _print_result(notes, output)


@app.command("regressor")
def train_regressor(
    clips: Annotated[list[Path], typer.Argument(help="Videos and photos of different people, one of each person.")],
    output: OutputOption,
    initial: Annotated[Path | None, typer.Option(help="Weights that this command wrote, to start from.")] = None,
    arcface: Annotated[Path | None, typer.Option(help="ArcFace network published for PyTorch; adds a loss for the "
                                                      "likeness of rendered and photographed faces.")] = None,
) -> None:
    """Train the network that estimates the bundled face model's coefficients from one picture."""
    require_output_file(output, ".safetensors", inputs=[*clips, initial, arcface])
    from headroom.common.networks.arcface import load_arcface
    from headroom.face.model import bundled_model
    from headroom.track.regressor import train
    from headroom.track.regressor.network import Regressor
    from headroom.training.corpus import CorpusClip, require_not_held_out

    require_not_held_out([CorpusClip(path) for path in clips])
    model = bundled_model()
    start = Regressor.load(initial, model) if initial else None
    identity_network = load_arcface(arcface) if arcface else None
    with progress_bar() as progress:
        regressor = train.train_regressor(clips, model, progress=progress, initial=start, arcface=identity_network)
    regressor.save(output, model)
    out.print(f"Wrote {output}", markup=False)


def _track_cache() -> Path:
    from headroom.common.paths import cache_folder

    return cache_folder() / "tracks"


def _print_result(notes: list[str] | None, output: Path) -> None:
    """Print which clips were left out and what was written; notes are None in all processes but the main one."""
    if notes is not None:
        print_notes(notes)
        out.print(f"Wrote {output}", markup=False)
