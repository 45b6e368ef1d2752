"""`headroom train regressor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, progress_bar, require_file_later


def train_regressor(
    clips: Annotated[list[Path], typer.Argument(help="Videos and photos of different people, one each.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Weights to write, .safetensors.")],
    initial: Annotated[Path | None, typer.Option(help="Weights that this command wrote, to begin from.")] = None,
    arcface: Annotated[Path | None, typer.Option(help="ArcFace network published for PyTorch: the drawn faces are also "
                                                 "to be recognised as the photographed ones.")] = None,
) -> None:
    """Train the network that reads the bundled face model's coefficients off one picture."""
    require_file_later(output, ".safetensors")
    from headroom.common.networks.arcface import load_arcface
    from headroom.face.model import bundled_model
    from headroom.track.regressor.network import Regressor
    from headroom.track.regressor.train import train_regressor as run
    from headroom.training.corpus import CorpusClip, require_not_held_out

    require_not_held_out([CorpusClip(path) for path in clips])
    model = bundled_model()
    begun = Regressor.load(initial, model) if initial else None
    identity = load_arcface(arcface) if arcface else None
    with progress_bar() as progress:
        run(clips, model, progress=progress, initial=begun, arcface=identity).save(output, model)
    out.print(f"Wrote {output}", markup=False)
