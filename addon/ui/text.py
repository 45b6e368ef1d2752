"""Translation of the texts that the add-on shows at run time, by Blender's catalogs.

Blender translates the labels and tooltips of registered classes and properties by itself, as well as the constant
`text` of a layout's items. Everything else passes through one of these functions: a text with values, a wrapped
sentence, a report, a disabled reason.
"""

from __future__ import annotations

from collections.abc import Callable

from bpy.app import translations

from ..core.messages import Message

Lookup = Callable[[str], str]


def interface_text(text: str) -> str:
    """Return `text` in the language of the interface."""
    return translated(text, translations.pgettext_iface)


def tooltip_text(text: str) -> str:
    """Return `text` in the language of tooltips, in which Blender shows why a button is disabled."""
    return translated(text, translations.pgettext_tip)


def report_text(text: str) -> str:
    """Return `text` in the language of reports in the status bar."""
    return translated(text, translations.pgettext_rpt)


def error_text(error: BaseException) -> str:
    """Return an error's message in the language of reports."""
    return report_text(error.args[0] if error.args and isinstance(error.args[0], str) else str(error))


def translated(text: str, lookup: Lookup) -> str:
    """Return the translation of `text`, with the values filled in that a `Message` has; English where there is none."""
    if not isinstance(text, Message):
        return lookup(text) if text else ""
    if not text.values:
        return lookup(text.template)
    values = {name: translated(value, lookup) if isinstance(value, Message) else value
              for name, value in text.values.items()}
    return lookup(text.template).format(**values)
