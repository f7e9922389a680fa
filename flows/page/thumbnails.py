"""Small pictures as data URIs: upright, without metadata, and never a reason for a report to fail."""

import base64
import io
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from t2c.flows.page.pictures import Thumbnail
from t2c.schemas.errors import InputError, expected

EDGE = 112
"""Longest side of a thumbnail in pixels."""
MAX_PIXELS = 100_000_000
"""Larger pictures are not decoded for a thumbnail."""
QUALITY = 72
"""WebP quality, 0 to 100: about 2 kB a thumbnail."""
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One picture to be shown."""

    image_id: str
    """Image as the dataset names it."""
    uri: str
    """Where its bytes are."""
    facts: tuple[str, ...] = ()
    """Short lines below the picture."""


def thumbnails(
    wanted: Sequence[Wanted], *, read: Callable[[str], bytes], edge: int = EDGE, threads: int = 8
) -> list[Thumbnail]:
    """Return the thumbnails of some pictures, in order; each place is read once, several at a time."""
    places = {picture.uri: picture for picture in wanted}
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # Pillow warns of large or odd files; the cap decides
        by_uri = dict(
            zip(
                places,
                pool.map(
                    lambda picture: thumbnail(picture.image_id, picture.uri, read=read, edge=edge), places.values()
                ),
                strict=True,
            )
        )
    return [replace(by_uri[picture.uri], image_id=picture.image_id, facts=picture.facts) for picture in wanted]


def thumbnail(
    image_id: str, uri: str, *, read: Callable[[str], bytes], edge: int = EDGE, facts: tuple[str, ...] = ()
) -> Thumbnail:
    """Return the thumbnail of the image at uri, whose bytes come from read.

    A picture that cannot be read or decoded gives a thumbnail with an empty data_uri, which the page shows as a
    placeholder: the picture may have gone since it was indexed, and the numbers still stand.
    """
    try:
        data, width, height = shrink(read(uri), edge=edge)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, ArithmeticError, LookupError):
        return Thumbnail(image_id, "", edge, edge, facts)
    return Thumbnail(image_id, "data:image/webp;base64," + base64.b64encode(data).decode(), width, height, facts)


def shrink(data: bytes, *, edge: int = EDGE) -> tuple[bytes, int, int]:
    """Return an image file as a WebP file of at most edge pixels a side, with its width and height.

    EXIF orientation is applied, no metadata is kept, transparency lies over white, only the first frame is used.
    Raises OSError or ValueError (InputError beyond MAX_PIXELS) when the bytes are not an image that can be decoded.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"{opened.width} x {opened.height}")
            opened.draft("RGB", (2 * edge, 2 * edge))
            picture = _rgb(ImageOps.exif_transpose(opened))
    except Image.DecompressionBombError as error:
        raise InputError(expected("thumbnail", f"at most {MAX_PIXELS:,} pixels", str(error))) from error
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue(), picture.width, picture.height


def _rgb(picture: Any) -> Any:
    """Return a Pillow image as RGB: 16-bit grey scaled down, transparency over white."""
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
