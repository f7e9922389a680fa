"""Pictures of a task that are no image files: drawn or unpacked once into one Parquet file of PNGs, then indexed as any.

The file's name holds the digest of what it was made from, so it is made again only when that changes.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from t2c.flows.engine.output_files import replacing
from t2c.flows.engine.progress import Progress
from t2c.schemas.digest import digest
from t2c.schemas.errors import StoreWriteError, expected
from t2c.store.sources.items import Fields
from t2c.store.sources.source import Source, open_source

ROWS_A_GROUP = 1000
"""Pictures in one row group: what is read at once."""
FIELDS = Fields(label="label", split="none", captured_at="none", ids="image_id", image="image")
"""Columns of the Parquet file."""
_SCHEMA = pa.schema({"image_id": pa.string(), "label": pa.string(), "image": pa.binary()})


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture."""

    name: str
    """Image id."""
    label: str
    """What it shows."""
    pixels: npt.NDArray[np.uint8]
    """(height, width) or (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures that can be made."""

    made_from: tuple[Path | str, ...]
    """Files whose content, and words whose text, decide every pixel and label."""
    make: Callable[[], Iterable[Picture]]
    """Yields the pictures, the same each time."""
    count: int | None = None
    """How many, where that is known before."""


def packed(pictures: Pictures, *, name: str, folder: Path, progress: Progress) -> Source:
    """Return the pictures as a source of images: a Parquet file in a folder, written unless it is there.

    Raises StoreWriteError when the folder cannot be written, and what the pictures' files raise.
    """
    file = folder / f"{name}-{_digest(pictures.made_from)}.parquet"
    if not file.exists():
        _make_folder(folder)
        progress.start(f"unpack {name}", pictures.count, "images")
        try:
            with replacing(file) as temporary:
                _write(pictures.make(), temporary, progress)
        finally:
            progress.done()
    return open_source(file, fields=FIELDS, kind="parquet")


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return pixels, grey (height, width) or RGB (height, width, 3), as the bytes of a PNG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _write(pictures: Iterable[Picture], file: Path, progress: Progress) -> None:
    with parquet.ParquetWriter(file, _SCHEMA) as writer:
        for rows in _batches(pictures):
            columns = [
                [picture.name for picture in rows],
                [picture.label for picture in rows],
                [png(picture.pixels) for picture in rows],
            ]
            writer.write_table(pa.table(columns, schema=_SCHEMA), row_group_size=ROWS_A_GROUP)
            progress.advance(len(rows))


def _batches(pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
    source = iter(pictures)
    return iter(lambda: list(islice(source, ROWS_A_GROUP)), [])


def _digest(made_from: tuple[Path | str, ...]) -> str:
    """Return 12 hex digits that follow from the words and the files' contents."""
    parts = [part if isinstance(part, str) else _sha256(part) for part in made_from]
    return digest(parts)[:12]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        todo = "Choose another with --pictures FOLDER."
        raise StoreWriteError(expected(f"pictures folder {folder}", "a place to write", str(error), todo)) from error
