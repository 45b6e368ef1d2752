"""Translations of the add-on's texts.

`headroom.pot` is the template, written by `extract_translations.py`. To add a language, copy it to `LOCALE.po` in this
folder, LOCALE as Blender names it, such as `de_DE`, and fill in the `msgstr` lines. `register` hands Blender every
`.po` file that is here.
"""

from __future__ import annotations

from pathlib import Path

from .catalog import Catalog, read_catalog

FOLDER = Path(__file__).resolve().parent
PACKAGE = __package__


def read_catalogs(folder: Path = FOLDER) -> dict[str, Catalog]:
    """Return the catalog of each locale in `folder`."""
    return {path.stem: read_catalog(path) for path in sorted(folder.glob("*.po"))}


def register() -> None:
    """Register the catalogs; called when the extension is enabled."""
    import bpy

    bpy.app.translations.register(PACKAGE, read_catalogs())


def unregister() -> None:
    """Unregister the catalogs."""
    import bpy

    bpy.app.translations.unregister(PACKAGE)
