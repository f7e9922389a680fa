"""Format, size, orientation and time of an image from its header alone; nothing is decoded.

The only reader of headers: the index records what it says, and the decoder turns and refuses pixels by it. Parsed by
hand so that a bomb costs nothing: no codec runs, memory stays at a few kilobytes, threads share no state. Pillow is the
referee: the tests compare every format it writes, and a folder of photographs, with it.
"""

import io
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from t2c.schemas.images.boxes import read_avif, read_jpeg2000
from t2c.schemas.images.chunks import read_png, read_webp
from t2c.schemas.images.exif import Tags, exact, read_tags, with_xmp
from t2c.schemas.images.jpeg import MOST_PARTS, JpegHeader, read_jpeg

HEAD, TAIL = 1024, 26
"""Bytes from the start and the end of a file that tell its format."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image's header says."""

    format: str
    """One of ALLOWED."""
    width: int
    """Pixels after orientation, 1 or more."""
    height: int
    """Pixels after orientation, 1 or more."""
    captured_at: datetime | None = None
    """When the picture was taken, UTC; None when the header does not say."""
    orientation: int = 1
    """How the stored pixels are to be turned, 1 to 8 as EXIF counts; 5 and up have swapped width and height."""
    jpeg: JpegHeader | None = None
    """A JPEG's own header; None for other formats."""

    @property
    def unsupported(self) -> str | None:
        """What this file is called when its kind is not decoded here, though it may be whole; else None."""
        return self.jpeg.unsupported if self.jpeg else None


def sniff(head: bytes, tail: bytes = b"") -> str | None:
    """Return the allowed format that the first HEAD and last TAIL bytes announce, None when they announce no such format.

    Formats with weak marks (bitmaps, PPM, icons, TGA) must also have a header that makes sense: prose may start with BM.
    """
    if head[:4] == b"RIFF":
        return "webp" if head[8:12] == b"WEBP" else None
    if head[4:8] == b"ftyp":
        return "avif" if head[8:12] in (b"avif", b"avis") else None
    known = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    if known:
        return None if is_apple_png(head) else known
    return next((name for name, looks in _LOOKS.items() if looks(head, tail)), None)


def is_apple_png(head: bytes) -> bool:
    """Return whether a file is a PNG as Apple packs it into apps: whole, and no PNG that others read."""
    return head[:4] == b"\x89PNG" and head[12:16] == b"CgBI"


def read_header(stream: BinaryIO, kind: str) -> Header:
    """Return the header of a stream of this format; raises ValueError saying what is wrong with it."""
    stream.seek(0)
    jpeg = None
    if kind == "jpeg":
        jpeg = read_jpeg(stream)
        width, height, tags = jpeg.width, jpeg.height, jpeg.tags
    else:
        width, height, tags = _READERS[kind](stream)
    if width < 1 or height < 1:
        raise ValueError(f"the header says {width} x {height} pixels")
    if tags.orientation >= 5:
        width, height = height, width
    return Header(kind, width, height, tags.captured_at, tags.orientation or 1, jpeg)


def header_of(data: bytes) -> Header | None:
    """Return the header of a whole file's bytes, None when they are of no allowed format; raises ValueError."""
    kind = sniff(data[:HEAD], data[-TAIL:])
    return read_header(io.BytesIO(data), kind) if kind else None


def _gif(stream: BinaryIO) -> tuple[int, int, Tags]:
    width, height, flags = struct.unpack("<6xHHBxx", exact(stream, 13))
    stream.seek(_palette(flags), 1)
    for _ in range(MOST_PARTS):
        block = exact(stream, 1)
        if block == b",":
            left, top, wide, high = struct.unpack("<HHHH", exact(stream, 8))
            return max(width, left + wide), max(height, top + high), Tags()
        if block != b"!":
            raise ValueError("no frame where one should start")
        exact(stream, 1)
        while size := exact(stream, 1)[0]:
            stream.seek(size, 1)
    raise ValueError("too many blocks before the first frame")


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _bmp(stream: BinaryIO) -> tuple[int, int, Tags]:
    (size,) = struct.unpack("<14xI", exact(stream, 18))
    if size == 12:
        width, height = struct.unpack("<HH", exact(stream, 4))
    else:
        width, height = struct.unpack("<ii", exact(stream, 8))
    return width, abs(height), Tags()


