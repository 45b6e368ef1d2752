"""How good is the picture, measured and seen beside the footage?

    python benchmarks/picture.py CLIP...                    # the render, and what the preset makes of it
    python benchmarks/picture.py --steps 1000 --save OLD CLIP...                # so many steps; contact sheets
    python benchmarks/picture.py --steps 1000 --save NEW --before OLD CLIP...   # earlier results beside the new ones
    python benchmarks/picture.py --variants CLIP...         # general weights alone, from scratch, without parts

Learns the person from the first seconds of each clip, as `headroom evaluate` does, and makes the rest again from its
own tracked motion over the learned plates. Prints PSNR in dB, sharpness and perceptual distance of face, rim, mouth
and eyes (`headroom.evaluation.regions`), flicker relative to the truth's, identity where a network is given, and the
seconds in which the refiner was trained.

The contact sheets show ears, hairline, jaw, mouth and eyes at 100 % in four moments: turned to both sides, frontal, and
with the widest mouth. They show a real person, so they are written only outside of the repository.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from headroom import pipeline
from headroom.common.choices import ChosenResolution, Preset
from headroom.evaluation.evaluate import EvaluateOptions, held_out_part, learn_first_part, remake_frames
from headroom.evaluation.held_out import HeldOutPart
from headroom.evaluation.measure import measure_result, measure_truth
from headroom.evaluation.measures import lip_opening
from headroom.evaluation.regions import REGIONS, face_width
from headroom.face.camera import Crop
from headroom.face.performance import Performance
from headroom.media.image import read_picture, write_picture
from headroom.plate.composite import composite, crop_frame
from headroom.refine.region import feathered_alpha
from headroom.refine.train_config import PRESETS, RefinerTrainConfig
from headroom.subject.folder import Subject
from headroom.subject.shot_refiner import Composite, open_shot_refiner

ROOT = Path(__file__).resolve().parents[1]
FIGURES = [f"{measure}_{region}" for measure in ("psnr", "sharpness", "perceptual") for region in REGIONS]
SPOTS = {"right ear": 234, "left ear": 454, "hairline": 10, "jaw": 152, "mouth": 13, "right eye": 159, "left eye": 386}
"""Landmarks that the crops of a contact sheet are centred on."""
NOSE, CHEEKS = 1, (234, 454)
CROP_SIDE = 0.5  # of a crop, in face widths
console = Console(width=200)


@dataclass(frozen=True)
class Sheets:
    """Where contact sheets are written, and an earlier folder of them to compare with; None writes none."""

    folder: Path | None
    before: Path | None


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips longer than what is learned.")],
    learn_seconds: Annotated[float, typer.Option(help="Length of the part that is learned.")] = 12.0,
    preset: Annotated[Preset, typer.Option(help="Preset of `learn`.")] = "draft",
    steps: Annotated[int | None, typer.Option(help="Steps of the refiner, instead of the preset's length.")] = None,
    variants: Annotated[bool, typer.Option(help="Also learn without the general weights, and without parts of the "
                                                "network, as the paper's figure 4.")] = False,
    resolution: Annotated[ChosenResolution, typer.Option(help="Side of the face crop, pixels.")] = "auto",
    save: Annotated[Path | None, typer.Option(help="Folder for contact sheets.")] = None,
    before: Annotated[Path | None, typer.Option(help="Folder of an earlier --save, shown beside.")] = None,
    identity_network: Annotated[Path | None, typer.Option(help="Published ArcFace network.")] = None,
) -> None:
    """Print the measures of each clip's render and of what is made of it."""
    if save and save.resolve().is_relative_to(ROOT):
        raise typer.BadParameter("Choose a folder outside of the repository.", param_hint="--save")
    config = PRESETS[preset] if steps is None else replace(PRESETS[preset], steps=steps, seconds=None)
    options = EvaluateOptions(learn_seconds, preset, None, identity_network, resolution)
    table = new_table(f"{learn_seconds:g} s of the clip, preset {preset}" + (f", {steps} steps" if steps else ""))
    for clip in clips:
        for index, (name, variant) in enumerate(variants_of(config, variants)):
            PRESETS[preset] = variant
            with tempfile.TemporaryDirectory(prefix="headroom-", ignore_cleanup_errors=True) as scratch:
                measure_clip(clip, name, options, Path(scratch), table, Sheets(save, before) if not index else None)
    console.print(table)


def variants_of(config: RefinerTrainConfig, all_of_them: bool) -> list[tuple[str, RefinerTrainConfig]]:
    """Return names and trainings of the refiner; the first is the preset's own."""
    if not all_of_them:
        return [("result", config)]
    scratch = replace(config, from_general=False)
    return [
        ("result", config),
        ("general weights alone", replace(config, steps=0, seconds=None)),
        ("from scratch", scratch),
        ("no attention", replace(scratch, generator=replace(config.generator, attention=False, plate_term=False))),
        ("no context frames", replace(scratch, generator=replace(config.generator, use_context=False))),
    ]


