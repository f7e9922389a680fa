"""Locks between the processes of one machine; where the system has none (Windows) a store in a folder is read, never written."""

import platform

from t2c.schemas.errors import StoreWriteError, expected

try:
    import fcntl
except ImportError:
    LOCKS = False
else:
    LOCKS = True
"""Whether processes can lock a file; a lock of fcntl ends with the process that holds it, however that ends."""


def check_locks(store: str) -> None:
    """Raise StoreWriteError where two runs that write the store in this folder could not tell of each other."""
    if not LOCKS:
        want = "an operating system with fcntl locks (Linux, macOS) to write in"
        todo = "Reading works here; to write, run t2c in WSL or use a store such as s3://bucket/prefix."
        raise StoreWriteError(expected(f"store {store}", want, platform.system(), todo))


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed, without waiting; return False when another process holds it."""
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
