"""A run killed anywhere leaves the previous snapshot current, and the next run ends with the same bytes.

The run is a real process; it kills itself with SIGKILL at the n-th system call that opens, renames, links or removes
a file in the store (Python's audit events), so that every step of a commit can be the last.
"""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from t2c.store.artifacts.verify import verify
from t2c.store.disk import paths
from t2c.store.disk.gc import gc
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.root import Store, open_store

RUN = """
import os, signal, sys
import numpy as np
import pyarrow as pa
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import IMAGES
from t2c.store.disk import paths
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.images import append_images
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.root import open_store

url, last = sys.argv[1], int(sys.argv[2])
seen = 0

def step(event, args):
    global seen
    if event in ("open", "os.rename", "os.link", "os.remove", "os.mkdir") and url in str(args[:2]):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

def rows(start, stop):
    count = stop - start
    values = {name: [None] * count for name in IMAGES.names}
    values |= {"row": list(range(start, stop)), "image_id": [f"{row}.png" for row in range(start, stop)]}
    values |= {"uri": ["/x"] * count, "bytes": [1] * count, "outcome": ["ok"] * count}
    return pa.table(values, schema=IMAGES)

sys.addaudithook(step)
store = open_store(url, create=True)
for total in (3, 7, 11):
    with lease(store, paths.images("photos"), purpose="index photos") as token:
        images = find_manifest(store, paths.images("photos"))
        have = images.rows if images else 0
        if have < total:
            append_images(store, "photos", rows(have, total), spec={}, token=token)
    space = Space("encoder", "timm:tiny", 64, "weights")
    writer = FeatureWriter.open(store, "photos", encoder="timm:tiny", space=space, chunk_rows=4)
    with lease(store, writer.artifact, purpose="extract photos") as token:
        for task in writer.pending(total):
            values = np.random.default_rng(task.index).random((4, 64))[task.start % 4 :][: task.stop - task.start]
            writer.write_chunk(task, values, np.arange(task.start, task.stop) != 5)
        writer.commit(total, parents=[find_manifest(store, paths.images("photos")).as_parent()], token=token)
print(seen)
"""


def run(url: str, *, last: int = 0) -> subprocess.Popen[str]:
    """Start the run; `last` is the number of the system call that kills it, 0 for none."""
    return subprocess.Popen([sys.executable, "-c", RUN, url, str(last)], stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    return out


def content(store: Store) -> dict[str, object]:
    """Return every file of a store that readers see, manifests without what a clock or a digest of it puts there."""
    files: dict[str, object] = {}
    for path in store.files.walk(""):
        data = store.files.read(path)
        if "/_snapshots/" in path:
            value = json.loads(data)
            assert value.pop("created_at")
            assert value.pop("checksum")
            files[path] = value
        elif not path.endswith(("/_lease", "/_head")):
            files[path] = data
    return files


def newest(store: Store) -> list[int]:
    """Return the newest snapshot numbers, 0 for none."""
    folders = [paths.images("photos"), *(f"features/photos/{name}" for name in store.files.folders("features/photos"))]
    return [manifest.snapshot if (manifest := find_manifest(store, folder)) else 0 for folder in folders]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], int]:
    """The content that an uninterrupted run leaves, and the number of system calls it made."""
    url = tmp_path_factory.mktemp("whole") / "store"
    process = run(str(url))
    calls = int(finish(process))
    assert process.returncode == 0
    return content(open_store(url)), calls


def check_resume(url: Path, whole: dict[str, object]) -> None:
    """The store has nothing but whole snapshots now, and the next run completes it to the same bytes."""
    if (url / paths.MARKER).exists():
        assert verify(open_store(url)).num_rows == 0
    process = run(str(url))
    finish(process)
    assert process.returncode == 0
    store = open_store(url)
    gc(store, dry_run=False, older_than_s=0)
    assert verify(store).num_rows == 0
    assert newest(store) == [3, 3]
    after = {path: data for path, data in content(store).items() if "/_ledger/" not in path}
    assert after == {path: data for path, data in whole.items() if "/_ledger/" not in path}


@pytest.mark.parametrize("part", [0.03, 0.2, 0.45, 0.6, 0.8, 0.97])
def test_a_kill_at_a_system_call_loses_nothing(
    tmp_path: Path, whole: tuple[dict[str, object], int], part: float
) -> None:
    content, calls = whole
    process = run(str(tmp_path / "store"), last=round(part * calls))
    finish(process)
    assert process.returncode == -signal.SIGKILL
    check_resume(tmp_path / "store", content)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_random_kills_lose_nothing(tmp_path: Path, whole: tuple[dict[str, object], int], seed: int) -> None:
    """Three kills in a row, at random system calls and at random moments (in the middle of a write, too)."""
    content, calls = whole
    draw, before = random.Random(seed), [0, 0]
    for _ in range(3):
        process = run(str(tmp_path / "store"), last=draw.randrange(1, calls))
        if draw.random() < 0.5:
            time.sleep(draw.uniform(0.3, 1.0))
            process.send_signal(signal.SIGKILL)
        finish(process)
        if (tmp_path / "store" / paths.MARKER).exists():
            store = open_store(tmp_path / "store")
            after = [*newest(store), 0][:2]
            assert all(old <= new for old, new in zip(before, after, strict=True))
            assert verify(store).num_rows == 0
            before = after
    check_resume(tmp_path / "store", content)


@pytest.mark.slow
def test_a_kill_at_every_system_call_loses_nothing(tmp_path: Path, whole: tuple[dict[str, object], int]) -> None:
    content, calls = whole
    for last in range(1, calls + 1):
        url = tmp_path / str(last) / "store"
        process = run(str(url), last=last)
        finish(process)
        assert process.returncode == -signal.SIGKILL
        check_resume(url, content)
