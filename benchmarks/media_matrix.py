"""A matrix of media files, each made on the fly and read back: the same picture, the same sound, or a sentence.

    python benchmarks/media_matrix.py              # all files
    python benchmarks/media_matrix.py --every 12   # every twelfth
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import typer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "media"))

from picture_files import HDR, MATRICES, SDR, encoded, sample_pictures, set_display_matrix, shown
from sound_files import add_track, level_db, likeness, panned, speech

from headroom.common.errors import InputError
from headroom.media.audio import read_audio
from headroom.media.display import scaled, square_size
from headroom.media.video import probe, read_frames

PICTURES = 25  # of one second
SOUND_RATE = 48000  # Hz
SILENCE = 4800  # samples around the speech, so that the delay of an encoder cuts nothing off
MAX_LEVELS, MAX_DB = 2.0, 0.1  # of 255; how far picture and sound may be from their source
RGB_FORMATS = ("rgb", "bgr", "gbr")
ASPECTS = {"4:3 pixels": Fraction(4, 3), "8:9 pixels": Fraction(8, 9)}


@dataclass(frozen=True)
class Codec:
    """A video codec. `exact`: lossless without chroma subsampling, so that every pixel is compared, not their mean."""

    name: str
    pixel_format: str
    exact: bool = True
    options: tuple[tuple[str, str], ...] = ()
    bt601: bool = False  # the decoder says so, whatever the encoder was told


X264 = Codec("libx264", "yuv444p", True, (("qp", "0"),))
X264_420 = Codec("libx264", "yuv420p", False, (("qp", "0"),))
X265 = Codec("libx265", "yuv444p", True, (("x265-params", "lossless=1:log-level=none"),))
VP9 = Codec("libvpx-vp9", "yuv444p", True, (("lossless", "1"), ("deadline", "realtime")))
FFV1 = Codec("ffv1", "yuv444p")
MJPEG = Codec("mjpeg", "yuvj444p", False, (("qscale", "1"), ("qmin", "1")), True)
FINE = (("qscale", "1"), ("qmin", "1"))
VIDEO = {
    "mp4": (X264, X265, VP9, Codec("mpeg4", "yuv420p", False, FINE)),
    "mov": (X264, Codec("prores_ks", "yuv444p10le", False), Codec("png", "rgb24"), Codec("qtrle", "rgb24"), MJPEG),
    "mkv": (FFV1, X264, X264_420, X265, VP9, Codec("ffv1", "gbrp10le"), Codec("ffv1", "yuv420p10le", False),
            Codec("libx264rgb", "rgb24", True, (("qp", "0"),)), Codec("ffv1", "bgr0")),
    "avi": (Codec("ffvhuff", "yuv444p"), Codec("utvideo", "gbrp"), MJPEG, Codec("mpeg4", "yuv420p", False, FINE),
            Codec("rawvideo", "bgr24"), Codec("huffyuv", "rgb24"), Codec("magicyuv", "gbrp"),
            Codec("ffv1", "yuv422p", False)),
    "ts": (X264, X265, Codec("mpeg2video", "yuv422p", False, FINE)),
    "mpg": (Codec("mpeg2video", "yuv420p", False, FINE), Codec("mpeg1video", "yuv420p", False, FINE)),
    "webm": (VP9, Codec("libvpx", "yuv420p", False, (("crf", "4"), ("b", "8M"), ("deadline", "realtime")), True)),
    "wmv": (Codec("wmv2", "yuv420p", False, FINE), Codec("msmpeg4", "yuv420p", False, FINE)),
    "flv": (Codec("flv", "yuv420p", False, FINE), X264_420),
    "nut": (Codec("rawvideo", "rgb24"), Codec("rawvideo", "yuv444p"), Codec("rawvideo", "gbrp"), FFV1),
}
SOUNDS = {
    "mono": ("mono", (1,)), "stereo": ("stereo", (1, 1)), "one side": ("stereo", (0, 1)),
    "opposite": ("stereo", (1, -1)), "5.1 centre": ("5.1", (0, 0, 1, 0, 0, 0)),
    "5.1 front": ("5.1", (1, 1, 0, 0, 0, 0)), "7.1": ("7.1", (1,) * 8),
}
"""Name -> layout and the gain of each channel."""
CODEC_CHANNELS = {"mp3": 2, "mp2": 2, "aac": 2, "ac3": 6, "alac": 2, "libopus": 2}
"""Channels that the encoders are asked for; codecs that are not named take any number."""
AUDIO = {
    "mp4": ("aac", "alac"), "mov": ("pcm_s16le", "pcm_f32le", "aac"), "mkv": ("flac", "pcm_f32le", "ac3", "libopus"),
    "avi": ("pcm_s16le", "ac3"), "ts": ("aac", "mp2", "ac3"), "mpg": ("mp2",), "webm": ("libopus",), "wmv": ("mp3",),
    "flv": ("aac",), "nut": ("pcm_s16le", "flac"), "wav": ("pcm_s16le", "pcm_s24le", "pcm_f32le"), "flac": ("flac",),
    "m4a": ("aac", "alac"), "ogg": ("libopus", "flac"), "mp3": ("mp3",), "aiff": ("pcm_s16be",), "w64": ("pcm_s32le",),
    "caf": ("pcm_s24be",),
}
LOSSY_SOUND = {"mp3", "mp2", "aac", "ac3", "libopus"}
ENCODER_DB = {"mp3": 20 * np.log10(0.95)}  # LAME makes everything quieter by a twentieth


@dataclass(frozen=True)
class Case:
    """One file: its video, how that is shown and coloured, and its sound; None leaves either out."""

    ending: str
    codec: Codec | None
    display: str = "upright"
    colours: str = "SDR"
    audio: str | None = None
    sound: str = "mono"

    @property
    def name(self) -> str:
        video = f"{self.codec.name} {self.codec.pixel_format} {self.display} {self.colours}" if self.codec else "-"
        return f"{self.ending}: {video}; {f'{self.audio} {self.sound}' if self.audio else 'no sound'}"


@dataclass(frozen=True)
class Result:
    """How far a file as it is read is from its source; `refused` is the sentence where it is not read."""

    levels: float | None = None
    decibels: float | None = None
    refused: str = ""
    problem: str = ""


def cases() -> list[Case]:
    """Return all files of the matrix."""
    return [*_displays(), *_containers(), *_colours(), *_sounds()]


def measure(case: Case, folder: Path) -> Result:
    """Make a file, read it, and compare it with its source."""
    path = folder / f"file.{case.ending}"
    pictures, voice = sample_pictures(PICTURES), _voice(SOUND_RATE)
    write(path, case, pictures, voice)
    try:
        levels = _picture_error(path, case, pictures) if case.codec else None
        decibels = _level_error(path, case.audio, voice) if case.audio else None
        alike = _likeness(read_audio(path), _voice(16000)) if case.audio else 1.0
    except InputError as error:
        return Result(refused=str(error))
    limit = MAX_LEVELS + (case.colours in HDR)  # of the two conversions
    problem = "picture" if levels is not None and levels > limit else ""
    if decibels is not None and (abs(decibels) > MAX_DB * (1 + (case.audio in LOSSY_SOUND)) or alike < 0.97):
        problem = f"{problem} sound".strip()
    return Result(levels, decibels, "", problem)


def write(path: Path, case: Case, pictures: list[np.ndarray], voice: np.ndarray) -> None:
    """Write one file of the matrix."""
    with av.open(str(path), "w") as container:
        video = _add_video(container, case, pictures[0].shape) if case.codec else None
        track = None
        if case.audio:
            layout, gains = SOUNDS[case.sound]
            track = add_track(container, panned(voice, list(gains)), SOUND_RATE, case.audio, layout)
        if video is not None:
            _write_video(container, video, case, pictures)
        if track is not None:
            stream, frames, resampler = track
            for frame in [*frames, None]:
                for converted in resampler.resample(frame):
                    container.mux(stream.encode(converted))
            container.mux(stream.encode(None))
    if case.display in MATRICES and case.ending in ("mp4", "mov"):
        set_display_matrix(path, case.display)


def _displays() -> Iterator[Case]:
    """Every display matrix and pixel shape, with the sounds in turn."""
    for ending in ("mp4", "mov"):
        sounds = _sound_pairs(ending)
        for number, (codec, display) in enumerate(product(VIDEO[ending], [*MATRICES, *ASPECTS])):
            if display in MATRICES or codec.name == "libx264":
                for turn in range(2):
                    audio, sound = sounds[(2 * number + turn) % len(sounds)]
                    yield Case(ending, codec, display, "SDR", audio, sound)


def _containers() -> Iterator[Case]:
    """Every codec of the other containers with every sound, and without."""
    for ending in (each for each in VIDEO if each not in ("mp4", "mov")):
        sounds = [*_sound_pairs(ending), (None, "mono")]
        for number, codec in enumerate(VIDEO[ending]):
            for audio, sound in sounds[number % 3::3]:
                yield Case(ending, codec, "upright", "SDR", audio, sound)


def _colours() -> Iterator[Case]:
    """Every matrix, range, transfer and chroma format."""
    formats = [Codec("ffv1", "yuv444p"), Codec("ffv1", "yuv444p10le"), Codec("ffv1", "yuv422p", False),
               Codec("ffv1", "yuv420p", False)]
    for codec, colours in product(formats, ("709 full", "601", "601 full", "240M", "untagged")):
        yield Case("mkv", codec, "upright", colours)
    x265 = Codec("libx265", "yuv444p10le", True, X265.options)
    deep = [Codec("ffv1", "yuv444p12le"), Codec("ffv1", "gbrp10le"), Codec("ffv1", "yuv420p10le", False)]
    for name in HDR:
        yield from (Case("mkv", codec, "upright", name) for codec in deep)
        yield from (Case("mp4", x265, display, name) for display in ("upright", "clockwise", "mirrored"))
        yield Case("mov", Codec("prores_ks", "yuv444p10le", False), "upright", name)


def _sounds() -> Iterator[Case]:
    """Sound files alone."""
    for ending in ("wav", "flac", "m4a", "ogg", "mp3", "aiff", "w64", "caf"):
        yield from (Case(ending, None, audio=audio, sound=sound) for audio, sound in _sound_pairs(ending))


def _sound_pairs(ending: str) -> list[tuple[str | None, str]]:
    """Return the audio codecs of a container with the layouts that their encoders take."""
    return [(audio, sound) for audio, (sound, (_, gains)) in product(AUDIO[ending], SOUNDS.items())
            if len(gains) <= CODEC_CHANNELS.get(audio, 8)]


def _tags(case: Case) -> tuple[int, bool, dict[str, int]]:
    """Return matrix, whether the range is full, and the stream's tags."""
    is_rgb = case.codec.pixel_format.startswith(RGB_FORMATS)
    if case.codec.bt601:
        return Colorspace.ITU601, case.codec.name == "mjpeg", {"colorspace": Colorspace.ITU601}
    if case.colours in HDR:
        return Colorspace.BT2020, False, {"color_trc": HDR[case.colours][1], "color_primaries": ColorPrimaries.BT2020,
                                          "colorspace": 0 if is_rgb else Colorspace.BT2020}
    matrix = {"601": Colorspace.ITU601, "240": Colorspace.SMPTE240M}.get(case.colours[:3], Colorspace.ITU709)
    untagged = {"colorspace": 2, "color_trc": 2, "color_primaries": 2} if case.colours == "untagged" else {}
    return matrix, "full" in case.colours, {"colorspace": 0 if is_rgb else matrix} | untagged


