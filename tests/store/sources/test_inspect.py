"""Inspection: one typed outcome a file, by its bytes and never its name, at no memory cost."""

import hashlib
import io
import struct
import tracemalloc
import zipfile
import zlib
from typing import Any

import pytest
from PIL import Image

from t2c.store.sources.inspect import inspect

FORMATS = "jpeg, png, webp, gif, bmp, tiff, avif, jpeg2000, ppm, tga, ico or psd"


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.jpg", b"x")
    return out.getvalue()


FOREIGN = [
    (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML page"),
    (b"\xef\xbb\xbf  \n<HTML><head>", "an HTML page"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
    (b'<?xml version="1.0"?>\n<!-- x -->\n<svg></svg>', "an SVG drawing"),
    (b"<note>hello</note>", "an XML or HTML text"),
    (zipped(), "a zip archive"),
    (b"\x1f\x8b\x08rest", "a gzip archive"),
    (b"%PDF-1.7", "a PDF document"),
    (b"\x00\x00\x00\x18ftypheic", "a HEIC image"),
    (b"\x00\x00\x00\x18ftypisom", "an MP4 or QuickTime file"),
    (b"PAR1xxxx", "a Parquet file (index it on its own)"),
    (bytes(257) + b"ustar\x00", "a tar archive (index it on its own)"),
    (b"hello, this is a readme\n", "text"),
    ("ünïcödé".encode() * 400, "text"),
    (b"BMW is a car maker and this is prose.\n" * 4, "text"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI" + bytes(40), "a PNG in Apple's own form (CgBI)"),
    (b"BM is", "text"),
    (b"BM" + bytes(12) + b"\xff" * 40, "bytes of no known format"),
    (b"BM" + bytes(12) + b"\x77" * 40, "a bitmap whose header is of an unknown kind"),
    (b"P5 is a printer", "text"),
    (b"8BPS\0\2" + bytes(20), "a large Photoshop file (PSB)"),
    (b"text with \0 inside", "bytes of no known format"),
    (bytes(500), "nothing but zero bytes"),
    (b"\x93\xfa\x01", "bytes of no known format"),
    (b"RIFF\x00\x00\x00\x00WAVE", "text"),
]


@pytest.mark.parametrize(("data", "words"), FOREIGN[:-1])
def test_what_is_no_image_is_unsupported_and_named(data: bytes, words: str) -> None:
    found = inspect(io.BytesIO(data))
    assert found.outcome == "unsupported"
    assert found.error == f"expected a {FORMATS} image, but got {words}"
    assert (found.format, found.width, found.bytes) == (None, None, len(data))


def test_riff_that_is_no_webp_is_unsupported() -> None:
    assert inspect(io.BytesIO(FOREIGN[-1][0])).outcome == "unsupported"


def test_empty_file_is_corrupt() -> None:
    found = inspect(io.BytesIO(b""))
    assert (found.outcome, found.bytes, found.content_hash) == ("corrupt", 0, hashlib.sha256().hexdigest())
    assert found.error == f"expected a {FORMATS} image, but got an empty file"


def test_cut_header_is_corrupt() -> None:
    found = inspect(io.BytesIO(png_header(5, 5)[:20]))
    assert (found.outcome, found.format) == ("corrupt", "png")
    assert found.error == "expected a complete png header, but got one where the file ends inside its header"


def test_good_image_has_hash_and_size() -> None:
    out = io.BytesIO()
    Image.new("RGB", (7, 5)).save(out, "WEBP")
    found = inspect(out)
    assert (found.outcome, found.error, found.format, found.width, found.height) == ("ok", None, "webp", 7, 5)
    assert found.content_hash == hashlib.sha256(out.getvalue()).hexdigest()


@pytest.mark.parametrize(
    "data",
    [
        png_header(50_000, 50_000),
        png_header(1, 100_000_000 * 3),
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + bytes(9),
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 2**31 - 1, -(2**31)) + struct.pack("<HH", 1, 24) + bytes(40),
        b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\xff" * 6,
        b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff" + bytes(20),
    ],
)
def test_bomb_is_refused_from_its_header_in_little_memory(data: bytes) -> None:
    tracemalloc.start()
    found = inspect(io.BytesIO(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.outcome == "too_large"
    assert "expected at most 200,000,000 pixels, but got" in (found.error or "")
    assert peak < 2_000_000


@pytest.mark.parametrize(("cap", "outcome"), [(35, "ok"), (34, "too_large")])
def test_pixel_cap_is_inclusive(cap: int, outcome: str) -> None:
    found = inspect(io.BytesIO(png_header(7, 5)), max_pixels=cap)
    assert (found.outcome, found.width, found.height) == (outcome, 7, 5)


class _Failing(io.BytesIO):
    def read(self, *_: Any) -> bytes:
        raise OSError("the disk is gone")

    readinto = read  # type: ignore[assignment]


def test_failing_stream_is_the_callers_to_judge() -> None:
    with pytest.raises(OSError, match="disk is gone"):
        inspect(_Failing(b"x"))
