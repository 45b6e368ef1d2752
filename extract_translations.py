"""Write addon/translations/headroom.pot, the template with all texts that the add-on shows.

    python extract_translations.py [--check]

Standard library only. Texts are read from the source (`ast`), so they must be literals: labels and tooltips of classes,
names and descriptions of properties, the `text` of layout items, the first argument of `message(…)` and of errors, and
progress messages. `--check` writes nothing and ends with code 1 when the template is out of date.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SOURCE = ROOT / "addon"
TEMPLATE = SOURCE / "translations" / "headroom.pot"
sys.path.insert(0, str(ROOT))

from addon.translations.catalog import DEFAULT_CONTEXT, OPERATOR_CONTEXT, entry_text, placeholders  # noqa: E402

HEADER = '''# Texts of the Headroom add-on. Written by extract_translations.py; do not edit.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
'''
POSITIONS = {"message": 0, "Step": 1, "report": 1}
"""Functions with a text as a positional argument, and its index."""
LAYOUT_ITEMS = ("label", "prop", "menu", "progress", "operator")
"""Methods of a layout with an argument `text`."""


@dataclass(frozen=True)
class Text:
    """A text in the source, with Blender's translation context."""

    text: str
    context: str = DEFAULT_CONTEXT


def template() -> str:
    """Return the content of the template."""
    files: dict[Text, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for text in dict.fromkeys(texts_in(path)):
            files.setdefault(text, []).append(path.relative_to(ROOT).as_posix())
    entries = []
    for text, paths in files.items():
        flags = "#, python-brace-format\n" if placeholders(text.text) else ""
        entries.append(f"#: {' '.join(paths)}\n{flags}{entry_text(text.context, text.text)}")
    return "\n".join([HEADER, *entries])


def texts_in(path: Path) -> Iterator[Text]:
    """Yield the texts of one module in the order of the source."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    for node in sorted(nodes, key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))):
        match node:
            case ast.ClassDef():
                yield from _class_texts(node)
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=[first, *_])) if not hasattr(builtins, name):
                yield from _literals(first)
            case ast.Call():
                yield from _call_texts(node)


def _class_texts(node: ast.ClassDef) -> Iterator[Text]:
    """Yield label and tooltip of an operator, and label and tab of a panel or menu."""
    attributes = dict(_class_attributes(node))
    is_operator = "_OT_" in node.name
    if label := attributes.get("bl_label"):
        yield Text(label, OPERATOR_CONTEXT if is_operator else DEFAULT_CONTEXT)
    if category := attributes.get("bl_category"):
        yield Text(category)
    if is_operator and (tooltip := ast.get_docstring(node)):
        yield Text(tooltip)


def _class_attributes(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield the attributes of a class that are strings; several may be assigned in one statement."""
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
            pairs = zip(target.elts, value.elts) if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) \
                else [(target, value)]
            for name, each in pairs:
                if isinstance(name, ast.Name) and isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield name.id, each.value


def _call_texts(node: ast.Call) -> Iterator[Text]:
    """Yield the texts among the arguments of a call."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keywords = {each.arg: each.value for each in node.keywords}
    if name in POSITIONS and len(node.args) > POSITIONS[name]:
        yield from _literals(node.args[POSITIONS[name]])
    elif name in LAYOUT_ITEMS and "text" in keywords:
        yield from _literals(keywords["text"], OPERATOR_CONTEXT if name == "operator" else DEFAULT_CONTEXT)
    elif name.endswith("Property"):
        yield from (text for each in ("name", "description") if each in keywords for text in _literals(keywords[each]))
        items = keywords.get("items")
        for item in items.elts if isinstance(items, ast.List) else ():
            yield from (text for each in item.elts[1:3] for text in _literals(each))


def _literals(node: ast.expr, context: str = DEFAULT_CONTEXT) -> Iterator[Text]:
    """Yield the literal strings that an expression may give; `a if b else c` gives two. Others are skipped."""
    match node:
        case ast.Constant(value=str(text)) if text:
            yield Text(text, context)
        case ast.IfExp(body=body, orelse=other):
            yield from _literals(body, context)
            yield from _literals(other, context)


def main() -> int:
    """Write or check the template and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only check whether the template is up to date")
    content = template()
    if parser.parse_args().check:
        return int(TEMPLATE.read_text(encoding="utf-8") != content)
    TEMPLATE.write_text(content, encoding="utf-8")
    print(TEMPLATE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
