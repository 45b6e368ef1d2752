"""Commands for subjects: learn, consent, forget, upgrade, export."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, print_notes, progress_bar
from headroom.cli.options import (
    AlbedoOption,
    ArcFaceOption,
    AudioTrackOption,
    BudgetOption,
    ClipOrPhotoArgument,
    FaceModelOption,
    FaceOption,
    FromOption,
    PresetOption,
    RegressorOption,
    ResNetOption,
    SubjectArgument,
    ToOption,
    UseOption,
    settings_of,
)
from headroom.cli.people_picture import people_are_numbered
from headroom.common.choices import ChosenResolution
from headroom.common.errors import Cancelled, InputError
from headroom.common.outputs import SUBJECT_BYTES, require_output_folder
from headroom.common.subject_files import PARTS

USE_HELP = "A use that the consent covers, such as a production's title; may be given several times."
UNTIL_HELP = "Last day of the consent, as in 2027-05-02."
WHO_HELP = "Who agreed, if the statement does not say it."
DAY = "YYYY-MM-DD"


def learn(
    clip: ClipOrPhotoArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write the subject to.")],
    preset: PresetOption = "draft",
    budget_minutes: BudgetOption = None,
    from_seconds: FromOption = None,
    to_seconds: ToOption = None,
    albedo: AlbedoOption = "clip",
    resolution: Annotated[ChosenResolution, typer.Option(help="Side of the face crop, pixels; auto goes by the size of "
                                                              "the face. 512 takes longer.")] = "auto",
    audio_track: AudioTrackOption = None,
    face: FaceOption = 0,
    name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    consent: Annotated[str | None, typer.Option(help='Who agreed and when, e.g. "A. Person, 2 May".')] = None,
    consent_who: Annotated[str, typer.Option(help=WHO_HELP)] = "",
    consent_uses: Annotated[list[str] | None, typer.Option("--consent-use", help=USE_HELP)] = None,
    consent_until: Annotated[str | None, typer.Option(help=UNTIL_HELP, metavar=DAY)] = None,
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
    from headroom.cli.training_monitor import terminal_monitor
    from headroom.common.settings import LearnSettings
    from headroom.subject.networks import NetworkFiles

    settings = settings_of(LearnSettings, preset=preset, budget_minutes=budget_minutes, albedo=albedo,
                           resolution=resolution, name=name, from_seconds=from_seconds, to_seconds=to_seconds,
                           audio_track=audio_track, face=face,
                           consent=consent, consent_who=consent_who, consent_uses=consent_uses,
                           consent_until=day_of(consent_until))
    networks = NetworkFiles(face_model=face_model, regressor=regressor, arcface=arcface, resnet18=resnet18)
    with (people_are_numbered(clip, output.absolute().parent), terminal_monitor() as monitor,
          progress_bar() as progress):
        notes = pipeline.learn(clip, output, settings, networks, progress=progress, monitor=monitor)
    print_notes(notes)
    out.print(f"Learned {output}", markup=False)


def consent(
    subject: SubjectArgument,
    who: Annotated[str | None, typer.Option(help=WHO_HELP)] = None,
    statement: Annotated[str | None, typer.Option(help='How and when they agreed, e.g. "in writing, 2 May".')] = None,
    use: Annotated[list[str] | None, typer.Option(help=USE_HELP)] = None,
    any_use: Annotated[bool, typer.Option("--any-use", help="The consent covers every use.")] = False,
    until: Annotated[str | None, typer.Option(help=UNTIL_HELP, metavar=DAY)] = None,
    no_end: Annotated[bool, typer.Option("--no-end", help="The consent has no end.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Nothing more may be made of this subject.")] = False,
) -> None:
    """Show what the person shown agreed to, and change it."""
    changes: dict[str, object] = {"who": who, "statement": statement, "uses": tuple(use) if use else None,
                                  "until": day_of(until)}
    changes = {name: value for name, value in changes.items() if value is not None}
    changes |= {"uses": ()} if any_use else {}
    changes |= {"until": None} if no_end else {}
    from headroom.subject.folder import Subject, SubjectWriter

    info = Subject.open(subject).info
    if withdraw or changes:
        info = info.model_copy(update={"consent": info.consent.changed(changes, withdraw)})
        SubjectWriter(subject).write_info(info)
    out.print(f"{info.name}: {info.consent}", markup=False)


def forget(
    subject: SubjectArgument,
    search: Annotated[list[Path] | None, typer.Option(help="Folder to look through for caches, such as that of a "
                                                           "project; may be given several times.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a subject and everything that was made from it in every cache of this machine."""
    from headroom.cli.forget import forget as forget_subject
    from headroom.subject.folder import Subject

    name = Subject.open(subject).info.name
    if not yes and sys.stdin.isatty() and not typer.confirm(f"Remove {name} and everything made of them in caches?"):
        raise Cancelled("Stopped.")
    for line in forget_subject(subject, search or ()):
        out.print(line, markup=False, soft_wrap=True)


def upgrade(
    subject: SubjectArgument,
    arcface: Annotated[Path | None, typer.Option(help="Published ArcFace, if `learn` used it.")] = None,
    resnet18: Annotated[Path | None, typer.Option(help="Published ResNet-18, if `learn` used it.")] = None,
    regressor: Annotated[Path | None, typer.Option(help="Regressor, if `learn` used another than the bundled.")] = None,
) -> None:
    """Learn a person again from the plates and the sound in the subject's folder, with the same settings."""
    require_output_folder(subject, bytes_needed=SUBJECT_BYTES)
    from headroom import pipeline
    from headroom.cli.training_monitor import terminal_monitor
    from headroom.subject.networks import NetworkFiles

    networks = NetworkFiles(regressor=regressor, arcface=arcface, resnet18=resnet18)
    with terminal_monitor() as monitor, progress_bar() as progress:
        notes = pipeline.upgrade(subject, progress, networks, monitor)
    print_notes(notes)
    out.print(f"Upgraded {subject}", markup=False)


def export(
    subject: SubjectArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .obj, .ply, .glb or .usd.")],
    performance: Annotated[Path | None, typer.Option(help="Motion for a .glb or .usd, as `perform` wrote it, or a "
                                                          "Live Link Face .csv.")] = None,
    detail: Annotated[bool, typer.Option("--detail", help="Add the 64 shapes of the face model, which make a "
                                                          "performance exact.")] = False,
    use: UseOption = "",
) -> None:
    """Write a person's head as a mesh; .glb and .usd have the 52 ARKit shapes and can have a performance."""
    from headroom.subject.export.head import export_head

    files, notes = export_head(subject, output, performance, detail, use)
    print_notes(notes)
    for path in files:
        out.print(f"Wrote {path}", markup=False)


def day_of(text: str | None) -> date | None:
    """Return the day of an option; raises InputError for any other text."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text} is not a day; write it as in 2027-05-02.") from error
