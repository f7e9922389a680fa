"""Small drawn photographs in a folder, and a short way to extract them with a fake encoder."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from t2c.flows.features.extract import extract
from t2c.flows.features.extract_report import ExtractReport
from t2c.store.disk.root import Store
from tests.planted.encoders import FakeEncoder


def picture(seed: int, *, size: tuple[int, int] = (48, 40)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(out, "JPEG", quality=90)
    return out.getvalue()


def fill(folder: Path, count: int, *, start: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(start, start + count):
        (folder / f"{number:04d}.jpg").write_bytes(picture(number))
    return folder


def run(store: Store, *encoders: Any, **options: Any) -> ExtractReport:
    defaults = {"batch_size": 4, "chunk_rows": 8, "workers": 2, "dtype": "float32"}
    return extract(store, "photos", encoders or (FakeEncoder(),), **{**defaults, **options})


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a feature array but its manifests (they hold the time) and its lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "_snapshots" not in path.parts and path.name not in ("_lease", "_head")
    }
