"""Tables that commands print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from headroom.cli.doctor import Finding

if TYPE_CHECKING:
    from headroom.evaluation.clip_check import CheckFigures
    from headroom.evaluation.track_report import TrackFigures
    from headroom.server.access.tokens import Token
    from headroom.training.shards.report import CorpusStatistics

ROWS = (
    ("psnr_face", "PSNR, face", "dB", 2),
    ("psnr_rim", "PSNR, rim of the face", "dB", 2),
    ("psnr_mouth", "PSNR, mouth", "dB", 2),
    ("psnr_eyes", "PSNR, eyes", "dB", 2),
    ("sharpness_face", "sharpness relative to the true frames', face", "", 2),
    ("sharpness_rim", "sharpness, rim", "", 2),
    ("sharpness_mouth", "sharpness, mouth", "", 2),
    ("sharpness_eyes", "sharpness, eyes", "", 2),
    ("perceptual_face", "perceptual distance, face", "", 3),
    ("perceptual_rim", "perceptual distance, rim", "", 3),
    ("perceptual_mouth", "perceptual distance, mouth", "", 3),
    ("perceptual_eyes", "perceptual distance, eyes", "", 3),
    ("identity", "identity, cosine of embeddings", "", 3),
    ("psnr_crop", "PSNR, crop", "dB", 2),
    ("psnr_frame", "PSNR, full frame", "dB", 2),
    ("psnr_atvg", "PSNR as ATVG computes it (wraps around)", "dB", 2),
    ("ssim", "SSIM, crop at 256", "", 3),
    ("lmd_256", "landmark distance of the mouth, crop at 256", "px", 2),
    ("lmd_full", "landmark distance of the mouth, full size", "px", 2),
    ("lip_correlation", "lip opening, correlation", "", 3),
    ("hs", "HS, range of both clips", "", 3),
    ("hs_45", "HS, ±45 degrees", "", 3),
    ("w1_degrees", "W1 of the head's pose, pitch yaw roll", "deg", 2),
    ("pose_speed", "pose speed relative to the clip's", "", 2),
    ("jitter_degrees", "pose jitter, pitch yaw roll", "deg/frame²", 3),
    ("jitter_pixels", "pose jitter at the face", "px/frame²", 3),
    ("flicker", "flicker relative to the true frames'", "", 2),
    ("seam", "step in tone at the mask's border", "of 255", 2),
    ("faces_found", "frames with a face", "", 3),
)
"""Rows of the table of `headroom evaluate`: key of the figures, label, unit, decimals."""


def print_evaluation(console: Console, figures: dict[str, Any]) -> None:
    """Print the figures of the movies and of the clip itself side by side, then the seconds of each step.

    figures: what `headroom evaluate --json` writes.
    """
    tables, truth = figures["tables"], figures["truth"]
    table = Table(title=f"{figures['clip']['name']}: learned from {figures['train_seconds']:g} s, measured on "
                        f"{figures['test_frames']} frames")
    for heading in ("measure", "unit", *tables, "the clip itself"):
        table.add_column(heading, justify="left" if heading in ("measure", "unit") else "right", no_wrap=True)
    for key, label, unit, decimals in ROWS:
        cells = [_cell(values.get(key), decimals) for values in (*tables.values(), truth)]
        table.add_row(label, unit, *cells)
    console.print(table)
    console.print("The clip itself: HS and W1 compare its first half with its second half, the best possible values; "
                  "identity compares frames a second apart.")
    seconds = Table(title="Seconds")
    for heading in figures["seconds"]:
        seconds.add_column(heading, justify="right")
    seconds.add_row(*(f"{value:.1f}" for value in figures["seconds"].values()))
    console.print(seconds)
    for note in figures["notes"]:
        console.print(f"Note: {note}", markup=False)


def print_track(console: Console, clip: str, figures: TrackFigures) -> None:
    """Print the figures of a track in one row."""
    table = Table(title=clip)
    for heading in ("frames", "lost", "landmark error, mean", "95th percentile of frames", "jitter", "seconds",
                    "frames a second"):
        table.add_column(heading, justify="right")
    table.add_row(
        str(figures.frames), str(figures.lost), f"{100 * figures.error_mean:.2f} %", f"{100 * figures.error_p95:.2f} %",
        f"{figures.jitter_degrees:.3f}°, {figures.jitter_pixels:.2f} px", f"{figures.seconds:.1f}",
        f"{figures.frames / figures.seconds:.0f}",
    )
    console.print(table)
    console.print("Error: relative to the eye distance. Jitter: mean second difference of the pose, and of the head in "
                  "the picture.")


def print_check(console: Console, clip: str, figures: CheckFigures) -> None:
    """Print the figures of a checked clip in one row."""
    first, end = figures.seconds
    table = Table(title=f"{clip}, {first:.1f} to {end:.1f} s")
    for heading in ("usable", "face found", "brows to chin", "yaw", "brightness", "faces", "cuts", "blurred",
                    "sound later than lips"):
        table.add_column(heading, justify="right")
    offset = figures.offset_seconds
    table.add_row(
        f"{figures.usable_seconds:.1f} s", f"{100 * figures.face:.0f} %",
        "-" if figures.size is None else f"{figures.size:.0f} px",
        "-" if figures.yaw is None else f"{figures.yaw[0]:.0f} to {figures.yaw[1]:.0f}°",
        "-" if figures.light is None else f"{figures.light[0]:.0f}, sides 1:{figures.light[1]:.1f}",
        str(figures.faces), str(len(figures.cuts)), f"{100 * figures.blurred:.0f} %",
        "not certain" if offset is None else f"{1000 * offset:.0f} ms",
    )
    console.print(table)


def print_findings(console: Console, findings: list[Finding]) -> None:
    """Print a line for each finding, in green or red, with the remedy below the red ones."""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark, colour = ("ok", "green") if finding.ok else ("no", "red")
        console.print(f"[{colour}]{mark}[/] {finding.what:<{width}}  ", end="")
        console.print(finding.found, markup=False)
        if not finding.ok:
            console.print(f"   {finding.remedy}", markup=False, style=colour)


def print_model(console: Console, info: dict[str, Any]) -> None:
    """Print a row for each entry of `headroom model info --json`."""
    table = Table(show_header=False)
    for name, value in info.items():
        if isinstance(value, dict):
            text = ", ".join(f"{key} {count}" for key, count in value.items())
        else:
            text = " x ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(name.removesuffix("_mm").replace("_", " "), text + (" mm" if name.endswith("_mm") else ""))
    console.print(table)


def _cell(value: float | list[float] | None, decimals: int) -> str:
    if value is None:
        return "-"
    values = value if isinstance(value, list) else [value]
    return " ".join(f"{number:.{decimals}f}" for number in values)


def print_tokens(console: Console, tokens: Sequence[Token]) -> None:
    """Print the tokens of a server."""
    table = Table()
    for heading in ("id", "user", "label", "made", "until", "state"):
        table.add_column(heading, no_wrap=True)
    for token in tokens:
        state = "revoked" if token.revoked else "ended" if token.refusal_reason else token.role
        table.add_row(token.id, token.user, token.label, token.created, token.until or "-", state)
    console.print(table)


def print_corpus(console: Console, statistics: CorpusStatistics) -> None:
    """Print the statistics of a prepared corpus."""
    table = Table(title="corpus")
    table.add_column("")
    table.add_column("value", justify="right")
    yaw = statistics.yaw_degrees
    rows = {
        "finished shards": f"{statistics.shards} of {statistics.planned_shards}",
        "clips": f"{statistics.clips}",
        "clips left out": f"{statistics.left_out}",
        "hours": f"{statistics.seconds / 3600:.2f}",
        "hours of work": f"{statistics.work_seconds / 3600:.2f}",
        "seconds of clips a second and worker": f"{statistics.seconds / max(statistics.work_seconds, 1e-3):.2f}",
        "clips with a confidence below 0.5": f"{sum(statistics.confidence[:5]):.1%}",
        "yaw of nine in ten clips, degrees": "" if yaw is None else f"{yaw[0]} to {yaw[1]}",
        "people with a name": f"{statistics.people}",
        "clips of people without one": f"{statistics.clips_without_person}",
    }
    for label, value in rows.items():
        table.add_row(label, value)
    console.print(table)
