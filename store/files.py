"""Bytes of a store in a local folder: atomic writes, no listing needed to read, write errors that say what to do.

`LocalFiles` is the reference; `store.object_files.ObjectFiles` has the same methods over fsspec.
Paths are relative to the root, `/` between parts.
"""

import errno
import hashlib
import io
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from schemas.digest import SHORT
from schemas.errors import CorruptError, StoreWriteError, T2CError, expected
from store.paths import HASH, TEMPORARY, check_path

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
        self.attempted = self.size + len(view)
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

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file's bytes, in bounded memory; CorruptError when it is not there."""

    def age(self, path: str) -> float:
        """Return seconds since a file was written, by the clock of whoever stores it."""

    def walk(self, prefix: str) -> list[str]:
        """Return the paths of all files under a folder, sorted: candidates only, nothing is located by this alone."""

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
    said = error.strerror or str(error) or type(error).__name__
    if error.errno in _FULL:
        got = f"{said} ({free:,} bytes free)" if free is not None else said
        todo = "Nothing was committed. Free some space (t2c gc removes leftovers) and run the same command again."
        return StoreWriteError(error.errno, expected(path, f"room for {needed:,} bytes", got, todo))
    if error.errno in _DENIED or isinstance(error, PermissionError):
        todo = "Nothing was committed. Make the store writable for this user, or copy it and pass --store COPY."
        return StoreWriteError(error.errno or errno.EACCES, expected(path, "a folder that can be written", said, todo))
    todo = "Nothing was committed. Once the storage answers again, run the same command again."
    return StoreWriteError(error.errno or errno.EIO, expected(path, f"{needed:,} bytes to be written", said, todo))


class LocalFiles:
    """Files of a store in a folder of this machine."""

    filesystem = None

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def read(self, path: str) -> bytes:
        """Return a file's bytes; CorruptError when it is not there."""
        data = self.find(path)
        if data is None:
            raise missing(path)
        return data

    def find(self, path: str) -> bytes | None:
        """Return a file's bytes, or None when it is not there."""
        try:
            return self._at(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_into(self, path: str, buffers: Sequence[memoryview]) -> int:
        """Fill the buffers from the front of a file; returns the file's size."""
        try:
            with self._at(path).open("rb", buffering=0) as file:
                for buffer in buffers:
                    done = 0
                    while done < len(buffer) and (count := file.readinto(buffer[done:])):
                        done += count
                return os.fstat(file.fileno()).st_size
        except (FileNotFoundError, NotADirectoryError):
            raise missing(path) from None

    def exists(self, path: str) -> bool:
        """Say whether a file is there."""
        return self._at(path).is_file()

    def size(self, path: str) -> int:
        """Return a file's size in bytes."""
        try:
            return self._at(path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            raise missing(path) from None

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file's bytes."""
        try:
            with self._at(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            raise missing(path) from None

    def age(self, path: str) -> float:
        """Return seconds since a file was last written."""
        return max(0.0, time.time() - self._at(path).stat().st_mtime)

    def walk(self, prefix: str) -> list[str]:
        """Return the paths of all files under a folder, sorted, temporary ones too."""
        base = self._at(prefix) if prefix else self._root
        found = (Path(folder) / name for folder, _, names in os.walk(base) for name in names)
        return sorted(file.relative_to(self._root).as_posix() for file in found)

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders in a folder, sorted."""
        base = self._at(prefix) if prefix else self._root
        return sorted(entry.name for entry in base.iterdir() if entry.is_dir()) if base.is_dir() else []

    def put(self, path: str, data: bytes | memoryview) -> None:
        """Write a file beside, fsync it, move it into place."""
        target = self._at(path)
        with self._writing(path, lambda: len(data)):
            _make_folders(target.parent)
            temporary = _temporary(target)
            try:
                _write_synced(temporary, data)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(target.parent)

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write a file beside, fsync it, and link it into place: linking fails where the name is taken."""
        target = self._at(path)
        with self._writing(path, lambda: len(data)):
            _make_folders(target.parent)
            temporary = _temporary(target)
            try:
                _write_synced(temporary, data)
                os.link(temporary, target)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(target.parent)
        return True

    @contextmanager
    def open_new(self, path: str) -> Iterator[NewFile]:
        """Give a NewFile beside the path; at exit it is fsynced and moved into place, on an error it is removed."""
        target = self._at(path)
        temporary = _temporary(target)
        new: NewFile | None = None
        with self._writing(path, lambda: new.attempted if new else 0):
            _make_folders(target.parent)
            try:
                with temporary.open("xb") as raw:
                    new = NewFile(path, raw)
                    yield new
                    raw.flush()
                    os.fsync(raw.fileno())
                temporary.replace(self._at(new.path))
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
            _sync_folder(target.parent)

    def delete(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""
        with self._writing(path, lambda: 0):
            self._at(path).unlink(missing_ok=True)

    def local_path(self, path: str) -> str:
        """Return the absolute path."""
        return str(self._at(path))

    def uri(self, path: str) -> str:
        """Return the absolute path."""
        return str(self._at(path))

    def _at(self, path: str) -> Path:
        return self._root / check_path(path)

    @contextmanager
    def _writing(self, path: str, needed: Callable[[], int]) -> Iterator[None]:
        try:
            yield
        except T2CError:
            raise
        except OSError as error:
            if error.errno is None:  # not the operating system's: a callback's own error passes as it is
                raise
            raise write_error(error, self.uri(path), needed=needed(), free=_free(self._root)) from error


def _free(root: Path) -> int | None:
    with suppress(OSError):
        return shutil.disk_usage(root).free
    return None


def _temporary(target: Path) -> Path:
    return target.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")


def is_temporary(path: str) -> bool:
    """Say whether a path is a file that was still being written."""
    return PurePosixPath(path).name.startswith(TEMPORARY)


def _write_synced(path: Path, data: bytes | memoryview) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path) -> None:
    """Make a folder and its parents, each new name fsynced in the folder that holds it."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot fsync a folder
            raise
    finally:
        os.close(handle)
