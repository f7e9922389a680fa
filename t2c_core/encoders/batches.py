"""Batches of images through one decode and any number of encoders, on every core, in order.

On a CPU each worker thread takes a batch all the way, decode to features, with one torch thread: no core waits for
another, forward passes of one thread each together outrun one pass of many threads (measured 1.3x to 2x on 2 cores),
and the bytes do not depend on the number of cores. On a GPU the threads decode and the caller's thread runs the models.

A batch is a cell of a fixed grid of rows: row r sits in slot r modulo size whatever else is in the batch, and slots
without a picture are black. So a feature does not depend on which rows were decoded beside it, nor on an interruption.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch

from t2c.core.encoders.base import Encoder, Preprocessing, Vectors
from t2c.core.encoders.pixels import MAX_PIXELS, UnreadableImage, decode
from t2c.core.encoders.resize import resize_and_crop

Read = Callable[[int], bytes]
"""Row to the bytes of its file; raises UnreadableImage with the outcome when there are none."""

Result = TypeVar("Result")

Pixels = Mapping[Preprocessing, torch.Tensor]
"""Resized pixels uint8 (size, 3, h, w) for each distinct resize."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One cell of the grid."""

    start: int
    """First row of the cell, a multiple of the batch size."""
    rows: tuple[int, ...]
    """Rows to decode, ascending, inside the cell."""
    encoders: tuple[int, ...]
    """Which encoders want it: positions in the list of encoders."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A row whose image gave no pixels."""

    row: int
    """Image row."""
    outcome: str
    """corrupt, too_large, unsupported or missing."""
    error: str
    """Why."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What became of a batch."""

    batch: Batch
    """The batch."""
    rows: tuple[int, ...]
    """Rows that were decoded."""
    features: Mapping[int, Vectors]
    """Encoder position to features (rows, d)."""
    failures: tuple[Failure, ...]
    """Rows that were not."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    rows: tuple[int, ...]
    pixels: Pixels
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a batch goes through."""

    encoders: Sequence[Encoder]
    """All encoders, on one device."""
    read: Read
    """Row to bytes."""
    size: int
    """Rows of a batch."""
    max_pixels: int = MAX_PIXELS
    """Cap on width x height, checked before decoding."""

    def decode(self, batch: Batch) -> _Decoded:
        """Read and decode a batch once, and resize each image for every encoder that wants it."""
        wanted = dict.fromkeys(self.encoders[place].preprocessing.pixels for place in batch.encoders)
        canvases = {key: torch.zeros(self.size, *key.size, 3, dtype=torch.uint8) for key in wanted}
        rows, failures = [], []
        for row in batch.rows:
            try:
                image = decode(self.read(row), max_pixels=self.max_pixels)
            except UnreadableImage as error:
                failures.append(Failure(row, error.outcome, str(error)))
                continue
            rows.append(row)
            for key, canvas in canvases.items():
                canvas[row - batch.start] = resize_and_crop(image, key).permute(1, 2, 0)
        return _Decoded(
            tuple(rows), {key: canvas.permute(0, 3, 1, 2) for key, canvas in canvases.items()}, tuple(failures)
        )

    def encode(self, batch: Batch, decoded: _Decoded) -> Encoded:
        """Run every encoder that wants the batch; nothing runs when no image was decoded."""
        features: dict[int, Vectors] = {}
        slots = [row - batch.start for row in decoded.rows]
        for place in batch.encoders if slots else ():
            encoder = self.encoders[place]
            features[place] = encoder.encode(decoded.pixels[encoder.preprocessing.pixels])[slots]
        return Encoded(batch, decoded.rows, features, decoded.failures)

    def decode_and_encode(self, batch: Batch) -> Encoded:
        """Take a batch all the way in this thread."""
        return self.encode(batch, self.decode(batch))


def encode_batches(
    pipeline: Pipeline, batches: Iterable[Batch], *, workers: int, stop: Callable[[], bool] = lambda: False
) -> Iterator[Encoded]:
    """Yield what became of each batch, in order, with `workers` threads and at most workers + 2 batches in memory.

    Once stop() is true no further batch is begun; those in flight are still yielded. Encoders on a CPU run in the
    threads, others in the thread that iterates.
    """
    on_cpu = all(encoder.device == "cpu" for encoder in pipeline.encoders)
    with _threads(workers) as pool:
        if on_cpu:
            yield from _in_order(pool, pipeline.decode_and_encode, batches, ahead=workers + 2, stop=stop)
            return
        decoded = _in_order(pool, lambda b: (b, _pinned(pipeline.decode(b))), batches, ahead=workers + 2, stop=stop)
        for batch, pixels in decoded:
            yield pipeline.encode(batch, pixels)


def _in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[Batch], Result],
    batches: Iterable[Batch],
    *,
    ahead: int,
    stop: Callable[[], bool],
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    for batch in batches:
        if stop():
            break
        waiting.append(pool.submit(function, batch))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool whose threads run torch operators on one core each; the caller's own setting is put back."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="extract", initializer=lambda: torch.set_num_threads(1))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)


def _pinned(decoded: _Decoded) -> _Decoded:
    if not torch.cuda.is_available():
        return decoded
    pinned = {key: pixels.pin_memory() for key, pixels in decoded.pixels.items()}
    return _Decoded(decoded.rows, pinned, decoded.failures)
