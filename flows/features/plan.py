"""What an extraction will do before it does it: chunks, images, bytes and peak memory; refused when it does not fit."""

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.engine.memory import check_memory, human_bytes
from t2c.flows.features.blocks import ExtractItem
from t2c.schemas.digest import canonical_json
from t2c.schemas.errors import PlanError, SpecError, expected
from t2c.schemas.specs.base import EncoderSpec
from t2c.store.artifacts.feature_writer import ChunkTask, FeatureWriter
from t2c.store.artifacts.images import Images

if TYPE_CHECKING:
    from t2c.core.encoders.base import Encoder

CPU_BATCH, DEVICE_BATCH = 32, 128
"""Images of a forward pass when nobody says, on a CPU and on a GPU."""

MOST_CHUNK_BYTES = 256 << 20
"""No chunk is larger, whatever its seconds."""

ACTIVATIONS = 32
"""Peak memory of a forward pass over its float32 input: about 24 for EfficientNet-Lite0 and ResNet-50."""

DECODE_S = 0.002
"""Seconds to decode an image on one core, for the choice of chunk rows alone."""


@dataclass(frozen=True, slots=True)
class Target:
    """One array to fill."""

    spec: "EncoderSpec | Encoder"
    """What the user named, or a loaded encoder they handed in."""
    encoder: "Encoder"
    """The loaded encoder."""
    writer: FeatureWriter
    """The array."""
    batch_rows: int
    """Rows of a batch, as recorded when the array was made."""
    tasks: tuple[ChunkTask, ...]
    """Chunks to write."""


@dataclass(frozen=True, slots=True)
class ExtractPlan:
    """The work of one run."""

    images: int
    """Images to decode."""
    chunks: int
    """Chunks to write, over all encoders."""
    bytes_to_write: int
    """Bytes of those chunks."""
    peak_bytes: int
    """Estimate of the memory the run adds to the loaded models."""

    def check(self, images: Images) -> None:
        """Raise PlanError with both numbers when memory or disk do not suffice."""
        check_memory(f"extract {images.dataset}", self.peak_bytes, todo="Use fewer --workers or a smaller --batch-size")
        free = None if "://" in images.store.url else shutil.disk_usage(images.store.url).free
        if free is not None and self.bytes_to_write > free:
            want, actual = f"{human_bytes(self.bytes_to_write)} free", human_bytes(free)
            raise PlanError(
                expected(f"disk for features of {images.dataset}", want, actual, "Free some space; run again")
            )


def make_plan(targets: Sequence[Target], images: pa.Table, *, workers: int, blocks: int = 1) -> ExtractPlan:
    """Return the plan for these targets; `images` are the rows that can be decoded, `blocks` run at once."""
    rows = sum(len(rows_in(images, target.tasks)) for target in _widest(targets))
    chunk_bytes = [target.writer.layout.chunk_bytes for target in targets]
    largest = pc.max(pc.multiply(images["width"].cast(pa.int64()), images["height"])).as_py() or 0
    batch = sum(_batch_bytes(target) for target in targets)
    buffers = sum(3 * size for size in chunk_bytes)
    in_flight = workers * (3 * 3 * largest + (ACTIVATIONS + 1) * batch) + 2 * batch
    return ExtractPlan(
        images=rows,
        chunks=sum(len(target.tasks) for target in targets),
        bytes_to_write=sum(len(t.tasks) * size for t, size in zip(targets, chunk_bytes, strict=True)),
        peak_bytes=blocks * (in_flight + buffers),
    )


def _batch_bytes(target: Target) -> int:
    height, width = target.encoder.preprocessing.size
    return target.batch_rows * height * width * 3 * 4


def _widest(targets: Sequence[Target]) -> list[Target]:
    """Return one target a decode pass: within a batch size, the one with the most rows stands for all."""
    groups: dict[int, Target] = {}
    for target in targets:
        best = groups.get(target.batch_rows)
        if best is None or _rows(target) > _rows(best):
            groups[target.batch_rows] = target
    return list(groups.values())


