"""Four processes write at once: none of their commits is lost, and a reader sees whole snapshots, never a mix."""

import subprocess
import sys

import pytest

from t2c.store.artifacts.images import Images, open_images
from t2c.store.disk import paths
from t2c.store.disk.manifest import find_manifest, snapshots
from t2c.store.disk.root import Store

ADD = """
import sys, time
import pyarrow as pa
from t2c.schemas.errors import BusyError
from t2c.schemas.tables.tables import IMAGES
from t2c.store.disk import paths
from t2c.store.artifacts.images import append_images
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.root import open_store

store, me, commits = open_store(sys.argv[1]), sys.argv[2], 0
artifact = paths.images("photos")
while commits < 6:
    try:
        with lease(store, artifact, purpose="index photos") as token:
            newest = find_manifest(store, artifact)
            start = newest.rows if newest else 0
            values = {name: [None] * 5 for name in IMAGES.names}
            values |= {"row": list(range(start, start + 5)), "image_id": [f"{me}/{commits}/{k}" for k in range(5)]}
            values |= {"uri": ["/x"] * 5, "bytes": [1] * 5, "outcome": ["ok"] * 5, "label": [me] * 5}
            append_images(store, "photos", pa.table(values, schema=IMAGES), spec={}, token=token)
            commits += 1
    except BusyError:
        time.sleep(0.01)
"""


@pytest.mark.parametrize("writers", [4])
def test_writers_take_turns_and_a_reader_sees_whole_snapshots(store: Store, writers: int) -> None:
    running = [subprocess.Popen([sys.executable, "-c", ADD, store.url, str(number)]) for number in range(writers)]
    seen = []
    while any(process.poll() is None for process in running):
        if find_manifest(store, paths.images("photos")) is None:
            continue
        images = open_images(store, "photos")
        table = images.table(["row", "label"])
        assert table["row"].to_pylist() == list(range(images.rows))
        labels = table["label"].to_pylist()
        assert all(len(set(labels[start : start + 5])) == 1 for start in range(0, len(labels), 5))
        seen.append(images.snapshot)
    assert [process.returncode for process in running] == [0] * writers
    assert seen == sorted(seen)
    made = list(snapshots(store, paths.images("photos")))
    assert [manifest.rows for manifest in made] == [5 * number for number in range(1, 6 * writers + 1)]
    labels = Images(store, "photos", made[-1]).table(["label"])["label"].to_pylist()
    assert all(labels.count(str(number)) == 30 for number in range(writers))
