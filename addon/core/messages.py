"""Text for the user with its template, so that the panel can translate it.

`core` runs without bpy and cannot translate. `message` returns English text, which the command line, logs and tests use
as any string. `ui/text.py` finds the template's translation in Blender and fills in the values again.
`extract_translations.py` collects the templates, so the first argument of `message` must be a literal.
"""

from __future__ import annotations

from collections.abc import Mapping


class Message(str):
    """English text made from `template`, a format string, and `values`, its placeholders' values by name."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]


def message(template: str, /, **values: object) -> Message:
    """Return `template` with its placeholders filled in.

    A template without values is taken as it is, so it may contain braces.
    """
    text = Message(template.format(**values) if values else template)
    text.template, text.values = template, values
    return text
