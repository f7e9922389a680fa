"""The block work of extraction: rows of some chunks decoded once, through every encoder, written chunk by chunk.

`extract_chunks` is a module-level function of one picklable item, so that a Dask worker can run it; nothing is
committed here.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.schemas.specs.base import EncoderSpec
from t2c.store.artifacts.feature_writer import ChunkTask, FeatureWriter
from t2c.store.sources.image_bytes import open_bytes

if TYPE_CHECKING:
    from t2c.core.encoders.base import Encoder
    from t2c.core.encoders.batches import Batch, Encoded, Failure

OnBatch = Callable[[int, int], None]
"""Told after every batch: images decoded, images that failed."""


@dataclass(frozen=True, slots=True)
class ExtractItem:
    """Whole chunks of one or more arrays, and the rows to decode for them."""

    encoders: tuple["EncoderSpec | Encoder", ...]
    """Specs are loaded where the item runs; loaded encoders are used as they are."""
    device: str
    """Device for specs: auto, cpu, cuda, ..."""
    writers: tuple[FeatureWriter, ...]
    """One an encoder."""
    tasks: tuple[tuple[ChunkTask, ...], ...]
    """One tuple an encoder: its chunks to write, ascending."""
    images: pa.Table
    """Columns row, image_id, uri, content_hash of the rows to decode, ascending."""
    batch_rows: int
    """Rows of a batch; batches start at multiples of it."""
    workers: int
    """Threads that decode."""
    max_pixels: int
    """Cap on width x height."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """Counts of one finished item, and the rows that failed."""

    decoded: int
    """Images decoded and encoded."""
    failures: tuple["Failure", ...]
    """Rows without pixels, and why."""
    chunks: int
    """Chunks written, partial ones too."""


def extract_chunks(item: ExtractItem) -> ItemResult:
    """Run an item to its end; raises InputError naming row and image for a feature that is not finite."""
    return run_item(item, on_batch=lambda _decoded, _failed: None, stop=lambda: False)


def run_item(item: ExtractItem, *, on_batch: OnBatch, stop: Callable[[], bool]) -> ItemResult:
    """Run an item; once stop() is true, no batch is begun and chunks begun are written as far as they are."""
    from t2c.core.encoders.batches import Pipeline, encode_batches

    encoders = [
        _load(encoder, item.device) if isinstance(encoder, EncoderSpec) else encoder for encoder in item.encoders
    ]
    rows = np.asarray(item.images["row"], dtype=np.int64)
    pipeline = Pipeline(encoders, reader(item.images), item.batch_rows, item.max_pixels)
    chunks = _OpenChunks(item, rows)
    decoded = 0
    failures: list[Failure] = []
    for encoded in encode_batches(pipeline, plan_batches(item, rows), workers=item.workers, stop=stop):
        chunks.take(encoded)
        decoded += len(encoded.rows)
        failures += encoded.failures
        on_batch(len(encoded.rows), len(encoded.failures))
    chunks.flush()
    return ItemResult(decoded, tuple(failures), chunks.written)


@lru_cache(maxsize=4)
def _load(spec: EncoderSpec, device: str) -> "Encoder":
    from t2c.core.encoders.load import load_encoder

    return load_encoder(spec, device=device)


def plan_batches(item: ExtractItem, rows: npt.NDArray[np.int64]) -> Iterator["Batch"]:
    """Yield the cells of the batch grid that any task touches, each with its rows to decode and its encoders."""
    from t2c.core.encoders.batches import Batch

    size = item.batch_rows
    ranges = [np.array([(task.start, task.stop) for task in tasks]).reshape(-1, 2) for tasks in item.tasks]
    parts = [np.arange(a // size, -(-b // size)) for some in ranges for a, b in some]
    for cell in np.unique(np.concatenate(parts)) if parts else ():
        start, stop = int(cell) * size, (int(cell) + 1) * size
        low, high, encoders = stop, start, []
        for place, some in enumerate(ranges):
            first, last = np.searchsorted(some[:, 1], start, side="right"), np.searchsorted(some[:, 0], stop)
            if first < last:
                encoders.append(place)
                low, high = min(low, max(start, int(some[first, 0]))), max(high, min(stop, int(some[last - 1, 1])))
        # rows of the cell that no task covers are not decoded
        cell_rows = rows[slice(*np.searchsorted(rows, [low, high]))]
        yield Batch(start, tuple(cell_rows.tolist()), tuple(encoders))


def find_failures(images: pa.Table) -> list["Failure"]:
    """Decode rows once more to learn why they have no feature; an earlier, interrupted run knew it and was killed."""
    from t2c.core.encoders.batches import Failure
    from t2c.core.encoders.pixels import UnreadableImage, decode

    rows = np.asarray(images["row"], dtype=np.int64)
    read, failures = reader(images), []
    for row in rows.tolist():
        try:
            # no cap: pictures over it were set aside when they were indexed
            decode(read(row), max_pixels=1 << 62)
        except UnreadableImage as error:
            failures.append(Failure(row, error.outcome, str(error)))
        else:
            message = "image: could not be read when its features were extracted, but can be now. Run: t2c retry"
            failures.append(Failure(row, "missing", message))
    return failures


def reader(images: pa.Table) -> Callable[[int], bytes]:
    """Return the function from row to the bytes that were indexed; it raises UnreadableImage (missing) for any others."""
    from t2c.core.encoders.pixels import UnreadableImage

    rows = np.asarray(images["row"], dtype=np.int64)
    uris, hashes = images["uri"].combine_chunks(), images["content_hash"].combine_chunks()

    def read(row: int) -> bytes:
        place = int(np.searchsorted(rows, row))
        uri = uris[place].as_py()
        try:
            data = open_bytes(uri)
        except OSError as error:
            raise UnreadableImage(f"image: expected a file {uri}, but got {error}", outcome="missing") from error
        if hashlib.sha256(data).hexdigest() != hashes[place].as_py():
            message = "image: expected the bytes that were indexed, but got others. Index the images again"
            raise UnreadableImage(message, outcome="missing")
        return data

    return read


@dataclass(slots=True)
class _OpenChunk:
    """A chunk's rows so far."""

    task: ChunkTask
    values: npt.NDArray[np.float32]
    present: npt.NDArray[np.bool_]
    filled: int
    """Row after the last that has been seen."""


