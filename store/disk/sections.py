"""Committed bytes are checked before they are believed: each part of a file once a process, while it is the same file.

A Parquet file is written in sections, one a row group, and keeps their digests in its own footer, whose digest the
manifest names; so a reader of one concept checks one concept. Files made before that, and small ones, are checked whole.
A file counts as the same while its size, time and inode are (see `Files.stamp`).
"""

import hashlib
import io
import json
from collections.abc import Hashable, Sequence
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from t2c.schemas.digest import SHORT, digest_bytes
from t2c.schemas.errors import CorruptError, expected
from t2c.store.disk.entries import FileEntry

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

FOOTER = "footer"
"""Key of a file entry's `extra`: [first byte, sha256] of the footer behind the last section."""
_KEY = b"t2c:sections"
"""Key in the footer: JSON of [byte after the last, sha256] of each section, in order."""
WHOLE = -1
"""Stands for the file as a whole among the numbers of its sections."""


class SectionedFile(io.RawIOBase):
    """A file that is being written front to back, digested from cut to cut."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash, self._size = file, hashlib.sha256(), 0
        self.cuts: list[tuple[int, str]] = []

    def write(self, data: Any) -> int:
        """Append bytes; returns how many."""
        count = self._file.write(data)
        self._hash.update(data)
        self._size += count
        return count

    def writable(self) -> bool:
        """Return True: bytes can be appended."""
        return True

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._size

    def cut(self) -> None:
        """End a section here."""
        self.cuts.append((self._size, self._hash.hexdigest()))
        self._hash = hashlib.sha256()

    def footer(self) -> list[int | str]:
        """Return where the bytes behind the last section begin, and their sha256."""
        return [self.cuts[-1][0] if self.cuts else 0, self._hash.hexdigest()]

    def metadata(self) -> dict[bytes, bytes]:
        """Return the sections as they are kept in the footer."""
        return {_KEY: json.dumps(self.cuts).encode()}


_checked: dict[tuple[str, str], tuple[Hashable, set[int]]] = {}
"""(root, path) of a file -> what it was when it was checked, and which of its sections were."""


def checked(store: "Store", entry: FileEntry) -> set[int]:
    """Return the numbers of a file's sections that this process has checked; to be added to. Raises CorruptError for no file."""
    stamp, key = (store.files.stamp(entry.path), entry.sha256), (store.url, entry.path)
    if key not in _checked or _checked[key][0] != stamp:
        check_size(store, entry)
        _checked[key] = (stamp, set())
    return _checked[key][1]


def check_size(store: "Store", entry: FileEntry) -> None:
    """Raise CorruptError unless the file is there with the committed size."""
    size = store.files.size(entry.path)
    if size != entry.size:
        raise CorruptError(expected(entry.path, f"{entry.size:,} bytes", f"{size:,} bytes", "Run: t2c verify"))


def check_whole(store: "Store", entry: FileEntry) -> None:
    """Raise CorruptError unless a file's bytes are as committed; read at most once a process while it stays the same."""
    done = checked(store, entry)
    if WHOLE not in done:
        _compare(entry.path, entry.sha256, store.files.sha256(entry.path))
        done.add(WHOLE)


def read_whole(store: "Store", entry: FileEntry) -> bytes:
    """Return a file's bytes as committed, read once; raises CorruptError."""
    done = checked(store, entry)
    data = store.files.read(entry.path)
    if WHOLE not in done:
        _compare(entry.path, entry.sha256, digest_bytes(data))
        done.add(WHOLE)
    return data


def parquet_metadata(store: "Store", entry: FileEntry) -> pq.FileMetaData:
    """Return the metadata of a Parquet file, its bytes checked; raises CorruptError."""
    if FOOTER not in entry.extra:
        return pq.read_metadata(pa.BufferReader(read_whole(store, entry)))
    checked(store, entry)  # its size
    start, sha256 = entry.extra[FOOTER]
    data = store.files.read_range(entry.path, start, entry.size)
    _compare(f"footer of {entry.path}", sha256, digest_bytes(data))
    return pq.read_metadata(pa.BufferReader(data))


def check_sections(store: "Store", entry: FileEntry, sections: Sequence[int], *, metadata: pq.FileMetaData) -> None:
    """Raise CorruptError unless the bytes of some row groups are as committed; each is read at most once a process."""
    done = checked(store, entry)
    missing = [] if WHOLE in done else [section for section in sections if section not in done]
    if not missing:
        return
    if FOOTER not in entry.extra:
        check_whole(store, entry)
        return
    cuts = json.loads((metadata.metadata or {})[_KEY])
    for section in missing:
        start = cuts[section - 1][0] if section else 0
        stop, sha256 = cuts[section]
        data = store.files.read_range(entry.path, start, stop)
        _compare(f"row group {section} of {entry.path}", sha256, digest_bytes(data))
        done.add(section)


def _compare(subject: str, want: str, actual: str) -> None:
    if actual != want:
        raise CorruptError(expected(subject, f"sha256 {want[:SHORT]}", actual[:SHORT], "Run: t2c verify"))
