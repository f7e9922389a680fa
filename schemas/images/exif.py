"""The few tags of a TIFF block (a TIFF file's header, or the EXIF of any image) that size, orientation and time need.

Read by hand, not by Pillow: nothing is allocated beyond a few hundred bytes, and a damaged block warns nobody. Where
metadata contradicts itself the answer is Pillow's: an EXIF orientation before one in XMP, the last of two equal tags.
"""

import io
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import BinaryIO

_WIDTH, _HEIGHT, _ORIENTATION, _EXIF_FOLDER = 0x0100, 0x0101, 0x0112, 0x8769
_TAKEN, _TAKEN_OFFSET = 0x9003, 0x9011
_BYTE, _ASCII, _SHORT, _LONG, _UNDEFINED, _LONG8 = 1, 2, 3, 4, 7, 16
_MOST_ENTRIES = 4096
_MOST_TEXT = 64
_XMP, _MOST_XMP = 0x02BC, 1 << 20
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])")
_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Tags:
    """What the tags say; anything absent or unreadable is left at its default."""

    width: int = 0
    """Stored width in pixels, before orientation; 0 when the block has none (EXIF usually)."""
    height: int = 0
    """Stored height in pixels, before orientation; 0 when the block has none."""
    orientation: int = 0
    """EXIF orientation, 1 to 8; 5 and up swap width and height; 0 when the block has none."""
    captured_at: datetime | None = None
    """DateTimeOriginal in UTC (OffsetTimeOriginal honoured, else taken as UTC); None when absent or not a time."""
    xmp: bytes = b""
    """XMP packet of a TIFF file; empty when it has none, or one of more than 1 MiB."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one TIFF flavour writes numbers: classic (32-bit offsets) or BigTIFF (64-bit)."""

    order: str
    count: str
    offset: str

    @property
    def entry(self) -> struct.Struct:
        return struct.Struct(f"{self.order}HH{self.offset}{struct.calcsize(self.offset)}s")


def read_tags(stream: BinaryIO) -> Tags:
    """Return the tags of the TIFF block that starts at the stream's beginning; raises ValueError when it is damaged."""
    stream.seek(0)
    layout, first = _header(stream)
    tags = _folder(stream, layout, first)
    width, height, orientation = (_number(tags.get(tag), layout) for tag in (_WIDTH, _HEIGHT, _ORIENTATION))
    if _ORIENTATION in tags and not 1 <= orientation <= 8:
        orientation = 1
    return Tags(width, height, orientation, _captured_at(stream, layout, tags), _xmp(stream, layout, tags.get(_XMP)))


def read_exif(blocks: Sequence[bytes]) -> Tags:
    """Return the tags of the EXIF blocks of one file, each with or without its `Exif` prefix; defaults when damaged.

    A long block is cut into segments, so they are read as one; where that is no TIFF block, the first that is counts.
    """
    bare = [_bare(block) for block in blocks]
    for block in [b"".join(bare), *bare]:
        try:
            return read_tags(io.BytesIO(block))
        except ValueError:
            continue
    return Tags()


def with_xmp(tags: Tags, packets: Sequence[bytes]) -> Tags:
    """Return the tags, with the orientation of the last XMP packet that has one where EXIF has none."""
    if tags.orientation:
        return tags
    for packet in reversed(packets):
        match = _XMP_ORIENTATION.search(packet)
        if match:
            return replace(tags, orientation=int(match[1]))
    return tags


def _bare(block: bytes) -> bytes:
    """Return the block without its prefix, which some writers put there twice."""
    return block.removeprefix(_PREFIX).removeprefix(_PREFIX)


def exact(stream: BinaryIO, size: int) -> bytes:
    """Return exactly size bytes from the stream; raises ValueError when it ends before."""
    data = stream.read(size)
    if len(data) != size:
        raise ValueError("the file ends inside its header")
    return data


