"""The index's size and the decoder's pixels come from one header, in every format and wherever an orientation is kept."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from t2c.core.images.decode import read_rgb, upright
from t2c.core.images.outcomes import UnreadableImage
from t2c.schemas.images.headers import header_of
from tests.planted.image_files import (
    PICTURE,
    before_scan,
    chunk,
    encoded,
    exif_segment,
    oriented,
    segment,
    tiff_block,
    with_chunks,
    with_segments,
    xmp_segment,
)

PLACES = oriented()
CLOSE = {"jpeg": 3, "avif": 3}
"""Grey levels by which a lossy decoder may differ from Pillow's."""
SAVED: list[tuple[str, Image.Image, dict[str, Any]]] = [
    ("JPEG", PICTURE, {}),
    ("PNG", PICTURE, {}),
    ("PNG", PICTURE.quantize(), {}),
    ("PNG", PICTURE.convert("1"), {}),
    ("WEBP", PICTURE, {"lossless": True}),
    ("GIF", PICTURE.quantize(), {}),
    ("BMP", PICTURE, {}),
    ("BMP", PICTURE.convert("L"), {}),
    ("DIB", PICTURE, {}),
    ("TIFF", PICTURE, {"compression": "tiff_adobe_deflate"}),
    ("TIFF", PICTURE, {"compression": "packbits"}),
    ("TIFF", PICTURE, {"compression": "jpeg"}),
    ("TIFF", PICTURE.convert("1"), {"compression": "group4"}),
    ("TIFF", PICTURE.convert("CMYK"), {}),
    ("TIFF", PICTURE.convert("YCbCr"), {}),
    ("TIFF", PICTURE.quantize(), {}),
    ("AVIF", PICTURE, {}),
    ("JPEG2000", PICTURE, {}),
    ("JPEG2000", PICTURE.convert("L"), {"no_jp2": True}),
    ("PPM", PICTURE, {}),
    ("PPM", PICTURE.convert("L"), {}),
    ("PPM", PICTURE.convert("1"), {}),
    ("TGA", PICTURE, {}),
    ("TGA", PICTURE, {"compression": "tga_rle"}),
    ("TGA", PICTURE.convert("L"), {}),
    ("ICO", PICTURE.resize((32, 32)), {"sizes": [(16, 16), (32, 32)]}),
    ("ICO", PICTURE.resize((32, 32)), {"sizes": [(32, 32)], "bitmap_format": "bmp"}),
]


def outcome(data: bytes) -> str:
    with pytest.raises(UnreadableImage, match=r"image: expected .*, but got ") as raised:
        read_rgb(data)
    return raised.value.outcome


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("place", PLACES)
def test_orientation_is_pillows_wherever_it_is_kept(place: str, orientation: int) -> None:
    data = PLACES[place](orientation)
    with Image.open(io.BytesIO(data)) as image:
        want = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    header, pixels = header_of(data), read_rgb(data)
    assert header is not None
    assert (header.height, header.width, 3) == pixels.shape == want.shape
    assert np.abs(pixels.astype(int) - want).max() <= CLOSE.get(header.format, 0)
    assert header.orientation == orientation


@pytest.mark.parametrize(("kind", "image", "options"), SAVED)
def test_every_format_that_pillow_writes_is_read_as_pillow_reads_it(
    kind: str, image: Image.Image, options: dict[str, Any]
) -> None:
    data = encoded(kind, image, **options)
    if kind == "DIB":  # a bitmap without its file header
        assert outcome(data) == "unsupported"
        return
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        want = np.asarray(opened.convert("RGB")).astype(int)
    header, pixels = header_of(data), read_rgb(data)
    assert header is not None
    assert header.format == kind.lower()
    assert (header.height, header.width, 3) == pixels.shape == want.shape
    assert np.abs(pixels.astype(int) - want).max() <= CLOSE.get(header.format, 0)


def psd(image: Image.Image) -> bytes:
    """A flattened Photoshop file: header, no colour table, resources or layers, then the planes as they are."""
    planes = np.asarray(image).transpose(2, 0, 1).tobytes()
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, image.height, image.width, 8, 3)
    return head + struct.pack(">IIIH", 0, 0, 0, 0) + planes


def test_a_flattened_photoshop_file_is_read() -> None:
    np.testing.assert_array_equal(read_rgb(psd(PICTURE)), np.asarray(PICTURE))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("size", [4, 5_000_000])
def test_an_odd_colour_profile_does_not_condemn_pixels(kind: str, size: int) -> None:
    options: dict[str, Any] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.get(kind, {})
    data = encoded(kind, icc_profile=bytes(size), **options)
    np.testing.assert_array_equal(read_rgb(data), read_rgb(encoded(kind, **options)))


def test_an_icon_is_as_large_as_the_picture_in_it() -> None:
    icon = encoded("ICO", PICTURE.resize((32, 32)), sizes=[(32, 32)])
    at = icon.index(b"IHDR")
    sized = icon[: at + 4] + struct.pack(">II", 50_000, 50_000) + icon[at + 12 :]
    assert outcome(sized) == "too_large"
    bitmap = encoded("ICO", PICTURE.resize((32, 32)), sizes=[(32, 32)], bitmap_format="bmp")
    assert outcome(bitmap[:26] + struct.pack("<ii", 40_000, 80_000) + bitmap[34:]) == "too_large"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_exif_transpose(orientation: int) -> None:
    image = PICTURE.copy()
    image.getexif()[0x112] = orientation
    np.testing.assert_array_equal(upright(np.asarray(PICTURE), orientation), np.asarray(ImageOps.exif_transpose(image)))


