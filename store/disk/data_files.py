"""Committed files one by one: written atomically with size and sha256, read only by the name a manifest gives them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from t2c.schemas.errors import CorruptError, T2CError, expected
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.sections import FOOTER, SectionedFile, check_sections, parquet_metadata, read_whole

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

GROUP_ROWS = 2**20
"""Most rows of a row group unless told otherwise."""
CHUNK = "chunk"
"""Role of a Zarr chunk: its sha256 is of the rows that are committed, because the file may hold later rows too."""


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
    group_rows: int = GROUP_ROWS,
    **writer_options: Any,
) -> FileEntry:
    """Write a table as a new Parquet file (zstd unless told otherwise); the same table gives the same bytes."""
    starts = range(0, max(table.num_rows, 1), group_rows)
    parts = (table.slice(start, group_rows) for start in starts)
    return write_row_groups(store, path, parts, table.schema, role=role, extra=extra, **writer_options)


def write_row_groups(
    store: "Store",
    path: str,
    groups: Iterable[pa.Table],
    schema: pa.Schema,
    *,
    role: str = "data",
    extra: Mapping[str, Any] | None = None,
    **writer_options: Any,
) -> FileEntry:
    """Write tables as the row groups of a new Parquet file, each with its digest; metadata of the schema is left out."""
    options = {"compression": "zstd", **writer_options}
    footer: list[int | str] = []
    rows = 0

    def write(file: IO[bytes]) -> None:
        nonlocal rows
        sections = SectionedFile(file)
        with pq.ParquetWriter(sections, schema.remove_metadata(), **options) as writer:
            for group in groups:
                rows += group.num_rows
                writer.write_table(group.replace_schema_metadata(), row_group_size=max(group.num_rows, 1))
                sections.cut()
            writer.add_key_value_metadata(sections.metadata())
        footer.extend(sections.footer())

    entry = write_file(store, path, write, rows=0)
    return replace(entry, rows=rows, role=role, extra={**(extra or {}), FOOTER: footer})


def read_parquet(store: "Store", entry: FileEntry, *, columns: list[str] | None = None) -> pa.Table:
    """Read a committed Parquet file; CorruptError names it when it is missing, not as committed, or not Parquet."""
    with _corrupt(entry):
        data = read_whole(store, entry)
        return pq.ParquetFile(pa.BufferReader(data)).read(columns=columns).replace_schema_metadata()


def read_row_groups(store: "Store", entry: FileEntry, groups: Sequence[int], *, columns: Sequence[str]) -> pa.Table:
    """Read some row groups of a committed Parquet file, memory-mapped when local, exactly these checked; CorruptError."""
    with _corrupt(entry):
        metadata = parquet_footer(store, entry)
        check_sections(store, entry, groups, metadata=metadata)
        with _open(store, entry) as source:
            file = pq.ParquetFile(source, metadata=metadata, pre_buffer=store.files.filesystem is not None)
            return file.read_row_groups(list(groups), columns=list(columns)).replace_schema_metadata()


def parquet_footer(store: "Store", entry: FileEntry) -> pq.FileMetaData:
    """Return the metadata of a committed Parquet file, checked, and kept in the process; raises CorruptError."""
    with _corrupt(entry):
        return _footer(store, entry, store.files.stamp(entry.path))


def read_checked(store: "Store", entry: FileEntry) -> bytes:
    """Return the bytes of a committed file that is no table; raises CorruptError unless they are as committed."""
    return read_whole(store, entry)


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
def _corrupt(entry: FileEntry) -> Iterator[None]:
    """Turn every error of reading inside the block into a CorruptError that names the file."""
    try:
        yield
    except T2CError:
        raise
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError, IndexError) as error:
        raise CorruptError(expected(entry.path, "a Parquet file", f"{error}", "Run: t2c verify")) from error


def _open(store: "Store", entry: FileEntry) -> Any:
    local = store.files.local_path(entry.path)
    if local is not None:
        return pa.memory_map(local)
    return store.files.filesystem.open(store.files.uri(entry.path))


@lru_cache(maxsize=1024)
def _footer(store: "Store", entry: FileEntry, stamp: Hashable) -> pq.FileMetaData:  # noqa: ARG001 - another file is another key
    return parquet_metadata(store, entry)
