"""A JPEG is whole, or it is corrupt: half a picture with an end marker behind it, and a picture with a hole, are not."""

import io
from typing import Any

import numpy as np
import pytest
import torch
import torchvision  # noqa: F401  registers torch.ops.image
from PIL import Image

from t2c.core.encoders.base import Preprocessing
from t2c.core.encoders.pixels import decode
from t2c.core.encoders.resize import resize_and_crop
from t2c.core.images.decode import read_rgb
from t2c.core.images.jpeg import without_metadata
from t2c.core.images.outcomes import UnreadableImage
from t2c.schemas.images.headers import header_of
from tests.assets import assets
from tests.planted.image_files import encoded, exif_segment, segment, tiff_block, with_segments

NOISE = np.random.default_rng(3).integers(0, 256, (40, 50, 3), dtype=np.uint8)
PHOTO = Image.fromarray(NOISE).resize((400, 300), Image.Resampling.BICUBIC)
WAYS: dict[str, dict[str, Any]] = {
    "baseline": {"quality": 92},
    "optimised": {"quality": 92, "optimize": True},
    "progressive": {"quality": 92, "progressive": True},
    "restarts": {"quality": 92, "restart_marker_blocks": 20},
    "grey": {"quality": 92},
    "coarse colour": {"quality": 60, "subsampling": 2},
    "full colour": {"quality": 95, "subsampling": 0},
}
END = b"\xff\xd9"


def jpeg(way: str) -> bytes:
    return encoded("JPEG", PHOTO.convert("L") if way == "grey" else PHOTO, **WAYS[way])


def outcome(data: bytes) -> str:
    try:
        read_rgb(data)
    except UnreadableImage as error:
        return error.outcome
    return "ok"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("percent", [20, 40, 60, 80, 95])
def test_a_part_with_an_end_marker_behind_it_is_corrupt(way: str, percent: int) -> None:
    data = jpeg(way)
    assert outcome(data[: len(data) * percent // 100] + END) == "corrupt"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("percent", [20, 40, 60, 80])
@pytest.mark.parametrize("size", [400, 4096])
def test_a_hole_of_zeros_is_corrupt(way: str, percent: int, size: int) -> None:
    data = bytearray(jpeg(way))
    start = len(data) * percent // 100
    data[start : start + size] = bytes(min(size, len(data) - start - 2))
    assert outcome(bytes(data)) == "corrupt"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("percent", [20, 50, 80, 95])
def test_an_end_of_zeros_with_an_end_marker_is_corrupt(way: str, percent: int) -> None:
    data = jpeg(way)
    kept = len(data) * percent // 100
    assert outcome(data[:kept] + bytes(len(data) - kept - 2) + END) == "corrupt"


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_stretch_is_corrupt(way: str) -> None:
    data = jpeg(way)
    half = len(data) // 2
    assert outcome(data[:half] + data[half + len(data) // 4 :]) == "corrupt"


@pytest.mark.parametrize("colour", ["black", "white", "#123456"])
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}, {"quality": 10, "optimize": True}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_even_picture_is_no_hole(colour: str, options: dict[str, Any], mode: str) -> None:
    data = encoded("JPEG", Image.new("RGB", (1500, 1100), colour).convert(mode), **options)
    assert outcome(data) == "ok"


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_part_of_the_picture_does_no_harm(way: str) -> None:
    data = jpeg(way)
    want = read_rgb(data)
    odd = (
        data + bytes(5000),
        data + b"<!-- a comment of some web server -->",
        data[:-2] + bytes(60) + END,
        data[:-2] + bytes(3000) + END,
        data + bytes(300) + data,
        data + segment(0xE1, bytes(3000)) + END,
        data[:-2] + b"\xff\xff\xff" + END,
        data[:-2] + b"cam" + END,
        with_segments(data, segment(0xE2, b"ICC_PROFILE\0\1\2" + bytes(90))),
        with_segments(data, segment(0xEF, bytes(60_000)), segment(0xFE, b"\xff\xd9\xff\xda")),
        with_segments(data, exif_segment(tiff_block(1) + encoded("JPEG", PHOTO.resize((16, 12))))),
    )
    for file in odd:
        np.testing.assert_array_equal(read_rgb(file), want)


def test_metadata_is_left_out_and_nothing_else() -> None:
    data = jpeg("baseline")
    header = header_of(data)
    assert header is not None
    assert header.jpeg is not None
    assert without_metadata(data, header.jpeg) == data
    full = with_segments(data, exif_segment(tiff_block(6)), segment(0xFE, b"a"), segment(0xE2, b"b"))
    header = header_of(full)
    assert header is not None
    assert header.jpeg is not None
    assert without_metadata(full, header.jpeg) == data


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_and_their_resize_are_those_of_torchvision(way: str, orientation: int) -> None:
    """Features made before this decoder stay what they were, bit for bit."""
    data = with_segments(jpeg(way), exif_segment(tiff_block(orientation)))
    referee = torch.ops.image.decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), 3, True)
    image = decode(data)
    assert torch.equal(image, referee)
    small = Preprocessing(size=(64, 64), resize=(64, 64), mode="shortest", interpolation="bicubic")
    assert torch.equal(resize_and_crop(image, small), resize_and_crop(referee, small))


@pytest.mark.assets
def test_photographs_are_whole_and_as_torchvision_reads_them() -> None:
    for file in sorted(assets("photos").rglob("*.jpg")):
        data = file.read_bytes()
        if data.startswith(b"\xff\xd8\xff") and Image.open(io.BytesIO(data)).mode != "CMYK":
            referee = torch.ops.image.decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), 3, True)
            assert torch.equal(decode(data), referee), file
