"""`headroom model`: make, import and look at face models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, progress_bar, require_file_later
from headroom.common.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Make, import and look at face models.")


@app.command("build")
def build_model(
    people: Annotated[list[Path], typer.Argument(help="Videos of different people speaking and photos of others at "
                                                      "rest, one each.", metavar="CLIPS PHOTOS...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Model to write, .npz.")],
) -> None:
    """Make the bundled face model from clips and photos."""
    require_file_later(output, ".npz")
    from headroom.track.face_models.build import model_from_people

    with progress_bar() as progress:
        model_from_people(people, progress).save(output)
    out.print(f"Wrote {output}", markup=False)


@app.command("import")
def import_model(
    files: Annotated[list[Path], typer.Argument(help="Files of a Basel Face Model or their folder; or one model that "
                                                     "was imported on another machine, .npz.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Model to write, .npz; not for one that was "
                                                                 "imported elsewhere.")] = None,
) -> None:
    """Bring your own Basel Face Model (2009, 2017 or 2019); it is also kept for the people learnt with it."""
    from headroom.face.library import store_model

    if [path.suffix.lower() for path in files] == [".npz"]:
        if output is not None:
            raise InputError(f"{files[0]} is a model already and is kept as it is; leave -o out.")
        kept = store_model(files[0])
    else:
        if output is None:
            raise InputError("Say where to write the model: -o MODEL.npz.")
        require_file_later(output, ".npz")
        from headroom.track.face_models.import_basel import import_model as run

        with progress_bar() as progress:
            run(files, progress).save(output)
        kept = store_model(output)
        out.print(f"Wrote {output}", markup=False)
    out.print(f"Kept {kept.source}, {kept.digest}", markup=False)


@app.command("info")
def model_info(
    which: Annotated[Path | None, typer.Argument(help="Model, .npz, or folder that `learn` wrote; the bundled model if "
                                                      "left out.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Say what a face model is."""
    from headroom.cli.tables import print_model
    from headroom.face.model import bundled_model, load_model
    from headroom.face.model_info import model_info
    from headroom.subject.folder import Subject

    if which is None:
        model = bundled_model()
    else:
        model = Subject.open(which).model if which.is_dir() else load_model(which)
    facts = model_info(model)
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        print_model(out, facts)
