"""Format and size of an image from its first bytes alone: jpeg, png, webp, gif, bmp, tiff; nothing is decoded.

Parsed by hand so that a bomb costs nothing: no codec runs, memory stays at a few kilobytes, threads share no state.
Pillow is the referee: the tests compare every format and a folder of photographs with it.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from t2c.store.sources.exif import Tags, exact, read_exif, read_tags

_MOST_PARTS = 20_000
"""Segments, blocks or chunks walked: a bound on time, not a property of any format."""
_MOST_STRAY = 256
"""Stray bytes skipped between two JPEG segments before the file is called damaged."""
_MOST_EXIF = 1 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What an image's header says."""

    format: str
    """jpeg, png, webp, gif, bmp or tiff."""
    width: int
    """Pixels after EXIF orientation, 1 or more."""
    height: int
    """Pixels after EXIF orientation, 1 or more."""
    captured_at: datetime | None
    """When the picture was taken, UTC; None when the header does not say."""


def sniff(head: bytes) -> str | None:
    """Return the allowed format that the first 16 bytes announce, None when they announce no such format."""
    if head[:4] == b"RIFF":
        return "webp" if head[8:12] == b"WEBP" else None
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def read_header(stream: BinaryIO, kind: str) -> Header:
    """Return the header of a stream of this format; raises ValueError saying what is wrong with it."""
    stream.seek(0)
    width, height, tags = _READERS[kind](stream)
    if width < 1 or height < 1:
        raise ValueError(f"the header says {width} x {height} pixels")
    if tags.orientation >= 5:
        width, height = height, width
    return Header(kind, width, height, tags.captured_at)


def _jpeg(stream: BinaryIO) -> tuple[int, int, Tags]:
    exact(stream, 2)
    tags = Tags()
    for _ in range(_MOST_PARTS):
        marker = _jpeg_marker(stream)
        if marker in _STANDALONE:
            continue
        if marker in (0xD9, 0xDA):
            raise ValueError("the pixels start before the image size is given")
        (length,) = struct.unpack(">H", exact(stream, 2))
        if length < 2:
            raise ValueError("a segment with no length")
        if marker in _FRAMES:
            height, width = struct.unpack(">xHH", exact(stream, 5))
            return width, height, tags
        if marker == 0xE1 and tags == Tags():
            block = exact(stream, length - 2)
            tags = read_exif(block) if block.startswith(b"Exif\0\0") else tags
        else:
            stream.seek(length - 2, 1)
    raise ValueError("too many segments before the image size")


def _jpeg_marker(stream: BinaryIO) -> int:
    """Return the next marker's code, skipping fill bytes and, as decoders do, stray bytes between segments."""
    for _ in range(_MOST_STRAY):
        if exact(stream, 1) == b"\xff":
            code = exact(stream, 1)[0]
            while code == 0xFF:
                code = exact(stream, 1)[0]
            if code:
                return code
    raise ValueError("no marker where a segment should start")


def _png(stream: BinaryIO) -> tuple[int, int, Tags]:
    exact(stream, 8)
    first = exact(stream, 25)
    length, name, width, height = struct.unpack(">I4sII", first[:16])
    if (length, name) != (13, b"IHDR") or zlib.crc32(first[4:21]) != struct.unpack(">I", first[21:])[0]:
        raise ValueError("the IHDR chunk is damaged")
    return width, height, _chunk_tags(stream, b"eXIf", big_endian=True)


def _chunk_tags(stream: BinaryIO, wanted: bytes, *, big_endian: bool) -> Tags:
    """Return the tags of the wanted chunk of a PNG or RIFF file from here on; the defaults when it has none."""
    for _ in range(_MOST_PARTS):
        head = stream.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            break
        length, name = struct.unpack(">I4s", head) if big_endian else struct.unpack("<4sI", head)[::-1]
        if name == wanted:
            return read_exif(stream.read(min(length, _MOST_EXIF)))
        stream.seek(length + (4 if big_endian else length % 2), 1)
    return Tags()


def _webp(stream: BinaryIO) -> tuple[int, int, Tags]:
    exact(stream, 12)
    name, length = struct.unpack("<4sI", exact(stream, 8))
    body = exact(stream, 10)
    if name == b"VP8X":
        stream.seek(length + length % 2 - 10, 1)
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        return width, height, _chunk_tags(stream, b"EXIF", big_endian=False) if body[0] & 0x08 else Tags()
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF, Tags()
    if name == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, Tags()
    raise ValueError("the first chunk is no VP8, VP8L or VP8X")


def _gif(stream: BinaryIO) -> tuple[int, int, Tags]:
    width, height, flags = struct.unpack("<6xHHBxx", exact(stream, 13))
    stream.seek(_palette(flags), 1)
    for _ in range(_MOST_PARTS):
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
    elif 16 <= size <= 124:
        width, height = struct.unpack("<ii", exact(stream, 8))
    else:
        raise ValueError("the bitmap header is of an unknown size")
    return width, abs(height), Tags()


def _tiff(stream: BinaryIO) -> tuple[int, int, Tags]:
    tags = read_tags(stream)
    return tags.width, tags.height, tags


_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READERS: dict[str, Callable[[BinaryIO], tuple[int, int, Tags]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "bmp": _bmp,
    "tiff": _tiff,
}
ALLOWED = tuple(_READERS)
"""The formats an image may have, by its bytes; the file's name is not asked."""
