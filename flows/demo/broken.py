"""A few broken files, as every real folder has them, each with the outcome that the accounting must give it."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from t2c.flows.world.world import draw


def _png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def _jpeg(seed: int, index: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(draw(seed, index)[0])).save(stream, "jpeg", quality=92)
    return stream.getvalue()


def broken_files(seed: int) -> dict[str, tuple[bytes, str]]:
    """Return file name -> (bytes, outcome): empty, cut short, scrambled, renamed, far too large."""
    whole = _jpeg(seed, 0)
    return {
        "broken-empty.jpg": (b"", "corrupt"),
        "broken-cut-short.jpg": (whole[: len(whole) // 2], "corrupt"),
        "broken-scrambled.jpg": (bytes(255 - byte for byte in whole), "unsupported"),
        "broken-really-text.png": (b"this was a shopping list\n", "unsupported"),
        "broken-too-large.png": (_png_header(60_000, 60_000), "too_large"),
    }


def plant(folder: str | Path, seed: int) -> dict[str, str]:
    """Write the broken files into a folder and return file name -> outcome."""
    files = broken_files(seed)
    for name, (content, _) in files.items():
        (Path(folder) / name).write_bytes(content)
    return {name: outcome for name, (_, outcome) in files.items()}
