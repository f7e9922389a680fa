"""From an encoded file to uint8 RGB: the same pixels for the same bytes, and never a picture out of half a file.

JPEG is decoded by libjpeg-turbo; every other format, and CMYK, by Pillow. Alpha lies over white, 16-bit greys keep
their high byte, an animation shows its first frame. Size and orientation are those of the header reader that the index
uses, and the caller's pixel cap is checked on them before any pixel is decoded.
"""

import numpy as np
from numpy.typing import NDArray

from t2c.core.images.jpeg import decode_jpeg, without_metadata
from t2c.core.images.outcomes import MAX_PIXELS, check_size, corrupt, unsupported
from t2c.core.images.pillow import ToRgb, decode_with_pillow, to_rgb
from t2c.schemas.images.headers import ALLOWED, header_of

Pixels = NDArray[np.uint8]


def read_rgb(data: bytes, *, max_pixels: int = MAX_PIXELS, rgb: ToRgb = to_rgb) -> Pixels:
    """Return uint8 RGB (h, w, 3), upright; maybe a view. `rgb` turns Pillow's modes into RGB.

    Raises UnreadableImage: corrupt for a truncated or damaged file, too_large over the cap, unsupported for a format
    or pixel type that is not read.
    """
    if not data:
        raise corrupt("an image", "an empty file")
    try:
        header = header_of(data)
    except ValueError as reason:
        raise corrupt("a complete image header", f"one where {reason}") from reason
    if header is None:
        raise unsupported(f"{', '.join(ALLOWED[:-1])} or {ALLOWED[-1]}", f"bytes that start with {data[:8]!r}")
    check_size(header.width, header.height, max_pixels)
    if header.unsupported:
        raise unsupported("an image of a kind that is read", header.unsupported)
    if header.jpeg is not None and header.jpeg.components != 4:
        return upright(decode_jpeg(data, header.jpeg), header.orientation)
    if header.jpeg is not None:
        data = without_metadata(data, header.jpeg)
    pixels = decode_with_pillow(data, header.format, max_pixels=max_pixels, rgb=rgb)
    # Pillow turns TIFF files by itself, as soon as they are loaded.
    return pixels if header.format == "tiff" else upright(pixels, header.orientation)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Return stored pixels (h, w, 3) turned and mirrored as an EXIF orientation of 1 to 8 asks for; maybe a view."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
