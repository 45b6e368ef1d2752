"""The command that runs a job file on one machine or on many: batch."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headroom.cli.console import EXIT_FAILED, out, progress_bar, resumable
from headroom.cli.options import SchedulerOption, require_one_choice
from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.outputs import require_output_file, require_output_folder

if TYPE_CHECKING:
    from headroom.cli.batch.plan import Job
    from headroom.cli.batch.report import Report


def batch(
    file: Annotated[Path, typer.Argument(help="Job file, written in Blender or by hand.", show_default=False)],
    jobs: Annotated[int, typer.Option(help="Jobs that run at the same time on this machine.", min=1, max=1024)] = 1,
    scheduler: SchedulerOption = "",
    chunk: Annotated[float, typer.Option(help="Seconds of the chunks into which longer shots are split where several "
                                              "workers run; 0 splits none.", min=0, max=86_400)] = 30.0,
    again: Annotated[bool, typer.Option("--again", help="Also run the jobs that an earlier run has finished.")] = False,
    only: Annotated[int | None, typer.Option(help="Run this job alone and print its line of JSON; the first is 1.",
                                             min=1)] = None,
    openjd: Annotated[Path | None, typer.Option(help="Run nothing; write an Open Job Description template, .json.")]
        = None,
    flamenco: Annotated[Path | None, typer.Option(help="Run nothing; write a job for Flamenco, .json.")] = None,
) -> None:
    """Run the jobs of a job file in headless Blender, several at the same time or on many machines.

    A report lies beside the file. A batch that was interrupted goes on when the same command is run again.
    """
    for output in filter(None, (openjd, flamenco)):
        require_output_file(output, ".json", inputs=[file])
    if openjd is not None and openjd.absolute().parent != file.absolute().parent:
        raise InputError(f"The template must lie beside the job file, in {file.absolute().parent}.")
    require_one_choice(scheduler, jobs)
    file = file.absolute()
    if only is not None:
        _run_one(file, only)
        return
    if openjd is not None or flamenco is not None:
        _write_for_farm(openjd, flamenco, file, _plan(file))
        return
    from headroom.cli.batch.report import Report

    report = Report(file, again)
    require_output_folder(report.folder)
    plan = _run_all(report, scheduler, jobs, chunk)
    failed = sum(line["state"] == "failed" for line in report.lines.values())
    out.print(f"{len(plan) - failed} of {len(plan)} jobs are done; the report is {report.folder / 'report.html'}",
              markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(EXIT_FAILED)


def _plan(file: Path) -> list[Job]:
    from headroom.cli.batch.plan import read_plan
    from headroom.cli.blender import planning_extension

    with planning_extension() as extension:
        return read_plan(file, extension)


def _run_all(report: Report, scheduler: str, jobs: int, chunk: float) -> list[Job]:
    """Run the jobs of a file and return them; they are planned while the workers start.

    The planning Blender is stopped first when the block ends early, because the thread waits for it.
    """
    from headroom.cli.batch.plan import read_plan
    from headroom.cli.blender import planning_extension

    with resumable(), ThreadPoolExecutor(1) as background, planning_extension() as extension:
        planned = background.submit(read_plan, report.file, extension)
        from headroom.cli.batch.display import batch_display
        from headroom.cli.batch.known_reports import remember_report
        from headroom.cli.batch.run import run_jobs
        from headroom.cli.dask_workers import open_workers

        with open_workers(scheduler, jobs) as client:
            plan = planned.result()
            remember_report(report.folder)
            try:
                with batch_display(plan) as display:
                    run_jobs(plan, client, report, display, chunk)
            finally:
                report.write()
    return plan


def _run_one(file: Path, number: int) -> None:
    from headroom.cli.blender import running_extension

    with progress_bar() as progress, running_extension() as extension:
        line = extension.run(["batch", str(file), "--only", str(number)], progress, codes=(0, EXIT_FAILED))[-1]
    print(json.dumps(line, ensure_ascii=False))
    if line["state"] == "failed":
        raise typer.Exit(EXIT_FAILED)


def _write_for_farm(openjd: Path | None, flamenco: Path | None, file: Path, jobs: list[Job]) -> None:
    from headroom.cli.batch.farm import FLAMENCO_SCRIPT, flamenco_job, openjd_template

    for path, content in ((openjd, openjd_template(file, jobs)), (flamenco, flamenco_job(file, jobs))):
        if path is not None:
            with atomic_write(path) as temporary:
                temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            out.print(f"Wrote {path}", markup=False)
    if flamenco is not None:
        out.print(f"Its job type is {FLAMENCO_SCRIPT}; copy it into the folder scripts of Flamenco Manager once.",
                  markup=False, soft_wrap=True)
