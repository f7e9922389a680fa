"""The bytes behind a URI: a local file, a remote object, a tar member, or one row of a Parquet file."""

import errno
import io
import os
import stat
from typing import Any, BinaryIO

from schemas.errors import MissingExtra
from store.uris import Place, parse_uri

_SMALL = 64 << 20
"""Remote files up to this many bytes are fetched whole; larger ones are read in pieces."""


def open_bytes(uri: str) -> bytes:
    """Return the bytes of one image; raises OSError saying why they cannot be read (FileNotFoundError when gone)."""
    with open_stream(uri) as stream:
        return stream.read()


def open_stream(uri: str) -> BinaryIO:
    """Open one image for reading and seeking; raises OSError, and never waits on a FIFO, socket or device."""
    place = parse_uri(uri)
    if place.row is not None:
        from store.parquet_cells import read_cell

        return io.BytesIO(read_cell(place.address, place.column, place.row))
    if place.offset is not None:
        return io.BytesIO(_read_range(place))
    return open_file(place.address, remote=place.remote)


def open_file(address: str, *, remote: bool) -> BinaryIO:
    """Open a whole file given its path or URL; raises OSError."""
    if not remote:
        return open_local(address)
    filesystem, path = filesystem_of(address)
    try:
        if filesystem.size(path) <= _SMALL:
            return io.BytesIO(filesystem.cat_file(path))
        return filesystem.open(path, "rb")  # type: ignore[no-any-return]
    except OSError:
        raise
    except Exception as reason:  # every fsspec back end has its own errors
        raise OSError(errno.EIO, f"{type(reason).__name__}: {reason}", address) from reason


def open_local(path: str) -> BinaryIO:
    """Open a regular local file; raises OSError for anything else, without ever blocking."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except ValueError as reason:
        raise OSError(errno.EINVAL, str(reason), path.replace("\0", "\\0")) from reason
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def filesystem_of(url: str) -> tuple[Any, str]:
    """Return the fsspec filesystem and path of a URL; raises MissingExtra when its driver is not installed."""
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except ImportError as reason:
        raise MissingExtra(
            f"{url}: reading this address needs a driver. Type: pip install 't2c-audit-store[s3]'"
        ) from reason
    except ValueError as reason:
        raise OSError(errno.EINVAL, str(reason), url) from reason
    return filesystem, path


def _read_range(place: Place) -> bytes:
    offset, size = place.offset or 0, place.size
    if place.remote:
        filesystem, path = filesystem_of(place.address)
        data = bytes(filesystem.cat_file(path, start=offset, end=offset + size)) if size else b""
    else:
        with open_local(place.address) as stream:
            size_there = os.fstat(stream.fileno()).st_size
            stream.seek(offset)
            data = stream.read(max(0, min(size, size_there - offset)))
    if len(data) != size:
        raise OSError(errno.EIO, f"the tar ends before byte {offset + size}", place.address)
    return data
