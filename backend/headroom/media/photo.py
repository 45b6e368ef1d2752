"""Photos of any format: told from clips by what they contain, and read as they are shown."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps
from PIL.Image import DecompressionBombError

from headroom.common.errors import InputError
from headroom.media.colour import HDR_NAMES, tone_mapped
from headroom.media.image import read_picture
from headroom.media.video import read_frames

pillow_heif.register_heif_opener()

STILL_FORMATS = {"AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP"}
ANIMATED_FORMATS = {"AVIF", "GIF", "PNG", "WEBP"}
"""Formats of which a file with several pictures is a clip; the others hold pages, or the views of a stereo photo."""
TRANSPARENT_GREY = 128  # the grey that replaces the transparent parts of a photo
PILLOW_ERRORS = (OSError, ValueError, SyntaxError, DecompressionBombError)
"""What Pillow raises for files that it cannot read."""


def is_photo(path: Path) -> bool:
    """Return whether a file is one picture and no movie, by its content; False where it cannot be read."""
    try:
        with Image.open(path) as image:
            if image.format in STILL_FORMATS:
                return image.format not in ANIMATED_FORMATS or getattr(image, "n_frames", 1) == 1
    except PILLOW_ERRORS:
        pass
    return _has_one_frame(Path(path))


def read_photo(path: Path) -> np.ndarray:
    """Return any photo as (H, W, 3) uint8 RGB.

    The image is upright as its EXIF orientation says, its colours are those of sRGB, grey and 16-bit images are
    converted, and transparent parts are grey. Raises InputError when the file is not a photo.
    """
    path = Path(path)
    try:
        with Image.open(path) as image:
            transfer = _hdr_transfer(image)
            if transfer is not None:
                return _read_hdr(path, transfer)
            if image.format in STILL_FORMATS and not image.mode.startswith(("I", "F")):
                return np.array(_on_grey(_in_srgb(ImageOps.exif_transpose(image))))
    except PILLOW_ERRORS:
        pass
    try:
        return _read_deep(path)
    except InputError:
        if _has_one_frame(path):
            return next(read_frames(path))
        raise


def _has_one_frame(path: Path) -> bool:
    """Return whether a movie has a single frame and no sound."""
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if container.streams.audio or len(container.streams.video) != 1:
                return False
            return len(list(islice((packet for packet in container.demux(video=0) if packet.size), 2))) == 1
    except (av.FFmpegError, OSError):
        return False


def _read_deep(path: Path) -> np.ndarray:
    """Return a photo that only OpenCV reads, such as those with 16 bits, over grey."""
    photo = read_picture(path)
    stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored.ndim < 3 or stored.shape[2] != 4 or stored.shape[:2] != photo.shape[:2]:
        return photo
    alpha = stored[..., 3:].astype(np.float32) / (255 if stored.dtype == np.uint8 else 65535)
    return np.rint(TRANSPARENT_GREY + alpha * (photo.astype(np.float32) - TRANSPARENT_GREY)).astype(np.uint8)


def _hdr_transfer(image: Image.Image) -> int | None:
    """Return the transfer characteristics of an HDR HEIF image; None for any other."""
    transfer = image.info.get("nclx_profile", {}).get("transfer_characteristics")
    return transfer if transfer in HDR_NAMES else None


def _read_hdr(path: Path, transfer: int) -> np.ndarray:
    """Return an HDR photo as BT.709 SDR."""
    photo = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    primaries = photo.info["nclx_profile"]["color_primaries"]
    encoded = np.asarray(photo)[..., :3]
    return tone_mapped(encoded if encoded.dtype == np.uint16 else encoded * np.uint16(257), transfer, primaries)


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return an image with the colours that its profile means, in sRGB."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(own):
            return image
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except ImageCms.PyCMSError:  # a damaged profile; the picture itself is fine
        return image


def _on_grey(image: Image.Image) -> Image.Image:
    """Return an image in RGB, with its transparent parts in grey."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    grey = Image.new("RGBA", layer.size, (TRANSPARENT_GREY,) * 3 + (255,))
    return Image.alpha_composite(grey, layer).convert("RGB")
