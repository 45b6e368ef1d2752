"""How often the watermark is found after attacks, how often where there is none, and how much it changes.

    python benchmarks/watermark.py [--seconds 4] [--strength 0.8] [--keys 500] CLIP…

The faces of real clips are marked as generated ones are. "all" is half the size, a crop and crf 28 together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from headroom.face.camera import Crop
from headroom.media.video import MovieOptions, VideoWriter, probe, read_frames
from headroom.track.landmarks.detect import face_boxes, head_region, sample_step
from headroom.track.watermark import draw
from headroom.track.watermark.find import FALSE_ALARM, chance_of, face_windows, score_of
from headroom.track.watermark.pattern import bundled_pattern

Picture = Callable[[np.ndarray], np.ndarray]


def halved(frame: np.ndarray) -> np.ndarray:
    """Return a frame at half its size."""
    return cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2), interpolation=cv2.INTER_AREA)


def cropped(frame: np.ndarray) -> np.ndarray:
    """Return a frame without a fifth of its width and height: 5 % at the left and the top, 15 % opposite."""
    height, width = frame.shape[:2]
    return frame[round(0.05 * height):round(0.85 * height), round(0.05 * width):round(0.85 * width)]


def shown(frame: np.ndarray) -> np.ndarray:
    """Return a frame as a screenshot of a player has it: scaled to 73 %, a little brighter and flatter."""
    size = (round(frame.shape[1] * 0.73), round(frame.shape[0] * 0.73))
    picture = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
    return np.clip(picture * np.float32(0.93) + 12, 0, 255).astype(np.uint8)


ATTACKS: dict[str, tuple[Picture, int, float | None]] = {
    "crf 28": (lambda frame: frame, 28, None),
    "half size": (halved, 23, None),
    "crop 20 %": (cropped, 23, None),
    "screenshot": (shown, 26, 30.0),
    "all": (lambda frame: halved(cropped(frame)), 28, None),
}
"""Name -> what happens to the frames, the crf of the new movie, and its frame rate (None keeps it)."""


def main() -> None:
    """Mark, attack and search; print a line for each clip and the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--strength", type=float, default=draw.STRENGTH)
    parser.add_argument("--keys", type=int, default=500, help="other keys to look for in each unmarked clip")
    parser.add_argument("--sheet", type=Path, help="picture of marked faces, and what was added, 40 times as strong")
    options = parser.parse_args()
    draw.STRENGTH = options.strength
    results, others, changes, tiles = defaultdict(list), [], [], []
    for clip in options.clips:
        with tempfile.TemporaryDirectory() as folder:
            result = _measure(clip, options.seconds, Path(folder))
        if result is None:
            print(f"{clip.name}: no face", flush=True)
            continue
        found, windows, change, tile = result
        for attack, chance in found.items():
            results[attack].append(chance)
        rng = np.random.default_rng(len(others))
        keys = rng.uniform(0, 2 * np.pi, (options.keys, int(bundled_pattern().band.sum())))
        others += [chance_of([score_of(window.coefficients, key) for window in windows]) for key in keys]
        changes.append(change)
        tiles.append(tile)
        print(f"{clip.name}: " + ", ".join(f"{attack} {_power(chance)}" for attack, chance in found.items())
              + f"; {change}", flush=True)
    _print_tables(results, others, np.array(changes))
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.vstack(tiles)[..., ::-1])


def _measure(clip: Path, seconds: float, folder: Path):
    """Return the results by attack, the windows of the unmarked clip, the changes, and a tile for the sheet."""
    info = probe(clip)
    frames = list(read_frames(clip, 0, seconds))
    region = head_region(face_boxes(frames[::sample_step(info.fps)]))
    if region is None:
        return None
    size = round(region.size / draw.LOOSE)
    crop = Crop(region.x + (region.size - size) // 2, region.y + (region.size - size) // 2, size)
    started = time.perf_counter()
    with draw.Watermark(crop, info.fps) as watermark:
        marked = [watermark.draw(frame) for frame in frames]
    spent = (time.perf_counter() - started) / len(frames) * 1000
    _write(folder / "marked.mp4", marked, info.fps, 16)
    _write(folder / "plain.mp4", frames, info.fps, 16)
    found = {}
    for attack in ATTACKS:
        _attack(folder / "marked.mp4", folder / "attacked.mp4", attack)
        found[attack] = _chance(list(face_windows(folder / "attacked.mp4")))
    _attack(folder / "plain.mp4", folder / "attacked.mp4", "crf 28")
    windows = list(face_windows(folder / "attacked.mp4"))
    found["unmarked"] = _chance(windows)
    area = np.s_[max(crop.y, 0):crop.y + size, max(crop.x, 0):crop.x + size]
    added = np.abs(np.stack([after[area].astype(np.int16) - before[area] for after, before in zip(marked, frames)]))
    middle = len(frames) // 2
    difference = marked[middle][area].astype(np.int16) - frames[middle][area]
    panels = (frames[middle][area], marked[middle][area], np.clip(128 + 40 * difference, 0, 255).astype(np.uint8))
    tile = np.hstack([cv2.resize(panel, (400, 400), interpolation=cv2.INTER_AREA) for panel in panels])
    change = np.array([added.mean(), added[added.max(axis=-1) > 0].mean(), added.max(), spent]).round(3)
    return found, windows, change, tile


def _attack(source: Path, target: Path, attack: str) -> None:
    """Write a movie as an attack leaves it."""
    change, crf, fps = ATTACKS[attack]
    fps = fps or probe(source).fps
    _write(target, (change(frame) for frame in read_frames(source, fps=fps)), fps, crf)


def _write(path: Path, frames, fps: float, crf: int) -> None:
    """Write frames as an H.264 movie."""
    frames: Iterator[np.ndarray] = iter(frames)
    first = next(frames)
    with VideoWriter(path, fps, first.shape[1], first.shape[0], options=MovieOptions(crf=crf)) as movie:
        movie.write(first)
        movie.write_all(np.ascontiguousarray(frame) for frame in frames)


def _chance(windows) -> float:
    phases = bundled_pattern().band_phases
    return chance_of([score_of(window.coefficients, phases) for window in windows])


def _power(chance: float) -> str:
    return f"10^{np.log10(max(chance, 1e-300)):.1f}"


def _print_tables(results, others: list[float], changes: np.ndarray) -> None:
    """Print detections by attack, false alarms, and the size of the change."""
    print(f"\nfound at 1 false alarm in {1 / FALSE_ALARM:.0f}")
    for attack, each in results.items():
        found = np.array(each) <= FALSE_ALARM
        print(f"{attack:12s} {found.sum():4d} of {len(found)} ({found.mean():.1%}); chance: median "
              f"{_power(np.median(each))}, largest {_power(max(each))}")
    rates = ", ".join(f"{np.mean(np.array(others) <= level):.5f} at {level:g}" for level in (0.1, 0.01, 1e-3, 1e-4))
    print(f"other keys in unmarked clips ({len(others)}): {rates}")
    crop, changed, _, spent = changes.mean(axis=0)
    print(f"change: mean over the crop {crop:.3f} (largest {changes[:, 0].max():.3f}), of changed pixels "
          f"{changed:.2f}, most {changes[:, 2].max():.0f}; {spent:.1f} ms a frame")


if __name__ == "__main__":
    main()
