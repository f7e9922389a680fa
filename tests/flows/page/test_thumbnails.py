"""Thumbnails are small, upright and stripped; a picture that cannot be shown never stops a report."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from t2c.flows.engine.small_pictures import EDGE, shrink
from t2c.flows.page.thumbnails import PictureSource, thumbnail, thumbnails
from t2c.schemas.errors import InputError


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize(("size", "shrunk"), [((640, 480), (112, 84)), ((50, 20), (50, 20)), ((1, 4000), (1, 112))])
def test_the_longest_side_has_at_most_the_edge(size: tuple[int, int], shrunk: tuple[int, int]) -> None:
    data, width, height = shrink(encoded(Image.new("RGB", size, "teal"), "JPEG"))
    assert (width, height) == shrunk == opened(data).size
    assert len(data) < 4_000


def test_exif_turns_the_picture_and_no_metadata_is_kept() -> None:
    picture = Image.new("RGB", (80, 40), "red")
    picture.paste("blue", (0, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    data, width, height = shrink(encoded(picture, "JPEG", exif=exif, quality=95))
    assert (width, height) == (40, 80)
    assert opened(data).getpixel((20, 10))[2] > 200
    assert b"secret" not in data
    assert b"EXIF" not in data


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        picture = Image.fromarray(np.linspace(0, 65_535, 40 * 40).reshape(40, 40).astype(np.uint16))
    else:
        picture = Image.linear_gradient("L").resize((40, 40)).convert("F" if mode == "F" else mode)
    data, _, _ = shrink(encoded(picture, "TIFF"))
    pixels = np.asarray(opened(data).convert("L"), dtype=int)
    assert np.ptp(pixels) > 200


def test_transparency_lies_over_white() -> None:
    data, _, _ = shrink(encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG"))
    assert min(opened(data).getpixel((10, 10))) > 250


def huge_png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


GOOD = encoded(Image.linear_gradient("L").convert("RGB"), "JPEG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><script>alert(1)</script>",
        b"%!PS-Adobe-3.0\n",
        GOOD[: len(GOOD) // 2],
        huge_png(),
        b"<svg xmlns='x'/>",
    ],
    ids=["empty", "html", "postscript", "truncated", "bomb", "svg"],
)
def test_a_picture_that_cannot_be_shown_has_no_data(data: bytes) -> None:
    shown = thumbnail("x.jpg", "x", read=lambda _: data, facts=("0.2",))
    assert (shown.data_uri, shown.image_id, shown.facts) == ("", "x.jpg", ("0.2",))


def test_a_picture_over_the_cap_is_named() -> None:
    with pytest.raises(InputError, match=r"image: expected at most 100,000,000 pixels, but got "):
        shrink(huge_png())


def test_a_file_that_has_gone_has_no_data() -> None:
    def gone(uri: str) -> bytes:
        raise FileNotFoundError(uri)

    assert thumbnail("x.jpg", "x", read=gone).data_uri == ""


def test_the_data_uri_is_webp_of_the_bytes_read() -> None:
    asked = []
    shown = thumbnail("a/x.jpg", "file:///a/x.jpg", read=lambda uri: asked.append(uri) or GOOD)
    head, _, body = shown.data_uri.partition(",")
    assert asked == ["file:///a/x.jpg"]
    assert head == "data:image/webp;base64"
    assert opened(base64.b64decode(body)).size == (shown.width, shown.height) == (EDGE, EDGE)


def test_many_are_read_once_each_and_keep_their_order() -> None:
    asked = []
    wanted = [PictureSource(f"{index}.jpg", f"place-{index % 3}", (str(index),)) for index in range(9)]
    shown = thumbnails(wanted, read=lambda uri: asked.append(uri) or GOOD)
    assert [(one.image_id, one.facts) for one in shown] == [(f"{index}.jpg", (str(index),)) for index in range(9)]
    assert sorted(asked) == ["place-0", "place-1", "place-2"]
    assert all(one.data_uri for one in shown)


def test_a_large_picture_warns_nobody() -> None:
    large = encoded(Image.new("1", (10_000, 9_500)), "PNG")
    assert thumbnails([PictureSource("x", "x")], read=lambda _: large)[0].width == EDGE
