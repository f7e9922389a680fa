"""A JPEG's header tells size, components and where the pixels start, or that it is damaged."""

import io

import pytest
from PIL import Image

from t2c.core.encoders.jpeg import read_jpeg_header


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (30, 20)).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize(("mode", "components"), [("L", 1), ("RGB", 3), ("CMYK", 4)])
@pytest.mark.parametrize("progressive", [False, True])
def test_size_and_components(mode: str, components: int, progressive: bool) -> None:
    data = jpeg(mode, progressive=progressive)
    header = read_jpeg_header(data)
    assert header is not None
    assert (header.width, header.height, header.components) == (30, 20, components)
    assert data[header.scan : header.scan + 2] == b"\xff\xda"


def test_fill_bytes_and_stray_bytes_are_skipped() -> None:
    data = jpeg()
    padded = data[:2] + b"\xff\xff\xff" + data[3:]
    assert read_jpeg_header(padded) is not None
    assert read_jpeg_header(data[:20] + data[20:]) == read_jpeg_header(data)


def test_a_header_that_ends_early_is_none() -> None:
    data = jpeg()
    header = read_jpeg_header(data)
    assert header is not None
    for cut in range(header.scan):
        assert read_jpeg_header(data[:cut]) is None
    assert read_jpeg_header(b"\xff\xd8\xff\xda\x00\x02\x00\x00") is None
