"""Bytes of a store in an object store, through fsspec: s3 (with s3fs), memory for tests.

A single object appears whole or not at all, so a write needs no file beside. Commits rest on one thing: a conditional
put (`If-None-Match: *`, fsspec's mode "create"), so that exactly one of several writers gets a name.
"""

import hashlib
import posixpath
import tempfile
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from t2c.schemas.errors import SpecError, T2CError, expected
from t2c.schemas.extras import driver_missing
from t2c.store.disk.files import NewFile, missing, write_error
from t2c.store.disk.paths import check_path

_SPOOL = 64 * 2**20
"""A new object up to this many bytes waits in memory, a larger one in a temporary file."""


class ObjectFiles:
    """Files of a store under an fsspec URL such as s3://bucket/prefix."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url = url.rstrip("/")
        self.filesystem, self._root = _connect(self._url, options)

    def read(self, path: str) -> bytes:
        """Return an object's bytes; CorruptError when it is not there."""
        data = self.find(path)
        if data is None:
            raise missing(path)
        return data

    def find(self, path: str) -> bytes | None:
        """Return an object's bytes, or None when it is not there."""
        try:
            return cast("bytes", self.filesystem.cat_file(self._at(path)))
        except FileNotFoundError:
            return None

    def read_into(self, path: str, buffers: Sequence[memoryview]) -> int:
        """Fill the buffers from the front of an object, read in one request; returns the object's size."""
        data, offset = memoryview(self.read(path)), 0
        for buffer in buffers:
            part = data[offset : offset + len(buffer)]
            buffer[: len(part)] = part
            offset += len(part)
        return len(data)

    def exists(self, path: str) -> bool:
        """Say whether an object is there."""
        return bool(self.filesystem.isfile(self._at(path)))

    def size(self, path: str) -> int:
        """Return an object's size in bytes."""
        try:
            return int(self.filesystem.info(self._at(path))["size"])
        except FileNotFoundError:
            raise missing(path) from None

    def stamp(self, path: str) -> Hashable:
        """Return size and, where the storage tells them, tag and time of an object."""
        try:
            facts = self.filesystem.info(self._at(path))
        except FileNotFoundError:
            raise missing(path) from None
        return tuple(str(facts.get(name)) for name in ("size", "ETag", "etag", "mtime", "LastModified"))

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return bytes start to stop of an object, in one request."""
        try:
            return cast("bytes", self.filesystem.cat_file(self._at(path), start=start, end=stop))
        except FileNotFoundError:
            raise missing(path) from None

    def sha256(self, path: str) -> str:
        """Return the sha256 of an object's bytes."""
        total = hashlib.sha256()
        try:
            with self.filesystem.open(self._at(path), "rb") as remote:
                while block := remote.read(_SPOOL):
                    total.update(block)
        except FileNotFoundError:
            raise missing(path) from None
        return total.hexdigest()

    def age(self, path: str) -> float:
        """Return seconds since an object was written."""
        modified = self.filesystem.modified(self._at(path))
        moment = modified if modified.tzinfo else modified.replace(tzinfo=UTC)
        return max(0.0, float((datetime.now(UTC) - moment).total_seconds()))

    def walk(self, prefix: str) -> list[str]:
        """Return the paths of all objects under a prefix, sorted."""
        try:
            names = self.filesystem.find(self._at(prefix) if prefix else self._root)
        except FileNotFoundError:
            return []
        return sorted(self._relative(name) for name in names)

    def empty(self) -> bool:
        """Say whether nothing is under the URL, names that start with a dot aside."""
        try:
            names = self.filesystem.ls(self._root, detail=False)
        except FileNotFoundError:
            return True
        return all(posixpath.basename(name.rstrip("/")).startswith(".") for name in names)

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the common prefixes right under a prefix, sorted."""
        try:
            entries = self.filesystem.ls(self._at(prefix) if prefix else self._root, detail=True)
        except FileNotFoundError:
            return []
        return sorted(
            posixpath.basename(entry["name"].rstrip("/")) for entry in entries if entry["type"] == "directory"
        )

    def put(self, path: str, data: bytes | memoryview) -> None:
        """Write an object, replacing what is there."""
        with _writing(self.uri(path), len(data)):
            self.filesystem.pipe_file(self._at(path), bytes(data))

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write an object unless it is there: a conditional put, decided by the store itself."""
        with _writing(self.uri(path), len(data)):
            try:
                self.filesystem.pipe_file(self._at(path), data, mode="create")
            except FileExistsError:
                return False
            except OSError as error:
                if "PreconditionFailed" in str(error) or "At least one of the pre-conditions" in str(error):
                    return False
                raise
        return True

    @contextmanager
    def open_new(self, path: str) -> Iterator[NewFile]:
        """Give a NewFile in memory or a temporary file; at exit it is sent as one object, on an error it is dropped."""
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as spool:
            new = NewFile(path, cast("Any", spool))
            yield new
            spool.seek(0)
            with _writing(self.uri(path), new.size):
                self._send(spool, new)

    def _send(self, spool: Any, new: NewFile) -> None:
        target = self._at(new.path)
        if new.size <= _SPOOL:
            self.filesystem.pipe_file(target, spool.read())
            return
        with self.filesystem.open(target, "wb") as remote:
            while block := spool.read(8 * 2**20):
                remote.write(block)

    def delete(self, path: str) -> None:
        """Remove an object; one that is not there is no error."""
        with _writing(self.uri(path), 0):
            if self.exists(path):
                self.filesystem.rm_file(self._at(path))

    def local_path(self, path: str) -> None:  # noqa: ARG002 - the same signature as LocalFiles
        """Return None: there is no file on this machine."""
        return

    def uri(self, path: str) -> str:
        """Return the full URL."""
        return f"{self._url}/{check_path(path)}"

    def _at(self, path: str) -> str:
        return f"{self._root}/{check_path(path)}"

    def _relative(self, name: str) -> str:
        return name.lstrip("/")[len(self._root.strip("/")) :].lstrip("/")


def _connect(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """Return the fsspec file system of a URL and the root inside it; nothing is cached between calls."""
    import fsspec.core

    protocol = url.partition("://")[0]
    try:
        filesystem, root = fsspec.core.url_to_fs(url, use_listings_cache=False, **options)
    except ImportError as error:
        raise driver_missing(f"store {url}", protocol, error) from error
    except ValueError as error:
        raise SpecError(expected("store", "a folder or an fsspec URL such as s3://bucket/prefix", repr(url))) from error
    return filesystem, root.rstrip("/")


@contextmanager
def _writing(uri: str, needed: int) -> Iterator[None]:
    try:
        yield
    except T2CError:
        raise
    except OSError as error:
        raise write_error(error, uri, needed=needed, free=None) from error
