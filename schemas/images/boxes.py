"""AVIF and JPEG 2000 headers: boxes inside boxes, each with a length and a name."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from t2c.schemas.images.exif import Tags, exact

_MOST_BOXES = 1000
_MOST_META = 1 << 25
_TURNED = {0: 1, 1: 8, 2: 3, 3: 6}
"""Quarter turns anticlockwise -> EXIF orientation."""
_MIRRORED = {(0, 0): 4, (0, 1): 2, (1, 0): 5, (1, 1): 7, (2, 0): 2, (2, 1): 4, (3, 0): 7, (3, 1): 5}
"""Quarter turns, then mirrored top to bottom (0) or left to right (1) -> EXIF orientation."""


def read_avif(stream: BinaryIO) -> tuple[int, int, Tags]:
    """Return size and orientation of an AVIF's primary picture; raises ValueError when the file names none.

    Orientation is the file's own turn and mirror (irot, imir); the standard lets an EXIF orientation count for nothing.
    """
    for name, length in _boxes_of(stream):
        if name == b"meta":
            return _primary(dict(_boxes(exact(stream, min(length, _MOST_META))[4:])))
        stream.seek(length, 1)
    raise ValueError("no box says what the file holds")


def read_jpeg2000(stream: BinaryIO) -> tuple[int, int, Tags]:
    """Return the size of a JPEG 2000 file or codestream; raises ValueError when it is not given."""
    if exact(stream, 4) == b"\xff\x4f\xff\x51":
        right, low, left, top = struct.unpack(">IIII", exact(stream, 20)[4:])
        return right - left, low - top, Tags()
    stream.seek(0)
    for name, length in _boxes_of(stream):
        if name == b"jp2h":
            inner = dict(_boxes(exact(stream, min(length, _MOST_META))))
            height, width = struct.unpack(">II", inner.get(b"ihdr", b"")[:8].ljust(8, b"\0"))
            return width, height, Tags()
        stream.seek(length, 1)
    raise ValueError("no box gives the size")


def _boxes_of(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield name and remaining length of each box of a file, the stream behind its head."""
    for _ in range(_MOST_BOXES):
        length, name = struct.unpack(">I4s", exact(stream, 8))
        head = 8
        if length == 1:
            (length,) = struct.unpack(">Q", exact(stream, 8))
            head = 16
        if length == 0:
            length = 1 << 40  # to the end of the file
        if length < head or length > 1 << 60:
            raise ValueError("a box with no length")
        yield name, length - head
    raise ValueError("too many boxes")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        length = length or len(data) - at
        if length < 8:
            raise ValueError("a box with no length")
        yield name, data[at + 8 : at + length]
        at += length


def _primary(meta: dict[bytes, bytes]) -> tuple[int, int, Tags]:
    """Return size and orientation of the item that the file calls its primary one."""
    try:
        item = int.from_bytes(meta[b"pitm"][4:], "big")
        inner = list(_boxes(meta[b"iprp"]))
        properties = list(_boxes(next(data for name, data in inner if name == b"ipco")))
        wanted = [index for name, data in inner if name == b"ipma" for index in _properties_of(data, item)]
        own = dict(properties[index - 1] for index in wanted if 0 < index <= len(properties))
        width, height = struct.unpack(">II", own[b"ispe"][4:12])
    except (KeyError, StopIteration, struct.error, IndexError) as reason:
        raise ValueError("no size is given for the primary picture") from reason
    turn = own[b"irot"][0] & 3 if own.get(b"irot") else 0
    mirror = own.get(b"imir")
    return width, height, Tags(orientation=_MIRRORED[turn, mirror[0] & 1] if mirror else _TURNED[turn])


def _properties_of(data: bytes, wanted: int) -> list[int]:
    """Return the 1-based numbers of an item's properties, from an association box."""
    version, wide = data[0], data[3] & 1
    (count,) = struct.unpack_from(">I", data, 4)
    at = 8
    for _ in range(count):
        item = int.from_bytes(data[at : at + (4 if version else 2)], "big")
        at += 4 if version else 2
        size = 2 if wide else 1
        codes = data[at + 1 : at + 1 + data[at] * size]
        at += 1 + data[at] * size
        if item == wanted:
            mask = 0x7FFF if wide else 0x7F
            return [int.from_bytes(codes[i : i + size], "big") & mask for i in range(0, len(codes), size)]
    return []
