"""Pixels of everything but ordinary JPEGs by Pillow: alpha over white, greys by their high byte, the first frame.

Pillow stops at damage in a comment as at damage in the picture. A PNG that it refuses is read again without its
metadata, so that only the picture decides; orientation is the caller's, whose header reader survives a damaged block.
"""

import io
import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from t2c.core.images.outcomes import MAX_PIXELS, UnreadableImage, check_size, corrupt, first_line, unsupported

Image.init()  # plugins are found by name below
Image.MAX_IMAGE_PIXELS = None
"""Pillow's own cap only warns, and warns late: ours is an error from the header."""

ToRgb = Callable[[Image.Image], Image.Image]

_CANNOT = ("unsupported", "unknown", "unrecognized", "not available", "not supported", "no decoder", "cannot handle")
"""Words of Pillow's for a kind of file that it does not read, which may be whole."""
_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_SIXTEEN_BITS = 65535
_BITS, _LARGEST = 258, 281
"""TIFF's BitsPerSample and MaxSampleValue."""


def to_rgb(image: Image.Image) -> Image.Image:
    """Return any mode as RGB: alpha over white, greys of more than 8 bits by their high byte."""
    if image.mode.startswith("I"):
        return _high_byte(image).convert("RGB")
    if image.mode == "F":
        raise unsupported("integer pixels", "floating-point ones")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def decode_with_pillow(
    data: bytes, kind: str, *, max_pixels: int = MAX_PIXELS, rgb: ToRgb = to_rgb
) -> NDArray[np.uint8]:
    """Return the pixels of a file of this format as uint8 RGB, (h, w, 3): as stored, or a TIFF's turned upright.

    `rgb` turns any mode of Pillow's into RGB. Raises UnreadableImage.
    """
    try:
        return _decode(data, kind, max_pixels, rgb)
    except UnreadableImage:
        raise
    except Exception as error:  # every plugin has its own errors for damage
        if kind == "png" and (bare := _without_metadata(data)) != data:
            return decode_with_pillow(bare, kind, max_pixels=max_pixels, rgb=rgb)
        reason = first_line(error)
        if any(words in reason.lower() for words in _CANNOT):
            raise unsupported(f"a {kind} image of a kind that is read", reason) from error
        raise corrupt("a complete image", reason) from error


def _decode(data: bytes, kind: str, max_pixels: int, rgb: ToRgb) -> NDArray[np.uint8]:
    plugin, _ = Image.OPEN[kind.upper()]  # not Image.open, which hides why a plugin refuses a file
    with plugin(io.BytesIO(data), "") as image:
        check_size(image.width, image.height, max_pixels)
        image.load()
        return np.array(rgb(image))


def _high_byte(image: Image.Image) -> Image.Image:
    """Return greys by their high byte, or by the range that a TIFF declares: 12 bits in 16 are not nearly black."""
    values = np.asarray(image).astype(np.int64).clip(0, _SIXTEEN_BITS)
    largest = _declared_largest(image)
    if largest >= _SIXTEEN_BITS:
        return Image.fromarray((values >> 8).astype(np.uint8))
    return Image.fromarray((values.clip(0, largest) * 255 // largest).astype(np.uint8))


def _declared_largest(image: Image.Image) -> int:
    """Return the largest value that a grey may have by its TIFF tags; 65535 where nothing is declared."""
    tags = getattr(image, "tag_v2", {})
    bits, largest = (_first(tags.get(tag)) for tag in (_BITS, _LARGEST))
    if 8 < bits < 16:
        return (1 << bits) - 1
    return largest if 255 < largest < _SIXTEEN_BITS else _SIXTEEN_BITS


def _first(value: object) -> int:
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else 0


def _without_metadata(data: bytes) -> bytes:
    """Return a PNG without every chunk that is no part of its first picture: text, EXIF, colour profile, animation."""
    parts, at = [data[:8]], 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name in _PNG_PICTURE:
            parts.append(data[at : at + length + 12])
        at += length + 12
    return b"".join(parts)
