"""JPEG pixels by libjpeg-turbo, through a decoder that says when it made pixels up.

libjpeg never fails on damaged pixels: it warns, pads and goes on. simplejpeg is asked to stop at a warning; those that
mean lost picture data condemn the file, others (bytes after the picture, odd colour tags) do not. An install without
the extra `extract` has Pillow instead, which is enough to retry files and not enough to extract.
"""

import importlib.util
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from t2c.core.images.outcomes import UnreadableImage, corrupt, first_line
from t2c.core.images.pillow import decode_with_pillow
from t2c.schemas.images.jpeg import JpegHeader

_EXTRANEOUS = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0x(..)")
_LOST = ("premature end", "bad huffman", "bad arithmetic", "instead of rst", "inconsistent progression")
"""What libjpeg's warnings say when the pixels from there on are not those of the picture."""
_EOI, _END = b"\xff\xd9", "d9"
_METADATA = frozenset({*range(0xE1, 0xF0), 0xFE}) - {0xEE}
_NO_SEGMENT = frozenset({0x00, 0x01, *range(0xD0, 0xD8), 0xFF})
_LEFT_OVER = 16
"""A picture that is complete with more than 1 / 16 of its bytes left over was read out of step."""
_HOLE = 64
"""Zero bytes in a row that no picture has, unless its code for an empty block is made of zeros."""
_DECODER = "simplejpeg"
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_ARITHMETIC = frozenset({0xC9, 0xCA})


def decode_jpeg(data: bytes, header: JpegHeader) -> NDArray[np.uint8]:
    """Return the stored pixels of a JPEG as uint8 RGB, (h, w, 3); raises UnreadableImage (corrupt) when some are lost."""
    if not header.scan:
        raise corrupt("a complete JPEG header", "one that ends before its pixels")
    # A search for the end marker costs a tenth of a small picture's decode, one for zeros next to nothing.
    if not data.endswith(_EOI) and data.find(_EOI, header.scan) < 0:
        raise corrupt("a JPEG with its end", "one cut off after its start")
    hole = data.find(bytes(_HOLE), header.scan)
    if hole >= 0:
        return _with_hole(data, header, hole, data.find(_EOI, header.scan))
    return _checked(data, header)


def _with_hole(data: bytes, header: JpegHeader, hole: int, end: int) -> NDArray[np.uint8]:
    """Return the pixels of a JPEG with zeros behind its header; `end` is where its picture ends, before or after them."""
    if hole > end:  # a second picture, or a program's own bytes
        return _checked(data, header)
    if not data[hole:end].strip(b"\0"):
        return _zeros_at_end(data, header, hole, end)
    if not _may_be_zeros(data, header):
        raise corrupt("a complete JPEG", f"one with nothing but zeros from byte {hole}")
    return _checked(data, header)


def _checked(data: bytes, header: JpegHeader) -> NDArray[np.uint8]:
    """Return the pixels of a JPEG: by one decode, and a second look where that warns."""
    if not sees_warnings():
        return decode_with_pillow(without_metadata(data, header), "jpeg")
    try:
        return _decode(data, strict=True)
    except ValueError:
        bare = without_metadata(data, header)
        return _second_look(bare, data.find(_EOI, header.scan) - len(data) + len(bare))


def _zeros_at_end(data: bytes, header: JpegHeader, hole: int, end: int) -> NDArray[np.uint8]:
    """Return the pixels of a JPEG whose last bytes are zeros: padding, an even area, or a lost end, which is corrupt.

    Padding is what the picture is complete without; an even area is used up to the last bit.
    """
    try:
        return _checked(data[: hole + 2] + data[end:], header)
    except UnreadableImage:
        if not sees_warnings() or not _may_be_zeros(data, header):
            raise
    try:
        return _decode(without_metadata(data, header), strict=True)
    except ValueError as warning:
        raise corrupt("a complete JPEG", first_line(warning)) from warning


def without_metadata(data: bytes, header: JpegHeader) -> bytes:
    """Return a JPEG without the segments that are no part of the picture: Exif, XMP, colour profile, comments.

    JFIF's and Adobe's stay, they tell how colours are coded.
    """
    parts, at, start = [data[:2]], 2, 2
    while (at := data.find(b"\xff", at, header.scan)) >= 0:
        marker = data[at + 1]
        if marker in _NO_SEGMENT:
            at += 1 if marker == 0xFF else 2
            continue
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker in _METADATA:
            parts.append(data[start:at])
            start = stop
        at = stop
    return b"".join([*parts, data[start:]])


def _second_look(data: bytes, end: int) -> NDArray[np.uint8]:
    """Return the pixels of a JPEG without metadata that ends at `end`; a warning that is left is one about its pixels."""
    try:
        return _decode(data, strict=True)
    except ValueError as warning:
        if _is_loss(first_line(warning), data, end):
            raise corrupt("a complete JPEG", first_line(warning)) from warning
    try:
        return _decode(data, strict=False)
    except ValueError as error:
        raise corrupt("a complete JPEG", first_line(error)) from error


@lru_cache
def sees_warnings() -> bool:
    """Return whether the decoder that tells of lost picture data is installed (extra `extract`)."""
    return importlib.util.find_spec(_DECODER) is not None


def _decode(data: bytes, *, strict: bool) -> NDArray[np.uint8]:
    import simplejpeg

    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=strict)
    return pixels


def _is_loss(warning: str, data: bytes, end: int) -> bool:
    """Return whether a warning of libjpeg means that picture data is lost."""
    extraneous = _EXTRANEOUS.search(warning)
    if extraneous is None:
        return any(words in warning.lower() for words in _LOST)
    count, marker = int(extraneous[1]), extraneous[2]
    if marker != _END:  # inside the picture: codes that were to be read were not
        return True
    padding = len(set(data[end - count : end])) == 1
    return not padding and count * _LEFT_OVER > end


def _may_be_zeros(data: bytes, header: JpegHeader) -> bool:
    """Return whether an even area of this picture could be coded as zeros: its shortest code ends a block."""
    if header.process in _ARITHMETIC or header.process in _PROGRESSIVE:
        return True
    at, first = 2, {}
    while (at := data.find(b"\xff\xc4", at, header.scan)) >= 0:
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        place = at + 4
        while place + 17 <= stop:
            first[data[place]] = data[place + 17]
            place += 17 + sum(data[place + 1 : place + 17])
        at = stop
    return first.get(0x10, 0) == 0
