"""From an encoded file to uint8 RGB: the same pixels for the same bytes, and never a picture out of half a file.

JPEG is decoded by libjpeg-turbo through torchvision (2.3x Pillow's speed with the resize); every other format, and
CMYK, by Pillow. Alpha lies over white, 16-bit greys keep their high byte, an animation shows its first frame, EXIF
orientation is applied. The caller's pixel cap is checked on the header, before any pixel is decoded.
"""

import io

import numpy as np
import torch
import torchvision  # noqa: F401  registers torch.ops.image
from PIL import Image, ImageOps, UnidentifiedImageError

from t2c.core.encoders.jpeg import JpegHeader, read_jpeg_header
from t2c.schemas.errors import InputError

MAX_PIXELS = 200_000_000
"""Default cap on width x height."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What Pillow may open."""

Image.init()  # formats may only name plugins that are loaded
Image.MAX_IMAGE_PIXELS = None
"""Pillow's own cap only warns, and warns late: ours is an error from the header."""

_RGB = 3
"""torchvision's ImageReadMode.RGB."""


class UnreadableImage(InputError):
    """An image that gives no pixels; `outcome` is corrupt, too_large, unsupported or missing."""

    def __init__(self, message: str, *, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> torch.Tensor:
    """Return uint8 RGB (3, h, w), channels last in memory, upright by EXIF orientation.

    Raises UnreadableImage: corrupt for a truncated or damaged file, too_large over the cap, unsupported for a format
    or pixel type that is not read.
    """
    if data[:3] == b"\xff\xd8\xff":
        header = read_jpeg_header(data)
        if header is None:
            raise _corrupt("a complete JPEG header", "a damaged one")
        _check_size(header.width, header.height, max_pixels)
        if header.components != 4:
            return _decode_jpeg(data, header)
    return _decode_pillow(data, max_pixels)


def _decode_jpeg(data: bytes, header: JpegHeader) -> torch.Tensor:
    if data.find(b"\xff\xd9", header.scan) < 0:
        raise _corrupt("a JPEG with its end", "one cut off after its start")
    try:
        # The operator itself: torchvision's wrapper around it warns on every call since 0.29.
        image: torch.Tensor = torch.ops.image.decode_jpeg(
            torch.frombuffer(bytearray(data), dtype=torch.uint8), _RGB, True
        )
    except RuntimeError as error:
        raise _corrupt("a complete JPEG", _first_line(error)) from error
    return image


def _decode_pillow(data: bytes, max_pixels: int) -> torch.Tensor:
    if not data:
        raise _corrupt("an image", "an empty file")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image.width, image.height, max_pixels)
            image.load()
            rgb = _to_rgb(ImageOps.exif_transpose(image))
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        message = f"image: expected jpeg, png, webp, gif, bmp or tiff, but got {_start(data)}"
        raise UnreadableImage(message, outcome="unsupported") from error
    except Exception as error:
        raise _corrupt("a complete image", _first_line(error)) from error
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return any mode as RGB: alpha over white, greys of more than 8 bits by their high byte."""
    if image.mode.startswith("I"):
        return _high_byte(image).convert("RGB")
    if image.mode == "F":
        raise UnreadableImage("image: expected integer pixels, but got floating-point ones", outcome="unsupported")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _high_byte(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise _corrupt("an image of at least one pixel", f"{width} x {height}")
    if width * height > max_pixels:
        message = f"image: expected at most {max_pixels:,} pixels, but got {width} x {height} = {width * height:,}"
        raise UnreadableImage(message, outcome="too_large")


def _corrupt(want: str, got: str) -> UnreadableImage:
    return UnreadableImage(f"image: expected {want}, but got {got}", outcome="corrupt")


def _start(data: bytes) -> str:
    return f"bytes that start with {data[:8]!r}"


def _first_line(error: Exception) -> str:
    """Return the reason without torchvision's file name and C++ trace."""
    line = (str(error).splitlines() or [""])[0]
    if "decode_jpeg" in line:
        line = line.rpartition(", ")[2] if ".cpp" in line else line
    return f"{line or type(error).__name__}"[:200]
