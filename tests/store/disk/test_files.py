"""Every write error says what is wrong, with numbers where it is space, and what to do."""

import errno
import os

import pytest

from t2c.schemas.errors import StoreWriteError
from t2c.store.disk.files import write_error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_names_bytes_needed_and_free(number: int) -> None:
    error = write_error(OSError(number, os.strerror(number)), "/s/x", needed=12345, free=678)
    assert isinstance(error, StoreWriteError)
    assert error.errno == number
    want = (
        f"/s/x: expected room for 12,345 bytes, but got {os.strerror(number)} (678 bytes free). Nothing was committed."
    )
    assert str(error).startswith(want)
    assert "Free some space (t2c gc removes leftovers)" in str(error)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_read_only_store_says_so(number: int) -> None:
    error = write_error(OSError(number, os.strerror(number)), "/s/x", needed=1, free=None)
    assert str(error).startswith(f"/s/x: expected a folder that can be written, but got {os.strerror(number)}.")
    assert "Make the store writable" in str(error)


def test_any_other_error_keeps_its_number_and_says_to_run_again() -> None:
    error = write_error(OSError(errno.EIO, "Input/output error"), "/s/x", needed=7, free=None)
    assert error.errno == errno.EIO
    assert "/s/x: expected 7 bytes to be written, but got Input/output error." in str(error)
    assert "run the same command again" in str(error)