def _add_video(container: av.container.OutputContainer, case: Case, shape: tuple[int, ...]) -> av.VideoStream:
    codec, (_, full, tags) = case.codec, _tags(case)
    stream = container.add_stream(codec.name, rate=25, options=dict(codec.options))
    stream.height, stream.width = shape[:2]
    stream.pix_fmt, stream.bit_rate = codec.pixel_format, 20_000_000
    if case.display in ASPECTS:
        stream.codec_context.sample_aspect_ratio = ASPECTS[case.display]
    range_tag = ColorRange.JPEG if full or codec.pixel_format.startswith(RGB_FORMATS) else ColorRange.MPEG
    for name, value in (SDR | tags | {"color_range": range_tag}).items():
        setattr(stream.codec_context, name, value)
    return stream


def _write_video(container: av.container.OutputContainer, stream: av.VideoStream, case: Case,
                 pictures: list[np.ndarray]) -> None:
    matrix, full, _ = _tags(case)
    encode = HDR[case.colours][0] if case.colours in HDR else np.asarray
    for index, picture in enumerate(pictures):
        frame = encoded(encode(picture), case.codec.pixel_format, matrix, full)
        frame.pts, frame.time_base = index, Fraction(1, 25)
        for name in ("colorspace", "color_trc", "color_primaries"):  # some encoders write the frame's
            setattr(frame, name, int(getattr(stream.codec_context, name)))
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _picture_error(path: Path, case: Case, pictures: list[np.ndarray]) -> float:
    """Return the largest difference of a frame from its source, of 255: of any pixel, or the mean if not exact."""
    frames = list(read_frames(path))
    if (len(frames), probe(path).fps) != (PICTURES, 25):
        return 255.0
    errors = []
    for frame, picture in zip(frames, pictures, strict=True):
        expected = shown(picture, case.display) if case.display in MATRICES else _square(picture, case.display)
        if frame.shape != expected.shape:
            return 255.0
        difference = np.abs(frame.astype(int) - expected)
        errors.append(float(difference.max() if case.codec.exact and case.display in MATRICES else difference.mean()))
    return max(errors)


