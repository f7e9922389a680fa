"""The bytes behind a URI: a local file, a remote object, a tar member, or one row of a Parquet file."""

import errno
import io
import os
from typing import BinaryIO

from t2c.store.disk.open_files import filesystem_of, open_file, open_local
from t2c.store.sources.parquet_cells import read_cell
from t2c.store.sources.unpacked import packing, unpack
from t2c.store.sources.uris import Place, parse_uri


def open_bytes(uri: str) -> bytes:
    """Return the bytes of one image; raises OSError saying why they cannot be read (FileNotFoundError when gone)."""
    with open_stream(uri) as stream:
        return stream.read()


def open_stream(uri: str) -> BinaryIO:
    """Open one image for reading and seeking; raises OSError, and never waits on a FIFO, socket or device."""
    place = parse_uri(uri)
    if place.row is not None:
        return io.BytesIO(read_cell(place.address, place.column, place.row))
    if place.offset is not None:
        return io.BytesIO(_read_range(place))
    return open_file(place.address, remote=place.remote)


def _read_range(place: Place) -> bytes:
    offset, size = place.offset or 0, place.size
    if packing(place.address):
        with unpack(place.address, remote=place.remote).stream() as stream:
            stream.seek(offset)
            data = stream.read(size)
    elif place.remote:
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
