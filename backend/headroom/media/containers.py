"""What each ending of a movie stands for: its container, and codecs that belong there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

AAC_SAMPLES, OPUS_SAMPLES = 1024, 960
H264 = {"preset": "fast", "mbtree": "0"}
"""Options of x264. With its macroblock tree one in ten movies has other bytes than the same frames had before."""


@dataclass(frozen=True)
class MovieFormat:
    """A container and its codecs.

    container: its name in FFmpeg.
    video, pixels: encoder and pixel format.
    options: of the video encoder, without the quality.
    sound, sound_samples: encoder, and the samples that it encodes together at 48 kHz.
    """

    container: str
    video: str = "libx264"
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=H264.copy)
    sound: str = "aac"
    sound_samples: int = AAC_SAMPLES

    def quality(self, crf: int) -> dict[str, str]:
        """Return the encoder's options for a constant rate factor of H.264, 0..51."""
        if self.video == "libx264":
            return {**self.options, "crf": str(crf)}
        if self.video == "libvpx-vp9":  # whose factor goes to 63; the same picture needs about twelve more
            return {**self.options, "crf": str(min(crf + 12, 63)), "b": "0"}
        return self.options

    @property
    def container_options(self) -> dict[str, str]:
        """Options of the container: those of QuickTime's family begin with the index, so that they can be streamed."""
        return {"movflags": "+faststart"} if self.container in ("mp4", "mov") else {}


FORMATS = {
    ".mp4": MovieFormat("mp4"),
    ".mov": MovieFormat("mov"),
    ".mkv": MovieFormat("matroska"),
    ".webm": MovieFormat("webm", "libvpx-vp9", options={"deadline": "good", "cpu-used": "4", "row-mt": "1"},
                         sound="libopus", sound_samples=OPUS_SAMPLES),
}
PRORES_4444 = MovieFormat("mov", "prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0"}, sound="pcm_s16le")
"""Ten bits and an alpha channel, as compositors read it."""


def movie_format(path: Path, has_alpha: bool = False) -> MovieFormat:
    """Return the format of a movie by its ending; of one with alpha, which ends in .mov, ProRes 4444."""
    if has_alpha:
        if path.suffix.lower() != ".mov":
            raise ValueError(f"{path.suffix} has no alpha")
        return PRORES_4444
    return FORMATS[path.suffix.lower()]
