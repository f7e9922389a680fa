"""Open a user's file by path or URL: regular files only, remote ones through fsspec, never waiting on a FIFO or device."""

import errno
import io
import os
import stat
from typing import Any, BinaryIO

from t2c.schemas.extras import driver_missing

_SMALL = 64 << 20
"""Remote files up to this many bytes are fetched whole; larger ones are read in pieces."""


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
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
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
        raise driver_missing(url, url.partition("://")[0], reason) from reason
    except ValueError as reason:
        raise OSError(errno.EINVAL, str(reason), url) from reason
    return filesystem, path
