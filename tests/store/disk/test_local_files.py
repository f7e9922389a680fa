"""Local files appear whole or not at all; one that is missing is an error by name."""

import os
import threading
from pathlib import Path

import pytest

from t2c.schemas.errors import CorruptError
from t2c.store.disk.files import is_temporary
from t2c.store.disk.local_files import LocalFiles


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(str(tmp_path))


def test_put_replaces_and_leaves_nothing_beside(files: LocalFiles) -> None:
    files.put("a/b.json", b"old")
    files.put("a/b.json", b"new")
    assert files.read("a/b.json") == b"new"
    assert files.walk("") == ["a/b.json"]


def test_put_if_absent_lets_exactly_one_of_many_writers_win(files: LocalFiles) -> None:
    barrier, won = threading.Barrier(8), []

    def write(number: int) -> None:
        barrier.wait()
        if files.put_if_absent("a/head", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert files.read("a/head") == b"%d" % won[0]
    assert files.walk("") == ["a/head"]


def test_open_new_shows_nothing_until_the_end_and_names_the_content(files: LocalFiles) -> None:
    with files.open_new("t/00000001-0-*.bin") as file:
        file.write(b"hello ")
        file.write(bytearray(b"world"))
        assert [is_temporary(path) for path in files.walk("")] == [True]
        assert file.tell() == 11
    assert file.path == "t/00000001-0-b94d27b9934d.bin"
    assert file.sha256 == files.sha256(file.path) == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
    assert files.walk("") == [file.path]


def test_open_new_leaves_nothing_when_the_block_raises(files: LocalFiles) -> None:
    def fail() -> None:
        with files.open_new("t/x") as file:
            file.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert files.walk("") == []


def test_a_missing_file_is_a_corrupt_store(files: LocalFiles) -> None:
    for read in (files.read, files.size, files.sha256, lambda path: files.read_into(path, [])):
        with pytest.raises(CorruptError, match=r"c/0/0: expected a committed file, but got no file. Run: t2c verify"):
            read("c/0/0")
    assert files.find("c/0/0") is None
    assert not files.exists("c/0/0")
    files.delete("c/0/0")


def test_read_into_fills_buffers_in_order_and_returns_the_size(files: LocalFiles) -> None:
    files.put("x", b"abcdef")
    first, second = bytearray(4), bytearray(4)
    assert files.read_into("x", [memoryview(first), memoryview(second)]) == 6
    assert (bytes(first), bytes(second)) == (b"abcd", b"ef\0\0")


def test_folders_are_those_right_below(files: LocalFiles) -> None:
    files.put("d/one/x", b"")
    files.put("d/two/y/z", b"")
    files.put("d/file", b"")
    assert files.folders("d") == ["one", "two"]
    assert files.folders("") == ["d"]
    assert files.folders("nothing") == []
    assert files.walk("nothing") == []


def test_an_error_message_of_the_caller_passes_through_unchanged(files: LocalFiles) -> None:
    with pytest.raises(OSError, match=r"^Truncated image$"), files.open_new("x"):
        raise OSError("Truncated image")


def test_age_is_seconds_since_the_write(files: LocalFiles, tmp_path: Path) -> None:
    files.put("x", b"")
    os.utime(tmp_path / "x", (1, 1))
    assert files.age("x") > 1e9


def test_empty_looks_at_the_root_alone(files: LocalFiles, tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert files.empty()
    assert LocalFiles(str(tmp_path / "nowhere")).empty()
    files.put("a/b", b"")
    assert not files.empty()