def _tiff(stream: BinaryIO) -> tuple[int, int, Tags]:
    tags = read_tags(stream)
    return tags.width, tags.height, with_xmp(tags, [tags.xmp])


def _psd(stream: BinaryIO) -> tuple[int, int, Tags]:
    height, width = struct.unpack(">14xII", exact(stream, 22))
    return width, height, Tags()


def _ppm(stream: BinaryIO) -> tuple[int, int, Tags]:
    match = _PPM_SIZE.match(stream.read(HEAD))
    if match is None:
        raise ValueError("no width and height are given")
    return int(match[1]), int(match[2]), Tags()


def _tga(stream: BinaryIO) -> tuple[int, int, Tags]:
    width, height = struct.unpack("<12xHHxx", exact(stream, 18))
    return width, height, Tags()


def _ico(stream: BinaryIO) -> tuple[int, int, Tags]:
    """Return the size of the largest picture of an icon, from its own header: the icon's cannot tell of a bomb."""
    (count,) = struct.unpack("<4xH", exact(stream, 6))
    entries = [struct.unpack("<BBBBHHII", exact(stream, 16)) for _ in range(count)]
    if not entries:
        raise ValueError("an icon without pictures")
    # As Pillow chooses: the largest area, among equals the fewest bits a pixel.
    best = min(entries, key=lambda entry: (-(entry[0] or 256) * (entry[1] or 256), entry[5] or 256))
    stream.seek(best[7])
    inner = exact(stream, 24)
    if inner.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">16xII", inner)
    else:  # a bitmap without its file header, of the picture and its mask
        width, height = struct.unpack("<4xii12x", inner)
        height = abs(height) // 2
    return width, height, Tags()


_BLANK = rb"(?:\s|#[^\r\n]*[\r\n])"
_PPM_SIZE = re.compile(rb"P[1-6]" + _BLANK + rb"+(\d{1,9})" + _BLANK + rb"+(\d{1,9})" + _BLANK)
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def _looks_bmp(head: bytes, _: bytes) -> bool:
    if head[:2] != b"BM":
        return False
    if len(head) < 30:  # cut off, or a few words of prose
        return not head.isascii() or b"\0" in head
    (size,) = struct.unpack_from("<I", head, 14)
    planes = struct.unpack_from("<H", head, 22 if size == 12 else 26)[0]
    return size in _BITMAP_HEADERS and planes == 1


def _looks_ppm(head: bytes, _: bytes) -> bool:
    return _PPM_SIZE.match(head) is not None


def _looks_ico(head: bytes, _: bytes) -> bool:
    return head[:4] == b"\0\0\1\0" and head[4:6] not in (b"", b"\0\0") and head[9:10] in (b"", b"\0")


def _looks_tga(head: bytes, tail: bytes) -> bool:
    return tail[8:] == b"TRUEVISION-XFILE.\0" and head[1:3] in _TGA_KINDS


_TGA_KINDS = frozenset(bytes(pair) for pair in ((0, 2), (0, 3), (0, 10), (0, 11), (1, 1), (1, 9)))
_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"8BPS\0\1", "psd"),
)
_LOOKS: dict[str, Callable[[bytes, bytes], bool]] = {
    "bmp": _looks_bmp,
    "ppm": _looks_ppm,
    "ico": _looks_ico,
    "tga": _looks_tga,
}
_READERS: dict[str, Callable[[BinaryIO], tuple[int, int, Tags]]] = {
    "png": read_png,
    "webp": read_webp,
    "gif": _gif,
    "bmp": _bmp,
    "tiff": _tiff,
    "avif": read_avif,
    "jpeg2000": read_jpeg2000,
    "ppm": _ppm,
    "tga": _tga,
    "ico": _ico,
    "psd": _psd,
}
ALLOWED = ("jpeg", *_READERS)
"""The formats an image may have, by its bytes; the file's name is not asked."""
