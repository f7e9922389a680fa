"""A JPEG's header tells size, components and where the pixels start, or that it is damaged."""

import io

import pytest
from PIL import Image

from t2c.schemas.images.jpeg import JpegHeader, read_jpeg


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (30, 20)).save(out, "JPEG", **options)
    return out.getvalue()


def read(data: bytes) -> JpegHeader:
    return read_jpeg(io.BytesIO(data))


@pytest.mark.parametrize(("mode", "components"), [("L", 1), ("RGB", 3), ("CMYK", 4)])
@pytest.mark.parametrize(("progressive", "process"), [(False, 0xC0), (True, 0xC2)])
def test_size_components_and_process(mode: str, components: int, progressive: bool, process: int) -> None:
    data = jpeg(mode, progressive=progressive)
    header = read(data)
    assert (header.width, header.height, header.components, header.precision) == (30, 20, components, 8)
    assert (header.process, header.unsupported) == (process, None)
    assert data[header.scan : header.scan + 2] == b"\xff\xda"


def test_fill_bytes_and_stray_bytes_are_skipped() -> None:
    data = jpeg()
    assert read(data[:2] + b"\xff\xff\xff" + data[3:]).scan == read(data).scan + 2
    assert read(data[:20] + bytes(5000) + data[20:]).scan == read(data).scan + 5000


def test_a_header_that_ends_early_has_no_scan_or_no_frame() -> None:
    data = jpeg()
    whole = read(data)
    frame = data.index(b"\xff\xc0")
    for cut in range(2, whole.scan + 4):
        if cut < frame + 10:
            with pytest.raises(ValueError, match="ends inside"):
                read(data[:cut])
        else:
            assert (read(data[:cut]).width, read(data[:cut]).scan) == (30, 0)
