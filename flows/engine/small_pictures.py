"""A picture made small: upright, without metadata, as WebP."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np

EDGE = 112
"""Longest side of a thumbnail in pixels."""
MAX_PIXELS = 100_000_000
"""Larger pictures are not decoded for a thumbnail."""
QUALITY = 72
"""WebP quality, 0 to 100: about 2 kB a thumbnail."""


def data_uri(uri: str, *, read: Callable[[str], bytes], edge: int = EDGE) -> tuple[str, int, int] | None:
    """Return the picture at uri, whose bytes come from read, as a data URI with its width and height; None where it cannot
    be read or decoded: it may have gone since it was indexed, and the numbers beside it still stand.
    """
    try:
        data, width, height = shrink(read(uri), edge=edge)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, ArithmeticError, LookupError):
        return None
    return "data:image/webp;base64," + base64.b64encode(data).decode(), width, height


def shrink(data: bytes, *, edge: int = EDGE) -> tuple[bytes, int, int]:
    """Return an image file as a WebP file of at most edge pixels a side, with its width and height.

    The picture is turned as it is for features, no metadata is kept, transparency lies over white, only the first frame
    is used. Raises OSError or ValueError (UnreadableImage, InputError) when the bytes are no image that can be decoded.
    """
    from PIL import Image

    picture = _decode(data, edge)
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue(), picture.width, picture.height


def _decode(data: bytes, edge: int) -> Any:
    """Return the upright RGB picture; a JPEG by a fraction of its pixels, as Pillow can and the decoder of features cannot."""
    from PIL import Image

    from t2c.core.images.decode import read_rgb, upright
    from t2c.core.images.jpeg import without_metadata
    from t2c.core.images.outcomes import check_size
    from t2c.schemas.images.headers import header_of

    header = header_of(data)
    if header is None or header.jpeg is None:
        return Image.fromarray(np.ascontiguousarray(read_rgb(data, max_pixels=MAX_PIXELS, rgb=_rgb)))
    check_size(header.width, header.height, MAX_PIXELS)
    with Image.open(io.BytesIO(without_metadata(data, header.jpeg)), formats=("JPEG",)) as opened:
        opened.draft("RGB", (2 * edge, 2 * edge))
        return Image.fromarray(np.ascontiguousarray(upright(np.asarray(opened.convert("RGB")), header.orientation)))


def _rgb(picture: Any) -> Any:
    """Return a Pillow image as RGB: 16-bit grey scaled down, wider numbers stretched to what is there, alpha over white."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        return picture.point(lambda value: value / 256).convert("L").convert("RGB")
    if picture.mode in ("I", "F"):
        low, high = picture.getextrema()
        return picture.point(lambda value: (value - low) * 255 / max(high - low, 1e-9)).convert("L").convert("RGB")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return picture.convert("RGB")
