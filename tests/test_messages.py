"""Every message a user can meet is in docs/troubleshooting.md with cause and remedy, and is met in some test.

The guide is the table: message, why, what helps. "…" stands for what differs from case to case. Messages are read from
the source, so a new one without a row fails here, and so does a row whose message is gone.
"""

import ast
import re
from pathlib import Path

import pytest
from message_causes import TRIGGERS, add_on

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "troubleshooting.md"
SOURCES = [*sorted((ROOT / "addon").rglob("*.py")), *sorted((ROOT / "backend" / "headroom").rglob("*.py"))]

ERRORS = {"InputError", "HeadroomError", "BackendError", "BackendDied", "Unreachable", "Refused", "ProgramFailed",
          "NothingThere"}
REASONS = {"problem", "missing", "refusal", "lacking", "remedy", "_busy", "_refusal", "_obituary"}
"""Functions that return a message: why a button is disabled, or what a failure means."""
TABLES = {"SENTENCES", "CAUSES", "OFFLINE", "OVERRIDDEN"}
"""Constants that hold messages."""
DIFFERS = "…"

# Raised on one side of a wire and told on the other, or caught and worded anew: nobody reads them as they stand.
INNER = {"… ended with code ….", "Cannot run …: ….", "without …", "The backend is set up",
         "… is not a SHA-256 in lower-case hexadecimal digits."}


def template(node):
    """The text of a string expression, with … where values go in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(template(part) if isinstance(part, ast.Constant) else DIFFERS for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return template(left) + template(right)
    return DIFFERS


def strings(node):
    """The string expressions among what an expression may give: both arms of `a if b else c`, each of `a or b`."""
    match node:
        case ast.IfExp(body=body, orelse=other):
            yield from (*strings(body), *strings(other))
        case ast.BoolOp(values=values):
            for value in values:
                yield from strings(value)
        case ast.Dict(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            for value in values:
                yield from strings(value)
        case _:
            yield template(node)


def messages_of(path):
    """(text) of every message that the module at `path` can give."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in ERRORS:
                yield from strings(first)
            case ast.Call(func=ast.Name(id="only_one"), args=[_, refusal]):
                yield from strings(refusal)
            case ast.FunctionDef(name=name) if name in REASONS:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        yield from strings(inner.value)
                    elif isinstance(inner, ast.Assign) and getattr(inner.targets[0], "id", "") in ("message", "last"):
                        yield from strings(inner.value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in TABLES:
                yield from strings(value)


def in_source():
    found = {" ".join(text.split()) for path in SOURCES for text in messages_of(path)}
    return {text for text in found if len(re.findall(r"\w+", text)) > 1} - INNER


def in_guide():
    """message -> (why, what helps), from the guide's tables."""
    rows = {}
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] not in ("message", "---"):
            rows[cells[0].replace("\\|", "|")] = tuple(cells[1:])
    return rows


def test_every_message_in_the_source_has_its_row_in_the_guide():
    assert sorted(in_source() - in_guide().keys()) == []


def test_the_guide_has_no_row_for_a_message_that_is_gone():
    assert sorted(in_guide().keys() - in_source()) == []


@pytest.mark.parametrize("message", sorted(in_guide()))
def test_every_row_says_why_and_what_helps(message):
    why, helps = in_guide()[message]
    assert len(why) > 10 and len(helps) > 10


# Met in tests whose patterns are too short to be found by the search below.
MET_IN = {
    "A face was found in only … of … frames. Choose a part of the clip where the face stays visible.":
        "test_bad_input.py",
    "Only … s of the clip to learn from; choose a part of at least … s, better 12 s.": "test_bad_input.py",
    "… is silent; choose a recording with speech in it.": "test_bad_input.py",
    "The backend lacks something (…: …). …": "addon/test_environment.py",
    "There are several models: …; name the one to import.": "face/test_basel.py",
    "… speaks of the …; import that face model to use it.": "track/test_regressor_deep3d.py",
    "… is not a Basel Face Model of 2017 or 2019; download it again.": "face/test_basel.py",
    "None of the … clips can be used. …": "training/test_corpus.py",
    "… is kept for measuring (weights/people.toml); leave it out of training.": "training/test_corpus.py",
    "The backend's doctor failed: …. Repair the backend.": "addon/test_reasons.py",
    "… has no scene …. Choose one of its scenes: ….": "addon/test_batch.py",
    "…. Start Blender with --online-mode.": "addon/test_batch.py",
    "Blender needs a system library (…). Install it with `apt install …`; `headroom doctor` lists everything missing.":
        "cli/test_blender.py",
}

# What would take a broken machine: a driver, a disk or an installation that is not whole.
HARD_TO_CAUSE = {
    "OpenGL 3.3 could not be started for drawing the face. On Linux install libegl1 and libgl1-mesa-dri.",
    "Blender could not render frame …: …. Render again when no other render is running.",
    "The backend did not start: …. Run `headroom doctor`.",
    "… is damaged and cannot be read; export it again as mp4 (H.264).",
    "… holds no readable picture; export it again as mp4 (H.264).",
}


def pattern(message):
    """A message as a regular expression for what a user reads."""
    return ".*".join(re.escape(part) for part in message.split(DIFFERS))


@pytest.mark.parametrize("message", TRIGGERS)
def test_the_cause_gives_the_message(message, tmp_path, monkeypatch):
    monkeypatch.setattr(add_on("client"), "RECONNECT_SECONDS", 0.0)
    assert message in in_guide()
    with pytest.raises(Exception, match=pattern(message)):
        TRIGGERS[message](tmp_path)


def expected_elsewhere():
    """What the other tests expect of messages: their strings of at least two words, cut where patterns are."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path.name != Path(__file__).name else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                yield from (part.strip() for part in re.split(r"\.\*|\\.|[|^$()\[\]\\…]", node.value))


def test_every_message_is_given_by_its_cause_in_some_test():
    elsewhere = {part.lower() for part in expected_elsewhere() if len(part.split()) > 1}
    untried = {message for message in in_guide().keys() - TRIGGERS.keys() - MET_IN.keys() - HARD_TO_CAUSE
               if not any(part in message.lower() for part in elsewhere)}
    assert sorted(untried) == []
    assert all((ROOT / "tests" / name).is_file() for name in MET_IN.values())
    assert not (MET_IN.keys() | HARD_TO_CAUSE) - in_guide().keys()