@dataclass(slots=True)
class _OpenChunks:
    """The chunk of each encoder that batches are filling, written when its last batch is in."""

    item: ExtractItem
    rows: npt.NDArray[np.int64]
    written: int = 0
    _open: dict[int, _OpenChunk] = field(default_factory=dict)
    _next: dict[int, int] = field(default_factory=dict)

    def take(self, encoded: "Encoded") -> None:
        """Add a batch to every chunk that wants it; write those it completes."""
        for place in encoded.batch.encoders:
            end = encoded.batch.start + self.item.batch_rows
            while (chunk := self._chunk(place)) is not None and chunk.task.start < end:
                self._fill(chunk, encoded, place)
                if chunk.filled < chunk.task.stop:
                    break
                self._write(place, chunk)

    def flush(self) -> None:
        """Write what is there of chunks that an interruption left unfinished."""
        for place in list(self._open):
            chunk = self._open[place]
            if chunk.filled > chunk.task.start:
                self._write(place, chunk)

    def _chunk(self, place: int) -> _OpenChunk | None:
        if place not in self._open:
            number = self._next.get(place, 0)
            if number == len(self.item.tasks[place]):
                return None
            task = self.item.tasks[place][number]
            rows = task.stop - task.start
            values = np.zeros((rows, self.item.writers[place].layout.dimension), np.float32)
            self._open[place] = _OpenChunk(task, values, np.zeros(rows, np.bool_), task.start)
        return self._open[place]

    def _fill(self, chunk: _OpenChunk, encoded: "Encoded", place: int) -> None:
        task = chunk.task
        rows = np.asarray(encoded.rows, dtype=np.int64)
        inside = (rows >= task.start) & (rows < task.stop)
        if inside.any():
            chunk.values[rows[inside] - task.start] = encoded.features[place][inside]
            chunk.present[rows[inside] - task.start] = True
        chunk.filled = min(task.stop, encoded.batch.start + self.item.batch_rows)

    def _write(self, place: int, chunk: _OpenChunk) -> None:
        task = ChunkTask(chunk.task.index, chunk.task.start, chunk.filled)
        count = task.stop - task.start
        self.item.writers[place].write_chunk(
            task, chunk.values[:count], chunk.present[:count], image_ids=self._image_ids(task)
        )
        self.written += 1
        self._next[place] = self._next.get(place, 0) + 1
        del self._open[place]

    def _image_ids(self, task: ChunkTask) -> Sequence[str]:
        """Return the image id of every row of a task; empty for rows that were not to be decoded."""
        first, last = np.searchsorted(self.rows, [task.start, task.stop])
        names: list[Any] = [""] * (task.stop - task.start)
        ids = self.item.images["image_id"].slice(first, last - first).to_pylist()
        for row, name in zip(self.rows[first:last].tolist(), ids, strict=True):
            names[row - task.start] = name
        return names
