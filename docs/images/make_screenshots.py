"""Make the screenshots in docs/images from the output of `headroom demo`, in a Blender with a window.

Usage: HEADROOM_BLENDER=blender python docs/images/make_screenshots.py headroom-demo
Needs ImageMagick's `import` and a display. Only the bundled, synthetic person is shown.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SIZE = ("1280", "800")
SECONDS = 300.0


def main(demo: Path) -> None:
    """Predict two takes, take screenshots in Blender, and write them as small JPEGs."""
    sys.path.insert(0, str(ROOT))
    import build_addon
    from headroom import pipeline
    from headroom.common.paths import shipped_file
    from headroom.common.settings import PerformSettings

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for seed in range(2):
            performance, _ = pipeline.perform(demo / "subject", shipped_file("samples", "speech.wav"),
                                              PerformSettings(seed=seed))
            performance.save(folder / f"performance-{seed}.npz")
        shutil.copytree(demo / "subject", folder / "robin")
        shutil.copyfile(demo / "shot.mp4", folder / "shot.mp4")
        shutil.copyfile(shipped_file("samples", "speech.wav"), folder / "speech.wav")
        archive = build_addon.build(folder / "dist")
        (folder / "blender").mkdir()
        subprocess.run(
            [os.environ["HEADROOM_BLENDER"], "--factory-startup", "--window-geometry", "0", "0", *SIZE,
             "--python", str(HERE / "screenshots_in_window.py"), "--", str(archive), str(folder)],
            env={**os.environ, "BLENDER_USER_RESOURCES": str(folder / "blender")}, timeout=SECONDS, check=True)
        for picture in sorted(folder.glob("*.png")):
            cv2.imwrite(str(HERE / f"{picture.stem}.jpg"), cv2.imread(str(picture)), [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
