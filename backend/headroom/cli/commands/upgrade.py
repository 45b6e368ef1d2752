"""`headroom upgrade`: learn a subject of an older version of Headroom again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, progress_bar, say_notes


def upgrade(
    subject: Annotated[Path, typer.Argument(help="Folder that `learn` wrote.", show_default=False)],
    arcface: Annotated[Path | None, typer.Option(help="Published ArcFace, if `learn` used it.")] = None,
    resnet18: Annotated[Path | None, typer.Option(help="Published ResNet-18, if `learn` used it.")] = None,
    regressor: Annotated[Path | None, typer.Option(help="Regressor, if `learn` used another than the bundled.")] = None,
) -> None:
    """Learn a person again from the plates and the sound in the subject's folder, with the same settings."""
    from headroom import pipeline
    from headroom.subject.networks import NetworkFiles

    networks = NetworkFiles(regressor=regressor, arcface=arcface, resnet18=resnet18)
    with progress_bar() as progress:
        notes = pipeline.upgrade(subject, progress, networks)
    say_notes(notes)
    out.print(f"Upgraded {subject}", markup=False)
