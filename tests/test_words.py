"""The project uses the field's terms: names, docs and strings hold none of the words that docs/glossary.md replaced.

Only code that upgrades old files may spell the old words, because the files do.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = sorted(path for folder in ("addon", "backend", "benchmarks", "samples", "blend_templates", "tests")
              for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md"),
               *ROOT.glob("backend/headroom/*/README.md")])

GONE_FROM_NAMES = {
    "manner", "habit", "course", "team", "readout", "recall", "shelf", "filming", "produce", "wander", "chances",
    "bends", "throat", "hearing", "doubt", "trust", "evidence", "judge", "judgement", "wish", "asked", "lacking",
    "facing", "ahead", "facts", "learnt",
}
"""Words that no identifier holds as one of its parts (snake_case and CamelCase are split)."""

GONE_NAMES = {
    "other_face", "spread", "there_and_back", "longest_gradient", "lead_up", "led_up", "claim", "Watch", "Names",
    "own_key", "own_keys", "shortcoming",
}
"""Identifiers that no module has. Some of these words are fine as parts of longer names."""

GONE_FUNCTIONS = {"problem", "missing", "refusal", "lacking", "look", "listen", "square", "ground", "film"}
"""Names that no function of the product has, because they said one thing in several ways, or several things."""

GONE_FROM_TEXT = {
    "manner", "readout", "shelf", "wander", "throat", "habit", "learnt", "foretell", "foretold", "foretells",
    "other_face", "there_and_back", "longest_gradient", "led_up",
}
"""Words that no comment, docstring, string or page holds."""

BLENDERS_TERMS = re.compile(r"asset[ _]?shelf", re.IGNORECASE)
"""What Blender itself calls so; taken out before the words are looked at."""

GONE_PHRASES = {"Go On Setting Up", "is being learnt", "Blend to Edits", "Keep Selected", "in the end for"}
"""Phrases that no file holds."""


def upgrades_old_files(path: Path) -> bool:
    """Whether `path` may spell old words: upgrade code, what tests and writes old files, and this list."""
    return "upgrade" in path.stem or "formats" in path.parts or path == Path(__file__).resolve()


def without_upgrades(source: str) -> str:
    """Return a module's source without the functions and constants that upgrade old files."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and re.search("upgrade|format_1", node.name):
            lines[node.lineno - 1 : node.end_lineno] = ["\n"] * (node.end_lineno - node.lineno + 1)
    return "".join(lines)


def words_of(name: str) -> set[str]:
    """Return the lower-case words of a snake_case or CamelCase identifier."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def names_and_text(path: Path) -> tuple[set[str], str]:
    """Return the identifiers of a module, and its comments and strings as one text."""
    names, text = set(), []
    for token in tokenize.generate_tokens(io.StringIO(without_upgrades(path.read_text(encoding="utf-8"))).readline):
        if token.type == tokenize.NAME:
            names.add(token.string)
        elif token.type in (tokenize.COMMENT, tokenize.STRING):
            text.append(token.string)
    return names, "\n".join(text)


CHECKED = [path for path in CODE if not upgrades_old_files(path)]


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_none_of_the_old_words(path):
    names, text = names_and_text(path)
    own = {name for name in names if not BLENDERS_TERMS.fullmatch(name)}
    gone = {name for name in own if words_of(name) & GONE_FROM_NAMES} | names & GONE_NAMES
    words = set(re.findall(r"[a-z_]+", BLENDERS_TERMS.sub("", text).lower()))
    phrases = {phrase for phrase in GONE_PHRASES if phrase in path.read_text(encoding="utf-8")}
    assert gone | words & GONE_FROM_TEXT | phrases == set()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_has_none_of_the_old_words(path):
    text = BLENDERS_TERMS.sub("", path.read_text(encoding="utf-8"))
    words = set(re.findall(r"[a-z_]+", text.lower()))
    assert words & GONE_FROM_TEXT | {phrase for phrase in GONE_PHRASES if phrase in text} == set()


def test_no_function_has_a_name_that_means_several_things():
    product = [path for path in CHECKED if path.relative_to(ROOT).parts[0] in ("addon", "backend")]
    functions = {(path.name, node.name) for path in product for node in ast.walk(ast.parse(path.read_text("utf-8")))
                 if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert {each for each in functions if each[1] in GONE_FUNCTIONS} == set()


def test_file_names_have_none_of_the_old_words():
    assert {path for path in CHECKED if words_of(path.stem) & GONE_FROM_NAMES} == set()


def test_every_module_and_public_name_says_what_it_is():
    """Modules of the product have a docstring whose first line ends like a sentence."""
    for path in CHECKED:
        if path.parts[len(ROOT.parts)] in ("addon", "backend"):
            first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
            assert first.endswith((".", ":", "?")), f"{path}: {first!r}"
