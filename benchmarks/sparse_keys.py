"""Sparse keys of a predicted performance: `python benchmarks/sparse_keys.py PERFORMANCE.npz... [--minutes 10]`.

Prints keys per second and the largest error of the head pose, in units of the error allowed, as Blender evaluates the
curves at every frame; then the time for fitting and writing 58 channels of the performance repeated to that length: its
pose, and 52 of its expression channels scaled to 0..1 with an error of 0.01.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "addon")]

from addon.core.performance import Performance  # noqa: E402
from addon.scene import compat  # noqa: E402
from addon.scene.anim.channels import POSE_CHANNELS  # noqa: E402
from addon.scene.anim.compose import new_keys  # noqa: E402
from addon.scene.anim.curves import CurvePath, ensure_curve, generated_keys, write_keys  # noqa: E402

NO_KEYS = np.zeros(0)


def write(values: np.ndarray, errors: list[float]) -> list:
    """Write sparse keys of the channels (T, C) to a new action and return its F-curves."""
    owner = bpy.data.objects.new("head", None)
    owner.animation_data_create().action = bpy.data.actions.new("motion")
    bag, frames, curves = compat.channels(owner.animation_data.action, owner), np.arange(len(values)), []
    for channel, error in enumerate(errors):
        curve = ensure_curve(bag, CurvePath(f'["channel {channel}"]'))
        write_keys(curve, new_keys(frames, values[:, channel], generated_keys(NO_KEYS, NO_KEYS), error))
        curves.append(curve)
    return curves


def channels_of(performance: Performance) -> tuple[np.ndarray, list[float]]:
    """Return the 58 channels (T, 58) and their errors."""
    moving = performance.expression[:, np.argsort(-performance.expression.std(axis=0))[:52]]
    shapes = np.clip(moving / (6 * moving.std(axis=0)), 0, 1)
    pose = np.concatenate([performance.rotation, performance.translation / 1000], axis=1)
    return np.concatenate([pose, shapes], axis=1), [channel.key_error for channel in POSE_CHANNELS] + [0.01] * 52


def main(paths: list[Path], minutes: float) -> None:
    for path in paths:
        performance = Performance.load(path)
        values, errors = channels_of(performance)
        seconds = len(values) / performance.fps
        print(f"{path.name}: {seconds:.1f} s")
        for name, columns in (("head rotation", range(3)), ("head position", range(3, 6)), ("shapes", range(6, 58))):
            curves = write(values[:, columns], [errors[column] for column in columns])
            rates = [len(curve.keyframe_points) / seconds for curve in curves]
            worst = max(abs(curve.evaluate(frame) - values[frame, column]) / errors[column]
                        for curve, column in zip(curves, columns) for frame in range(len(values)))
            print(f"  {name}: {np.mean(rates):.1f} keys per channel and second, at most {max(rates):.1f}; "
                  f"largest error {worst:.3f}")
        repeated = np.resize(values, (round(minutes * 60 * performance.fps), 58))
        start, start_cpu = time.perf_counter(), time.process_time()
        write(repeated, errors)
        print(f"  58 channels of {minutes:g} minutes: {time.perf_counter() - start:.2f} s, "
              f"{time.process_time() - start_cpu:.2f} s of them on the processor")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("performances", nargs="+", type=Path, help="files that `headroom perform` wrote")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the timed performance; default: 10")
    arguments = parser.parse_args()
    main(arguments.performances, arguments.minutes)
    sys.stdout.flush()
    os._exit(0)  # the bpy package may hang while it ends
