"""Write the first formats of refiner, plate match and mattes, with what the code of that time read from them.

Run with the code of commit 6bed92b: PYTHONPATH=backend python make_refiner_1.py FOLDER
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from headroom.refine.recall import Recall
from headroom.refine.refine import Refiner

from headroom.plate.match import match_plates
from headroom.plate.matte import save_mattes
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.memory import Memory, MemoryConfig
from headroom.refine.region import RegionConfig
from headroom.refine.spatial import bundled_spatial

SIZE, FRAMES, IDENTITY = 64, 3, 6


def heads() -> tuple[np.ndarray, np.ndarray]:
    """Renders (T, R, R, 4) of an oval face, and plates (T, R, R, 3)."""
    renders = np.zeros((FRAMES, SIZE, SIZE, 4), np.uint8)
    for frame, render in enumerate(renders):
        cv2.ellipse(render, (30 + 2 * frame, 30), (13, 17), 0, 0, 360, (180, 140 - 20 * frame, 130, 255), -1)
    plates = np.linspace(0, 255, SIZE).astype(np.uint8)[None, :, None, None].repeat(SIZE, 2).repeat(3, 3)
    return renders, plates.repeat(FRAMES, 0)


def generator() -> Generator:
    """A network of width 8 whose style layer answers to the identity."""
    made = Generator(GeneratorConfig(width=8, levels=3, identity=IDENTITY, hidden=8, window=True))
    torch.nn.init.normal_(made.style.out.weight, 0, 0.5)
    return made


def memory(renders: np.ndarray) -> Recall:
    """A memory of the bundled trunk, small, that holds one identity feature for each render."""
    made = Recall(bundled_spatial(), Memory(MemoryConfig(8, value=IDENTITY, key=8)))
    pixels = torch.from_numpy(renders).permute(0, 3, 1, 2).float() / 255
    made.memory.update(made.memory.ask(made.spatial(pixels)).detach(), torch.randn(FRAMES, IDENTITY), torch.Generator())
    return made


folder = Path(sys.argv[1])
torch.manual_seed(0)
renders, plates = heads()
identity = np.linspace(-1, 1, IDENTITY).astype(np.float32)
read = {"renders": renders, "plates": plates}
for name, recall in (("refiner_1", None), ("refiner_memory_1", memory(renders))):
    path = folder / f"{name}.safetensors"
    Refiner(generator(), identity, RegionConfig(margin=0.1), SIZE, "cpu", recall, "somebody's").save(path)
    refiner = Refiner.load(path, "cpu")
    read[name] = np.stack([crop for crop, _ in refiner.refine(renders, plates)])
    read[f"{name}_identity"] = np.stack([seen.identity for seen in refiner.windows(renders, plates)])
np.savez_compressed(folder / "refiner_1.npz", **read)

random = np.random.default_rng(0)
wanted, clip = (random.normal(size=(count, 2, 3)) for count in (12, 20))
match_plates(wanted[:, 0] * 0.1, wanted[:, 1] * 5, 25.0, clip[:, 0] * 0.1, clip[:, 1] * 5, 30.0).save(
    folder / "match_1.npz")
save_mattes(folder / "mattes_1.npz", random.integers(0, 256, (2, 9, 16), np.uint8))
