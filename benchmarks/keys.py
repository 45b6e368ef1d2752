"""Time Blender needs for the keys of a long performance: `python benchmarks/keys.py [MINUTES]`.

The goal "64 channels in under 5 seconds" is for an hour at 25 frames per second; the six channels of the pose come on
top. Prints the time for the raw take, for the composed keys, for one slider of the mouth, and for the slowest single
channel. The last is the longest time that the window does not respond, because channels are composed one by one.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "addon")]

from stand_ins import tiny_subject  # noqa: E402

from addon.core.performance import Performance  # noqa: E402
from addon.core.take_settings import TakeSettings  # noqa: E402
from addon.scene.anim import channels, compose, controls, coverage, takes  # noqa: E402
from addon.scene.build import shot  # noqa: E402

FPS = 25.0


def timed(name: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    print(f"{name}: {time.perf_counter() - start:.3f} s", flush=True)


def main(minutes: float) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    controls.register()
    subject = tiny_subject(Path(tempfile.mkdtemp()) / "subject")
    np.savez(subject / "track.npz", fps=FPS, rotation=np.zeros((3000, 3)), translation=np.zeros((3000, 3)),
             confidence=np.ones(3000))
    head = shot.open_subject(bpy.context.scene, subject)
    count = round(minutes * 60 * FPS)
    motion = np.random.default_rng(0).normal(size=(count, 64)).astype(np.float32)
    performance = Performance(FPS, motion, motion[:, :3], motion[:, 3:6])
    print(f"{count} frames, {len(channels.channels_of(head))} channels, Blender {bpy.app.version_string}")
    timed("raw take", lambda: list(takes.add_take(head.ref, performance, TakeSettings(Path("none.wav")))))
    timed("composed keys", lambda: compose.compose(head))
    head.root.headroom.mouth.gain = 1.5
    timed("mouth gain, 40 channels", lambda: compose.compose(head))
    timed("checking that nothing is out of date", lambda: compose.out_of_date(head, compose.make_plan(head)))
    head.root.headroom.head.lag = 0.1
    timed("one channel of the head", lambda: compose.compose(head, 0.0))
    timed("distance to the clip's poses", lambda: coverage.off_plate_spans(head))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", nargs="?", type=float, default=60.0, help="length of the performance; default: 60")
    main(parser.parse_args().minutes)
    sys.stdout.flush()
    os._exit(0)  # classes of a module that is not an extension would keep the bpy package from ending