def _square(picture: np.ndarray, display: str) -> np.ndarray:
    height, width = picture.shape[:2]
    return scaled(picture, square_size(width, height, float(ASPECTS[display])))


def _voice(rate: int) -> np.ndarray:
    silence = np.zeros(SILENCE * rate // SOUND_RATE, np.float32)
    return np.concatenate([silence, 0.7 * speech(0.8, rate), silence]).astype(np.float32)


def _level_error(path: Path, audio: str, voice: np.ndarray) -> float:
    """Return by how many dB the sound is louder than its encoder made it."""
    return level_db(read_audio(path, SOUND_RATE), voice) - ENCODER_DB.get(audio, 0.0)


def _likeness(samples: np.ndarray, voice: np.ndarray) -> float:
    """Return the correlation at the delay of the encoder, at most 0.1 s, whatever the polarity."""
    padded = np.pad(samples, 1600)
    best = int(np.abs(np.correlate(padded, voice[1600:-1600], "valid")).argmax())
    return abs(likeness(padded[best:], voice[1600:-1600]))


def main(every: Annotated[int, typer.Option(help="Make only every so-manieth file.", min=1)] = 1) -> None:
    """Measure the files and print those that are wrong or refused, and the worst of each container."""
    console, worst = Console(), dict[str, list[Result]]()
    chosen = cases()[::every]
    table = Table("file", "picture, of 255", "sound, dB", "")
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            result = measure(case, Path(folder))
            worst.setdefault(case.ending, []).append(result)
            if result.problem or result.refused:
                table.add_row(case.name, _number(result.levels), _number(result.decibels),
                              result.problem or result.refused)
    summary = Table("container", "files", "right", "refused", "picture, largest of 255", "sound, largest dB")
    for ending, results in worst.items():
        summary.add_row(ending, str(len(results)), str(sum(not r.problem and not r.refused for r in results)),
                        str(sum(bool(r.refused) for r in results)), _number(_largest(r.levels for r in results)),
                        _number(_largest(r.decibels for r in results)))
    if table.row_count:
        console.print(table)
    console.print(summary)
    every_result = [result for results in worst.values() for result in results]
    console.print(f"{len(every_result)} files, {sum(bool(result.problem) for result in every_result)} wrong.")


def _largest(values: Iterator[float | None]) -> float | None:
    return max((abs(value) for value in values if value is not None), default=None)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    typer.run(main)
