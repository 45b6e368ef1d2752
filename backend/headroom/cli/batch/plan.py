"""What a job file asks for: its jobs, and which of them wait for which."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headroom.cli.blender import Extension
from headroom.common.subject_files import INFO

Line = dict[str, Any]
"""What became of a job, as in docs/batch.md."""
MOVIE_KINDS = ("shot", "render")
"""The kinds of jobs whose shots can be split into chunks."""


@dataclass(frozen=True)
class Job:
    """One job of a job file.

    number: its place in the file; the first is 1.
    reads, writes: files and folders, absolute.
    error: what is wrong with its settings; empty for a job that can run.
    entry: the job as it is in the file.
    after: numbers of the jobs that it waits for.
    needs: those among them that write what it reads.
    """

    number: int
    kind: str
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    error: str = ""
    entry: Any = None
    after: tuple[int, ...] = ()
    needs: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """What the job makes, in a few words."""
        return f"{self.kind} {self.writes[0].name}" if self.writes else self.kind

    def digest(self) -> str:
        """Return a digest of the settings, and of size and time of the files that the job reads."""
        files = [_stamp(path) for path in self.reads]
        return hashlib.sha256(json.dumps([self.entry, files], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Task:
    """What a worker is given at a time: a job, or a part of one whose shot is split into chunks.

    folder: of the chunks; None for a job that is not split.
    seconds: length of a chunk, of the task that splits the shot or runs a shorter one as a whole.
    chunk: number of the chunk to render; the first is 0.
    chunks: how many there are; 0 before the shot is split.
    """

    job: Job
    folder: Path | None = None
    seconds: float | None = None
    chunk: int | None = None
    chunks: int = 0

    def arguments(self, file: Path) -> list[str]:
        """Return the words of the extension's command."""
        words = ["batch", str(file), "--only", str(self.job.number)]
        words += ["--chunk-folder", str(self.folder)] if self.folder is not None else []
        words += ["--chunk", str(self.seconds)] if self.seconds is not None else []
        return words + (["--chunk-number", str(self.chunk)] if self.chunk is not None else [])

    @property
    def title(self) -> str:
        """What the task makes, in a few words."""
        title = f"{self.job.number} {self.job.title}"
        if self.chunk is not None:
            return f"{title}, chunk {self.chunk + 1} of {self.chunks}"
        return f"{title}, {self.chunks} chunks joined" if self.chunks else title


def read_plan(file: Path, extension: Extension) -> list[Job]:
    """Return the jobs of a job file; the extension checks them, because it has the list of their settings.

    Raises InputError when the file is no job file.
    """
    lines = extension.run(["batch", str(file), "--plan"])
    entries = json.loads(file.read_text(encoding="utf-8-sig"))["jobs"]
    return in_order([_job(line, entry) for line, entry in zip(lines, entries, strict=True)])


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs with what they wait for.

    Two jobs of which one writes what the other reads or writes run in the order of the file.
    """
    read, written, ordered = _Paths(), _Paths(), []
    for job in jobs:
        needs = {number for path in job.reads for number in written.touching(path)}
        after = needs | {number for path in job.writes for number in read.touching(path) | written.touching(path)}
        ordered.append(replace(job, after=tuple(sorted(after)), needs=tuple(sorted(needs))))
        for paths, index in ((job.reads, read), (job.writes, written)):
            for path in paths:
                index.add(path, job.number)
    return ordered


class _Paths:
    """Which jobs name a path, one in it, or one that it lies in."""

    def __init__(self) -> None:
        self._at: dict[Path, set[int]] = defaultdict(set)
        self._below: dict[Path, set[int]] = defaultdict(set)

    def add(self, path: Path, number: int) -> None:
        """Add a path that a job names."""
        path = _normal(path)
        self._at[path].add(number)
        for parent in path.parents:
            self._below[parent].add(number)

    def touching(self, path: Path) -> set[int]:
        """Return the jobs that name a path, one in it, or one that it lies in."""
        path = _normal(path)
        found = set(self._below.get(path, ()))
        for each in (path, *path.parents):
            found |= self._at.get(each, set())
        return found


def files_of(output: Path) -> list[Path]:
    """Return what exists of an output: the file or folder, or the numbered pictures that # in its name stands for."""
    if "#" not in output.name:
        return [output] if output.exists() else []
    before, after = (glob.escape(part) for part in re.split("#+", output.name, maxsplit=1))
    return sorted(output.parent.glob(f"{before}[0-9]*{after}"))


def _normal(path: Path) -> Path:
    return Path(os.path.normcase(os.path.abspath(path)))


def _job(line: dict[str, Any], entry: Any) -> Job:
    return Job(int(line["job"]), str(line["kind"] or "unknown"), tuple(map(Path, line.get("reads", ()))),
               tuple(map(Path, line.get("writes", ()))), str(line.get("error", "")), entry)


def _stamp(path: Path) -> list[Any]:
    """Return name, size and time of a file, or of what a subject's folder writes last."""
    try:
        found = os.stat(path / INFO if os.path.isdir(path) else path)
    except OSError:
        return [str(path)]
    return [str(path), found.st_size, found.st_mtime_ns]
