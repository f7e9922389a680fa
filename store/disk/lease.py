"""One run at a time: the lease on an artifact, released when the process that holds it dies.

In a local folder it is a lock of the operating system on `<artifact>/_lease`; Windows has none to rely on, and a store
there is only read. In an object store it is the newest numbered object under `<artifact>/_leases/`, taken by a
conditional put and kept alive by a heartbeat; the number is the fencing token. Clocks of machines that share an object
store must agree within half of `TTL_S`.
"""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2c.schemas.digest import canonical_json
from t2c.schemas.errors import BusyError, ConflictError, expected
from t2c.store.disk import paths
from t2c.store.disk.files import write_error
from t2c.store.disk.locks import LOCKS, check_locks, try_lock

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

TTL_S = 60.0
"""Seconds after which an object store's lease without a heartbeat may be taken over."""

_held: set[int] = set()
"""File handles of this process's local leases; a forked child closes its copies, or it would keep them held."""


@dataclass(frozen=True, slots=True)
class Token:
    """Proof of holding a lease."""

    artifact: str
    """Folder of the artifact that is leased."""
    number: int
    """Fencing number: larger than that of every earlier holder."""
    _lost: threading.Event = field(repr=False, compare=False)
    _probe: Any = field(repr=False, compare=False)

    def check(self) -> None:
        """Raise ConflictError when the lease has been lost to another run."""
        if self._lost.is_set() or not self._probe():
            todo = "This run stopped before committing; run it again once the other has ended."
            raise ConflictError(expected(f"lease {self.number} on {self.artifact}", "to be held", "a lost lease", todo))


@contextmanager
def lease(store: "Store", artifact: str, *, purpose: str, ttl_s: float = TTL_S) -> Iterator[Token]:
    """Hold the lease on an artifact while the block runs; `purpose` is what another run is told we are doing.

    Raises BusyError naming the holder when another live run has it, StoreWriteError in a store that cannot be written.
    """
    local = store.files.local_path(paths.lease_file(artifact))
    if local is not None:
        check_locks(store.url)
        with _local_lease(Path(local), artifact, purpose) as token:
            yield token
    else:
        with _object_lease(store, artifact, purpose, ttl_s) as token:
            yield token


def holder(store: "Store", artifact: str) -> dict[str, Any] | None:
    """Return who holds the lease on an artifact (pid, host, purpose, since), or None when nobody does or none can tell."""
    local = store.files.local_path(paths.lease_file(artifact))
    if local is None:
        number, newest = _newest(store, artifact)
        return newest if number and _live(newest) else None
    if not LOCKS:
        return None
    try:
        handle = os.open(local, os.O_RDONLY)
    except OSError:
        return None
    try:
        return None if try_lock(handle, shared=True) else _parse(os.pread(handle, 4096, 0))
    finally:
        os.close(handle)


@contextmanager
def _local_lease(path: Path, artifact: str, purpose: str) -> Iterator[Token]:
    handle = _open_lock(path)
    _held.add(handle)
    try:
        if not try_lock(handle):
            raise _busy(artifact, _parse(os.pread(handle, 4096, 0)))
        number = int(_parse(os.pread(handle, 4096, 0)).get("token", 0)) + 1
        _write_holder(handle, path, _describe(purpose, number))
        yield Token(artifact, number, threading.Event(), lambda: _same_file(handle, path))
    finally:
        _held.discard(handle)
        os.close(handle)


def _open_lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise write_error(error, str(path), needed=0, free=None) from error


def _write_holder(handle: int, path: Path, holder: dict[str, Any]) -> None:
    data = canonical_json(holder)
    try:
        os.pwrite(handle, data.ljust(1024), 0)
        os.ftruncate(handle, max(1024, len(data)))
    except OSError as error:
        raise write_error(error, str(path), needed=len(data), free=None) from error


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


