"""Write blend_templates/poses/*.png, the pictures of the pose library: `python blend_templates/make_pose_pictures.py`.

They show the average face of the bundled model, drawn by the backend, so they show no person.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "backend")]

from addon.core.poses import POSES  # noqa: E402
from headroom.face.camera import Camera, Crop  # noqa: E402
from headroom.face.light import AMBIENT  # noqa: E402
from headroom.face.raster import Rasterizer  # noqa: E402
from headroom.face.texture import albedo_texture  # noqa: E402
from headroom.subject.average import average_speaker  # noqa: E402

FOLDER = Path(__file__).resolve().with_name("poses")
SIZE, FOCAL_PX, DISTANCE_MM = 128, 640.0, 1000.0
BACKGROUND = 52


def main() -> None:
    speaker = average_speaker()
    model, rig = speaker.model, speaker.rig
    light = AMBIENT.copy()
    light[:4] = light[0] * np.array([0.75, 0.3, 0.3, 0.1])[:, None]
    raster = Rasterizer(model, Camera(FOCAL_PX, SIZE, SIZE), Crop(0, 0, SIZE), SIZE)
    raster.set_appearance(albedo_texture(model, model.albedo(np.zeros(80)), 512), light)
    names, middle = rig.control_names.tolist(), (rig.neutral.max(0) + rig.neutral.min(0)) / 2
    FOLDER.mkdir(exist_ok=True)
    for name, (_, values) in POSES.items():
        weights = np.zeros(len(names), np.float32)
        for control, value in values.items():
            weights[names.index(control)] = value
        vertices = rig.neutral + np.tensordot(weights @ rig.controls, rig.expression, axes=(0, 0))
        drawn = raster.render((vertices - middle - [0, 0, DISTANCE_MM]).astype(np.float32)).astype(np.float32)
        alpha = drawn[..., 3:] / 255
        picture = drawn[..., :3] * alpha + BACKGROUND * (1 - alpha)
        cv2.imwrite(str(FOLDER / f"{name}.png"), np.rint(picture[..., ::-1]).astype(np.uint8))


if __name__ == "__main__":
    main()
