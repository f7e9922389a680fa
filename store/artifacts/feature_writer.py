"""Writing features chunk by chunk: each chunk durable before its ledger entry, all of them visible by one commit.

A chunk is written beside and renamed, then `_ledger/<chunk>-<stop>.json` says what is in it. A run killed anywhere
leaves the previous snapshot as it was, and the next run redoes only chunks without a ledger entry; the array ends
byte for byte as an uninterrupted run leaves it. The last chunk grows: it is rewritten with its old rows unchanged, so
older snapshots, which know the digest of their own rows, stay readable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from t2c.schemas.errors import ConflictError, InputError, MismatchError, SpecError, StoreError, expected
from t2c.schemas.spaces import Space
from t2c.store.artifacts import chunks
from t2c.store.artifacts.chunks import DTYPES, FloatArray, Layout
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.ledger import LedgerEntry, ledger_path, read_ledger, render, row_ranges
from t2c.store.disk import paths
from t2c.store.disk.data_files import CHUNK
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import Manifest, Parent, commit, find_manifest

if TYPE_CHECKING:
    from t2c.store.disk.lease import Token
    from t2c.store.disk.root import Store

CHUNK_ROWS = 4096
"""Rows of a chunk when nobody says: 10 MB of 1,280 float16 columns."""


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """Rows to compute, all in one chunk; start is not the chunk's first row when the chunk grows."""

    index: int
    """Chunk number."""
    start: int
    """First row to compute."""
    stop: int
    """Row after the last."""


