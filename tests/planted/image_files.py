"""Image files with metadata put where a camera, an editor or a careless program puts it; the pixels are known."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

PICTURE = Image.fromarray(np.random.default_rng(7).integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((42, 30))


def encoded(kind: str, image: Image.Image = PICTURE, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def tiff_block(orientation: int, order: str = "<") -> bytes:
    """The smallest TIFF block that has an orientation."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def xmp(orientation: int, *, element: bool = False) -> bytes:
    """An XMP packet with an orientation, as an attribute or an element."""
    inside = (
        f"><tiff:Orientation>{orientation}</tiff:Orientation>" if element else f' tiff:Orientation="{orientation}">'
    )
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description{inside}</rdf:Description></x:xmpmeta>'.encode()


def exif_segment(block: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + block)


def xmp_segment(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with segments right behind its start, before JFIF's own."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def before_scan(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with segments behind its frame, the last thing before its pixels."""
    at = jpeg.index(b"\xff\xda")
    return jpeg[:at] + b"".join(segments) + jpeg[at:]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """The PNG with chunks right behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def at_end(png: bytes, *chunks: bytes) -> bytes:
    """The PNG with chunks behind its pixels."""
    return png[:-12] + b"".join(chunks) + png[-12:]


def raw_profile(block: bytes) -> bytes:
    """ImageMagick's way to keep EXIF in a PNG text."""
    data = b"Exif\0\0" + block
    return b"Raw profile type exif\0" + f"\nexif\n{len(data):8}\n{data.hex()}\n".encode()


def itxt(packet: bytes, *, packed: bool = False) -> bytes:
    """An XMP packet in a PNG's iTXt chunk."""
    flags = b"\1\0" if packed else b"\0\0"
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0" + flags + b"\0\0" + (zlib.compress(packet) if packed else packet))


def oriented() -> dict[str, Callable[[int], bytes]]:
    """Place where an orientation is kept -> the file that keeps it there, whose stored pixels are PICTURE."""
    jpeg, png = encoded("JPEG", quality=95), encoded("PNG")
    long = tiff_block(6) + bytes(70_000)
    return {
        "jpeg exif": lambda o: with_segments(jpeg, exif_segment(tiff_block(o))),
        "jpeg exif, motorola": lambda o: with_segments(jpeg, exif_segment(tiff_block(o, ">"))),
        "jpeg exif, prefix twice": lambda o: with_segments(jpeg, exif_segment(b"Exif\0\0" + tiff_block(o))),
        "jpeg xmp, then exif": lambda o: with_segments(jpeg, xmp_segment(b"<x/>"), exif_segment(tiff_block(o))),
        "jpeg FLIR, then exif": lambda o: with_segments(
            jpeg, segment(0xE1, b"FLIR\0\1\0\0"), exif_segment(tiff_block(o))
        ),
        "jpeg exif against xmp": lambda o: with_segments(jpeg, xmp_segment(xmp(3)), exif_segment(tiff_block(o))),
        "jpeg exif behind JFIF": lambda o: jpeg[:20] + exif_segment(tiff_block(o)) + jpeg[20:],
        "jpeg exif behind the frame": lambda o: before_scan(jpeg, exif_segment(tiff_block(o))),
        "jpeg two exif": lambda o: with_segments(jpeg, exif_segment(tiff_block(o)), exif_segment(tiff_block(3))),
        "jpeg exif in two segments": lambda o: with_segments(
            jpeg, exif_segment((tiff_block(o) + long)[:60_000]), exif_segment((tiff_block(o) + long)[60_000:])
        ),
        "jpeg xmp attribute": lambda o: with_segments(jpeg, xmp_segment(xmp(o))),
        "jpeg xmp element": lambda o: with_segments(jpeg, xmp_segment(xmp(o, element=True))),
        "jpeg two xmp": lambda o: with_segments(jpeg, xmp_segment(xmp(3)), xmp_segment(xmp(o))),
        "jpeg cmyk": lambda o: with_segments(
            encoded("JPEG", PICTURE.convert("CMYK"), quality=95), xmp_segment(b"<x/>"), exif_segment(tiff_block(o))
        ),
        "png eXIf": lambda o: with_chunks(png, chunk(b"eXIf", tiff_block(o))),
        "png eXIf at the end": lambda o: at_end(png, chunk(b"eXIf", tiff_block(o))),
        "png raw profile": lambda o: with_chunks(png, chunk(b"tEXt", raw_profile(tiff_block(o)))),
        "png packed raw profile": lambda o: with_chunks(
            png, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(tiff_block(o))[22:]))
        ),
        "png xmp": lambda o: with_chunks(png, itxt(xmp(o))),
        "png packed xmp": lambda o: with_chunks(png, itxt(xmp(o, element=True), packed=True)),
        "png eXIf against xmp": lambda o: with_chunks(png, itxt(xmp(3)), chunk(b"eXIf", tiff_block(o))),
        "webp exif": lambda o: encoded("WEBP", lossless=True, exif=b"Exif\0\0" + tiff_block(o)),
        "webp xmp": lambda o: encoded("WEBP", lossless=True, xmp=xmp(o)),
        "webp exif against xmp": lambda o: encoded("WEBP", lossless=True, exif=tiff_block(o), xmp=xmp(3)),
        "tiff tag": lambda o: encoded("TIFF", tiffinfo={0x112: o}),
        "tiff tag, packed": lambda o: encoded("TIFF", tiffinfo={0x112: o}, compression="tiff_lzw"),
        "tiff tag, 64 bit": lambda o: encoded("TIFF", tiffinfo={0x112: o}, big_tiff=True),
        "tiff xmp": lambda o: encoded("TIFF", tiffinfo={700: xmp(o)}),
        "avif": lambda o: encoded("AVIF", quality=95, exif=b"Exif\0\0" + tiff_block(o)),
    }
