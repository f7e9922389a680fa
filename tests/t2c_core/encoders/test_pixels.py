"""The same bytes give the same RGB, Pillow is the referee, and half a file is an error, never a picture."""

import io
import runpy
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from t2c.core.encoders import pixels
from t2c.core.encoders.pixels import UnreadableImage, decode
from t2c.core.images.jpeg import sees_warnings
from t2c.schemas.errors import MissingExtra

RNG = np.random.default_rng(7)
SMOOTH = Image.fromarray(RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((96, 72), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def rgb(data: bytes) -> np.ndarray:
    return decode(data).permute(1, 2, 0).numpy()


def outcome(data: bytes, **options: Any) -> str:
    with pytest.raises(UnreadableImage, match=r"image: expected .*, but got ") as raised:
        decode(data, **options)
    return raised.value.outcome


def test_pixels_are_uint8_rgb_with_channels_last_in_memory() -> None:
    image = decode(encoded(SMOOTH))
    assert image.dtype == torch.uint8
    assert image.shape == (3, 72, 96)
    assert image.stride()[0] == 1


@pytest.mark.parametrize("options", [{"quality": 95}, {"quality": 60, "subsampling": 2}, {"progressive": True}])
def test_jpeg_is_decoded_as_pillow_does(options: dict[str, Any]) -> None:
    data = encoded(SMOOTH, **options)
    with Image.open(io.BytesIO(data)) as referee:
        difference = np.abs(rgb(data).astype(int) - np.asarray(referee).astype(int))
    assert difference.max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_lossless_formats_are_exact(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(rgb(encoded(SMOOTH, kind, **options)), np.asarray(SMOOTH))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(SMOOTH, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    with Image.open(io.BytesIO(data)) as image:
        want = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    got = rgb(data).astype(int)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 2


def test_grey_and_cmyk_jpegs_become_rgb() -> None:
    grey = rgb(encoded(SMOOTH.convert("L")))
    assert (grey[..., 0] == grey[..., 1]).all()
    cmyk = encoded(SMOOTH.convert("CMYK"), quality=95)
    with Image.open(io.BytesIO(cmyk)) as image:
        np.testing.assert_array_equal(rgb(cmyk), np.asarray(image.convert("RGB")))


def test_alpha_lies_over_white() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[..., 0], pixels[:2, :, 3], pixels[2, :, 3] = 200, 255, 128
    got = rgb(encoded(Image.fromarray(pixels), "PNG"))
    assert got[0, 0].tolist() == [200, 0, 0]
    assert got[3, 0].tolist() == [255, 255, 255]
    assert got[2, 0, 1] == pytest.approx(127, abs=1)


def test_palette_with_transparency_lies_over_white() -> None:
    image = Image.new("P", (5, 5), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 0)
    got = rgb(encoded(image, "PNG", transparency=0))
    assert got[0, 0].tolist() == [255, 255, 255]
    assert got[2, 2].tolist() == [200, 100, 50]
    assert rgb(encoded(image, "GIF"))[0, 0].tolist() == [10, 20, 30]


def test_sixteen_bit_greys_keep_their_high_byte() -> None:
    values = np.array([[0, 255, 256, 40000, 65535]], np.uint16)
    assert rgb(encoded(Image.fromarray(values), "PNG"))[0, :, 0].tolist() == [0, 0, 1, 156, 255]
    assert rgb(encoded(Image.fromarray(values), "TIFF"))[0, :, 2].tolist() == [0, 0, 1, 156, 255]


def test_floating_point_pixels_are_unsupported() -> None:
    assert outcome(encoded(Image.fromarray(np.ones((3, 3), np.float32)), "TIFF")) == "unsupported"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_shows_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert rgb(data)[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_one_pixel(kind: str) -> None:
    assert rgb(encoded(Image.new("RGB", (1, 1), "white"), kind)).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("percent", [10, 20, 30, 40, 50, 60, 70, 80, 90, 99])
@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})]
)
def test_a_truncated_file_is_corrupt(kind: str, options: dict[str, Any], percent: int) -> None:
    data = encoded(SMOOTH, kind, **options)
    assert outcome(data[: len(data) * percent // 100]) == "corrupt"


@pytest.mark.parametrize("percent", [10, 50, 90])
def test_a_jpeg_whose_end_is_zeros_is_corrupt(percent: int) -> None:
    data = encoded(SMOOTH)
    kept = len(data) * percent // 100
    assert outcome(data[:kept] + bytes(len(data) - kept)) == "corrupt"


def test_a_thumbnails_end_does_not_hide_a_cut() -> None:
    thumbnail = encoded(SMOOTH.resize((16, 12)))
    data = encoded(SMOOTH)
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert decode(whole).shape == (3, 72, 96)
    assert outcome(whole[: len(whole) * 3 // 4] + bytes(64)) == "corrupt"


def test_bytes_after_the_end_do_no_harm() -> None:
    np.testing.assert_array_equal(rgb(encoded(SMOOTH) + b"\0" * 99), rgb(encoded(SMOOTH)))


@pytest.mark.parametrize("data", [b"<html></html>", b"PK\x03\x04" + b"\0" * 40, b"GARBAGE" * 9, b"<svg/>", b"%PDF-1.7"])
def test_other_content_is_unsupported(data: bytes) -> None:
    assert outcome(data) == "unsupported"


def test_an_empty_file_is_corrupt() -> None:
    assert outcome(b"") == "corrupt"


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises a huge image."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    body = zlib.compress(b"")
    idat = b"IDAT" + body
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", len(body)) + idat + struct.pack(">I", zlib.crc32(idat))
    )  # fmt: skip


@pytest.mark.parametrize("size", [(50_000, 50_000), (1, 1_000_000_000)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    assert outcome(bomb(*size)) == "too_large"


def test_the_cap_is_in_pixels_of_the_header() -> None:
    for kind in ("JPEG", "PNG", "GIF"):
        assert outcome(encoded(SMOOTH, kind), max_pixels=96 * 72 - 1) == "too_large"
        assert decode(encoded(SMOOTH, kind), max_pixels=96 * 72).shape == (3, 72, 96)


@pytest.mark.filterwarnings("ignore")  # Pillow's about odd metadata
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_hostile_bytes_give_a_picture_or_a_typed_outcome(data: st.DataObject) -> None:
    kinds = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA", "ICO"]
    kind = data.draw(st.sampled_from(kinds))
    raw = bytearray(encoded(SMOOTH.resize((20, 14)), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode(bytes(raw), max_pixels=1_000_000)
    except UnreadableImage as error:
        assert error.outcome in ("corrupt", "unsupported", "too_large")  # noqa: PT017  either way is fine
    else:
        assert image.dtype == torch.uint8
        assert image.shape[0] == 3


def test_without_the_decoder_that_sees_lost_data_nothing_is_extracted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    sees_warnings.cache_clear()
    want = r"JPEG decoder: expected the simplejpeg package \(extra extract of t2c\), but got none\. Type: .*\[extract\]"
    try:
        with pytest.raises(MissingExtra, match=want):
            runpy.run_path(pixels.__file__)
    finally:
        sees_warnings.cache_clear()


@pytest.mark.assets
def test_real_photographs_agree_with_pillow(photographs: list[Path]) -> None:
    for file in photographs[:50]:
        with Image.open(file) as image:
            want = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
        assert np.abs(rgb(file.read_bytes()).astype(int) - want).max() <= 3
