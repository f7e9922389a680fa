"""A lock is held by one process, or shared by readers; where there are no locks nothing is written."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from t2c.schemas.errors import StoreWriteError
from t2c.store.disk import lease, locks
from t2c.store.disk.local_files import LocalFiles
from t2c.store.disk.locks import check_locks, try_lock


def test_a_lock_is_held_once_and_shared_by_those_who_only_look(tmp_path: Path) -> None:
    handles = [os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(3)]
    assert try_lock(handles[0], shared=True)
    assert try_lock(handles[1], shared=True)
    assert not try_lock(handles[2])
    os.close(handles[0])
    os.close(handles[1])
    assert try_lock(handles[2])
    os.close(handles[2])


@pytest.mark.parametrize(
    "write",
    [
        lambda files: files.put("a", b""),
        lambda files: files.put_if_absent("a", b""),
        lambda files: files.open_new("a").__enter__(),
        lambda files: files.delete("there"),
    ],
)
def test_without_locks_nothing_in_a_folder_is_written_or_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[LocalFiles], object]
) -> None:
    (tmp_path / "there").touch()
    monkeypatch.setattr(locks, "LOCKS", False)
    want = (
        r"expected an operating system with fcntl locks \(Linux, macOS\) to write in, but got .*\. Reading works here"
    )
    with pytest.raises(StoreWriteError, match=want):
        write(LocalFiles(str(tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_with_locks_a_store_may_be_written(tmp_path: Path) -> None:
    check_locks(str(tmp_path))
    assert lease.LOCKS
