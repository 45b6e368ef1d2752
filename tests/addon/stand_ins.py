"""Small synthetic files for the add-on's tests, and a backend that answers at once."""

from __future__ import annotations

import hashlib
import struct
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

CHANNELS = 64


def tiny_subject(folder: Path, fps: float = 25.0, light: np.ndarray | None = None,
                 albedo: tuple[int, int, int] | None = None, controls: bool = False) -> Path:
    """Write a subject folder: a domed face of 225 vertices, 64 channels, a 640 x 360 picture, a 64-pixel crop.

    light: (9, 3); even light unless given.
    albedo: one colour; a gradient unless given.
    controls: whether the rig has controls, which those of older versions lack.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    side = 15
    across, up = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    neutral = np.stack([across * 70, up * 90, 60 * (1 - across**2) * (1 - up**2)], -1).reshape(-1, 3)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = np.concatenate([np.stack([corner, corner + 1, corner + side], -1),
                            np.stack([corner + 1, corner + side + 1, corner + side], -1)])
    regions = np.array(["Mouth"] * 40 + ["Eyes"] * 10 + ["Gaze"] * 2 + ["Brows"] * 12)
    std = rng.uniform(0.2, 3.0, CHANNELS).astype(np.float32)
    np.savez(
        folder / "rig.npz",
        neutral=neutral.astype(np.float32),
        expression=rng.normal(0, 0.5, (CHANNELS, side * side, 3)).astype(np.float32),
        faces=faces.astype(np.int32),
        uv=np.stack([across / 2 + 0.5, up / 2 + 0.5], -1).reshape(-1, 2).astype(np.float32),
        names=np.array([f"{region} {number + 1:02d}" for number, region in enumerate(regions)]),
        regions=regions, expression_std=std,
        light=even_light() if light is None else np.asarray(light, dtype=np.float32),
        focal_px=700.0, width=640, height=360, crop=np.array([210, 40, 240]), resolution=64, fps=fps,
        rest_rotation=np.zeros(3), rest_translation=np.array([10.0, 5.0, -700.0]),
        **(tiny_controls(rng) if controls else {}))
    gradient = np.stack([*np.meshgrid(np.arange(32) * 4 + 60, np.arange(32) * 3 + 70), np.full((32, 32), 120)], -1)
    write_png(folder / "albedo.png", gradient if albedo is None else np.broadcast_to(albedo, (8, 8, 3)))
    (folder / "subject.toml").write_text('name = "Zoë"\n', encoding="utf-8")
    return folder


CONTROL_NAMES = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "browInnerUp",
                 *(f"other{number:02d}" for number in range(47)))


def tiny_controls(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The arrays of 52 random controls in a rig."""
    groups = ["Jaw", "Mouth", "Mouth", "Eyes", "Brows", *["Nose"] * 47]
    return {"controls": rng.normal(0, 0.5, (52, CHANNELS)).astype(np.float32), "control_names": np.array(CONTROL_NAMES),
            "control_groups": np.array(groups)}


def even_light() -> np.ndarray:
    """Light (9, 3) that is the same from all directions: shading 1."""
    light = np.zeros((9, 3), dtype=np.float32)
    light[0] = 1 / 0.282095
    return light


PHONES = ("SIL", "AE", "B", "S")


def tiny_performance(path: Path, seconds: float = 1.0, fps: float = 25.0, controls: bool = False) -> Path:
    """Write a performance.npz of smooth random motion, in whose speech the `PHONES` recur every 100 ms.

    controls: whether it has controls, which files of older versions lack.
    """
    count = round(seconds * fps)
    rng = np.random.default_rng(3)
    time = np.arange(count)[:, None] / fps
    waves = np.sin(time * rng.uniform(2, 9, CHANNELS) + rng.uniform(0, 6, CHANNELS))
    rest = np.array([10.0, 5.0, -700.0])
    np.savez(path, fps=fps, expression=waves.astype(np.float32),
             rotation=(waves[:, :3] * 0.2).astype(np.float32),
             translation=(rest + waves[:, 3:6] * 8).astype(np.float32), **tiny_phones(seconds),
             **({"controls": np.abs(waves[:, :52]).astype(np.float32), "detail_share": 0.25} if controls else {}))
    return path


