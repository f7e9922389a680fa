"""Bytes of a store in a local folder: written beside, fsynced and moved into place, folders fsynced too."""

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from t2c.schemas.errors import StoreWriteError, T2CError, expected
from t2c.store.disk.files import NewFile, missing, write_error
from t2c.store.disk.locks import check_locks
from t2c.store.disk.paths import TEMPORARY, check_path

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}


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
                    filled = 0
                    # one read may return less than was asked for
                    while filled < len(buffer) and (count := file.readinto(buffer[filled:])):
                        filled += count
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

    def stamp(self, path: str) -> Hashable:
        """Return size, time and inode of a file."""
        try:
            status = self._at(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            raise missing(path) from None
        return status.st_size, status.st_mtime_ns, status.st_ino

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return bytes start to stop of a file."""
        try:
            with self._at(path).open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
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
        files = (Path(folder) / name for folder, _, names in os.walk(base) for name in names)
        return sorted(file.relative_to(self._root).as_posix() for file in files)

    def empty(self) -> bool:
        """Say whether there is nothing in the folder but hidden files, or no folder."""
        return not self._root.is_dir() or all(entry.name.startswith(".") for entry in self._root.iterdir())

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
            except OSError as error:
                if error.errno not in _NO_LINKS or not temporary.exists():
                    raise
                todo = "Put the store on a local disk such as ext4, xfs or APFS, on NFS, or in an object store."
                raise StoreWriteError(
                    expected(str(self._root), "a file system with hard links", f"{error.strerror}", todo)
                ) from error
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
        check_locks(str(self._root))
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
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot fsync a folder
            raise
    finally:
        os.close(handle)