def _header(stream: BinaryIO) -> tuple[_Layout, int]:
    order = {b"II": "<", b"MM": ">"}.get(exact(stream, 2))
    if order is None:
        raise ValueError("no TIFF byte order mark")
    (version,) = struct.unpack(order + "H", exact(stream, 2))
    if version == 42:
        return _Layout(order, "H", "I"), struct.unpack(order + "I", exact(stream, 4))[0]
    if version == 43 and struct.unpack(order + "HH", exact(stream, 4)) == (8, 0):
        return _Layout(order, "Q", "Q"), struct.unpack(order + "Q", exact(stream, 8))[0]
    raise ValueError("no TIFF version number")


def _folder(stream: BinaryIO, layout: _Layout, at: int) -> dict[int, tuple[int, int, bytes]]:
    """Return tag -> (type, count, value field) of one image file directory."""
    _seek(stream, at)
    (count,) = struct.unpack(layout.order + layout.count, exact(stream, struct.calcsize(layout.count)))
    if count > _MOST_ENTRIES:
        raise ValueError("a TIFF directory with too many entries")
    entry = layout.entry
    data = stream.read(entry.size * count)  # a directory that is cut off keeps the entries that are whole
    whole = data[: len(data) - len(data) % entry.size]
    if count and not whole:
        raise ValueError("the file ends inside its header")
    return {tag: (kind, items, value) for tag, kind, items, value in entry.iter_unpack(whole)}


def _number(entry: tuple[int, int, bytes] | None, layout: _Layout) -> int:
    """Return the first number of an entry, 0 when it has none."""
    if entry is None or entry[1] < 1:
        return 0
    code = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}.get(entry[0])
    if code is None or struct.calcsize(code) > len(entry[2]):
        return 0
    return int(struct.unpack_from(layout.order + code, entry[2])[0])


def _text(stream: BinaryIO, layout: _Layout, entry: tuple[int, int, bytes] | None) -> str:
    if entry is None or entry[0] != _ASCII:
        return ""
    size = min(entry[1], _MOST_TEXT)
    if entry[1] <= len(entry[2]):
        data = entry[2][:size]
    else:
        _seek(stream, struct.unpack(layout.order + layout.offset, entry[2])[0])
        data = stream.read(size)
    return data.split(b"\0")[0].decode("ascii", "replace").strip()


def _xmp(stream: BinaryIO, layout: _Layout, entry: tuple[int, int, bytes] | None) -> bytes:
    if entry is None or entry[0] not in (_BYTE, _UNDEFINED) or not len(entry[2]) < entry[1] <= _MOST_XMP:
        return b""
    _seek(stream, struct.unpack(layout.order + layout.offset, entry[2])[0])
    return stream.read(entry[1])


def _captured_at(stream: BinaryIO, layout: _Layout, tags: dict[int, tuple[int, int, bytes]]) -> datetime | None:
    at = _number(tags.get(_EXIF_FOLDER), layout)
    if not at:
        return None
    try:
        inner = _folder(stream, layout, at)
        return _time(_text(stream, layout, inner.get(_TAKEN)), _text(stream, layout, inner.get(_TAKEN_OFFSET)))
    except ValueError:
        return None


def _time(taken: str, offset: str) -> datetime | None:
    """Return `2024:05:06 07:08:09` with `+02:00` as UTC; without an offset it is taken as UTC."""
    moment = datetime.strptime(taken, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    sign, rest = offset[:1], offset[1:]
    if sign in ("+", "-") and len(rest) == 5 and rest[2] == ":" and (rest[:2] + rest[3:]).isdecimal():
        shift = timedelta(hours=int(rest[:2]), minutes=int(rest[3:]))
        if shift < timedelta(hours=24):
            try:
                return moment.replace(tzinfo=timezone(shift if sign == "+" else -shift)).astimezone(UTC)
            except OverflowError:
                return None
    return moment


def _seek(stream: BinaryIO, at: int) -> None:
    try:
        stream.seek(at)
    except (OSError, OverflowError) as reason:
        raise ValueError("an offset outside the file") from reason