def tiny_phones(seconds: float) -> dict[str, np.ndarray]:
    """The arrays of the phones in a performance."""
    starts = np.arange(0, round(seconds * 10)) / 10
    return {"phone_symbols": np.resize(PHONES, len(starts)), "phone_starts": starts, "phone_ends": starts + 0.1,
            "phone_confidences": np.full(len(starts), 0.5, np.float32)}


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write an 8-bit PNG from RGB (H, W, 3) or RGBA (H, W, 4); Blender's Python has no library for it."""
    pixels = np.asarray(pixels, dtype=np.uint8)
    height, width, depth = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[depth], 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
                     + chunk(b"IEND", b""))


def read_picture(path: Path) -> np.ndarray:
    """The values (H, W, 4) uint8 stored in a PNG, top row first."""
    import bpy

    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    values = np.empty(image.size[0] * image.size[1] * 4, dtype=np.float32)
    image.pixels.foreach_get(values)
    picture = np.rint(values.reshape(image.size[1], image.size[0], 4)[::-1] * 255).astype(np.uint8)
    bpy.data.images.remove(image)
    return picture


@dataclass(frozen=True)
class FakeJob:
    """The fields of a job that the add-on reads."""

    id: str
    kind: str
    state: str = "done"
    progress: float = 1.0
    message: str = "Done"
    result: dict[str, Any] = field(default_factory=dict)
    preview: str | None = None


