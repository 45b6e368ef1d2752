"""The report of a batch: a folder beside the job file, from which an interrupted batch goes on."""

from __future__ import annotations

import hashlib
import html
import json
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import headroom
from headroom.cli.batch.plan import Job, Line, files_of
from headroom.cli.tables import ROWS
from headroom.common.files import atomic_write
from headroom.common.subject_files import INFO

JSON, HTML, THUMBNAILS, CHUNKS = "report.json", "report.html", "thumbnails", "chunks"
FOLDER_ENDING = "_report"  # follows the name of the job file
WRITE_SECONDS = 1.0  # between two times that the JSON file is written
_STYLE = """body { font: 14px system-ui, sans-serif; margin: 2em; color: #222 }
td, th { padding: .3em .8em; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd }
.failed { color: #b00020 } img { width: 160px; display: block }"""


class Report:
    """What became of the jobs of a file; it is written while they run."""

    def __init__(self, file: Path, again: bool = False):
        """Read what an earlier run of a job file reported.

        again: forget what was finished before.
        """
        self.file = file
        self.folder = file.parent / f"{file.stem}{FOLDER_ENDING}"
        self.lines: dict[int, Line] = {}
        self._before = {} if again else _read(self.folder / JSON)
        self._written = 0.0

    @staticmethod
    def in_folder(folder: Path) -> Report:
        """Return the report in a folder."""
        return Report(folder.with_name(f"{folder.name.removesuffix(FOLDER_ENDING)}.json"))

    @property
    def thumbnails(self) -> Path:
        """The folder of small pictures of the movies."""
        return self.folder / THUMBNAILS

    def chunk_folder(self, job: Job) -> Path:
        """Return the folder for the chunks of a job.

        With other settings or inputs, or another version of Headroom, it is another one.
        """
        key = hashlib.sha256(f"{headroom.__version__} {job.digest()}".encode()).hexdigest()
        return self._chunks / f"{job.number:05d}-{key[:16]}"

    def remove_chunks(self, jobs: Iterable[Job] = ()) -> None:
        """Remove the chunks of all jobs but some."""
        kept = {self.chunk_folder(job) for job in jobs}
        for folder in self._chunks.glob("*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        if not kept:
            shutil.rmtree(self._chunks, ignore_errors=True)

    @property
    def _chunks(self) -> Path:
        return self.folder / CHUNKS

    def finished_before(self, job: Job) -> Line | None:
        """Return the line of a job that an earlier run has finished, or None when it has to run.

        It has to run when its settings or inputs have changed since, or its results are missing.
        """
        line = self._before.get(job.number)
        same = line and line.get("state") == "done" and line.get("digest") == job.digest()
        return line if same and all(map(files_of, job.writes)) else None

    def lines_before(self) -> list[Line]:
        """Return the lines of an earlier run."""
        return list(self._before.values())

    def add(self, job: Job, line: Line) -> None:
        """Add the line of a job that has ended."""
        subjects = [str(path) for path in job.reads if (path / INFO).is_file()]
        self.lines[job.number] = {**line, "subjects": subjects, "digest": job.digest()}
        if time.monotonic() - self._written > WRITE_SECONDS:
            self._write_json()

    def write(self) -> None:
        """Write the report; jobs that did not end keep what an earlier run reported of them."""
        self._write_json()
        with atomic_write(self.folder / HTML) as temporary:
            temporary.write_text(_page(self.file.name, self._sorted(), self.thumbnails), encoding="utf-8")

    def _write_json(self) -> None:
        self._written = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"file": str(self.file), "jobs": self._sorted()}
        with atomic_write(self.folder / JSON) as temporary:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def _sorted(self) -> list[Line]:
        lines = {**self._before, **self.lines}
        return [lines[number] for number in sorted(lines)]


def _read(path: Path) -> dict[int, Line]:
    """Return the lines of an earlier report by number; none of one that is missing or damaged."""
    try:
        jobs = json.loads(path.read_text(encoding="utf-8"))["jobs"]
        return {int(line["job"]): line for line in jobs}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _page(title: str, lines: Iterable[Line], thumbnails: Path) -> str:
    """Return the report as a page; thumbnails lie beside it."""
    rows = "\n".join(_row(line, thumbnails) for line in lines)
    heading = html.escape(title)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{heading}</title><style>{_STYLE}</style></head>
<body><h1>{heading}</h1>
<table><tr><th>job</th><th></th><th>kind</th><th>state</th><th>result</th><th>seconds</th><th>machine</th></tr>
{rows}
</table></body></html>
"""


def _row(line: Line, thumbnails: Path) -> str:
    picture = thumbnail_name(line["job"])
    image = f'<img src="{THUMBNAILS}/{picture}" alt="">' if (thumbnails / picture).is_file() else ""
    result = next((line[name] for name in ("movie", "subject", "performance", "figures") if line.get(name)), "")
    texts = [result, line.get("error", ""), *_figures(line.get("tables", {})), *line.get("notes", ())]
    cells = [line["job"], line["kind"], line["state"], *[line.get(name, "") for name in ("seconds", "machine")]]
    number, kind, state, seconds, machine = (html.escape(str(cell)) for cell in cells)
    text = "<br>".join(html.escape(str(each)) for each in texts if each)
    return (f'<tr class="{state}"><td>{number}</td><td>{image}</td><td>{kind}</td><td>{state}</td><td>{text}</td>'
            f"<td>{seconds}</td><td>{machine}</td></tr>")


def _figures(tables: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the figures of an evaluation, a text for each remade movie."""
    for name, figures in tables.items():
        shown = [f"{label} {figures[key]:.{decimals}f} {unit}".rstrip() for key, label, unit, decimals in ROWS
                 if isinstance(figures.get(key), (int, float))]
        yield f"{name}: {'; '.join(shown)}"


def thumbnail_name(number: int) -> str:
    """Return the name of the small picture of a job's movie."""
    return f"{number:05d}.jpg"