def measure_clip(
    clip: Path, name: str, options: EvaluateOptions, folder: Path, table: Table, sheets: Sheets | None
) -> None:
    """Learn one clip, add the rows of its result to the table and, for the first variant, the render's and the truth's.

    sheets: None for all variants but the first.
    """
    subject = folder / "subject"
    learn_first_part(clip, subject, options)
    seconds = Subject.open(subject).info.measures.step_seconds["refiner"]
    held_out = held_out_part(clip, subject, options.train_seconds, options.arcface())
    motion = held_out.part.track.performance
    times = moments(held_out)
    columns = {"truth": frames_at(held_out.part.frames(), times)}
    sources = {name: remake_frames(subject, motion)}
    if sheets:
        sources = {"render": rendered_frames(subject, motion), **sources}
        table.add_row(clip.stem, "truth", *[""] * (len(FIGURES) + 1), cell(measure_truth(held_out).identity))
    for source, composites in sources.items():
        columns[source] = {}
        kept = keep_frames(composites, times, columns[source])
        figures = measure_result(held_out, kept, motion, folder / "movie.mp4").to_dict()
        values = [cell(figures[key]) for key in (*FIGURES, "flicker", "identity")]
        table.add_row("", source, *values, f"{seconds:.0f}" if source == name else "")
    if sheets and sheets.folder:
        write_sheets(sheets, clip.stem, held_out, times, columns)


def rendered_frames(subject: Path, motion: Performance) -> Iterator[Composite]:
    """Yield full frames of a motion with the render over its plate, not refined."""
    match, refiner = pipeline.match_plates(subject, motion.pose), open_shot_refiner(subject)
    matched = replace(motion, rotation=match.rotation, translation=match.translation)
    for number, frame in enumerate(pipeline.render_crops(subject, matched)):
        plate, alpha = refiner.plate(match, number, frame.vertices).picture, feathered_alpha(frame.picture[..., 3])
        yield Composite(composite(plate, refiner.track.crop, frame.picture[..., :3], alpha), plate, alpha)


def moments(held_out: HeldOutPart) -> dict[str, int]:
    """Return the frames of the contact sheets by what they show, chosen by the true frames' landmarks."""
    frames = np.flatnonzero(held_out.has_face)
    points = held_out.landmarks[frames].astype(np.float64)
    turn = (points[:, NOSE, 0] - points[:, CHEEKS, 0].mean(1)) / np.ptp(points[:, CHEEKS, 0], axis=1)
    chosen = {"turned to the picture's left": turn.argmin(), "frontal": np.abs(turn - np.median(turn)).argmin(),
              "turned to the picture's right": turn.argmax(), "open mouth": lip_opening(points).argmax()}
    return {name: int(frames[index]) for name, index in chosen.items()}


def frames_at(frames: Iterator[np.ndarray], times: dict[str, int]) -> dict[int, np.ndarray]:
    """Return the frames of the moments by number."""
    return {number: frame for number, frame in enumerate(frames) if number in times.values()}


def keep_frames(
    composites: Iterator[Composite], times: dict[str, int], kept: dict[int, np.ndarray]
) -> Iterator[Composite]:
    """Yield all composites and put the frames of the moments into `kept`."""
    for number, finished in enumerate(composites):
        if number in times.values():
            kept[number] = finished.frame
        yield finished


def write_sheets(
    sheets: Sheets, clip: str, held_out: HeldOutPart, times: dict[str, int], columns: dict[str, dict[int, np.ndarray]]
) -> None:
    """Write a contact sheet for each moment, and the whole frames of the result for a later --before."""
    assert sheets.folder is not None
    sheets.folder.mkdir(parents=True, exist_ok=True)
    for moment, number in times.items():
        name = f"{clip}, {moment}.png"
        pictures = {source: frames[number] for source, frames in columns.items()}
        if sheets.before:
            earlier = read_picture(sheets.before / "frames" / name)
            pictures = {**{source: pictures[source] for source in ("truth", "render")}, "before": earlier,
                        "after": pictures["result"]}
        (sheets.folder / "frames").mkdir(exist_ok=True)
        write_picture(sheets.folder / "frames" / name, columns["result"][number])
        write_picture(sheets.folder / name, contact_sheet(held_out.frame_landmarks(number), pictures))


def contact_sheet(points: np.ndarray, pictures: dict[str, np.ndarray]) -> np.ndarray:
    """Return crops at 100 % around the spots, one below the other, each source in a column."""
    side = max(round(CROP_SIDE * face_width(points)), 64)
    columns = []
    for source, picture in pictures.items():
        heading = np.full((20, side, 3), 255, np.uint8)
        cv2.putText(heading, source, (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        crops = [crop_frame(picture, Crop(*np.round(points[spot] - side / 2).astype(int), side), side)
                 for spot in SPOTS.values()]
        columns.append(np.pad(np.vstack([heading, *crops]), ((0, 0), (0, 4), (0, 0))))
    return np.hstack(columns)


def new_table(title: str) -> Table:
    """Return an empty table of the measures."""
    table = Table(title=title)
    for heading in ("clip", "frames from"):
        table.add_column(heading)
    for heading in (*(figure.replace("_", "\n") for figure in FIGURES), "flicker", "identity", "s"):
        table.add_column(heading, justify="right")
    return table


def cell(value: Any) -> str:
    """Return a figure as text."""
    return "-" if value is None else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


if __name__ == "__main__":
    typer.run(main)