class FakeBackend:
    """A client that needs no server: it predicts sine waves, matches plate i to frame i, and returns a grey movie."""

    def __init__(self, seconds: float = 0.2, fail: str = ""):
        self.blobs: dict[str, bytes] = {}
        self.submitted: list[tuple[str, dict, dict]] = []
        self.cancelled: list[str] = []
        self.refined: set[tuple[str | None, str | None]] = set()
        self.seconds, self.fail, self.health_calls = seconds, fail, 0
        self._jobs: dict[str, FakeJob] = {}

    def health(self) -> dict[str, Any]:
        """The first answer is that of a worker that has not started yet."""
        self.health_calls += 1
        device = "a fake device" if self.health_calls > 1 else "starting"
        return {"api": 2, "version": "0", "device": device}

    def put_bytes(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        self.blobs[sha] = data
        return sha

    def put_file(self, path: Path) -> str:
        return self.put_bytes(Path(path).read_bytes())

    def get_file(self, sha: str, path: Path) -> Path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(self.blobs[sha])
        return Path(path)

    def put_tree(self, folder: Path) -> dict[str, str]:
        return {path.relative_to(folder).as_posix(): self.put_file(path)
                for path in sorted(Path(folder).rglob("*")) if path.is_file()}

    def get_tree(self, tree: dict[str, str], folder: Path) -> None:
        for name, sha in tree.items():
            self.get_file(sha, Path(folder) / name)

    def submit(self, kind: str, inputs: dict, settings: dict) -> FakeJob:
        self.submitted.append((kind, dict(inputs), dict(settings)))
        job_id = f"{kind}-{len(self.submitted)}"
        job = FakeJob(job_id, kind, "failed", 0.5, f"No luck with {kind}.") if kind == self.fail else \
            FakeJob(job_id, kind, result=getattr(self, f"_{kind}")(inputs, settings))
        self._jobs[job_id] = job
        return job

    def events(self, job_id: str):
        yield FakeJob(job_id, "", "running", 0.5, "Working")
        yield self._jobs[job_id]

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def finish(self, job_id: str) -> None:
        raise AssertionError("no job of this backend can be finished early")

    def _learn(self, inputs: dict, settings: dict) -> dict:
        return {"subject": {"subject.toml": self.put_bytes(b'name = "New"\n')}, "notes": ["Two faces; kept one."]}

    def _perform(self, inputs: dict, settings: dict) -> dict:
        return {"performance": self._file(lambda path: tiny_performance(path, self.seconds)), "notes": []}

    def _align_words(self, inputs: dict, settings: dict) -> dict:
        """Words of 0.2 s each, and a phone."""
        texts = [word.strip(":.!,") for word in settings["transcript"].split()]
        starts = np.arange(len(texts)) * 0.2
        return {"spoken": self._file(lambda path: np.savez(
            path, word_texts=np.array(texts, np.str_), word_starts=starts, word_ends=starts + 0.2,
            word_confidences=np.full(len(texts), 0.5), phone_symbols=np.array(["HH"]), phone_starts=np.zeros(1),
            phone_ends=np.ones(1), phone_confidences=np.ones(1))), "notes": []}

    def _check(self, inputs: dict, settings: dict) -> dict:
        picture = self._file(lambda path: write_png(path, np.full((40, 60, 3), 90)), ".png")
        return {"usable_seconds": 11.5, "people": 2, "picture": picture, "notes": ["The face is too dark."]}

    def _write_track(self, inputs: dict, settings: dict) -> dict:
        """Speech as long as the predictions, whatever the file holds."""
        return {"sound": self._file(lambda path: write_speech(path, self.seconds), ".wav")}

    def _match_plates(self, inputs: dict, settings: dict) -> dict:
        import io

        poses = np.load(io.BytesIO(self.blobs[inputs["poses"]]))
        count = len(poses["rotation"])
        return {"match": self._file(lambda path: np.savez(
            path, plate=np.arange(count, dtype=np.int32), rotation=poses["rotation"],
            translation=poses["translation"], distance=np.zeros(count), position=np.arange(count, dtype=float)))}

    def _refine_frames(self, inputs: dict, settings: dict) -> dict:
        files = list(zip(inputs["renders"], inputs["meshes"]))
        new = set(files[settings["context"]:]) - self.refined
        self.refined |= new
        pictures = [self._file(lambda path: write_png(path, np.full((8, 16, 3), 90)), ".png")] \
            if settings["compare"] else []
        return {"frames": len(inputs["renders"]) - settings["context"], "refined": len(new), "pictures": pictures}

    def _refine(self, inputs: dict, settings: dict) -> dict:
        """A small movie that the sequencer can open."""
        return {"movie": self._file(lambda path: write_movie(path, len(inputs["renders"])), ".mp4"),
                "frames": len(inputs["renders"])}

    def _evaluate(self, inputs: dict, settings: dict) -> dict:
        movies = {"truth.mp4": self.put_bytes(b"truth")} if settings["movies"] else {}
        return {"figures": self.put_bytes(b'{"tables": {"prediction": {"psnr_face": 27.7}}}'), "movies": movies,
                "notes": ["Two faces; kept one."]}

    def _refine_chunk(self, inputs: dict, settings: dict) -> dict:
        return {"chunk": self.put_bytes(b"chunk %d" % settings["first"]),
                "frames": len(inputs["renders"]) - settings["context"]}

    def _join_chunks(self, inputs: dict, settings: dict) -> dict:
        return {"movie": self._file(lambda path: write_movie(path, settings["frames"]), ".mp4"),
                "frames": settings["frames"]}

    def _file(self, write, suffix: str = ".npz") -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"file{suffix}"
            write(path)
            return self.put_file(path)


class Row:
    """A stand-in for UILayout; `texts` lists the texts that were drawn."""

    def __init__(self):
        self.texts: list[str | None] = []

    def __getattr__(self, name):
        return lambda *args, **settings: self.texts.append(settings.get("text")) or self

    def operator(self, *args, **settings):
        self.texts.append(settings.get("text"))
        return SimpleNamespace()


def wide(**more: Any) -> SimpleNamespace:
    """A context whose region is wide enough for any sentence."""
    style = SimpleNamespace(widget=SimpleNamespace(points=11.0))
    preferences = SimpleNamespace(system=SimpleNamespace(ui_scale=1.0), ui_styles=[style])
    return SimpleNamespace(preferences=preferences, region=SimpleNamespace(width=9999), **more)


def write_movie(path: Path, frames: int, fps: int = 25, size: tuple[int, int] = (64, 36)) -> None:
    """Write an H.264 movie whose picture i has the grey value 40 + i."""
    import av

    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            grey = np.full((size[1], size[0], 3), 40 + number % 200, dtype=np.uint8)
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        movie.mux(stream.encode())


def write_speech(path: Path, seconds: float = 0.2) -> Path:
    """Write a hum as 16-bit mono WAV."""
    import wave

    rate = 16000
    samples = (np.sin(np.arange(round(seconds * rate)) * 0.1) * 8000).astype("<i2")
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return path
