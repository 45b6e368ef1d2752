"""Sparse keys of a predicted performance: `python benchmarks/sparse_keys.py PERFORMANCE.npz... [--minutes 10]`.

Prints keys per second and the largest error of head pose and controls, in units of the error allowed, as Blender
evaluates the curves at every frame. Channels that never move are left out of the keys per second. Then it prints the
time for fitting and writing the 58 channels of the performance repeated to that length.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "addon")]

from addon.core.coordinates import scene_from_mm  # noqa: E402
from addon.core.performance import Performance  # noqa: E402
from addon.scene import compat  # noqa: E402
from addon.scene.anim.channels import CONTROL_ERROR, POSE_CHANNELS  # noqa: E402
from addon.scene.anim.curves import CurvePath, ensure_curve, generated_keys, write_keys  # noqa: E402
from addon.scene.anim.fitted_keys import fit_channel  # noqa: E402
from headroom.face.controls.names import CONTROL_NAMES, GROUPS  # noqa: E402

NO_KEYS = np.zeros(0)


def write(values: np.ndarray, errors: list[float]) -> list:
    """Write sparse keys of the channels (T, C) to a new action and return its F-curves."""
    owner = bpy.data.objects.new("head", None)
    owner.animation_data_create().action = bpy.data.actions.new("motion")
    bag, frames, curves = compat.channels(owner.animation_data.action, owner), np.arange(len(values)), []
    for channel, error in enumerate(errors):
        curve = ensure_curve(bag, CurvePath(f'["channel {channel}"]'))
        write_keys(curve, fit_channel(frames, values[:, channel], generated_keys(NO_KEYS, NO_KEYS), error).keys)
        curves.append(curve)
    return curves


def groups_of(performance: Performance) -> Iterator[tuple[str, tuple[str, ...], np.ndarray, list[float]]]:
    """Yield the name, the names of the channels, the channels (T, C) and the errors of each group."""
    yield ("Head Rotation", ("pitch", "yaw", "roll"), performance.rotation,
           [channel.key_error for channel in POSE_CHANNELS[:3]])
    yield ("Head Position", ("x", "y", "z"), scene_from_mm(performance.translation),
           [channel.key_error for channel in POSE_CHANNELS[3:]])
    for group, names in GROUPS.items():
        columns = [CONTROL_NAMES.index(name) for name in names]
        yield group, names, performance.controls[:, columns], [CONTROL_ERROR] * len(columns)


def print_group(name: str, channels: tuple[str, ...], values: np.ndarray, errors: list[float], seconds: float) -> None:
    """Print keys per channel and second, the busiest channel, and the largest error."""
    curves = write(values, errors)
    rates = {channel: len(curve.keyframe_points) / seconds
             for channel, curve, column in zip(channels, curves, values.T) if np.ptp(column) > 0} or {"none": 0.0}
    busiest = max(rates, key=rates.__getitem__)
    worst = max(abs(curve.evaluate(frame) - column[frame]) / error
                for curve, column, error in zip(curves, values.T, errors) for frame in range(len(values)))
    print(f"  {name}: {np.mean(list(rates.values())):.1f} keys per channel and second, "
          f"at most {rates[busiest]:.1f} ({busiest}); largest error {worst:.3f}")


def main(paths: list[Path], minutes: float) -> None:
    for path in paths:
        performance = Performance.load(path)
        seconds, groups = len(performance) / performance.fps, list(groups_of(performance))
        print(f"{path.name}: {seconds:.1f} s")
        for name, channels, values, errors in groups:
            print_group(name, channels, values, errors, seconds)
        values = np.concatenate([values for *_, values, _ in groups], axis=1)
        errors = [error for *_, errors in groups for error in errors]
        repeated = np.resize(values, (round(minutes * 60 * performance.fps), len(errors)))
        start, start_cpu = time.perf_counter(), time.process_time()
        write(repeated, errors)
        print(f"  {len(errors)} channels of {minutes:g} minutes: {time.perf_counter() - start:.2f} s, "
              f"{time.process_time() - start_cpu:.2f} s of them on the processor")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("performances", nargs="+", type=Path, help="files that `headroom perform` wrote")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the timed performance; default: 10")
    arguments = parser.parse_args()
    main(arguments.performances, arguments.minutes)
    sys.stdout.flush()
    os._exit(0)  # the bpy package may hang while it ends
