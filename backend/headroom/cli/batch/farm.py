"""A job file for render farms: as an Open Job Description template, and as a job of Flamenco.

On either farm each job is a task that runs `headroom batch FILE --only NUMBER`, so `headroom` and the files must be
found on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from headroom.cli.batch.plan import Job

OPENJD_VERSION = "jobtemplate-2023-09"
MAX_NAME = 64  # characters that Open Job Description allows
FLAMENCO_SCRIPT = Path(__file__).with_name("headroom-batch.js")
"""Flamenco's job type, which lies in the folder `scripts` of Flamenco Manager."""
FLAMENCO_PRIORITY = 50


def openjd_template(file: Path, jobs: Iterable[Job]) -> dict[str, Any]:
    """Return the template: a step for each job, which starts when those that it waits for are done.

    The template lies in the file's folder, because the default of a path is relative to it.
    """
    jobs = list(jobs)
    names = {job.number: _name(job) for job in jobs}
    return {
        "specificationVersion": OPENJD_VERSION,
        "name": file.stem[:MAX_NAME],
        "parameterDefinitions": [{"name": "JobFile", "type": "PATH", "objectType": "FILE", "dataFlow": "NONE",
                                  "default": file.name}],
        "steps": [_step(job, names) for job in jobs],
    }


def _step(job: Job, names: dict[int, str]) -> dict[str, Any]:
    arguments = ["batch", "{{Param.JobFile}}", "--only", str(job.number)]
    step: dict[str, Any] = {"name": names[job.number],
                            "script": {"actions": {"onRun": {"command": "headroom", "args": arguments}}}}
    if job.after:
        step["dependencies"] = [{"dependsOn": names[number]} for number in job.after]
    return step


def flamenco_job(file: Path, jobs: Iterable[Job]) -> dict[str, Any]:
    """Return the body of the request with which a job is submitted to Flamenco Manager."""
    tasks = [{"number": job.number, "name": _name(job), "after": job.after} for job in jobs]
    return {
        "name": file.stem,
        "type": FLAMENCO_SCRIPT.stem,
        "priority": FLAMENCO_PRIORITY,
        "submitter_platform": "manager",
        "settings": {"job_file": str(file), "tasks": json.dumps(tasks)},
        "metadata": {},
    }


def _name(job: Job) -> str:
    return f"{job.number} {job.title}"[:MAX_NAME].strip()
