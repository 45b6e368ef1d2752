"""`headroom export`: a learnt head for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out


def export(
    subject: Annotated[Path, typer.Argument(help="Folder that `learn` wrote.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .obj, .ply or .glb.")],
    performance: Annotated[Path | None, typer.Option(help="Motion for the .glb, as `perform` wrote it.")] = None,
) -> None:
    """Write a person's head as a mesh, with its expressions and a performance in .glb."""
    from headroom.subject.export.head import export_head

    for path in export_head(subject, output, performance):
        out.print(f"Wrote {path}", markup=False)
