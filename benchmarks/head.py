"""Do a measured depth of the head, and poses by all of the head, bring carried plates nearer to the footage?

    python benchmarks/head.py CLIP...

Tracks the first 60 % of each clip as `learn` does and the rest as `evaluate` does, once by the face alone and once with
the head. Carries plates of the first part to poses 2 to 8 degrees away that the rest shows, and prints the PSNR in dB
of face and rim (hairline, temples, ears and jaw), the landmark error in percent of the eye distance, and the jitter of
the pose.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from headroom.common.subject_files import BACKGROUND
from headroom.evaluation.measures import pose_jitter_degrees, psnr
from headroom.evaluation.regions import Regions
from headroom.face.model import FaceModel, bundled_model
from headroom.media.image import read_picture
from headroom.media.video import probe, read_frames
from headroom.plate.layers import BackgroundLayers, write_background
from headroom.plate.match import pose_vectors
from headroom.plate.reprojected_plates import ReprojectedPlates
from headroom.plate.source_choice import WantedFace
from headroom.subject.clip_head import ClipHead
from headroom.subject.track_plates import head_surface, plates_of_track
from headroom.track.track import Track
from headroom.track.tracker import TrackingOptions, track_clip, track_known_face

LEARNED = 0.6  # of the frames
MAX_SECONDS = 20.0
RESOLUTION = 256
PAIRS = 36
NEAREST, FARTHEST = 2.0, 8.0  # degrees between the poses of a pair
LANDMARKS = 468  # without the irises


@dataclass(frozen=True)
class Recording:
    """The frames of a clip, what is known of the first ones, and a background picture; None where it is not known."""

    model: FaceModel
    fps: float
    frames: list[np.ndarray]
    mattes: np.ndarray
    background: np.ndarray | None

    @property
    def learned(self) -> int:
        """Number of frames that are learned."""
        return len(self.mattes)

    @staticmethod
    def read(clip: Path) -> Recording:
        """Read the first seconds of a clip."""
        frames = list(read_frames(clip, None, MAX_SECONDS))
        with tempfile.TemporaryDirectory() as folder:
            mattes, _ = write_background(Path(folder), frames[: int(LEARNED * len(frames))])
            path = Path(folder) / BACKGROUND
            background = read_picture(path) if path.is_file() else None
        return Recording(bundled_model(), probe(clip).fps, frames, mattes, background)

    def tracks(self, with_head: bool) -> tuple[Track, float]:
        """Return the track of all frames, and the learned ones' landmark error in percent of the eye distance."""
        first, rest = self.frames[: self.learned], self.frames[self.learned :]
        head = ClipHead(self.model, first, self.mattes)
        options = TrackingOptions(head=head if with_head else None)
        result = track_clip(first, self.fps, self.model, options)
        known = head.with_depth(result.track)
        known_head = head.known(known, rest) if with_head else None
        further = track_known_face(known, result.appearance.albedo, rest, self.model, known_head)
        joined = {name: np.concatenate([getattr(known, name), getattr(further, name)])
                  for name in ("expression", "rotation", "translation", "confidence")}
        return replace(known, **joined), 100 * float(np.nanmean(result.error))

    def plates(self, track: Track) -> ReprojectedPlates:
        """Return what carries the learned frames."""
        mattes = None if self.background is None else self.mattes
        layers = BackgroundLayers(self.frames, track.camera, head_surface(self.model, track), mattes, self.background)
        return plates_of_track(self.model, track, layers, RESOLUTION)


@dataclass(frozen=True)
class Pair:
    """A learned plate, a frame of the rest that it is carried to, and that frame's regions."""

    plate: int
    frame: int
    regions: Regions


def main(clips: Annotated[list[Path], typer.Argument(help="Clips of people who turn their heads.")]) -> None:
    """Print a table with three rows for each clip."""
    table = Table("clip", "pairs", "head", "face, dB", "rim, dB", "gain at the rim", "worst gain", "landmarks, %",
                  "jitter, degrees", title=f"Plates carried {NEAREST:g} to {FARTHEST:g} degrees")
    gains = []
    for clip in clips:
        recording = Recording.read(clip)
        by_face, error = recording.tracks(with_head=False)
        by_head, head_error = recording.tracks(with_head=True)
        pairs = list(choose_pairs(recording, by_face))
        before = None
        for name, track, landmark_error in (("guessed", replace(by_face, head_depth=None), error),
                                            ("depth measured", by_face, error), ("poses too", by_head, head_error)):
            plates = recording.plates(track)
            values = np.array([psnr_of(recording, plates, pair) for pair in pairs])
            gain = values[:, 1] - (values if before is None else before)[:, 1]
            before = values
            table.add_row(clip.stem, str(len(pairs)), name, *(f"{value:.2f}" for value in values.mean(axis=0)),
                          f"{gain.mean():+.2f}", f"{gain.min():+.2f}", f"{landmark_error:.2f}",
                          f"{pose_jitter_degrees(track.rotation).mean():.3f}")
        gains.append(gain.mean())
    Console(width=130).print(table)
    Console(width=130).print(f"Poses too: mean {np.mean(gains):+.2f} dB at the rim, worst clip {min(gains):+.2f}")


def choose_pairs(recording: Recording, track: Track) -> Iterator[Pair]:
    """Yield at most `PAIRS` random pairs of a learned frame and one of the rest."""
    poses, usable, learned = pose_vectors(track.performance.pose), track.confidence > 0, recording.learned
    distance = np.linalg.norm(poses[:learned, None] - poses[None, learned:], axis=-1)
    fits = (distance > NEAREST) & (distance < FARTHEST) & usable[:learned, None] & usable[None, learned:]
    found = np.argwhere(fits)
    model = recording.model
    for plate, number in found[np.random.default_rng(0).choice(len(found), min(PAIRS, len(found)), replace=False)]:
        frame = int(number) + learned
        vertices = track.vertices(model, frame)[[model.vertex_of(landmark) for landmark in range(LANDMARKS)]]
        pixels = np.pad(track.camera.project(vertices), ((0, 10), (0, 0)), mode="edge")
        yield Pair(int(plate), frame, Regions.of(pixels, *recording.frames[frame].shape[:2]))


def psnr_of(recording: Recording, plates: ReprojectedPlates, pair: Pair) -> tuple[float, float]:
    """Return the PSNR, dB, of face and rim of a plate that is carried to another frame."""
    faces, truth = plates.faces, recording.frames[pair.frame]
    wanted = WantedFace(faces.vertices(pair.frame), faces.pose(pair.frame))
    carried = plates.reprojected(pair.plate, wanted, np.arange(len(faces)) < recording.learned).picture
    return psnr(truth, carried, pair.regions.face), psnr(truth, carried, pair.regions.rim)


if __name__ == "__main__":
    typer.run(main)