@contextmanager
def _object_lease(store: "Store", artifact: str, purpose: str, ttl_s: float) -> Iterator[Token]:
    number, newest = _newest(store, artifact)
    if number and _live(newest):
        raise _busy(artifact, newest)
    number += 1
    heartbeat = _Heartbeat(store, paths.lease_token(artifact, number), _describe(purpose, number), ttl_s)
    # since the look, others may have used this number and deleted it: only the largest number holds
    if not store.files.put_if_absent(heartbeat.path, heartbeat.alive()) or _newest(store, artifact)[0] != number:
        raise _busy(artifact, _newest(store, artifact)[1])
    thread = threading.Thread(target=heartbeat.run, daemon=True)
    thread.start()
    try:
        yield Token(
            artifact, number, heartbeat.lost, lambda: not store.files.exists(paths.lease_token(artifact, number + 1))
        )
    finally:
        heartbeat.finished.set()
        thread.join()
        with suppress(OSError):
            store.files.put(heartbeat.path, canonical_json({**heartbeat.holder, "expires": 0}))
            # the last few stay: an earlier holder that stalled is fenced by its successor's token
            for old in range(max(1, number - 20), number - 8):
                store.files.delete(paths.lease_token(artifact, old))


@dataclass(frozen=True, slots=True)
class _Heartbeat:
    """Renews an object store's lease every quarter of its life; after a whole life without success it is lost."""

    store: "Store"
    path: str
    holder: dict[str, Any]
    ttl_s: float
    lost: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    def alive(self) -> bytes:
        return canonical_json({**self.holder, "expires": time.time() + self.ttl_s})

    def run(self) -> None:
        renewed = time.monotonic()
        while not self.finished.wait(self.ttl_s / 4):
            if time.monotonic() - renewed < self.ttl_s:
                with suppress(OSError):
                    self.store.files.put(self.path, self.alive())
                    renewed = time.monotonic()
            if time.monotonic() - renewed >= self.ttl_s:
                self.lost.set()
                return


def _newest(store: "Store", artifact: str) -> tuple[int, dict[str, Any]]:
    """Return the number and the holder of the newest lease object; 0 when there is none."""
    listed = store.files.walk(f"{artifact}/_leases")
    number = max((int(Path(path).stem) for path in listed if Path(path).stem.isdigit()), default=0)
    return number, _parse(store.files.find(paths.lease_token(artifact, number)) or b"") if number else {}


def _live(holder: dict[str, Any]) -> bool:
    """Say whether a lease object's holder may still be running: not expired, and not a dead process of this machine."""
    if float(holder.get("expires", 0)) < time.time():
        return False
    machine = _machine()
    return not machine or holder.get("machine") != machine or _running(int(holder.get("pid", 0)))


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _machine() -> str:
    """Return what tells this boot of this machine (and container) from any other, so that a pid means the same process.

    Empty where the system has no such id (Windows): two machines may share a host name, and a pid of one says nothing
    about the other. There a dead holder's lease runs out, and no pid is probed: os.kill(pid, 0) is Ctrl-C on Windows.
    """
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    with suppress(OSError):  # macOS: some milliseconds; kern.boottime would move whenever the clock is set
        sysctl = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False)
        return f"{socket.gethostname()} {sysctl.stdout.strip()}" if sysctl.stdout.strip() else ""
    return ""


def _describe(purpose: str, number: int) -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    host, pid = socket.gethostname(), os.getpid()
    return {"pid": pid, "host": host, "machine": _machine(), "purpose": purpose, "since": since, "token": number}


def _parse(data: bytes) -> dict[str, Any]:
    """Parse a holder; one being written at this moment reads as unknown."""
    with suppress(ValueError):
        value = json.loads(data)
        return value if isinstance(value, dict) else {}
    return {}


def _busy(artifact: str, holder: dict[str, Any]) -> BusyError:
    who = (
        f"process {holder['pid']} on {holder.get('host', '?')}, to {holder.get('purpose', 'write')}, since {holder.get('since', '?')}"
        if "pid" in holder
        else "another process"
    )
    pid = holder.get("pid", "PID")
    todo = f"Wait until it ends, or stop it (kill {pid}) and run this again; nothing it committed is lost."
    return BusyError(expected(f"lease on {artifact}", "nobody to hold it", who, todo))


def _release_in_child() -> None:
    for handle in _held:
        with suppress(OSError):
            os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_release_in_child)
