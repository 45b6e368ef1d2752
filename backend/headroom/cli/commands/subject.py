"""Commands for subjects: learn, upgrade, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, print_notes, progress_bar
from headroom.cli.options import (
    AlbedoOption,
    ArcFaceOption,
    AudioTrackOption,
    ClipOrPhotoArgument,
    FaceModelOption,
    FromOption,
    PresetOption,
    RegressorOption,
    ResNetOption,
    SubjectArgument,
    ToOption,
    settings_of,
)
from headroom.common.choices import Resolution
from headroom.common.outputs import SUBJECT_BYTES, require_output_folder
from headroom.common.subject_files import PARTS


def learn(
    clip: ClipOrPhotoArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write the subject to.")],
    preset: PresetOption = "draft",
    from_seconds: FromOption = None,
    to_seconds: ToOption = None,
    albedo: AlbedoOption = "clip",
    resolution: Annotated[Resolution, typer.Option(help="Side of the face crop, pixels; 512 takes longer.")] = 256,
    audio_track: AudioTrackOption = None,
    name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    consent: Annotated[str | None, typer.Option(help='Who agreed and when, e.g. "A. Person, 2 May".')] = None,
    face_model: FaceModelOption = None,
    arcface: ArcFaceOption = None,
    resnet18: ResNetOption = None,
    regressor: RegressorOption = None,
) -> None:
    """Learn a person from a clip, or from one photo."""
    require_output_folder(output, *PARTS, inputs=[clip, face_model, arcface, resnet18, regressor],
                          bytes_needed=SUBJECT_BYTES)
    if consent is None:
        out.print("The person shown must have agreed to this use; say who agreed with --consent.", markup=False)
    from headroom import pipeline
    from headroom.common.settings import LearnSettings
    from headroom.subject.networks import NetworkFiles

    settings = settings_of(LearnSettings, preset=preset, albedo=albedo, resolution=resolution, name=name,
                           from_seconds=from_seconds, to_seconds=to_seconds, audio_track=audio_track, consent=consent)
    networks = NetworkFiles(face_model=face_model, regressor=regressor, arcface=arcface, resnet18=resnet18)
    with progress_bar() as progress:
        notes = pipeline.learn(clip, output, settings, networks, progress=progress)
    print_notes(notes)
    out.print(f"Learned {output}", markup=False)


def upgrade(
    subject: SubjectArgument,
    arcface: Annotated[Path | None, typer.Option(help="Published ArcFace, if `learn` used it.")] = None,
    resnet18: Annotated[Path | None, typer.Option(help="Published ResNet-18, if `learn` used it.")] = None,
    regressor: Annotated[Path | None, typer.Option(help="Regressor, if `learn` used another than the bundled.")] = None,
) -> None:
    """Learn a person again from the plates and the sound in the subject's folder, with the same settings."""
    require_output_folder(subject, bytes_needed=SUBJECT_BYTES)
    from headroom import pipeline
    from headroom.subject.networks import NetworkFiles

    networks = NetworkFiles(regressor=regressor, arcface=arcface, resnet18=resnet18)
    with progress_bar() as progress:
        notes = pipeline.upgrade(subject, progress, networks)
    print_notes(notes)
    out.print(f"Upgraded {subject}", markup=False)


def export(
    subject: SubjectArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .obj, .ply or .glb.")],
    performance: Annotated[Path | None, typer.Option(help="Motion for the .glb, as `perform` wrote it, or a Live Link "
                                                          "Face .csv.")] = None,
    detail: Annotated[bool, typer.Option("--detail", help="Add the 64 shapes of the face model, which make a "
                                                          "performance exact.")] = False,
) -> None:
    """Write a person's head as a mesh; a .glb has the 52 ARKit shapes and can have a performance."""
    from headroom.subject.export.head import export_head

    files, notes = export_head(subject, output, performance, detail)
    print_notes(notes)
    for path in files:
        out.print(f"Wrote {path}", markup=False)
