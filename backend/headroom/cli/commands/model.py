"""Commands for face models: model build, model import, model info."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, progress_bar
from headroom.common.errors import InputError
from headroom.common.outputs import require_output_file

app = typer.Typer(no_args_is_help=True, help="Make, import and inspect face models.")


@app.command("build")
def build_model(
    people: Annotated[list[Path], typer.Argument(help="Videos of people who speak and photos of other people at rest, "
                                                      "one of each person.", metavar="CLIPS PHOTOS...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Model to write, .npz.")],
) -> None:
    """Make the bundled face model from clips and photos."""
    require_output_file(output, ".npz", inputs=people)
    from headroom.track.face_models.build import model_from_people

    with progress_bar() as progress:
        model_from_people(people, progress).save(output)
    out.print(f"Wrote {output}", markup=False)


@app.command("import")
def import_model(
    files: Annotated[list[Path], typer.Argument(help="Files of a Basel Face Model or their folder; or one model that "
                                                     "was imported on another machine, .npz.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Model to write, .npz; not for a model that was "
                                                                       "imported on another machine.")] = None,
) -> None:
    """Import your own Basel Face Model (2009, 2017 or 2019). It is also stored for the subjects learned with it."""
    from headroom.face.library import store_model

    if [path.suffix.lower() for path in files] == [".npz"]:
        if output is not None:
            raise InputError(f"{files[0]} is already a model and is stored as it is; leave -o out.")
        stored = store_model(files[0])
    else:
        if output is None:
            raise InputError("Say where to write the model: -o MODEL.npz.")
        require_output_file(output, ".npz", inputs=files)
        from headroom.track.face_models import import_basel

        with progress_bar() as progress:
            import_basel.import_model(files, progress).save(output)
        stored = store_model(output)
        out.print(f"Wrote {output}", markup=False)
    out.print(f"Stored {stored.source}, {stored.digest}", markup=False)


@app.command("info")
def model_info(
    model: Annotated[Path | None, typer.Argument(help="Model, .npz, or folder that `learn` wrote; the bundled model if "
                                                      "left out.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the information as JSON.")] = False,
) -> None:
    """Describe a face model."""
    from headroom.cli.tables import print_model
    from headroom.face import model_info
    from headroom.face.model import bundled_model, load_model
    from headroom.subject.folder import Subject

    if model is None:
        face_model = bundled_model()
    else:
        face_model = Subject.open(model).model if model.is_dir() else load_model(model)
    info = model_info.model_info(face_model)
    if as_json:
        print(json.dumps(info, indent=2))
    else:
        print_model(out, info)
