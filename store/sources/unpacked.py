"""Compressed tars (.tar.gz, .tgz, .tar.zst), unpacked once into a temporary file so that members are read in any order.

A few are kept, the least recently used goes first; the files have no name and vanish with the process. What unpacks to
many times its size is no tar of images and is stopped, so that a small file cannot fill the disk.
"""

import gzip
import io
import os
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

import pyarrow as pa

from t2c.store.disk.open_files import filesystem_of, open_file

_ENDINGS = {".tar.gz": "gzip", ".tgz": "gzip", ".tar.zst": "zstd", ".tar.zstd": "zstd"}
_KEPT = 3
_PIECE = 1 << 20
_MOST_TIMES, _ALWAYS = 100, 64 << 20
"""Largest ratio of unpacked to packed bytes, beyond a size that is always fine."""


def packing(name: str) -> str | None:
    """Return how a tar of this name is compressed, None when it is not."""
    return next((kind for ending, kind in _ENDINGS.items() if name.lower().endswith(ending)), None)


def is_tar(name: str) -> bool:
    """Return whether a name promises a tar, compressed or not."""
    return name.lower().endswith(".tar") or packing(name) is not None


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a compressed tar holds."""

    file: IO[bytes]
    """The unpacked bytes, as far as they could be read."""
    problem: str | None
    """Why that is not all; None when it is."""
    version: tuple[int, int]
    """Time (0 for a remote file) and size of what was unpacked."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while one reader moves the file's position and reads there."""

    def stream(self) -> BinaryIO:
        """Return a stream of its own over the bytes; threads do not disturb each other."""
        return cast("BinaryIO", io.BufferedReader(_Shared(self)))

    def __del__(self) -> None:
        self.file.close()


class _Shared(io.RawIOBase):
    """A position in a file that others read too."""

    def __init__(self, unpacked: Unpacked) -> None:
        self._unpacked, self._at = unpacked, 0  # what is read is not dropped, whatever is kept

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset from the start, from here or from the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = offset + (os.fstat(self._unpacked.file.fileno()).st_size if base is None else base)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from here, wherever others are."""
        view = memoryview(buffer).cast("B")
        with self._unpacked.lock:  # a read at an offset without it is not to be had on every system
            self._unpacked.file.seek(self._at)
            data = self._unpacked.file.read(len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


_open: OrderedDict[str, Unpacked] = OrderedDict()
_lock = threading.Lock()


def unpack(address: str, *, remote: bool) -> Unpacked:
    """Return the unpacked bytes of a compressed tar, from memory of the last few; raises OSError when it cannot be opened.

    One at a time: threads that ask for the same tar wait for the first, which is what makes unpacking once enough.
    """
    with _lock:
        version = _version(address, remote=remote)
        known = _open.get(address)
        if known is None or known.version != version:
            with open_file(address, remote=remote) as packed:
                known = _unpack(packed, packing(address) or "gzip", version)
        _open[address] = known
        _open.move_to_end(address)
        while len(_open) > _KEPT:
            _open.popitem(last=False)
        return known


def _unpack(packed: BinaryIO, kind: str, version: tuple[int, int]) -> Unpacked:
    most = max(_ALWAYS, _MOST_TIMES * packed.seek(0, os.SEEK_END))
    packed.seek(0)
    file = tempfile.TemporaryFile(prefix="t2c-tar-")  # noqa: SIM115 -- kept for as long as anybody reads it
    problem, size = None, 0
    try:
        source: Any = gzip.GzipFile(fileobj=packed) if kind == "gzip" else pa.CompressedInputStream(packed, kind)
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > most:
                problem = f"expected a tar of images, but got one that unpacks to over {_MOST_TIMES} times its size"
                break
            file.write(piece)
    except (EOFError, gzip.BadGzipFile, pa.ArrowException) as reason:
        problem = f"expected a whole {kind} file, but got: {reason}"
    except OSError as reason:
        if getattr(reason, "errno", None) is not None:  # a full disk is no damage of the tar
            raise
        problem = f"expected a whole {kind} file, but got: {reason}"
    file.flush()
    return Unpacked(file, problem, version)


def _version(address: str, *, remote: bool) -> tuple[int, int]:
    """Return time and size of a local file, 0 and size of a remote one."""
    if remote:
        filesystem, path = filesystem_of(address)
        return 0, int(filesystem.size(path))
    with open_file(address, remote=False) as stream:
        status = os.fstat(stream.fileno())
    return status.st_mtime_ns, status.st_size
