"""Damage stored files and values at random and count how their readers answer: python benchmarks/damaged_input.py

A file whose bytes are damaged may still be sound, because some bytes mean nothing. Everything else must be refused
with one sentence; another exception is a fault, and so is an impossible value that is accepted.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tomli_w
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from headroom.cli.console import EXIT_INPUT, exit_code_of
from headroom.common.stored import read_toml
from headroom.face.controls.json_format import read_json
from headroom.face.model import load_model
from headroom.face.performance import Performance
from headroom.motion.model.model import MotionModel
from headroom.plate.match import PlateMatch
from headroom.refine.refiner import Refiner
from headroom.subject.info import SubjectInfo
from headroom.subject.rig import Rig
from headroom.track.track import Track

FORMATS = Path(__file__).resolve().parents[1] / "tests" / "formats"
READERS: dict[str, Callable[[Path], object]] = {
    "performance.npz": Performance.load, "rig.npz": Rig.load, "track.npz": Track.load, "match.npz": PlateMatch.load,
    "face model.npz": load_model, "motion.safetensors": MotionModel.load, "refiner.safetensors": Refiner.load,
    "subject.toml": SubjectInfo.load, "take.json": read_json}
IMPOSSIBLE = (np.nan, np.inf, -np.inf, 1e30)


def make_files(folder: Path) -> None:
    """Write a sound file for each reader."""
    subject = FORMATS / "subject_1"
    for name in ("rig.npz", "track.npz", "motion.safetensors", "refiner.safetensors", "subject.toml"):
        (folder / name).write_bytes((subject / name).read_bytes())
    (folder / "match.npz").write_bytes((FORMATS / "match_1.npz").read_bytes())
    (folder / "face model.npz").write_bytes((FORMATS / "face_surface_1.npz").read_bytes())
    np.savez(folder / "performance.npz", fps=25.0, expression=np.zeros((9, 64)), rotation=np.zeros((9, 3)),
             translation=np.zeros((9, 3)))
    content = {"format": 1, "fps": 25.0, "names": ["jawOpen"], "controls": [[0.5]] * 9, "rotation": [[0, 0, 0]] * 9}
    (folder / "take.json").write_text(json.dumps(content))


def damage_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a file's bytes cut off, overwritten in one stretch, without a piece, or with some bits turned."""
    values = np.frombuffer(content, np.uint8).copy()
    start = int(rng.integers(len(values)))
    match int(rng.integers(4)):
        case 0:
            return content[:start]
        case 1:
            values[start:start + 64] = rng.integers(0, 256, len(values[start:start + 64]))
        case 2:
            return content[:start] + content[start + int(rng.integers(1, 200)):]
        case _:
            places = rng.integers(0, len(values), 8)
            values[places] ^= 1 << rng.integers(0, 8, 8).astype(np.uint8)
    return values.tobytes()


def damage_value(path: Path, rng: np.random.Generator) -> None:
    """Put an impossible value in place of one number of a file."""
    value = float(rng.choice(IMPOSSIBLE))
    match path.suffix:
        case ".npz":
            with np.load(path) as data:
                arrays = {name: data[name] for name in data.files}
            put(arrays, value, rng)
            np.savez(path, **arrays)
        case ".safetensors":
            with safe_open(path, "np") as file:
                header = file.metadata()
            tensors = load_file(path)
            put(tensors, float(rng.choice(IMPOSSIBLE[:3])), rng)  # weights have no largest value
            save_file(tensors, path, header)
        case ".toml":
            tables = read_toml(path)
            put_in_tree(tables, value, rng)
            path.write_text(tomli_w.dumps(tables))
        case _:
            content = json.loads(path.read_text())
            put_in_tree(content, value, rng)
            path.write_text(json.dumps(content))


def put(arrays: dict[str, np.ndarray], value: float, rng: np.random.Generator) -> None:
    """Replace one element of one array of floats."""
    name = rng.choice(sorted(name for name, array in arrays.items() if array.dtype.kind == "f" and array.size))
    changed = np.array(arrays[name], np.float32 if arrays[name].dtype == np.float16 and value > 1e4 else None)
    changed.flat[int(rng.integers(changed.size))] = value
    arrays[name] = changed


def put_in_tree(tree: dict, value: float, rng: np.random.Generator) -> None:
    """Replace one number of nested tables and lists."""
    places = list(numbers(tree))
    owner, key = places[int(rng.integers(len(places)))]
    owner[key] = value


def numbers(node: dict | list) -> Iterator[tuple[dict | list, str | int]]:
    """Yield owner and key of all numbers in nested tables and lists."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, (dict, list)):
            yield from numbers(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield node, key


def answer(read: Callable[[Path], object], path: Path) -> str:
    """Return "accepted", "refused", or what went wrong."""
    try:
        read(path)
        return "accepted"
    except Exception as error:
        try:
            code = exit_code_of(error)
        except Exception:
            return f"{type(error).__name__}: {error}"
        return "refused" if code == EXIT_INPUT and "\n" not in str(error) else f"exit code {code}: {error}"


def measure(files: int, values: int, seed: int = 0) -> dict[str, Counter[str]]:
    """Return how often each reader gave each answer, for damaged files and, after " values", for damaged values."""
    rng, table = np.random.default_rng(seed), dict[str, Counter[str]]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder)
        for number in range(files + values):
            file = list(READERS)[number % len(READERS)]
            path, sound = folder / file, (folder / file).read_bytes()
            if number < files:
                path.write_bytes(damage_bytes(sound, rng))
            else:
                damage_value(path, rng)
            kind = file if number < files else f"{file} values"
            table.setdefault(kind, Counter())[answer(READERS[file], path)] += 1
            path.write_bytes(sound)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--values", type=int, default=2000)
    arguments = parser.parse_args()
    for kind, answers in measure(arguments.files, arguments.values).items():
        print(f"{kind:28}", ", ".join(f"{count} {name}" for name, count in answers.most_common()))


if __name__ == "__main__":
    main()
