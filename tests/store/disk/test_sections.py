"""Every committed byte is checked before it is believed: a row group each, once a process, while the file stays the same."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from t2c.schemas.errors import CorruptError
from t2c.store.disk import paths
from t2c.store.disk.data_files import FileEntry, parquet_footer, read_parquet, read_row_groups, write_row_groups
from t2c.store.disk.root import Store
from t2c.store.disk.sections import FOOTER

GROUPS = [
    pa.table({"n": np.arange(start, start + 50), "x": np.random.default_rng(start).random(50)})
    for start in (0, 50, 100)
]


def written(store: Store) -> tuple[FileEntry, Path]:
    entry = write_row_groups(store, paths.data_file("concepts/b", 1), GROUPS, GROUPS[0].schema)
    return entry, Path(store.files.local_path(entry.path) or "")


def flip(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def starts(file: Path) -> list[int]:
    """First data byte of each row group."""
    metadata = pq.read_metadata(file)
    columns = [metadata.row_group(group).column(0) for group in range(3)]
    return [column.dictionary_page_offset or column.data_page_offset for column in columns]


def test_sections_are_the_row_groups_and_the_rest_is_the_footer(store: Store) -> None:
    entry, file = written(store)
    assert (entry.rows, parquet_footer(store, entry).num_row_groups) == (150, 3)
    first = [4, *(place for place in starts(file)[1:])]
    assert starts(file) == first
    assert entry.extra[FOOTER][0] > first[-1]
    assert pq.read_table(file).equals(pa.concat_tables(GROUPS))
    assert read_row_groups(store, entry, [2, 0], columns=["n"])["n"].to_pylist() == [*range(100, 150), *range(50)]


def test_the_same_groups_give_the_same_bytes_and_what_was_read_can_be_written_again(store: Store) -> None:
    entry, _ = written(store)
    again = [read_row_groups(store, entry, [group], columns=["n", "x"]) for group in range(3)]
    assert write_row_groups(store, paths.data_file("concepts/b", 1), again, again[0].schema) == entry


def test_a_flipped_byte_fails_its_own_group_and_no_other(store: Store) -> None:
    entry, file = written(store)
    flip(file, starts(file)[1] + 20)
    assert read_row_groups(store, entry, [0, 2], columns=["n"]).num_rows == 100
    with pytest.raises(
        CorruptError, match=rf"row group 1 of {entry.path}: expected sha256 \w+, but got \w+. Run: t2c verify"
    ):
        read_row_groups(store, entry, [1], columns=["x"])
    with pytest.raises(CorruptError, match=f"{entry.path}: expected sha256"):
        read_parquet(store, entry)


def test_every_byte_of_the_file_is_covered(store: Store) -> None:
    entry, file = written(store)
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        flip(file, place)
        with pytest.raises(CorruptError, match="expected sha256"):
            read_row_groups(store, entry, [0, 1, 2], columns=["n", "x"])
        file.write_bytes(whole)
    assert read_row_groups(store, entry, [0, 1, 2], columns=["n", "x"]).num_rows == 150


def test_groups_that_changed_places_are_refused(store: Store) -> None:
    entry, file = written(store)
    other = write_row_groups(
        store, paths.data_file("concepts/c", 1), [GROUPS[1], GROUPS[0], GROUPS[2]], GROUPS[0].schema
    )
    file.write_bytes(Path(store.files.local_path(other.path) or "").read_bytes())
    with pytest.raises(CorruptError, match=r"expected (sha256|[0-9,]+ bytes)"):
        read_row_groups(store, entry, [0], columns=["n"])


def test_what_was_checked_is_remembered_until_the_file_is_another(store: Store) -> None:
    entry, file = written(store)
    read_row_groups(store, entry, [1], columns=["n"])
    status = file.stat()
    with file.open(
        "r+b"
    ) as handle:  # in place and with the old time: nothing but its bytes tells, and those were checked
        handle.seek(starts(file)[0] + 20)
        handle.write(b"\xff")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert read_row_groups(store, entry, [1], columns=["n"]).num_rows == 50
    with pytest.raises(CorruptError, match="row group 0"):  # it had not been read before
        read_row_groups(store, entry, [0], columns=["n"])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    flip(file, starts(file)[1] + 20)
    with pytest.raises(CorruptError, match="row group 1"):
        read_row_groups(store, entry, [1], columns=["n"])


def test_a_file_without_sections_is_checked_whole(store: Store) -> None:
    entry, file = written(store)
    old = FileEntry(entry.path, entry.size, entry.sha256, entry.rows)
    assert read_row_groups(store, old, [1], columns=["n"]).num_rows == 50
    flip(file, starts(file)[0] + 20)
    with pytest.raises(CorruptError, match=f"{entry.path}: expected sha256"):
        read_row_groups(store, old, [1], columns=["n"])
