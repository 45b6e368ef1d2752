"""Every message that a user can meet is in docs/troubleshooting.md, and a test causes it.

The tables of that page have the columns message, why, and what helps; "…" stands for a value. Messages are read from
the source, so a new message without a row fails here, and so does a row whose message no longer exists.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from add_on_causes import core
from message_causes import CAUSES, TESTED_IN
from source_messages import ROOT, VALUE, source_messages

GUIDE = ROOT / "docs" / "troubleshooting.md"
TESTS = ROOT / "tests"
MIN_WORDS = 3
"""Words of a message that a test must expect; fewer could belong to another message."""

NOT_SHOWN = {
    "… ended with code ….", "Cannot run …: ….",  # their callers raise another message
    "… is not a SHA-256 in lower-case hexadecimal digits.",  # the API checks paths before
    "… Start the job again.",  # added to another message
    "The backend is set up",  # the state in which nothing is wrong
    "The worker ended before it received …", "A thread failed after its result was no longer needed",  # log only
    "Error: relative to the eye distance. Jitter: mean second difference of the pose, and of the head in the picture.",
    "The clip itself: HS and W1 compare its first half with its second half, the best possible values; "
    "identity compares frames a second apart.",
}
"""Texts in the source that look like messages."""


def guide_rows() -> dict[str, tuple[str, str]]:
    """Return message -> (why, what helps) from the tables of the guide."""
    rows = {}
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] not in ("message", "---"):
            rows[cells[0].replace("\\|", "|")] = (cells[1], cells[2])
    return rows


MESSAGES, ROWS = source_messages() - NOT_SHOWN, guide_rows()


def pattern(message: str) -> str:
    """Return a message as a regular expression that matches what a user reads."""
    return ".*".join(map(re.escape, message.split(VALUE)))


def test_every_message_has_a_row_in_the_guide():
    assert sorted(MESSAGES - ROWS.keys()) == []


def test_every_row_of_the_guide_has_a_message():
    assert sorted(ROWS.keys() - MESSAGES) == []


def test_no_message_has_two_rows():
    lines = Counter(re.split(r"(?<!\\)\|", line)[1] for line in GUIDE.read_text(encoding="utf-8").splitlines()
                    if line.startswith("| ") and not line.startswith("| message"))
    assert [line for line, count in lines.items() if count > 1] == []


@pytest.mark.parametrize("message", sorted(ROWS))
def test_every_row_gives_a_reason_and_a_remedy(message):
    why, helps = ROWS[message]
    assert len(why) > 10 and len(helps) > 10


@pytest.mark.parametrize("message", CAUSES)
def test_the_cause_gives_the_message(message, tmp_path, monkeypatch):
    monkeypatch.setattr(core("client"), "RECONNECT_SECONDS", 0.0)
    try:
        given = str(CAUSES[message](tmp_path))
    except Exception as error:
        given = str(error)
    assert re.search(pattern(message), given, re.DOTALL), given


def expected_texts() -> Iterator[str]:
    """Yield the strings of the other tests in lower case, split where patterns have wildcards or escapes."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path != Path(__file__) else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from (part.strip() for part in re.split(r"\.\*|\\.|[\n|^$()\[\]\\…]", node.value.lower()))


def messages_in_other_tests() -> set[str]:
    """Return the messages of which another test expects the whole, or a part that no other message has."""
    texts = set(expected_texts())
    result = {message for message in MESSAGES if message.lower() in texts}
    for text in texts:
        matches = [message for message in MESSAGES if text in message.lower()] if len(text.split()) >= MIN_WORDS else []
        if len(matches) == 1:
            result.add(matches[0])
    return result


def test_some_test_causes_every_message():
    assert sorted(MESSAGES - CAUSES.keys() - TESTED_IN.keys() - messages_in_other_tests()) == []


def test_the_lists_of_causes_name_messages():
    assert sorted((CAUSES.keys() | TESTED_IN.keys()) - MESSAGES) == []
    assert sorted(CAUSES.keys() & TESTED_IN.keys()) == []


@pytest.mark.parametrize("message", TESTED_IN)
def test_the_other_test_has_the_text_of_the_message(message):
    module, text = TESTED_IN[message]
    assert text in (TESTS / module).read_text(encoding="utf-8")