def _rows(target: Target) -> int:
    return sum(task.stop - task.start for task in target.tasks)


def rows_in(images: pa.Table, tasks: Sequence[ChunkTask]) -> npt.NDArray[np.int64]:
    """Return the places in `images` (ascending rows) of the rows that any of these tasks covers."""
    rows = np.asarray(images["row"], dtype=np.int64)
    if not tasks:
        return np.empty(0, np.int64)
    starts, stops = np.array([task.start for task in tasks]), np.array([task.stop for task in tasks])
    begun = np.searchsorted(np.sort(starts), rows, side="right")
    ended = np.searchsorted(np.sort(stops), rows, side="right")
    # a row is covered where more tasks have begun than ended
    return np.flatnonzero(begun > ended)


def items(
    targets: Sequence[Target], images: pa.Table, *, workers: int, device: str, split: bool
) -> Iterator[ExtractItem]:
    """Yield the work: one item a decode pass, or with `split` one a range of whole chunks of every array."""
    for size in sorted({target.batch_rows for target in targets}):
        group = [target for target in targets if target.batch_rows == size and target.tasks]
        if not group:
            continue
        edge = math.lcm(*(target.writer.layout.chunk_rows for target in group)) if split else None
        cells = sorted({task.start // edge for t in group for task in t.tasks}) if edge else [0]
        for cell in cells:
            tasks = [tuple(task for task in t.tasks if not edge or task.start // edge == cell) for t in group]
            yield _item(group, tasks, images, size=size, workers=workers, device=device)


def _item(
    group: Sequence[Target],
    tasks: Sequence[tuple[ChunkTask, ...]],
    images: pa.Table,
    *,
    size: int,
    workers: int,
    device: str,
) -> ExtractItem:
    places = rows_in(images, [task for some in tasks for task in some])
    selected = images.take(pa.array(places))
    largest = pc.max(pc.multiply(selected["width"].cast(pa.int64()), selected["height"])).as_py() or 1
    return ExtractItem(
        encoders=tuple(target.spec for target in group),
        device=device,
        writers=tuple(target.writer for target in group),
        tasks=tuple(tasks),
        images=selected.select(["row", "image_id", "uri", "content_hash"]),
        batch_rows=size,
        workers=workers,
        max_pixels=int(largest),
    )


def choose_chunk_rows(encoders: Sequence["Encoder"], *, batch_rows: int, workers: int, seconds: float) -> int:
    """Return the chunk rows for new arrays: what `workers` threads do in about so many seconds, measured.

    A power of two times the batch size, so that it is the same on most runs; never more than 256 MiB a chunk.
    """
    from t2c.core.encoders.probe import seconds_an_image

    if not (seconds > 0 and math.isfinite(seconds)):
        raise SpecError(expected("chunk seconds", "a positive number", f"{seconds}"))
    an_image = DECODE_S + sum(seconds_an_image(encoder) for encoder in encoders)
    parallel = workers if all(encoder.device == "cpu" for encoder in encoders) else 1
    widest = max(encoder.space.dimension for encoder in encoders)
    rows = min(seconds * parallel / an_image, MOST_CHUNK_BYTES / (4 * widest))
    return batch_rows << max(0, int(math.log2(max(rows / batch_rows, 1))))


def default_batch(device: str) -> int:
    """Return the batch size for a device when nobody says."""
    return CPU_BATCH if device == "cpu" else DEVICE_BATCH


def record_batch_rows(writer: FeatureWriter, wanted: int) -> int:
    """Return the batch size that the array was made with; a new array records the largest one that fits its chunks.

    It is at most `wanted` and divides the chunk rows, so that no batch crosses a chunk.
    """
    path, files = f"{writer.artifact}/_extraction.json", writer.store.files
    if files.find(path) is None:
        chunk_rows = writer.layout.chunk_rows
        fitting = next(rows for rows in range(min(wanted, chunk_rows), 0, -1) if chunk_rows % rows == 0)
        files.put_if_absent(path, canonical_json({"batch_rows": fitting}))
    return int(json.loads(files.read(path))["batch_rows"])
