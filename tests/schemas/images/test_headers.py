"""Headers: every allowed format reads as Pillow reads it, and damage is a ValueError, never a crash or a hang."""

import io
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from t2c.schemas.images.headers import ALLOWED, read_header, sniff
from tests.assets import assets

SAVED = [
    ("JPEG", "RGB", {}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "L", {"progressive": True}),
    ("PNG", "RGBA", {}),
    ("PNG", "I;16", {}),
    ("PNG", "P", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"exact": True}),
    ("GIF", "P", {}),
    ("BMP", "RGB", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "CMYK", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"big_tiff": True}),
]


def encoded(kind: str, mode: str = "RGB", size: tuple[int, int] = (31, 17), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int = 1, taken: str = "", offset: str = "") -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    inner = block.get_ifd(0x8769)
    if taken:
        inner[0x9003] = taken
    if offset:
        inner[0x9011] = offset
    return block.tobytes()


@pytest.mark.parametrize(("kind", "mode", "options"), SAVED)
def test_size_and_format_agree_with_pillow(kind: str, mode: str, options: dict[str, Any]) -> None:
    data = encoded(kind, mode, **options)
    header = read_header(io.BytesIO(data), sniff(data[:16]) or "")
    assert (header.format, header.width, header.height) == (kind.lower(), 31, 17)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_agrees_with_pillow(kind: str, orientation: int) -> None:
    data = encoded(kind, exif=exif(orientation))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    header = read_header(io.BytesIO(data), kind.lower())
    assert (header.width, header.height) == upright.size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("taken", "offset", "want"),
    [
        ("2024:05:06 07:08:09", "", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024:05:06 01:08:09", "+02:00", datetime(2024, 5, 5, 23, 8, 9, tzinfo=UTC)),
        ("2024:05:06 23:08:09", "-05:30", datetime(2024, 5, 7, 4, 38, 9, tzinfo=UTC)),
        ("2024:05:06 07:08:09", "soon!!", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024:05:06 07:08:09", "+99:00", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("0001:01:01 00:00:00", "+02:00", None),
        ("0000:00:00 00:00:00", "", None),
        ("yesterday", "", None),
        ("", "", None),
    ],
)
def test_time_is_utc(kind: str, taken: str, offset: str, want: datetime | None) -> None:
    data = encoded(kind, exif=exif(taken=taken, offset=offset))
    assert read_header(io.BytesIO(data), kind.lower()).captured_at == want


def test_animated_gif_counts_as_its_first_frame() -> None:
    out = io.BytesIO()
    frames = [Image.new("P", (9, 5), color) for color in (1, 2)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], comment=b"x" * 600)
    assert read_header(io.BytesIO(out.getvalue()), "gif").width == 9


def test_gif_frame_larger_than_its_screen_grows_the_image() -> None:
    data = b"GIF89a" + struct.pack("<HHBBB", 0, 0, 0, 0, 0) + b"," + struct.pack("<HHHHB", 1, 2, 30, 40, 0)
    assert (read_header(io.BytesIO(data), "gif").width, read_header(io.BytesIO(data), "gif").height) == (31, 42)


def test_old_bitmap_header() -> None:
    data = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 6, 4, 1, 24)
    assert (read_header(io.BytesIO(data), "bmp").width, read_header(io.BytesIO(data), "bmp").height) == (6, 4)


@pytest.mark.parametrize(("kind", "mode", "options"), SAVED)
def test_cut_inside_the_header_is_an_error(kind: str, mode: str, options: dict[str, Any]) -> None:
    data = encoded(kind, mode, **options)
    with pytest.raises(ValueError, match=r"header|no |damaged"):
        read_header(io.BytesIO(data[:12]), kind.lower())


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("jpeg", b"\xff\xd8\xff\xda\x00\x02", "the pixels start before"),
        ("jpeg", b"\xff\xd8\xff\xd9", "the image ends before"),
        ("jpeg", b"\xff\xd8\xff\xe0\x00\x00", "a segment with no length"),
        ("jpeg", b"\xff\xd8" + bytes(70_000), "no marker"),
        ("jpeg", b"\xff\xd8" + b"\xff\xd0" * 30_000, "too many segments"),
        ("jpeg", b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x00\x10\x03", "16 x 0 pixels"),
        ("png", encoded("PNG")[:20] + b"\x01" + encoded("PNG")[21:], "IHDR chunk is damaged"),
        ("webp", b"RIFF\x00\x00\x00\x00WEBPALPH" + bytes(40), "no VP8"),
        ("gif", b"GIF89a" + bytes(20), "no frame"),
        ("gif", b"GIF89a" + bytes(7) + b"!\xfe\x00" * 30_000, "too many blocks"),
        ("tiff", b"II*\x00" + b"\xff" * 4, "ends inside its header"),
        ("tiff", b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(99), "too many entries"),
        ("tiff", b"II+\x00\x08\x00\x00\x00" + b"\xff" * 8, "an offset outside"),
        ("tiff", b"XX*\x00" + bytes(9), "byte order"),
        ("tiff", b"II\x07\x00" + bytes(9), "version"),
    ],
)
def test_damage_says_what_is_wrong(kind: str, data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_header(io.BytesIO(data), kind)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_is_ignored(kind: str) -> None:
    data = encoded(kind, exif=b"Exif\0\0II*\0" + b"\xff" * 40)
    assert read_header(io.BytesIO(data), kind.lower()).width == 31


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from([kind for kind in ALLOWED if kind != "psd"]), data=st.data())
def test_any_damage_is_a_header_or_a_value_error(kind: str, data: st.DataObject) -> None:
    options = {"exif": exif(6)} if kind in ("jpeg", "png", "webp", "tiff", "avif") else {}
    whole = bytearray(encoded(kind.upper(), **options))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        assert read_header(io.BytesIO(cut), kind).width >= 1
    except ValueError as reason:
        assert str(reason)  # noqa: PT017 -- either way is right; a message must be there


@pytest.mark.assets
def test_real_photographs_agree_with_pillow() -> None:
    for path in sorted(assets("photos").rglob("*.jpg"))[::9]:
        with path.open("rb") as stream, Image.open(path) as image:
            header = read_header(stream, "jpeg")
            assert (header.width, header.height) == ImageOps.exif_transpose(image).size
