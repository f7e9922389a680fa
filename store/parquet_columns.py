"""Committed Parquet files opened for a few columns of a few row groups, which is what makes queries fast.

Footers are kept in memory: a committed file never changes, and parsing a footer costs more than reading one concept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import CorruptError, T2CError, expected
from store.disk.data_files import FileEntry, check_size

if TYPE_CHECKING:
    from store.disk.root import Store


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
