"""One image out of a Parquet column, reading forward: a few windows of neighbouring rows are kept, never a whole file."""

import bisect
import errno
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from t2c.store.disk.open_files import open_file
from t2c.store.sources.uris import is_remote

_WINDOW = 32
"""Rows read at once."""
_KEPT_WINDOWS = 3
_KEPT_CURSORS = 4

_cursors: OrderedDict[tuple[str, str, int], "_Cursor"] = OrderedDict()
_lock = threading.Lock()


def read_cell(address: str, column: str, row: int) -> bytes:
    """Return the image bytes in one row; raises OSError when the file, column, row or bytes are not there.

    Rows asked for in stored order are read once; jumping back reads their row group again.
    """
    try:
        with _lock:
            files = [file for (where, _, _), file in _cursors.items() if where == address]
            cursor = next((each for each in files if each.column == column and each.start <= row < each.stop), None)
            if cursor is None or cursor.is_stale():
                cursor = _Cursor(address, column, row)
            _cursors[address, column, cursor.start] = cursor
            _cursors.move_to_end((address, column, cursor.start))
            while len(_cursors) > _KEPT_CURSORS:
                _cursors.popitem(last=False)
        data = cursor.read(row)
    except (pa.ArrowException, KeyError, IndexError) as reason:
        raise OSError(errno.EIO, f"row {row} of column {column!r} cannot be read: {reason}", address) from reason
    if data is None:
        raise FileNotFoundError(errno.ENOENT, f"row {row} of column {column!r} holds no bytes", address)
    return data


class _Cursor:
    """Reads one row group's image column forward, keeping its last windows."""

    def __init__(self, address: str, column: str, row: int) -> None:
        self.address, self.column = address, column
        self._stream = open_file(address, remote=is_remote(address))
        self._version = _version(self._stream)
        self._file = parquet.ParquetFile(self._stream)
        metadata = self._file.metadata
        starts = [0]
        for group in range(metadata.num_row_groups):
            starts.append(starts[-1] + metadata.row_group(group).num_rows)
        if not 0 <= row < starts[-1]:
            raise IndexError(f"the file has {starts[-1]} rows")
        self._group = bisect.bisect_right(starts, row) - 1
        self.start, self.stop = starts[self._group], starts[self._group + 1]
        self._path = image_path(self._file.schema_arrow, column)
        self._batches: Iterator[Any] = iter(())
        self._next = -1
        self._windows: OrderedDict[int, Any] = OrderedDict()
        self._own_lock = threading.Lock()

    def __del__(self) -> None:
        stream = getattr(self, "_stream", None)
        if stream is not None:
            stream.close()

    def is_stale(self) -> bool:
        """Return whether the local file has changed since it was opened; remote objects are taken as they were."""
        if is_remote(self.address):
            return False
        with open_file(self.address, remote=False) as now:
            return _version(now) != self._version

    def read(self, row: int) -> bytes | None:
        """Return the bytes in a row of this row group, None when null."""
        window, at = divmod(row - self.start, _WINDOW)
        with self._own_lock:
            values = self._windows.get(window)
            if values is None:
                values = self._advance(window)
        cell = values[at].as_py()
        return cell if cell is None or isinstance(cell, bytes) else bytes(cell)

    def _advance(self, window: int) -> Any:
        if self._next < 0 or window < self._next:
            self._batches = self._file.iter_batches(_WINDOW, row_groups=[self._group], columns=[self._path])
            self._next = 0
        while self._next <= window:
            batch = next(self._batches, None)
            if batch is None:
                raise IndexError("the row group ends early")
            column = batch.column(0)
            self._windows[self._next] = column.field("bytes") if pa.types.is_struct(column.type) else column
            self._next += 1
            while len(self._windows) > _KEPT_WINDOWS:
                self._windows.popitem(last=False)
        return self._windows[window]


def _version(stream: Any) -> tuple[int, int] | None:
    try:
        status = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_mtime_ns, status.st_size


def image_path(schema: pa.Schema, column: str) -> str:
    """Return the path of a column's bytes: `image.bytes` for Hugging Face's struct, else the column itself."""
    return f"{column}.bytes" if pa.types.is_struct(schema.field(column).type) else column
