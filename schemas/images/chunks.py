"""PNG and WebP headers: size, and the metadata chunks that carry orientation and time, wherever they lie."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from t2c.schemas.images.exif import Tags, exact, read_exif, with_xmp

_MOST_CHUNKS = 1_000_000
"""Chunks walked, a bound on time: a gigabyte of PNG in the usual 8 kB chunks has 130,000."""
_MOST_BYTES = 1 << 20
"""Bytes read of a metadata chunk, and unpacked from it."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP, _PROFILE = b"XML:com.adobe.xmp", b"Raw profile type exif"


def read_png(stream: BinaryIO) -> tuple[int, int, Tags]:
    """Return width, height and tags of a PNG; raises ValueError when its IHDR chunk is damaged."""
    exact(stream, 8)
    first = exact(stream, 25)
    length, name, width, height = struct.unpack(">I4sII", first[:16])
    if (length, name) != (13, b"IHDR") or zlib.crc32(first[4:21]) != struct.unpack(">I", first[21:])[0]:
        raise ValueError("the IHDR chunk is damaged")
    exif: list[bytes] = []
    profiles: list[bytes] = []
    xmp: list[bytes] = []
    for name, data in _png_metadata(stream):
        if name == b"eXIf":
            exif = [data]
        else:
            keyword, text = _png_text(name, data)
            profiles += [_from_hex(text)] if keyword == _PROFILE else []
            xmp += [text] if keyword == _XMP else []
    return width, height, with_xmp(read_exif(exif or profiles[-1:]), xmp)


def read_webp(stream: BinaryIO) -> tuple[int, int, Tags]:
    """Return width, height and tags of a WebP file; raises ValueError when it starts with no picture."""
    exact(stream, 12)
    name, length = struct.unpack("<4sI", exact(stream, 8))
    body = exact(stream, 10)
    if name == b"VP8X":
        stream.seek(length + length % 2 - 10, 1)
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        wanted = ((b"EXIF", 0x08), (b"XMP ", 0x04))
        found = _riff_chunks(stream, tuple(name for name, flag in wanted if body[0] & flag))
        return width, height, with_xmp(read_exif(found.get(b"EXIF", [])[:1]), found.get(b"XMP ", [])[:1])
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF, Tags()
    if name == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, Tags()
    raise ValueError("the first chunk is no VP8, VP8L or VP8X")


def _png_metadata(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and data of the Exif and text chunks from here on whose checksums are right, as Pillow wants them."""
    for _ in range(_MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length, name = struct.unpack(">I4s", head)
        if (name == b"eXIf" or name in _TEXTS) and length <= _MOST_BYTES:
            data, checksum = stream.read(length), stream.read(4)
            if checksum == struct.pack(">I", zlib.crc32(name + data)):
                yield name, data
        else:
            stream.seek(length + 4, 1)


def _png_text(name: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Return keyword and text of a tEXt, zTXt or iTXt chunk; an empty text where it cannot be unpacked."""
    keyword, _, rest = data.partition(b"\0")
    if keyword not in (_XMP, _PROFILE) or name == b"tEXt":
        return keyword, rest
    if name == b"zTXt":
        return keyword, _unpack(rest[1:])
    packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    return keyword, _unpack(text) if packed else text


def _unpack(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST_BYTES)
    except zlib.error:
        return b""


def _from_hex(text: bytes) -> bytes:
    """Return the bytes of ImageMagick's raw profile: a line break, its name, its length, then hexadecimal lines."""
    try:
        return bytes.fromhex("".join(text.decode("latin-1").split("\n")[3:]))
    except ValueError:
        return b""


def _riff_chunks(stream: BinaryIO, wanted: tuple[bytes, ...]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for _ in range(_MOST_CHUNKS if wanted else 0):
        head = stream.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack("<4sI", head)
        if name in wanted and length <= _MOST_BYTES:
            found.setdefault(name, []).append(stream.read(length))
            stream.seek(length % 2, 1)
        else:
            stream.seek(length + length % 2, 1)
    return found
