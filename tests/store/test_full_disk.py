"""A full or read-only disk ends in a message with numbers, commits nothing, and the same run succeeds afterwards.

Each case runs in a process of its own: under a limit on file size, or in a private mount namespace (needs root).
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from t2c.store.disk import paths
from t2c.store.disk.root import Store

APPEND = """
import json, os, resource, sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from t2c.schemas.errors import StoreWriteError, T2CError
from t2c.schemas.spaces import Space
from t2c.store.disk import paths
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import Manifest, commit, find_manifest, write_file, write_parquet
from t2c.store.disk.root import open_store

store = open_store(sys.argv[1], create=True)
artifact = "concepts/everyday"

def add(number, rows):
    with lease(store, artifact, purpose="add concepts") as token:
        table = pa.table({"x": np.random.default_rng(number).random(rows)})
        entry = write_parquet(store, paths.data_file(artifact, number), table)
        commit(store, artifact, Manifest("concepts", "everyday", number, files=(entry,)), check=token.check)

def stream():
    table = pa.table({"x": np.random.default_rng(0).random(100_000)})
    def write(file):
        with pq.ParquetWriter(file, table.schema) as writer:
            for _ in range(4):
                writer.write_table(table)
    return write_file(store, paths.data_file(artifact, 3), write, rows=400_000)

def chunk():
    writer = FeatureWriter.open(store, "photos", encoder="e", space=Space("encoder", "e", 256, "w"))
    writer.write_chunk(writer.pending(10)[0], np.ones((10, 256)), np.ones(10, dtype=bool))
    return writer

def attempt(action):
    try:
        action()
    except StoreWriteError as error:
        return str(error)
    return "done"
"""

FILL = (
    APPEND
    + """
add(1, 10)
said = {}
FULL()
said["parquet"] = attempt(lambda: add(2, 200_000))
said["stream"] = attempt(stream)
said["chunk"] = attempt(chunk)
said["newest"] = find_manifest(store, artifact).snapshot
said["left"] = [path for path in store.files.walk("") if ".tmp-" in path]
FREE()
said["again"] = [attempt(lambda: add(2, 200_000)), attempt(chunk), find_manifest(store, artifact).snapshot]
print(json.dumps(said))
"""
)

LIMIT = """
def FULL(): resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
def FREE(): resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""

FILLER = """
def FULL(): open(sys.argv[1] + "/../filler", "wb").write(bytes(7_400_000))
def FREE(): os.unlink(sys.argv[1] + "/../filler")
"""

READ_ONLY = (
    APPEND
    + """
said = {"newest": find_manifest(store, artifact).snapshot}
said["lease"] = attempt(lambda: add(2, 10))
said["put"] = attempt(lambda: store.files.put("concepts/everyday/x", b"123"))
said["claim"] = attempt(lambda: store.files.put_if_absent("concepts/everyday/x", b"123"))
said["new"] = attempt(lambda: write_parquet(store, paths.data_file(artifact, 2), pa.table({"x": [1]})))
said["chunk"] = attempt(chunk)
said["delete"] = attempt(lambda: store.files.delete(paths.MARKER))
print(json.dumps(said))
"""
)


def in_namespace(mount: str, script: str, *arguments: str) -> dict[str, object]:
    """Run a script after a mount command in a private mount namespace; skip where that is not allowed."""
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no private mount namespaces here (needs root)")
    command = f'{mount} || exit 99; exec "$0" -c "$1" "$2"'
    process = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, sys.executable, script, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode == 99:
        pytest.skip(f"mounting is not allowed here: {process.stderr.strip()}")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def check(said: dict[str, object], *, free: bool) -> None:
    for what in ("parquet", "stream", "chunk"):
        text = str(said[what])
        assert "expected room for " in text
        assert " bytes, but got " in text
        assert " bytes free). Nothing was committed. Free some space (t2c gc removes leftovers)" in text
        needed = int(text.partition("room for ")[2].partition(" bytes")[0].replace(",", ""))
        left = int(
            text.rpartition("(t2c gc")[0]
            .rpartition("got ")[2]
            .partition("(")[2]
            .partition(" bytes")[0]
            .replace(",", "")
        )
        assert needed > left if free else needed > 100_000
    assert said["newest"] == 1
    assert said["left"] == []
    assert said["again"] == ["done", "done", 2]


def test_a_limit_on_file_size_is_a_full_disk(tmp_path: Path) -> None:
    script = FILL.replace("add(1, 10)", LIMIT + "add(1, 10)")
    process = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s")], capture_output=True, text=True, check=True
    )
    check(json.loads(process.stdout), free=False)


def test_a_full_file_system(tmp_path: Path) -> None:
    script = FILL.replace("add(1, 10)", FILLER + "add(1, 10)")
    mount = f"mount -t tmpfs -o size=8m none {tmp_path}"
    check(in_namespace(mount, script, str(tmp_path / "s")), free=True)


def test_a_read_only_store_can_be_read_and_says_why_it_cannot_be_written(store: Store) -> None:
    subprocess.run([sys.executable, "-c", APPEND + "add(1, 10)", store.url], check=True)
    mount = f"mount --bind {store.url} {store.url} && mount -o remount,ro,bind {store.url}"
    said = in_namespace(mount, READ_ONLY, store.url)
    assert said.pop("newest") == 1
    for what, text in said.items():
        assert "expected a folder that can be written, but got Read-only file system" in str(text), what
        assert "Nothing was committed. Make the store writable for this user" in str(text), what
    assert store.files.exists(paths.MARKER)
