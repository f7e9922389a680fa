"""Gc removes what killed runs left and nothing else: not a stranger's file, not a live run's, not a young one."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.spaces import Space
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.verify import verify
from t2c.store.disk import paths
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.gc import REMOVED, gc
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import Manifest, commit, write_parquet
from t2c.store.disk.root import Store

ARTIFACT = "concepts/everyday"


@pytest.fixture
def committed(store: Store) -> FileEntry:
    entry = write_parquet(store, paths.data_file(ARTIFACT, 1), pa.table({"x": [1]}))
    commit(store, ARTIFACT, Manifest("concepts", "everyday", 1, files=(entry,)))
    commit(store, ARTIFACT, Manifest("concepts", "everyday", 2))
    return entry


@pytest.fixture
def orphan(store: Store, committed: FileEntry) -> FileEntry:
    return write_parquet(store, paths.data_file(ARTIFACT, 2), pa.table({"x": [2]}))


def leave(store: Store, path: str) -> None:
    """Leave a file behind, as another program or a killed run does."""
    file = Path(store.url, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"left")


def test_orphans_and_temporary_files_go_and_strangers_stay(store: Store, orphan: FileEntry) -> None:
    temporary = f"{ARTIFACT}/.tmp-1-abc"
    strangers = [f"{ARTIFACT}/backup.parquet", "notes.txt", f"{ARTIFACT}/_snapshots/notes.txt"]
    for path in (temporary, ".tmp-2-abc", *strangers):
        leave(store, path)
    before = store.files.walk("")
    would = gc(store, dry_run=True, older_than_s=0)
    assert would.schema == REMOVED
    assert store.files.walk("") == before
    removed = gc(store, dry_run=False, older_than_s=0)
    assert removed.equals(would)
    assert sorted(removed["path"].to_pylist()) == [".tmp-2-abc", temporary, orphan.path]
    assert dict(zip(removed["path"].to_pylist(), removed["bytes"].to_pylist(), strict=True))[orphan.path] == orphan.size
    assert set(before) - set(store.files.walk("")) == {".tmp-2-abc", temporary, orphan.path}
    assert verify(store).num_rows == 0
    assert gc(store, dry_run=False, older_than_s=0).num_rows == 0


def test_files_of_older_snapshots_stay(store: Store, committed: FileEntry) -> None:
    assert gc(store, dry_run=False, older_than_s=0).num_rows == 0
    assert store.files.exists(committed.path)


def test_young_files_stay(store: Store, orphan: FileEntry) -> None:
    assert gc(store, dry_run=False).num_rows == 0
    os.utime(Path(store.url, orphan.path), (1, 1))
    assert gc(store, dry_run=False)["path"].to_pylist() == [orphan.path]


def test_a_live_run_keeps_its_files(store: Store, orphan: FileEntry) -> None:
    with lease(store, ARTIFACT, purpose="add concepts"):
        assert gc(store, dry_run=True, older_than_s=0).num_rows == 0
        assert gc(store, dry_run=False, older_than_s=0).num_rows == 0
    assert gc(store, dry_run=False, older_than_s=0).num_rows == 1


def test_where_a_manifest_is_damaged_nothing_goes(store: Store, orphan: FileEntry) -> None:
    store.files.put(paths.manifest(ARTIFACT, 1), b"{")
    assert gc(store, dry_run=False, older_than_s=0).num_rows == 0


def test_ledger_entries_go_once_a_snapshot_has_them_and_resumable_work_stays(store: Store) -> None:
    space = Space("encoder", "timm:tiny", 2, "w")
    writer = FeatureWriter.open(store, "photos", encoder="timm:tiny", space=space, chunk_rows=4)
    for task in writer.pending(6):
        writer.write_chunk(task, np.ones((task.stop - task.start, 2)), np.ones(task.stop - task.start, dtype=bool))
    assert gc(store, dry_run=False, older_than_s=0).num_rows == 0
    with lease(store, writer.artifact, purpose="x") as token:
        writer.commit(6, parents=[], token=token)
    writer.write_chunk(writer.pending(8)[0], np.ones((2, 2)), np.ones(2, dtype=bool))
    removed = gc(store, dry_run=False, older_than_s=0)["path"].to_pylist()
    assert [path.rpartition("/")[2] for path in removed] == ["00000000-000000000004.json", "00000001-000000000006.json"]
    assert writer.pending(8) == []
    assert verify(store).num_rows == 0
