"""Messages that a user can meet, read from the source: errors, reasons, notes, warnings and hints in the panel.

A message is a template in which "…" stands for a value that is known only when the program runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [*sorted((ROOT / "addon").rglob("*.py")), *sorted((ROOT / "backend" / "headroom").rglob("*.py"))]
VALUE = "…"

BASE_ERRORS = {"HeadroomError", "UnknownBackground"}
"""Errors whose first argument is a message. Their subclasses are found in the source."""
SILENT_ERRORS = {"Cancelled"}
"""Errors whose message is not shown."""
ARGUMENTS = {"ApiError": 1, "error_response": 1, "Failed": 0, "Interrupted": 0, "exclusive_lock": 1, "warning": 0}
"""Other functions and classes that take a message, and its index among their arguments."""
REASONS = re.compile(r"(_reason|_unexpected|_crash_message|notes?)$|^(failure_message|missing_s\w+|clip_range)$")
"""Functions that return messages."""
CONSTANTS = {"CAUSES", "STATE_TEXTS", "notes"}
"""Names of the values that hold messages."""
PANEL_ICONS = {"ERROR", "QUESTION"}
"""Icons beside the texts in the panel that warn of something."""
_FIELD = re.compile(r"(?<!\{)\{[^{}]*\}(?!\})|%(\.\d)?[sdfg]")


class Module:
    """The syntax tree of a module, and the expressions that are assigned to its names."""

    def __init__(self, path: Path):
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.assigned.setdefault(node.targets[0].id, []).append(node.value)

    def templates(self, node: ast.expr, names: frozenset[str] = frozenset()) -> Iterator[str]:
        """Yield the templates of the texts that an expression can give.

        names: names that were followed to get to `node`; they are not followed again.
        """
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in parts)
            case ast.Call(func=ast.Name(id="message"), args=[template], keywords=values):
                for text in self.templates(template, names):
                    yield _FIELD.sub(VALUE, text).replace("{{", "{") if values else text
            case ast.IfExp(body=body, orelse=other):
                yield from (*self.templates(body, names), *self.templates(other, names))
            case ast.BoolOp(values=each) | ast.Dict(values=each) | ast.Tuple(elts=each) | ast.List(elts=each):
                yield from (text for value in each for text in self.templates(value, names))
            case ast.ListComp(elt=value):
                yield from self.templates(value, names)
            case ast.Name(id=name) if name in self.assigned and name not in names:
                yield from (text for value in self.assigned[name] for text in self.templates(value, names | {name}))
            case _:
                yield VALUE

    def returned(self, function: ast.FunctionDef) -> Iterator[str]:
        """Yield the templates of the texts that a function returns."""
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                yield from self.templates(node.value)


def source_messages() -> set[str]:
    """Return all messages of add-on and backend that have at least two words."""
    modules = [Module(path) for path in SOURCES]
    errors = error_names(modules)
    messages = {" ".join(text.split()) for module in modules for text in messages_in(module, errors)}
    return {text for text in messages if len(re.findall(r"\w+", text)) > 1}


def error_names(modules: list[Module]) -> set[str]:
    """Return the names of the base errors and of all their subclasses."""
    bases = {node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
             for module in modules for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
    names, new = set[str](), BASE_ERRORS
    while new:
        names |= new
        new = {name for name, parents in bases.items() if parents & names} - SILENT_ERRORS - names
    return names


def messages_in(module: Module, errors: set[str]) -> Iterator[str]:
    """Yield the messages of one module. `errors`: the names of the errors that are raised with a message."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call():
                yield from _messages_of_call(module, node, errors)
            case ast.FunctionDef(name=name) if REASONS.search(name):
                yield from module.returned(node)
            case ast.FunctionDef(name="run"):  # of a button that finds nothing to do
                yield from (text for text in module.returned(node) if text.startswith("No "))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in CONSTANTS:
                yield from module.templates(value)
            case ast.AugAssign(target=ast.Name(id="notes"), value=value):
                yield from module.templates(value)
            case ast.Dict(keys=keys, values=values):  # a line of the command line's output
                yield from (text for key, value in zip(keys, values, strict=True)
                            if isinstance(key, ast.Constant) and key.value == "error"
                            for text in module.templates(value))


def _messages_of_call(module: Module, call: ast.Call, errors: set[str]) -> Iterator[str]:
    """Yield the messages that a call raises, logs or shows."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    constants = {argument.value for argument in call.args if isinstance(argument, ast.Constant)}
    index = 0 if name in errors else ARGUMENTS.get(name)
    if (name == "draw_wrapped" and constants & PANEL_ICONS) or (name == "_end" and constants & {"failed", "cancelled"}):
        index = 2
    if name == "append" and getattr(getattr(call.func, "value", None), "id", "") == "notes":
        index = 0
    if name == "print" and call.args and isinstance(call.args[0], ast.Constant):  # not a result, which has values
        index = 0
    if index is not None and index < len(call.args):
        yield from (_FIELD.sub(VALUE, text) if name == "warning" else text
                    for text in module.templates(call.args[index]))