@dataclass(frozen=True, slots=True)
class FeatureWriter:
    """Writes the features of a dataset in one space; holds no file open and can be sent to a worker."""

    store: "Store"
    """The store."""
    dataset: str
    """Dataset name."""
    encoder: str
    """Name of the encoder or import when the array was made; the same space under another name keeps the first."""
    space: Space
    """The space of the vectors."""
    layout: Layout
    """How the rows lie in chunk files."""
    artifact: str
    """The array's folder; its lease is the one to hold."""
    spec: Mapping[str, Any]
    """What the manifest says besides encoder, space, dtype and chunk rows."""

    @staticmethod
    def open(
        store: "Store",
        dataset: str,
        *,
        encoder: str,
        space: Space,
        dtype: str | None = None,
        chunk_rows: int | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> "FeatureWriter":
        """Open the array for a dataset and space, made when it is not there (float16, 4,096 rows a chunk unless told).

        Raises MismatchError naming both when it is there with another dtype, chunk size or space.
        """
        artifact = _artifact(store, dataset, encoder, space)
        path = chunks.metadata_path(artifact)
        data = store.files.find(path)
        if data is None:
            layout = Layout(space.dimension, dtype or "float16", CHUNK_ROWS if chunk_rows is None else chunk_rows)
            _check_layout(layout)
            new = chunks.metadata(layout, rows=0, attributes=chunks.space_attributes(encoder, space))
            store.files.put_if_absent(path, new)
            data = store.files.read(path)
        layout, _, attributes = chunks.parse_metadata(data, path)
        _check_same(path, layout, attributes, space=space, dtype=dtype, chunk_rows=chunk_rows)
        first_name = attributes["t2c"].get("encoder", encoder)
        return FeatureWriter(store, dataset, first_name, space, layout, artifact, dict(spec or {}))

    def pending(self, total_rows: int) -> list[ChunkTask]:
        """Return the rows to compute so that the first `total_rows` rows are there, at most one task a chunk, in order."""
        ledger = self._ledger()
        tasks = []
        for index in range(self.layout.count(total_rows)):
            start, stop = self.layout.bounds(index, total_rows)
            have = ledger[index].stop if index in ledger else start
            if have < stop:
                tasks.append(ChunkTask(index, have, stop))
        return tasks

    def missing(self, total_rows: int) -> list[tuple[int, int]]:
        """Return the row ranges [a, b) before `total_rows` that were written without a feature, committed or not."""
        ledger = self._ledger()
        return [pair for index in sorted(ledger) for pair in ledger[index].clip(total_rows)]

    def write_chunk(
        self,
        task: ChunkTask,
        values: FloatArray,
        present: npt.NDArray[np.bool_],
        *,
        image_ids: Sequence[str] | None = None,
    ) -> LedgerEntry:
        """Write the rows of a task: values of shape (stop - start, dimension), present of shape (stop - start,).

        Rows not present become NaN whatever they hold. Raises InputError naming the row (and its image id) when a
        present row is NaN or infinite, or becomes infinite in the stored dtype; StoreWriteError.
        """
        self._check_shapes(task, values, present)
        new = self._stored(task, values, present, image_ids)
        start, _ = self.layout.bounds(task.index, task.stop)
        missing = [task.start + int(row) for row in np.flatnonzero(~present)]
        ranges: tuple[tuple[int, int], ...] = row_ranges(missing)
        if task.start > start:
            old, entry = self._old_rows(task)
            new = np.concatenate([old, new])
            ranges = row_ranges([row for a, b in entry.clip(task.start) for row in range(a, b)] + missing)
        ledger = LedgerEntry(task.index, start, task.stop, chunks.rows_digest(new), ranges)
        self.store.files.put(chunks.chunk_path(self.artifact, task.index), chunks.encode(new, self.layout))
        self.store.files.put(ledger_path(self.artifact, ledger), render(ledger))
        return ledger

    def commit(self, total_rows: int, *, parents: Sequence[Parent], token: "Token") -> Features:
        """Make the first `total_rows` rows one snapshot; nothing is committed when the newest has as many or more.

        Raises StoreError naming what is still pending, ConflictError when the lease is another artifact's or lost.
        """
        newest = find_manifest(self.store, self.artifact)
        if newest is not None and newest.rows >= total_rows:
            return Features(self.store, self.dataset, newest)
        if token.artifact != self.artifact:
            raise ConflictError(expected("lease", f"the one on {self.artifact}", f"the one on {token.artifact}"))
        if pending := self.pending(total_rows):
            want = f"{self.layout.count(total_rows)} chunks for {total_rows} rows"
            raise StoreError(expected(self.artifact, want, f"{len(pending)} still pending", "Run it again."))
        token.check()
        attributes = chunks.space_attributes(self.encoder, self.space)
        meta = chunks.metadata(self.layout, rows=total_rows, attributes=attributes)
        self.store.files.put(chunks.metadata_path(self.artifact), meta)
        manifest = self._manifest(total_rows, parents, (newest.snapshot if newest else 0) + 1)
        return Features(self.store, self.dataset, commit(self.store, self.artifact, manifest, check=token.check))

    def _manifest(self, total_rows: int, parents: Sequence[Parent], snapshot: int) -> Manifest:
        files = tuple(self._file_entry(entry, total_rows) for entry in self._ordered(total_rows))
        layout = {"dtype": self.layout.dtype, "chunk_rows": self.layout.chunk_rows}
        spec = {**self.spec, "encoder": self.encoder, "space": asdict(self.space), **layout}
        missing = sum(b - a for entry in files for a, b in entry.extra["missing"])
        return Manifest(
            "features",
            f"{self.dataset}/{self.artifact.split('/')[-1].removesuffix('.zarr')}",
            snapshot,
            spec=spec,
            parents=tuple(parents),
            files=files,
            rows=total_rows,
            summary={"present": total_rows - missing, "missing": missing},
        )

    def _ordered(self, total_rows: int) -> list[LedgerEntry]:
        ledger = self._ledger()
        return [ledger[index] for index in range(self.layout.count(total_rows))]

    def _file_entry(self, entry: LedgerEntry, total_rows: int) -> FileEntry:
        stop = min(entry.stop, total_rows)
        rows, sha256 = stop - entry.start, entry.sha256
        if stop < entry.stop:
            sha256 = chunks.rows_digest(self._read(entry.index)[:rows])
        extra = {"start": entry.start, "missing": [list(pair) for pair in entry.clip(stop)]}
        return FileEntry(
            chunks.chunk_path(self.artifact, entry.index), self.layout.chunk_bytes, sha256, rows, CHUNK, extra
        )

    def _ledger(self) -> dict[int, LedgerEntry]:
        return read_ledger(self.store, self.artifact, chunk_rows=self.layout.chunk_rows)

    def _old_rows(self, task: ChunkTask) -> tuple[FloatArray, LedgerEntry]:
        """Return the rows of a growing chunk that are there already, as their ledger entry has them."""
        entry = self._ledger()[task.index]
        values = self._read(task.index)
        if entry.stop >= task.start and chunks.rows_digest(values[: entry.stop - entry.start]) == entry.sha256:
            return values[: task.start - entry.start].copy(), entry
        path = chunks.chunk_path(self.artifact, task.index)
        todo = "Restore the chunk from a copy, or delete the array's folder and extract again."
        raise StoreError(expected(path, f"rows with sha256 {entry.sha256[:12]}", "other rows", todo))

    def _read(self, index: int) -> FloatArray:
        whole = self.layout.empty(self.layout.chunk_rows)
        chunks.read_chunk(self.store, self.artifact, index, layout=self.layout, into=whole)
        return whole

    def _check_shapes(self, task: ChunkTask, values: FloatArray, present: npt.NDArray[np.bool_]) -> None:
        rows = task.stop - task.start
        if values.shape != (rows, self.layout.dimension) or present.shape != (rows,):
            want = f"({rows}, {self.layout.dimension}) values and ({rows},) present"
            raise InputError(expected(f"features of {self.dataset}", want, f"{values.shape} and {present.shape}"))

    def _stored(
        self,
        task: ChunkTask,
        values: FloatArray,
        present: npt.NDArray[np.bool_],
        image_ids: Sequence[str] | None,
    ) -> FloatArray:
        """Return the values in the stored dtype with NaN where not present, every present row finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            stored = values.astype(self.layout.numpy, copy=True)
        bad = np.flatnonzero(present & ~np.isfinite(stored).all(axis=1))
        if len(bad):
            raise _not_finite(self, task.start + int(bad[0]), values[bad[0]], image_ids[bad[0]] if image_ids else None)
        stored[~present] = np.nan
        return stored


def _artifact(store: "Store", dataset: str, encoder: str, space: Space) -> str:
    """Return the folder of a space: the one that is there, whatever its encoder was called then, or a new one."""
    new_artifact = paths.features(dataset, encoder, space)
    for name in store.files.folders(f"features/{dataset}"):
        artifact = f"features/{dataset}/{name}"
        if name.endswith(f"-{space.short}.zarr") and store.files.exists(chunks.metadata_path(artifact)):
            return artifact
    return new_artifact


def _check_layout(layout: Layout) -> None:
    if layout.dtype not in DTYPES:
        raise SpecError(expected("dtype of features", " or ".join(DTYPES), repr(layout.dtype)))
    if layout.chunk_rows < 1 or layout.dimension < 1:
        actual = f"{layout.chunk_rows} x {layout.dimension}"
        raise SpecError(expected("chunk of features", "at least 1 row and 1 column", actual))


def _check_same(
    path: str, layout: Layout, attributes: Mapping[str, Any], *, space: Space, dtype: str | None, chunk_rows: int | None
) -> None:
    stored_space = attributes.get("t2c", {}).get("space_id")
    sides = {
        "space": (stored_space, space.id),
        "dimension": (layout.dimension, space.dimension),
        "dtype": (layout.dtype, dtype or layout.dtype),
        "rows of a chunk": (layout.chunk_rows, chunk_rows or layout.chunk_rows),
    }
    for name, (stored, requested) in sides.items():
        if stored != requested:
            todo = "An array keeps what it was made with; leave the option out, or delete the array's folder."
            raise MismatchError(expected(f"{path}, {name}", str(stored), str(requested), todo))


def _not_finite(writer: FeatureWriter, row: int, values: FloatArray, image_id: str | None) -> InputError:
    name = f" ({image_id!r})" if image_id is not None else ""
    subject = f"{writer.encoder} feature of {writer.dataset}, row {row}{name}"
    if np.isfinite(values).all():
        largest = float(np.abs(values).max())
        todo = "Store these features as float32: --dtype float32"
        return InputError(expected(subject, f"numbers that fit {writer.layout.dtype}", f"{largest:g}", todo))
    actual = "NaN" if np.isnan(values).any() else "infinity"
    return InputError(expected(subject, "finite numbers", actual, "Check the model's weights and precision."))
