"""Reading and writing of gettext catalogs (.po, .pot).

Blender's Python has no gettext library that reads .po files, so this small reader does it. It knows what
`extract_translations.py` writes and gettext editors save: contexts, multi-line strings and the `fuzzy` flag.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

Catalog = dict[tuple[str, str], str]
"""(context, text) -> translation, as `bpy.app.translations.register` takes it."""

DEFAULT_CONTEXT, OPERATOR_CONTEXT = "*", "Operator"
"""Blender's contexts for texts in general and for operators' labels."""


def read_catalog(path: Path) -> Catalog:
    """Return the finished translations in a .po file.

    Empty and fuzzy entries are left out. So are entries whose placeholders differ from the text's, because filling them
    in would fail; the English text is shown instead.
    """
    catalog: Catalog = {}
    for entry in _entries(path.read_text(encoding="utf-8")):
        text, translation = entry.get("msgid", ""), entry.get("msgstr", "")
        if text and translation and placeholders(text) == placeholders(translation):
            catalog[entry.get("msgctxt", DEFAULT_CONTEXT), text] = translation
    return catalog


def placeholders(text: str) -> set[str] | None:
    """Return the {placeholders} in a format string, with their formats; None for text with unpaired braces."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return None
    return {f"{name}!{conversion}:{form}" for _, name, form, conversion in parts if name is not None}


def entry_text(context: str, text: str, translation: str = "") -> str:
    """Return one entry in the .po syntax."""
    lines = [] if context == DEFAULT_CONTEXT else [f"msgctxt {quoted(context)}"]
    return "\n".join([*lines, f"msgid {quoted(text)}", f"msgstr {quoted(translation)}"]) + "\n"


def quoted(text: str) -> str:
    """Return `text` as a .po string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _entries(content: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each entry; fuzzy ones are skipped, because a translator has not confirmed them."""
    for block in content.split("\n\n"):
        fields: dict[str, str] = {}
        field, fuzzy = "", False
        for line in block.splitlines():
            if line.startswith("#"):
                fuzzy |= line.startswith("#,") and "fuzzy" in line
                continue
            keyword, _, value = line.partition(" ")
            if keyword in ("msgctxt", "msgid", "msgstr"):
                field = keyword
            else:
                value = line
            if field and value.strip().startswith('"'):
                fields[field] = fields.get(field, "") + ast.literal_eval(value.strip())
        if not fuzzy:
            yield fields
