"""One live run holds an artifact; another is told who it is; a killed holder holds nothing."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from t2c.schemas.errors import BusyError, ConflictError
from t2c.store.disk import lease as leases
from t2c.store.disk import paths
from t2c.store.disk.lease import Token, _Heartbeat, _machine, holder, lease
from t2c.store.disk.root import Store, open_store

ARTIFACT = "datasets/photos/images"
HOLD = """
import sys, time
from t2c.store.disk.root import open_store
from t2c.store.disk.lease import lease
with lease(open_store(sys.argv[1]), "datasets/photos/images", purpose="index photos"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["store", "memory_store"])
def any_store(request: pytest.FixtureRequest) -> Store:
    return request.getfixturevalue(request.param)


def holding(store: Store) -> subprocess.Popen[str]:
    """Start a process that holds the lease."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, store.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_holder_is_told_who_and_what_to_do(any_store: Store) -> None:
    with lease(any_store, ARTIFACT, purpose="index photos"):
        assert (holder(any_store, ARTIFACT) or {})["pid"] == os.getpid()
        want = (
            rf"lease on {ARTIFACT}: expected nobody to hold it, but got process {os.getpid()} on .*, "
            rf"to index photos, since 20.*\. Wait until it ends, or stop it \(kill {os.getpid()}\)"
        )
        with pytest.raises(BusyError, match=want), lease(any_store, ARTIFACT, purpose="x"):
            pass
        with lease(any_store, "datasets/other/images", purpose="something else"):
            pass
    assert holder(any_store, ARTIFACT) is None


def test_the_fencing_number_only_rises(any_store: Store) -> None:
    numbers = []
    for _ in range(12):
        with lease(any_store, ARTIFACT, purpose="x") as token:
            token.check()
            numbers.append(token.number)
    assert numbers == list(range(1, 13))
    assert not any_store.files.exists(paths.lease_token(ARTIFACT, 1))


def test_an_error_in_the_block_releases(any_store: Store) -> None:
    with pytest.raises(ZeroDivisionError), lease(any_store, ARTIFACT, purpose="x"):
        _ = 1 / 0
    with lease(any_store, ARTIFACT, purpose="x"):
        pass


def test_a_killed_process_holds_nothing(store: Store) -> None:
    process = holding(store)
    with pytest.raises(BusyError, match=f"process {process.pid} on"), lease(store, ARTIFACT, purpose="x"):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    with lease(store, ARTIFACT, purpose="x") as token:
        assert token.number == 2


def test_a_forked_worker_that_outlives_its_parent_holds_nothing(store: Store) -> None:
    script = HOLD.replace('print("held"', 'import os; os.fork() and time.sleep(60); print(os.getpid(), "held"')
    process = subprocess.Popen([sys.executable, "-c", script, store.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline().split()[0])
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    try:
        with lease(store, ARTIFACT, purpose="x") as token:
            assert token.number == 2
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_file_that_was_replaced_means_a_lost_lease(store: Store) -> None:
    path = Path(store.files.local_path(paths.lease_file(ARTIFACT)) or "")
    with lease(store, ARTIFACT, purpose="x") as token:
        path.unlink()
        with pytest.raises(ConflictError, match=rf"lease 1 on {ARTIFACT}: expected to be held, but got a lost lease"):
            token.check()


def test_an_expired_lease_is_taken_over_and_the_old_holder_finds_out(memory_store: Store) -> None:
    with lease(memory_store, ARTIFACT, purpose="x") as stale:
        path = paths.lease_token(ARTIFACT, stale.number)
        memory_store.files.put(path, b'{"pid": 1, "host": "elsewhere", "expires": 0}')
        with lease(memory_store, ARTIFACT, purpose="take over") as fresh:
            fresh.check()
            assert fresh.number == stale.number + 1
            with pytest.raises(ConflictError, match="a lost lease"):
                stale.check()


def test_the_heartbeat_renews_the_lease(memory_store: Store) -> None:
    with lease(memory_store, ARTIFACT, purpose="x", ttl_s=4) as token:
        path = paths.lease_token(ARTIFACT, token.number)
        first = json.loads(memory_store.files.read(path))["expires"]
        deadline = time.monotonic() + 30
        while json.loads(memory_store.files.read(path))["expires"] == first and time.monotonic() < deadline:
            time.sleep(0.05)
        assert json.loads(memory_store.files.read(path))["expires"] > first


def test_a_lease_that_could_not_be_renewed_in_time_is_lost(memory_store: Store) -> None:
    beat = _Heartbeat(memory_store, paths.lease_token(ARTIFACT, 1), {}, 0.0)
    beat.run()
    assert beat.lost.is_set()
    token = Token(ARTIFACT, 1, beat.lost, lambda: True)
    with pytest.raises(ConflictError, match=r"a lost lease. This run stopped before committing"):
        token.check()


def test_a_dead_process_of_this_machine_holds_no_object_lease(memory_store: Store) -> None:
    done = multiprocessing.get_context("spawn").Process(target=int)
    done.start()
    done.join()
    with lease(memory_store, ARTIFACT, purpose="x") as token:
        path = paths.lease_token(ARTIFACT, token.number)
        mine = memory_store.files.read(path)
        memory_store.files.put(path, mine.replace(b'"pid":%d' % os.getpid(), b'"pid":%d' % (done.pid or 0)))
        with lease(memory_store, ARTIFACT, purpose="y") as fresh:
            assert fresh.number == 2


def test_where_no_boot_can_be_told_from_another_a_lease_runs_out_and_no_process_is_probed(
    memory_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_machine", lambda: "")
    monkeypatch.delattr(os, "kill")  # os.kill(pid, 0) is Ctrl-C on Windows
    with lease(memory_store, ARTIFACT, purpose="x") as token:
        path = paths.lease_token(ARTIFACT, token.number)
        with pytest.raises(BusyError, match=f"process {os.getpid()}"), lease(memory_store, ARTIFACT, purpose="y"):
            pass
        memory_store.files.put(path, memory_store.files.read(path).replace(b'"expires":', b'"expires":0,"was":'))
        with lease(memory_store, ARTIFACT, purpose="y") as fresh:
            assert fresh.number == 2


@pytest.mark.parametrize(("said", "machine"), [("echo 8D1F-02", "mac 8D1F-02"), ("exit 1", ""), (None, "")])
def test_without_proc_the_boot_is_what_sysctl_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, machine: str
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: (_ for _ in ()).throw(FileNotFoundError(str(self))))
    monkeypatch.setattr("socket.gethostname", lambda: "mac")
    monkeypatch.setenv("PATH", str(tmp_path))
    if said is not None:
        (tmp_path / "sysctl").write_text(f"#!/bin/sh\n{said}\n")
        (tmp_path / "sysctl").chmod(0o755)
    assert _machine.__wrapped__() == machine


def test_a_half_written_lock_file_still_names_another_process(store: Store) -> None:
    with lease(store, ARTIFACT, purpose="x"):
        Path(store.files.local_path(paths.lease_file(ARTIFACT)) or "").write_bytes(b'{"pid": 1')
        with (
            pytest.raises(BusyError, match="but got another process"),
            lease(open_store(store.url), ARTIFACT, purpose="y"),
        ):
            pass
