"""Motion of the sample's person: flite's speech, its phoneme times, and the face units of every frame."""

import re
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 16000  # samples per second
FPS = 25
FINE = 200  # Hz, rate of the lips' motion before it is sampled at frames
LEAD_SECONDS = 0.03  # lips move before the sound

LIPS = {  # phoneme: (jaw open, widen, pucker, funnel, upper lip up, lower lip down)
    "aa": (0.46, 0.05, 0.0, 0.0, 0.3, 0.35),
    "ae": (0.40, 0.25, 0.0, 0.0, 0.35, 0.35),
    "ah": (0.34, 0.05, 0.0, 0.0, 0.25, 0.3),
    "ax": (0.20, 0.05, 0.0, 0.0, 0.2, 0.2),
    "ao": (0.40, 0.0, 0.25, 0.35, 0.1, 0.2),
    "aw": (0.40, 0.0, 0.25, 0.2, 0.2, 0.25),
    "ay": (0.40, 0.2, 0.0, 0.0, 0.3, 0.35),
    "eh": (0.31, 0.25, 0.0, 0.0, 0.3, 0.35),
    "er": (0.20, 0.0, 0.2, 0.4, 0.2, 0.3),
    "ey": (0.25, 0.4, 0.0, 0.0, 0.3, 0.35),
    "ih": (0.19, 0.25, 0.0, 0.0, 0.25, 0.3),
    "iy": (0.13, 0.5, 0.0, 0.0, 0.25, 0.35),
    "ow": (0.27, 0.0, 0.6, 0.2, 0.0, 0.1),
    "oy": (0.30, 0.0, 0.5, 0.2, 0.1, 0.1),
    "uh": (0.18, 0.0, 0.4, 0.3, 0.1, 0.2),
    "uw": (0.13, 0.0, 0.75, 0.2, 0.0, 0.1),
    "w": (0.09, 0.0, 0.85, 0.15, 0.0, 0.0),
    "y": (0.11, 0.4, 0.0, 0.0, 0.2, 0.3),
    "r": (0.12, 0.0, 0.3, 0.45, 0.15, 0.25),
    "l": (0.20, 0.15, 0.0, 0.0, 0.25, 0.3),
    "hh": (0.22, 0.1, 0.0, 0.0, 0.2, 0.25),
    "s": (0.05, 0.35, 0.0, 0.0, 0.25, 0.45),
    "z": (0.05, 0.35, 0.0, 0.0, 0.25, 0.45),
    "sh": (0.07, 0.0, 0.3, 0.65, 0.2, 0.3),
    "zh": (0.07, 0.0, 0.3, 0.65, 0.2, 0.3),
    "ch": (0.07, 0.0, 0.3, 0.6, 0.2, 0.3),
    "jh": (0.07, 0.0, 0.3, 0.6, 0.2, 0.3),
    "th": (0.13, 0.15, 0.0, 0.0, 0.3, 0.3),
    "dh": (0.12, 0.15, 0.0, 0.0, 0.3, 0.3),
    "t": (0.09, 0.25, 0.0, 0.0, 0.25, 0.4),
    "d": (0.10, 0.2, 0.0, 0.0, 0.25, 0.4),
    "n": (0.10, 0.2, 0.0, 0.0, 0.25, 0.35),
    "k": (0.17, 0.15, 0.0, 0.0, 0.2, 0.25),
    "g": (0.17, 0.15, 0.0, 0.0, 0.2, 0.25),
    "ng": (0.17, 0.15, 0.0, 0.0, 0.2, 0.25),
    "f": (0.06, 0.1, 0.0, 0.0, 0.35, 0.0),
    "v": (0.06, 0.1, 0.0, 0.0, 0.35, 0.0),
    "m": (0.05, 0.05, 0.0, 0.0, 0.0, 0.0),
    "b": (0.05, 0.05, 0.0, 0.0, 0.0, 0.0),
    "p": (0.05, 0.05, 0.0, 0.0, 0.0, 0.0),
    "pau": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
BLINKS = (0.62, 2.86, 4.42, 5.36, 7.12, 8.30, 9.32, 11.42)  # seconds
GLANCES = (
    (0.0, 0.0, 0.0),
    (1.7, 0.5, 2.5),
    (2.9, 0.0, 0.0),
    (5.2, -1.0, -4.0),
    (6.0, 0.0, 0.5),
    (7.9, 0.8, 3.5),
    (8.4, 0, -0.5),
    (10.4, -0.6, 1.0),
)
BROWS = ((0.45, 0.8), (3.1, 1.0), (5.45, 0.6), (7.3, 0.9), (9.45, 1.0), (10.3, 0.5))  # seconds, height


@dataclass(frozen=True)
class Speech:
    """samples (N,) int16 at 16 kHz; phones: (name, start seconds, end seconds) in order."""

    samples: np.ndarray
    phones: list[tuple[str, float, float]]

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


@dataclass(frozen=True)
class Moment:
    """Pose of one frame: face units by name, gaze (2,) and rotation (3,) in radians, translation (3,) in dm."""

    face: dict[str, float]
    gaze: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray


def speak(
    text: str, voice: str, wav: Path, flite: str = "flite", lead: float = 0.0, seconds: float | None = None
) -> Speech:
    """Synthesise `text` with flite, after `lead` seconds of silence, padded to `seconds`."""
    output = subprocess.run(
        [flite, "-voice", voice, "-psdur", "-t", text, "-o", str(wav)], check=True, capture_output=True, text=True
    ).stdout
    with wave.open(str(wav)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    before = int(lead * RATE)
    after = max(0, round(seconds * RATE) - before - len(samples)) if seconds else 0
    ends = [(name, float(end) + lead) for name, end in re.findall(r"(\w+):([\d.]+)", output)]
    starts = [0.0] + [end for _, end in ends[:-1]]
    return Speech(np.pad(samples, (before, after)), [(name, start, end) for (name, end), start in zip(ends, starts)])


def save_wav(speech: Speech, path: Path):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(RATE)
        file.writeframes(speech.samples.astype("<i2").tobytes())


def perform(speech: Speech) -> list[Moment]:
    """Return the pose of each frame of the speech."""
    count = int(speech.seconds * FPS)
    seconds = np.arange(count) / FPS
    loud = _loudness(speech)
    units = _lips(speech, loud)
    at = np.minimum(((seconds + LEAD_SECONDS) * FINE).astype(int), len(loud) - 1)
    units = {name: values[at] for name, values in units.items()}
    rotation, translation = _head(seconds, _smooth(loud, 0.12)[at])
    gaze = _gaze(seconds) - 0.8 * rotation[:, :2]
    units |= _lids_and_brows(seconds, gaze)
    return [
        Moment({n: float(v[i]) for n, v in units.items()}, gaze[i], rotation[i], translation[i]) for i in range(count)
    ]


def _loudness(speech: Speech) -> np.ndarray:
    """Return the loudness, 0 to 1, at FINE Hz."""
    hop = RATE // FINE
    blocks = speech.samples[: len(speech.samples) // hop * hop].reshape(-1, hop).astype(float)
    return np.clip(_smooth(np.sqrt((blocks**2).mean(axis=1)), 0.025) / 5000, 0, 1)


def _lips(speech: Speech, loud: np.ndarray) -> dict[str, np.ndarray]:
    """Return face units of the mouth at FINE Hz; vowels blend into each other, closures stay closed."""
    times = np.arange(len(loud)) / FINE
    targets = np.zeros((len(times), 6))
    closed, bitten, tongue = np.zeros((3, len(times)))
    for name, start, end in speech.phones:
        inside = (times >= start) & (times < end)
        targets[inside] = LIPS[name]
        closed[inside], bitten[inside], tongue[inside] = name in "mbp", name in "fv", name in ("th", "dh", "l")
    targets = np.stack([_smooth(column, 0.036) for column in targets.T])
    closed = np.clip(1.45 * _smooth(closed, 0.02), 0, 1)
    bitten = np.clip(1.3 * _smooth(bitten, 0.022), 0, 1)
    jaw, widen, pucker, funnel, upper, lower = targets
    jaw = jaw * (0.72 + 0.5 * loud) * (1 - 0.7 * closed) * (1 - 0.5 * bitten)
    free = 1 - closed
    return {
        "jawOpen": jaw,
        "mouthPucker": pucker,
        "mouthFunnel": funnel * free,
        "mouthClose": jaw * closed,
        "mouthRollLower": 0.22 * closed + 0.55 * bitten,
        "mouthRollUpper": 0.18 * closed,
        "tongueOut": 0.25 * _smooth(tongue, 0.03),
        **_both("mouthSmile", 0.10 + 0.35 * widen),
        **_both("mouthStretch", 0.25 * widen * free),
        **_both("mouthUpperUp", upper * free),
        **_both("mouthLowerDown", lower * free * (1 - bitten)),
        **_both("mouthPress", 0.3 * closed),
    }


def _head(seconds: np.ndarray, stress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rotation (T, 3) in radians and translation (T, 3) in dm: a slow drift, and a nod on stressed words."""

    def sway(period: float, phase: float) -> np.ndarray:
        return np.sin(2 * np.pi * (seconds / period + phase))

    pitch = 1.6 * sway(5.3, 0.1) + 0.9 * sway(2.3, 0.4) + 6.0 * (stress - 0.55)
    yaw = 6.5 * sway(6.7, 0.02) + 2.5 * sway(3.1, 0.3) + 0.6 * sway(1.3, 0.8)
    roll = 2.4 * sway(4.6, 0.6) + 0.9 * sway(2.7, 0.2)
    move = np.stack(
        [
            0.035 * sway(5.9, 0.3) + 0.012 * sway(2.1, 0),
            0.02 * sway(3.9, 0.5) - 0.03 * stress,
            0.05 * sway(7.3, 0.7),
        ],
        axis=1,
    )
    return np.radians(np.stack([pitch, yaw, roll], axis=1)), move


def _gaze(seconds: np.ndarray) -> np.ndarray:
    """Return pitch and yaw (T, 2) of the eyes in radians: fixations with saccades between them."""
    starts, pitch, yaw = np.array(GLANCES).T
    now = np.searchsorted(starts, seconds, side="right") - 1
    return np.radians(np.stack([pitch[now], yaw[now]], axis=1))


def _lids_and_brows(seconds: np.ndarray, gaze: np.ndarray) -> dict[str, np.ndarray]:
    apart = seconds[:, None] - np.array(BLINKS)
    blink = np.interp(apart, [-0.11, -0.035, 0.035, 0.20], [0, 1, 1, 0]).max(axis=1)
    times, heights = np.array(BROWS).T
    brow = (heights * np.exp(-(((seconds[:, None] - times) / 0.28) ** 2))).sum(axis=1)
    down, up = np.clip(gaze[:, 0] / 0.45, 0, 1) * (1 - blink), np.clip(-gaze[:, 0] / 0.45, 0, 1) * (1 - blink)
    return {
        "browInnerUp": 0.35 * brow,
        **_both("browOuterUp", 0.4 * brow),
        **_both("eyeBlink", 0.97 * blink),
        **_both("eyeLookDown", down),
        **_both("eyeLookUp", up),
        **_both("eyeWide", 0.12 + 0.15 * np.clip(brow, 0, 1) * (1 - blink) - 0.12 * blink),
    }


def _both(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}Left": values, f"{name}Right": values}


def _smooth(values: np.ndarray, sigma_seconds: float) -> np.ndarray:
    """Smooth values at FINE Hz by a Gaussian."""
    reach = int(4 * sigma_seconds * FINE)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / FINE / sigma_seconds) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")
