"""A JPEG's header walked once, up to its first scan: frame, Exif and XMP segments in any order, start of the pixels."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from t2c.schemas.images.exif import Tags, exact, read_exif, with_xmp

MOST_PARTS = 20_000
"""Segments, blocks or chunks walked: a bound on time, not a property of any format."""
_MOST_STRAY = 1 << 16
"""Stray bytes skipped between two segments before the file is called damaged."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_LS = 0xF7
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_READ = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""Frames that libjpeg decodes: baseline, extended, progressive, the last two with arithmetic coding."""
_NAMES = {0xC3: "a lossless JPEG", _JPEG_LS: "a JPEG-LS image"}


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG says before its pixels."""

    width: int
    """Pixels as stored, before orientation."""
    height: int
    """Pixels as stored, before orientation."""
    precision: int
    """Bits a sample; 8 almost always."""
    components: int
    """1 grey, 3 colour, 4 CMYK."""
    process: int
    """Marker of the frame: 0xC0 baseline, 0xC2 progressive, ..."""
    scan: int
    """Offset of the first scan: thumbnails and their end markers lie before it; 0 when the header ends before it."""
    tags: Tags
    """Orientation and time."""

    @property
    def unsupported(self) -> str | None:
        """What this kind of JPEG is called when no decoder here reads it, though the file may be whole; else None."""
        if self.process not in _READ:
            return _NAMES.get(self.process, "a hierarchical JPEG")
        return None if self.precision == 8 else f"a {self.precision}-bit JPEG"


def read_jpeg(stream: BinaryIO) -> JpegHeader:
    """Return the header of a stream that starts with a JPEG; raises ValueError when no frame comes before the pixels.

    Segments may come in any order, Exif and XMP after the frame too. A header that is damaged behind its frame keeps
    what was read: only decoding tells whether the pixels are there.
    """
    stream.seek(0)
    exact(stream, 2)
    frame: tuple[int, int, int, int, int] | None = None
    exif: list[bytes] = []
    xmp: list[bytes] = []
    scan = 0
    try:
        for marker, length in _segments(stream):
            if marker == _SCAN:
                scan = stream.tell() - 4
                break
            if marker in _FRAMES or marker == _JPEG_LS:
                frame = (marker, *struct.unpack(">BHHB", exact(stream, 6)))
                stream.seek(length - 6, 1)
            elif marker == _APP1:
                block = exact(stream, length)
                exif += [block] if block.startswith(_EXIF) else []
                xmp += [block.removeprefix(_XMP)] if block.startswith(_XMP) else []
            else:
                stream.seek(length, 1)
    except ValueError:
        if frame is None:
            raise
    if frame is None:
        raise ValueError("the pixels start before the image size is given")
    process, precision, height, width, components = frame
    return JpegHeader(width, height, precision, components, process, scan, with_xmp(read_exif(exif), xmp))


def _segments(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield marker and length of each segment up to the first scan, the stream behind the length."""
    for _ in range(MOST_PARTS):
        marker = _marker(stream)
        if marker in _STANDALONE:
            continue
        if marker == _END:
            raise ValueError("the image ends before its pixels start")
        (length,) = struct.unpack(">H", exact(stream, 2))
        if length < 2:
            raise ValueError("a segment with no length")
        yield marker, length - 2
        if marker == _SCAN:
            return
    raise ValueError("too many segments before the image size")


def _marker(stream: BinaryIO) -> int:
    """Return the next marker's code, skipping fill bytes and, as decoders do, stray bytes between segments."""
    for _ in range(_MOST_STRAY):
        if exact(stream, 1) == b"\xff":
            code = exact(stream, 1)[0]
            while code == 0xFF:
                code = exact(stream, 1)[0]
            if code:
                return code
    raise ValueError("no marker where a segment should start")
