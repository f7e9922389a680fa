"""Committed files one by one: written atomically with size and sha256, read only by the name a manifest gives them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from t2c.schemas.digest import SHORT, digest_bytes
from t2c.schemas.errors import CorruptError, T2CError, expected

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

CHUNK = "chunk"
"""Role of a Zarr chunk: its sha256 is of the rows that are committed, because the file may hold later rows too."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a snapshot, as its manifest names it."""

    path: str
    """Path relative to the store's root."""
    size: int
    """Bytes."""
    sha256: str
    """Hex digest of the file's bytes (role `chunk`: of the committed rows' bytes)."""
    rows: int
    """Rows it holds; 0 where that means nothing."""
    role: str = "data"
    """What it is for inside its artifact: data, outcomes, stats, weights, chunk, ..."""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What its artifact needs to know besides, as JSON values."""


def write_file(
    store: "Store",
    path: str,
    data: bytes | Callable[[IO[bytes]], object],
    *,
    rows: int,
    role: str = "data",
    extra: Mapping[str, Any] | None = None,
) -> FileEntry:
    """Write a new file and return its entry; `data` is the bytes, or a function that writes them front to back.

    A `*` in the path becomes the content's hash (see `paths.data_file`). Raises StoreWriteError.
    """
    with store.files.open_new(path) as file:
        if callable(data):
            data(file)
        else:
            file.write(data)
    return FileEntry(file.path, file.size, file.sha256, rows, role, dict(extra or {}))


def write_parquet(
    store: "Store",
    path: str,
    table: pa.Table,
    *,
    role: str = "data",
    extra: Mapping[str, Any] | None = None,
    **writer_options: Any,
) -> FileEntry:
    """Write a table as a new Parquet file (zstd unless told otherwise); the same table gives the same bytes."""
    options = {"compression": "zstd", **writer_options}
    return write_file(
        store, path, lambda file: pq.write_table(table, file, **options), rows=table.num_rows, role=role, extra=extra
    )


def read_parquet(store: "Store", entry: FileEntry, *, columns: list[str] | None = None) -> pa.Table:
    """Read a committed Parquet file; CorruptError names it when it is missing, of another size, or not Parquet."""
    check_size(store, entry)
    local = store.files.local_path(entry.path)
    source = local if local is not None else pa.BufferReader(store.files.read(entry.path))
    try:
        return pq.ParquetFile(source, memory_map=False).read(columns=columns)
    except T2CError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise CorruptError(expected(entry.path, "a Parquet file", f"{error}", "Run: t2c verify")) from error


def read_checked(store: "Store", entry: FileEntry) -> bytes:
    """Return the bytes of a committed file that is no table; raises CorruptError unless they are as committed."""
    data = store.files.read(entry.path)
    actual = digest_bytes(data)
    if actual != entry.sha256:
        raise CorruptError(expected(entry.path, f"sha256 {entry.sha256[:SHORT]}", actual[:SHORT], "Run: t2c verify"))
    return data


def check_size(store: "Store", entry: FileEntry) -> None:
    """Raise CorruptError unless the file is there with the committed size."""
    size = store.files.size(entry.path)
    if size != entry.size:
        raise CorruptError(expected(entry.path, f"{entry.size:,} bytes", f"{size:,} bytes", "Run: t2c verify"))


def file_problems(store: "Store", entries: Iterable[FileEntry]) -> Iterator[tuple[str, str]]:
    """Yield (path, problem) for each file that is missing, of another size, or of other bytes than committed.

    Of a chunk only the size is checked here; `t2c.store.artifacts.features.chunk_problems` checks its rows.
    """
    for entry in entries:
        if problem := _problem(store, entry):
            yield entry.path, problem


def _problem(store: "Store", entry: FileEntry) -> str:
    try:
        size = store.files.size(entry.path)
        if size != entry.size:
            return f"expected {entry.size:,} bytes, but got {size:,} bytes"
        if entry.role != CHUNK and (sha256 := store.files.sha256(entry.path)) != entry.sha256:
            return f"expected sha256 {entry.sha256[:12]}, but got {sha256[:12]}"
    except CorruptError:
        return "expected a committed file, but got no file"
    return ""


@contextmanager
def parquet_file(store: "Store", entry: FileEntry) -> Iterator[pq.ParquetFile]:
    """Give a committed file as a ParquetFile (memory-mapped when local); every error inside is a CorruptError naming it."""
    try:
        check_size(store, entry)
        with _open(store, entry) as source:
            yield pq.ParquetFile(
                source, metadata=_footer(store, entry.path, entry.size), pre_buffer=not _local(store, entry)
            )
    except T2CError:
        raise
    except (pa.ArrowException, OSError, EOFError) as error:
        raise CorruptError(expected(entry.path, "a Parquet file", f"{error}", "Run: t2c verify")) from error


def _local(store: "Store", entry: FileEntry) -> bool:
    return store.files.local_path(entry.path) is not None


def _open(store: "Store", entry: FileEntry) -> Any:
    local = store.files.local_path(entry.path)
    if local is not None:
        return pa.memory_map(local)
    return store.files.filesystem.open(store.files.uri(entry.path))


@lru_cache(maxsize=1024)
def _footer(store: "Store", path: str, size: int) -> pq.FileMetaData:
    with _open(store, FileEntry(path, size, "", 0)) as source:
        return pq.read_metadata(source)