BROKEN_BLOCKS = [b"", b"junk", b"II*\0" + b"\xff" * 40, b"\0\x08\0\x02 no tiff", tiff_block(6)[:12], bytes(100)]


@pytest.mark.parametrize("block", BROKEN_BLOCKS)
def test_a_damaged_exif_block_leaves_the_pixels_as_they_are(block: bytes) -> None:
    jpeg, png = encoded("JPEG", quality=95), encoded("PNG")
    np.testing.assert_array_equal(read_rgb(with_chunks(png, chunk(b"eXIf", block))), np.asarray(PICTURE))
    webp = encoded("WEBP", lossless=True, exif=b"Exif\0\0" + block)
    np.testing.assert_array_equal(read_rgb(webp), np.asarray(PICTURE))
    np.testing.assert_array_equal(read_rgb(with_segments(jpeg, exif_segment(block))), read_rgb(jpeg))
    cmyk = encoded("JPEG", PICTURE.convert("CMYK"))
    np.testing.assert_array_equal(read_rgb(with_segments(cmyk, exif_segment(block))), read_rgb(cmyk))


def test_a_damaged_block_does_not_hide_a_whole_one() -> None:
    data = with_segments(encoded("JPEG"), exif_segment(b"junk"), exif_segment(tiff_block(6)))
    assert read_rgb(data).shape == (42, 30, 3)


def wrong_sum(made: bytes) -> bytes:
    return made[:-1] + bytes([made[-1] ^ 1])


@pytest.mark.parametrize(
    "odd",
    [
        wrong_sum(chunk(b"tEXt", b"Comment\0hello")),
        wrong_sum(chunk(b"eXIf", tiff_block(1))),
        wrong_sum(chunk(b"iCCP", b"icc\0\0nothing")),
        chunk(b"tEXt", b"Comment\0" + b"x" * 70_000_000),
        chunk(b"zTXt", b"Comment\0\0" + b"not packed"),
        chunk(b"iCCP", b"icc\0\0" + bytes(9_000_000)),
        chunk(b"pHYs", b"short"),
        chunk(b"gAMA", b""),
        chunk(b"cHRM", b"x"),
        chunk(b"acTL", b"xx"),
    ],
    ids=lambda odd: f"{odd[4:8].decode()} of {len(odd)}",
)
def test_odd_metadata_in_a_png_does_not_condemn_its_pixels(odd: bytes) -> None:
    data = with_chunks(encoded("PNG"), odd)
    np.testing.assert_array_equal(read_rgb(data), np.asarray(PICTURE))


def test_damage_to_a_pngs_pixels_is_corrupt_with_and_without_odd_metadata() -> None:
    png = encoded("PNG")
    at = png.index(b"IDAT") + 40
    damaged = png[:at] + bytes([png[at] ^ 1]) + png[at + 1 :]
    assert outcome(damaged) == "corrupt"
    assert outcome(with_chunks(damaged, wrong_sum(chunk(b"tEXt", b"Comment\0hello")))) == "corrupt"


@pytest.mark.parametrize(
    "odd",
    [segment(0xE2, b"ICC_PROFILE\0\1\2" + bytes(9)), segment(0xED, b"Photoshop 3.0\0" + bytes(3)), segment(0xE1, b"")],
)
def test_odd_segments_of_a_jpeg_do_not_condemn_its_pixels(odd: bytes) -> None:
    for mode in ("RGB", "CMYK"):
        jpeg = encoded("JPEG", PICTURE.convert(mode))
        np.testing.assert_array_equal(read_rgb(with_segments(jpeg, odd)), read_rgb(jpeg))
        np.testing.assert_array_equal(read_rgb(before_scan(jpeg, odd)), read_rgb(jpeg))


@pytest.mark.parametrize(("process", "precision"), [(0xC1, 12), (0xC3, 8), (0xC5, 8), (0xF7, 8), (0xC0, 12)])
def test_kinds_of_jpeg_that_no_decoder_here_reads_are_unsupported(process: int, precision: int) -> None:
    jpeg = encoded("JPEG")
    at = jpeg.index(b"\xff\xc0")
    odd = jpeg[: at + 1] + bytes([process]) + jpeg[at + 2 : at + 4] + bytes([precision]) + jpeg[at + 5 :]
    assert outcome(odd) == "unsupported"


@pytest.mark.parametrize(("at", "value"), [(28, 64), (28, 2), (30, 4), (30, 11)])
def test_odd_bitmaps_are_unsupported(at: int, value: int) -> None:
    bitmap = bytearray(encoded("BMP"))
    bitmap[at] = value
    assert outcome(bytes(bitmap)) == "unsupported"


def test_twelve_bits_in_sixteen_use_the_range_that_the_file_declares() -> None:
    values = np.array([[0, 1024, 2048, 4095]], np.uint16)
    declared = encoded("TIFF", Image.fromarray(values), tiffinfo={281: 4095})
    assert read_rgb(declared)[0, :, 0].tolist() == [0, 63, 127, 255]
    assert read_rgb(encoded("TIFF", Image.fromarray(values)))[0, :, 0].tolist() == [0, 4, 8, 15]


def test_xmp_of_a_thumbnail_service_turns_nothing() -> None:
    data = with_segments(encoded("JPEG"), xmp_segment(b'<x tiff:Orientation="9" tiff:Orientationen="6"/>'))
    assert read_rgb(data).shape == (30, 42, 3)
