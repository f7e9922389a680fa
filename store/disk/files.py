"""What every kind of store can do with bytes, and the errors of reading and writing them.

`t2c.store.disk.local_files` does it in a folder, `t2c.store.disk.object_files` through fsspec. Paths are relative to the store's root,
`/` between parts.
"""

import errno
import hashlib
import io
from collections.abc import Hashable, Sequence
from pathlib import PurePosixPath
from typing import IO, Any, Protocol

from t2c.schemas.digest import SHORT
from t2c.schemas.errors import CorruptError, StoreWriteError, expected
from t2c.store.disk.paths import HASH, TEMPORARY

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}


class NewFile(io.RawIOBase):
    """A binary file that is being written, front to back: counts and hashes every byte that passes."""

    def __init__(self, target: str, raw: IO[bytes]) -> None:
        self._target, self._raw, self._hash = target, raw, hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        """Append bytes; returns how many."""
        view = memoryview(data).cast("B")
        self.attempted = max(self.attempted, self.size + len(view))
        self._raw.write(view)
        self._hash.update(view)
        self.size += len(view)
        return len(view)

    attempted: int = 0
    """Bytes this file would have had with the write that failed; what a full disk was asked for."""

    def writable(self) -> bool:
        """Return True: bytes can be appended."""
        return True

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self.size

    @property
    def sha256(self) -> str:
        """sha256 of the bytes written so far."""
        return self._hash.hexdigest()

    @property
    def path(self) -> str:
        """Final path, relative to the root, with the content's hash in the place of `*`."""
        return self._target.replace(HASH, self.sha256[:SHORT])


class Files(Protocol):
    """What every kind of store can do with bytes; errors are CorruptError (reading) and StoreWriteError (writing)."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes; CorruptError when it is not there."""

    def find(self, path: str) -> bytes | None:
        """Return a file's bytes, or None when it is not there."""

    def read_into(self, path: str, buffers: Sequence[memoryview]) -> int:
        """Fill the buffers, one after the other, from the front of a file opened once; returns the file's size.

        Raises CorruptError when the file is not there; a file that is too short leaves the rest as it was.
        """

    def exists(self, path: str) -> bool:
        """Say whether a file is there."""

    def size(self, path: str) -> int:
        """Return a file's size in bytes; CorruptError when it is not there."""

    def stamp(self, path: str) -> Hashable:
        """Return what tells that a file is still the same one: cheap, never from its bytes; CorruptError when it is not there."""

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return bytes start to stop (not included) of a file, fewer where it ends; CorruptError when it is not there."""

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file's bytes, in bounded memory; CorruptError when it is not there."""

    def age(self, path: str) -> float:
        """Return seconds since a file was written, by the clock of whoever stores it."""

    def walk(self, prefix: str) -> list[str]:
        """Return the paths of all files under a folder, sorted: candidates only, nothing is located by this alone."""

    def empty(self) -> bool:
        """Say whether there is nothing at all at the root, names that start with a dot aside."""

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders in a folder (`` is the root), sorted: candidates only."""

    def put(self, path: str, data: bytes | memoryview) -> None:
        """Write a small file so that a reader sees the old bytes or the new."""

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write a small file unless it is there; exactly one of several writers gets True."""

    def open_new(self, path: str) -> Any:
        """Return a context manager giving a NewFile; its file appears complete at exit, or not at all."""

    def delete(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""

    def local_path(self, path: str) -> str | None:
        """Return the path on this machine, or None for an object store."""

    def uri(self, path: str) -> str:
        """Return what DuckDB, pyarrow and fsspec can open."""

    @property
    def filesystem(self) -> Any:
        """The fsspec file system behind an object store, None for a local folder."""


def missing(path: str) -> CorruptError:
    """Return the error for a file that should be there."""
    return CorruptError(expected(path, "a committed file", "no file", "Run: t2c verify"))


def write_error(error: OSError, path: str, *, needed: int, free: int | None) -> StoreWriteError:
    """Return the StoreWriteError for an operating system's error: full, read-only or other, and what to do.

    `needed` and `free` are bytes; free is None where nobody can tell.
    """
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in _FULL:
        want, actual = f"room for {needed:,} bytes", f"{reason} ({free:,} bytes free)" if free is not None else reason
        todo = "Free some space (t2c gc removes leftovers) and run the same command again."
    elif error.errno in _DENIED or isinstance(error, PermissionError):
        want, actual = "a folder that can be written", reason
        todo = "Make the store writable for this user, or copy it and pass --store COPY."
    else:
        want, actual = f"{needed:,} bytes to be written", reason
        todo = "Once the storage answers again, run the same command again."
    failure = StoreWriteError(expected(path, want, actual, f"Nothing was committed. {todo}"))
    failure.errno = error.errno or errno.EIO  # set afterwards: as an argument it would lead the message
    return failure


def is_temporary(path: str) -> bool:
    """Say whether a path is a file that was still being written."""
    return PurePosixPath(path).name.startswith(TEMPORARY)
