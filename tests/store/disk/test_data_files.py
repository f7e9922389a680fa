"""A data file is named by its content, known by size and sha256, and never read when it is not what was committed."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from t2c.schemas.digest import digest_bytes
from t2c.schemas.errors import CorruptError
from t2c.store.disk import paths
from t2c.store.disk.data_files import file_problems, read_parquet, write_file, write_parquet
from t2c.store.disk.root import Store

TABLE = pa.table(
    {"concept": ["x'); DROP TABLE c;--", "<img src=x onerror=…>", "nul \0", "{0.__class__}"], "n": [1, 2, 3, 4]}
)


@pytest.fixture(params=["store", "memory_store"])
def any_store(request: pytest.FixtureRequest) -> Store:
    return request.getfixturevalue(request.param)


def test_bytes_and_functions_write_the_same_entry(any_store: Store) -> None:
    one = write_file(any_store, "concepts/b/1-*.bin", b"abc" * 9, rows=3, role="weights", extra={"a": 1})
    two = write_file(any_store, "concepts/b/2-*.bin", lambda file: [file.write(b"abc") for _ in range(9)], rows=3)
    assert one.sha256 == two.sha256 == digest_bytes(b"abc" * 9)
    assert one.path == f"concepts/b/1-{one.sha256[:12]}.bin"
    assert (one.size, one.rows, one.role, one.extra, two.role) == (27, 3, "weights", {"a": 1}, "data")
    assert any_store.files.read(two.path) == b"abc" * 9


def test_the_same_table_gives_the_same_file_and_reads_back(any_store: Store) -> None:
    one = write_parquet(any_store, paths.data_file("concepts/b", 1), TABLE)
    two = write_parquet(any_store, paths.data_file("concepts/b", 1), TABLE)
    assert one == two
    assert read_parquet(any_store, one).equals(TABLE)
    assert read_parquet(any_store, one, columns=["n"]).column_names == ["n"]
    assert list(file_problems(any_store, [one])) == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda file: file.unlink(), "expected a committed file, but got no file"),
        (lambda file: file.write_bytes(file.read_bytes()[:-9]), r"expected [\d,]+ bytes, but got [\d,]+ bytes"),
        (lambda file: file.write_bytes(b"PAR0" + file.read_bytes()[4:]), "expected sha256 .{12}, but got .{12}"),
    ],
)
def test_damage_is_named(store: Store, damage: object, problem: str) -> None:
    entry = write_parquet(store, paths.data_file("concepts/b", 1), TABLE)
    damage(Path(store.files.local_path(entry.path)))  # type: ignore[operator]
    [(path, found)] = file_problems(store, [entry])
    assert path == entry.path
    assert re.fullmatch(problem, found)


def test_reading_a_file_that_is_not_as_committed_raises(store: Store) -> None:
    entry = write_parquet(store, paths.data_file("concepts/b", 1), TABLE)
    file = Path(store.files.local_path(entry.path) or "")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(CorruptError, match=rf"{entry.path}: expected {len(whole):,} bytes, but got"):
        read_parquet(store, entry)
    file.write_bytes(b"\0" * len(whole))
    with pytest.raises(CorruptError, match=f"{entry.path}: expected sha256 {entry.sha256[:12]}, but got"):
        read_parquet(store, entry)
    file.unlink()
    with pytest.raises(CorruptError, match=f"{entry.path}: expected a committed file, but got no file"):
        read_parquet(store, entry)


def test_other_files_in_the_folder_are_never_read(store: Store) -> None:
    entry = write_parquet(store, paths.data_file("concepts/b", 1), TABLE)
    folder = Path(store.files.local_path("concepts/b") or "")
    pq.write_table(pa.table({"other": [1]}), folder / "foreign.parquet")
    (folder / "00000002-0-0123456789ab.parquet").write_bytes(b"PAR1 half")
    assert read_parquet(store, entry).equals(TABLE)
