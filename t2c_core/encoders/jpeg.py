"""A JPEG's header, read without a codec: size and components, and where its pixels start."""

from dataclasses import dataclass

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_SCAN = 0xDA


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG says before its pixels."""

    width: int
    """Pixels as stored, before EXIF orientation."""
    height: int
    """Pixels as stored, before EXIF orientation."""
    components: int
    """1 grey, 3 colour, 4 CMYK."""
    scan: int
    """Offset of the first scan: thumbnails and their end markers lie before it."""


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """Return the header of a JPEG file's bytes, or None when it is damaged or cut off before the first scan."""
    frame: tuple[int, int, int] | None = None
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 3:
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _SCAN:
            return JpegHeader(*frame, scan=at) if frame else None
        if marker in _FRAMES and at + 10 <= len(data):
            height, width = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
            frame = (width, height, data[at + 9])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
