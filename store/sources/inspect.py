"""One typed outcome for one input file, from its bytes and header alone: ok, corrupt, too_large or unsupported.

Pixels are not decoded here: a file cut short after its header is found by extraction, which records it as corrupt.
"""

import codecs
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast

from t2c.schemas.images.headers import ALLOWED, HEAD, TAIL, Header, is_apple_png, read_header, sniff

MAX_PIXELS = 200_000_000
"""Default cap on width x height: larger images are recorded as too_large and never decoded."""

_WANT = f"expected a {', '.join(ALLOWED[:-1])} or {ALLOWED[-1]} image"
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a large Photoshop file (PSB)"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"PAR1", "a Parquet file (index it on its own)"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What became of one input file, as far as its header tells."""

    outcome: str
    """ok, corrupt, too_large, unsupported, or missing when the bytes could not be had."""
    error: str | None
    """Why the outcome is not ok; None when it is."""
    content_hash: str | None = None
    """sha256 of the file's bytes, hexadecimal; None when they were not read."""
    bytes: int = 0
    """File size in bytes."""
    format: str | None = None
    """One of t2c.schemas.images.headers.ALLOWED; None when the bytes announce none of them."""
    width: int | None = None
    """Pixels after EXIF orientation; None when the header cannot be read."""
    height: int | None = None
    """Pixels after EXIF orientation; None when the header cannot be read."""
    captured_at: datetime | None = None
    """EXIF DateTimeOriginal, UTC; None when absent."""


def inspect(stream: BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Inspection:
    """Hash a seekable stream and read its header; raises OSError only when the stream itself fails.

    Memory is bounded whatever the header claims: hashing reads in small pieces and no codec runs.
    """
    stream.seek(0)
    content_hash = hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()
    size = stream.seek(0, os.SEEK_END)
    outcome, error, kind, header = _judge(stream, size, max_pixels)
    width, height, captured_at = (header.width, header.height, header.captured_at) if header else (None, None, None)
    return Inspection(outcome, error, content_hash, size, kind, width, height, captured_at)


def _judge(stream: BinaryIO, size: int, max_pixels: int) -> tuple[str, str | None, str | None, Header | None]:
    if size == 0:
        return "corrupt", f"{_WANT}, but got an empty file", None, None
    stream.seek(0)
    head = stream.read(HEAD)
    stream.seek(max(0, size - TAIL))
    kind = sniff(head, stream.read(TAIL))
    if kind is None:
        return "unsupported", f"{_WANT}, but got {describe(head)}", None, None
    try:
        header = read_header(stream, kind)
    except ValueError as reason:
        return "corrupt", f"expected a complete {kind} header, but got one where {reason}", kind, None
    if header.width * header.height > max_pixels:
        got = f"{header.width} x {header.height} = {header.width * header.height:,}"
        return "too_large", f"expected at most {max_pixels:,} pixels, but got {got}", kind, header
    if header.unsupported:
        return "unsupported", f"{_WANT} of a kind that is read, but got {header.unsupported}", kind, header
    return "ok", None, kind, header


def describe(head: bytes) -> str:
    """Return what these first bytes look like, in words, for a file that is no allowed image."""
    if head[4:8] == b"ftyp":
        brand = head[8:12].decode("ascii", "replace")
        return {"heic": "a HEIC image", "heix": "a HEIC image", "mif1": "a HEIC image", "msf1": "a HEIC image"}.get(
            brand, "an MP4 or QuickTime file"
        )
    known = next((words for magic, words in _FOREIGN if head.startswith(magic)), None)
    if known:
        return known
    if is_apple_png(head):
        return "a PNG in Apple's own form (CgBI)"
    if len(head) > 262 and head[257:262] == b"ustar":
        return "a tar archive (index it on its own)"
    return _describe_text(head)


def _describe_text(head: bytes) -> str:
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith(b"<"):
        return "an SVG drawing" if b"<svg" in start else "an HTML page" if b"<html" in start else "an XML or HTML text"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "bytes of no known format"
    if b"\0" in head:
        return "a bitmap whose header is of an unknown kind" if head.startswith(b"BM") else "bytes of no known format"
    return "text"
