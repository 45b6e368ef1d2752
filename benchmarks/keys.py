"""How long Blender needs for the keys of a long performance: `python benchmarks/keys.py [minutes]`.

An hour at 25 frames a second is what "64 channels in under 5 seconds" is measured with; the six channels of the pose
come on top. Prints the raw take, the working keys, one slider of the mouth, and the longest single channel, which is
the longest that the window can stand still, for channels are written in turn.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "addon")]

from stand_ins import tiny_subject  # noqa: E402

from addon.core.performance import Performance  # noqa: E402
from addon.core.take_settings import TakeSettings  # noqa: E402
from addon.scene import takes  # noqa: E402
from addon.scene.anim import channels, compose, controls, coverage
from addon.scene.build import shot

FPS = 25.0


def timed(what: str, work) -> None:
    start = time.perf_counter()
    work()
    print(f"{what}: {time.perf_counter() - start:.3f} s", flush=True)


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
    timed("raw take", lambda: list(takes.keeping_take(head.names, performance, TakeSettings(Path("none.wav")))))
    timed("working keys", lambda: compose.compose(head))
    head.root.headroom.mouth.gain = 1.5
    timed("mouth gain, 40 channels", lambda: compose.compose(head))
    timed("seeing that nothing is out of date", lambda: compose.out_of_date(head, compose.make_plan(head)))
    head.root.headroom.head.lag = 0.1
    timed("one channel of the head", lambda: compose.compose(head, 0.0))
    timed("the distance to the clip", lambda: coverage.off_plate(head))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
    sys.stdout.flush()
    os._exit(0)  # classes of a module that is not an extension would keep the bpy package from ending
