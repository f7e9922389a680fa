"""Features of a dataset in one space: a Zarr array read by row range, checked as it is read.

Row i of the array is row i of the image index. A row without a feature (its image could not be read) is NaN, and the
ledger in the manifest names it; a hole, a flipped bit or a chunk of another place is an error, never a value.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from t2c.schemas.digest import SHORT
from t2c.schemas.errors import CorruptError, InputError, UnknownName, expected, unknown
from t2c.schemas.names import check_name
from t2c.schemas.spaces import Space
from t2c.store.artifacts.chunks import CHUNK_TODO, FloatArray, Layout, read_chunk, rows_digest
from t2c.store.disk.data_files import CHUNK
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import Manifest, find_manifest, read_manifest
from t2c.store.disk.sections import checked

if TYPE_CHECKING:
    import zarr

    from t2c.store.disk.root import Store


REQUESTS = 8
"""Chunks asked of an object store at once; a local folder is read one chunk after the other, straight into place."""


@dataclass(frozen=True, slots=True)
class Features:
    """Features of a dataset in one space, as of one snapshot; a lazy handle, cheap to send to a worker."""

    store: "Store"
    """The store they are in."""
    dataset: str
    """Dataset name."""
    manifest: Manifest
    """The snapshot that is read."""

    @property
    def encoder(self) -> str:
        """Name of the encoder, as the user typed it, or of the import."""
        return str(self.manifest.spec["encoder"])

    @property
    def space(self) -> Space:
        """The space of the vectors."""
        return space_of(self.manifest)

    @property
    def layout(self) -> Layout:
        """How the rows lie in chunk files."""
        spec = self.manifest.spec
        return Layout(spec["space"]["dimension"], spec["dtype"], spec["chunk_rows"])

    @property
    def rows(self) -> int:
        """Number of rows: those of the image index when they were committed."""
        return self.manifest.rows

    @property
    def snapshot(self) -> int:
        """Snapshot number of the features."""
        return self.manifest.snapshot

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.layout.dimension

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Stored data type, little-endian float16 or float32."""
        return self.layout.numpy

    @property
    def chunk_rows(self) -> int:
        """Rows of a chunk, the unit of writing and of the check on reading."""
        return self.layout.chunk_rows

    def blocks(self) -> list[tuple[int, int]]:
        """Return the row ranges of the chunks, [start, stop), in order."""
        layout = self.layout
        return [layout.bounds(index, self.rows) for index in range(layout.count(self.rows))]

    def read(self, start: int, stop: int) -> FloatArray:
        """Return rows start to stop (not included): shape (stop - start, dimension), stored dtype, NaN where missing.

        Opens exactly the chunk files the range touches. Raises InputError for a range outside 0 to rows,
        CorruptError naming the chunk file that is missing, truncated or damaged.
        """
        if not 0 <= start <= stop <= self.rows:
            raise InputError(expected(f"rows of {self._what()}", f"a range in 0 to {self.rows}", f"{start} to {stop}"))
        layout, out = self.layout, self.layout.empty(stop - start)

        def fill(index: int) -> None:
            first, last = index * layout.chunk_rows, (index + 1) * layout.chunk_rows
            if start <= first and last <= stop:
                self._chunk(index, out[first - start : last - start])
            else:
                a, b = max(start, first), min(stop, last)
                out[a - start : b - start] = self._chunk(index, layout.empty(layout.chunk_rows))[a - first : b - first]

        indices = range(start // layout.chunk_rows, layout.count(stop) if stop > start else 0)
        if self.store.files.filesystem is None or len(indices) < 2:
            for index in indices:
                fill(index)
        else:
            with ThreadPoolExecutor(max_workers=REQUESTS) as pool:
                list(pool.map(fill, indices))
        return out

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> FloatArray:
        """Return the named rows in the order given: shape (len(rows), dimension); each chunk is read once.

        Raises as `read` does.
        """
        row_numbers = np.asarray(rows, dtype=np.int64)
        if row_numbers.size and not (row_numbers.min() >= 0 and row_numbers.max() < self.rows):
            raise InputError(
                expected(
                    f"rows of {self._what()}", f"0 to {self.rows - 1}", f"{row_numbers.min()} to {row_numbers.max()}"
                )
            )
        layout, out = self.layout, self.layout.empty(len(row_numbers))
        scratch = layout.empty(layout.chunk_rows)
        chunk = row_numbers // layout.chunk_rows
        for index in np.unique(chunk):
            places = np.flatnonzero(chunk == index)
            out[places] = self._chunk(int(index), scratch)[row_numbers[places] - index * layout.chunk_rows]
        return out

    def present(self, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Say for rows start to stop which have a feature: shape (stop - start,); reads the ledger only."""
        if not 0 <= start <= stop <= self.rows:
            raise InputError(expected(f"rows of {self._what()}", f"a range in 0 to {self.rows}", f"{start} to {stop}"))
        mask = np.ones(stop - start, dtype=np.bool_)
        size = self.chunk_rows
        for entry in self.manifest.files[start // size : -(-stop // size)]:
            for a, b in entry.extra["missing"]:
                mask[max(a - start, 0) : max(b - start, 0)] = False
        return mask

    def as_zarr(self) -> "zarr.Array[Any]":
        """Open the array read-only with zarr, for other programs; zarr fills a deleted chunk with NaN and says nothing."""
        import zarr

        local = self.store.files.local_path(self.manifest.artifact)
        if local is not None:
            return zarr.open_array(local, mode="r")
        url = self.store.files.uri(self.manifest.artifact)
        return zarr.open_array(url, mode="r", storage_options=dict(self.store.storage_options))

    def _chunk(self, index: int, into: FloatArray) -> FloatArray:
        """Fill `into` with a chunk whose committed rows are those of this place and snapshot, or raise CorruptError.

        The chunk's own checksum, checked on every read, moves with it when it is swapped, repeated or put back from
        before; the digest of its rows, checked once a process, does not.
        """
        entry = self.manifest.files[index]
        done = checked(
            self.store, entry
        )  # before the bytes are read: what is put there meanwhile counts as another file
        read_chunk(self.store, self.manifest.artifact, index, layout=self.layout, into=into)
        if entry.rows not in done:
            actual = rows_digest(into[: entry.rows])
            if actual != entry.sha256:
                subject = f"{entry.path}, {entry.rows} rows"
                raise CorruptError(expected(subject, f"sha256 {entry.sha256[:SHORT]}", actual[:SHORT], CHUNK_TODO))
            done.add(entry.rows)
        return into

    def _what(self) -> str:
        return f"{self.encoder} features of {self.dataset}"


def space_of(manifest: Manifest) -> Space:
    """Return the space a features manifest names."""
    stored = manifest.spec["space"]
    return Space(**{name: stored[name] for name in Space.__dataclass_fields__ if name in stored})


def open_features(store: "Store", dataset: str, which: str, *, snapshot: int | None = None) -> Features:
    """Open a dataset's features by encoder name, space name, or space id or the first digits of one (6 and more).

    Raises UnknownName with the nearest encoders; also when an encoder has features in several spaces, naming them.
    """
    available = list_features(store, dataset)
    matches = [features for features in available if which in (features.encoder, features.space.id)]
    if not matches:
        matches = [features for features in available if features.space.name == which]
    if not matches and len(which) >= 6:
        matches = [features for features in available if features.space.id.startswith(which)]
    if not matches:
        names = [features.encoder for features in available]
        raise unknown(f"encoder with features of {dataset}", which, names, todo=how_to_get(dataset, which))
    if len(matches) > 1:
        spaces = ", ".join(features.space.short for features in matches)
        raise UnknownName(
            expected(f"features of {dataset}", "one space", f"{which!r} in {len(matches)}: {spaces}", "Name the space.")
        )
    if snapshot is None:
        return matches[0]
    return Features(store, dataset, read_manifest(store, matches[0].manifest.artifact, snapshot=snapshot))


def how_to_get(dataset: str, encoder: str) -> str:
    """Return what to do about features that are not there: only encoders named `library:model` can be extracted."""
    if ":" in encoder:
        return f"Extract them: t2c extract {dataset} --encoder {encoder}"
    return f"Import them: t2c features import {dataset} VECTORS IDS --encoder {encoder}"


def list_features(store: "Store", dataset: str) -> list[Features]:
    """Return the newest committed features of a dataset in every space, sorted by folder."""
    folder = f"features/{check_name(dataset, what='dataset name')}"
    artifacts = [f"{folder}/{name}" for name in store.files.folders(folder) if name.endswith(".zarr")]
    manifests = (find_manifest(store, artifact) for artifact in artifacts)
    return [Features(store, dataset, manifest) for manifest in manifests if manifest is not None]


def chunk_problems(features: Features, entries: Sequence[FileEntry] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (path, problem) for each chunk that cannot be read or whose committed rows are not as they were."""
    scratch = features.layout.empty(features.chunk_rows)
    for entry in features.manifest.with_role(CHUNK) if entries is None else entries:
        index = int(entry.extra["start"]) // features.chunk_rows
        try:
            read_chunk(features.store, features.manifest.artifact, index, layout=features.layout, into=scratch)
        except CorruptError as error:
            yield entry.path, str(error).removeprefix(f"{entry.path}: ")
            continue
        if (actual := rows_digest(scratch[: entry.rows])) != entry.sha256:
            yield entry.path, f"expected rows with sha256 {entry.sha256[:12]}, but got {actual[:12]}"
