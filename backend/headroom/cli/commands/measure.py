"""Commands that measure: check, track, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, print_notes, progress_bar
from headroom.cli.options import (
    AlbedoOption,
    AudioTrackOption,
    ClipArgument,
    FaceModelOption,
    FaceOption,
    FromOption,
    PresetOption,
    RegressorOption,
    ToOption,
)
from headroom.cli.people_picture import people_are_numbered
from headroom.common.outputs import require_output_file, require_output_folder, require_own_files


def check(
    clip: ClipArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Contact sheet to write, .png.")] = None,
    from_seconds: FromOption = None,
    to_seconds: ToOption = None,
    audio_track: AudioTrackOption = None,
    face: FaceOption = 0,
) -> None:
    """Tell in seconds whether a clip is good to learn from."""
    if output:
        require_output_file(output, ".png", inputs=[clip])
    from headroom.cli.tables import print_check
    from headroom.evaluation.clip_check import check_clip
    from headroom.evaluation.contact_sheet import numbered_sheet
    from headroom.media.image import write_picture

    with progress_bar() as progress:
        result = check_clip(clip, from_seconds, to_seconds, audio_track, face, progress)
    print_check(out, clip.name, result.figures)
    print_notes([*_people_notes(result.figures.faces, face), *result.warnings])
    if output:
        write_picture(output, numbered_sheet(result))
        out.print(f"Wrote {output}", markup=False)


def track(
    clip: ClipArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Track to write, .npz.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="Movie to write, .mp4: the track over the clip.")] = None,
    from_seconds: FromOption = None,
    to_seconds: ToOption = None,
    albedo: AlbedoOption = "clip",
    face: FaceOption = 0,
    face_model: FaceModelOption = None,
    regressor: RegressorOption = None,
) -> None:
    """Track a clip without learning the person, and print how accurate the track is."""
    for path, ending in ((output, ".npz"), (overlay, ".mp4")):
        if path:
            require_output_file(path, ending, inputs=[clip, face_model, regressor])
    from headroom.cli.tables import print_track
    from headroom.evaluation import track_report
    from headroom.subject.networks import NetworkFiles

    networks = NetworkFiles(face_model=face_model, regressor=regressor)
    options = track_report.TrackOptions(from_seconds, to_seconds, albedo, networks, face)
    beside = (output or overlay or Path()).absolute()
    with people_are_numbered(clip, beside.parent if output or overlay else beside), progress_bar() as progress:
        figures, notes = track_report.track(clip, track_report.TrackFiles(output, overlay), options, progress=progress)
    print_track(out, clip.name, figures)
    print_notes(notes)
    for path in filter(None, (output, overlay)):
        out.print(f"Wrote {path}", markup=False)


def evaluate(
    clip: ClipArgument,
    train_seconds: Annotated[float, typer.Option(help="Learn from this many seconds; measure on the rest.",
                                                 min=2)] = 12.0,
    preset: PresetOption = "draft",
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
    save: Annotated[Path | None, typer.Option(help="Folder for truth, reconstruction and prediction .mp4.")] = None,
    face_model: FaceModelOption = None,
    identity_network: Annotated[Path | None, typer.Option(
        help="Published ArcFace network; also measures how alike the persons shown are.")] = None,
) -> None:
    """Learn from the first seconds of a clip, remake the rest, and measure it against the clip."""
    if json_file:
        require_output_file(json_file, ".json", inputs=[clip, face_model])
    from headroom.cli.tables import print_evaluation
    from headroom.common.files import atomic_write
    from headroom.evaluation import evaluate as evaluation

    if save:
        require_output_folder(save, *evaluation.MOVIES, inputs=[clip])
        require_own_files(save, evaluation.MOVIES)
    options = evaluation.EvaluateOptions(train_seconds, preset, face_model, identity_network)
    with progress_bar() as progress:
        found = evaluation.evaluate(clip, options, save, progress)
    print_evaluation(out, found.to_dict())
    if json_file:
        with atomic_write(json_file) as temporary:
            temporary.write_text(found.to_json(), encoding="utf-8")


def _people_notes(people: int, face: int) -> list[str]:
    """Return a warning where one of several people has to be chosen; `face` is 0 where the user chose none."""
    if people < 2 or face:
        return []
    return [f"{people} people are seen. Choose one with --face; the contact sheet of --output numbers them."]
