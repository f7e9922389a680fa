"""Chunks become durable one by one and visible all at once; what is already there is never computed again."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from t2c.schemas.errors import ConflictError, InputError, MismatchError, SpecError, StoreError
from t2c.schemas.spaces import Space
from t2c.store.artifacts import chunks
from t2c.store.artifacts.feature_writer import ChunkTask, FeatureWriter
from t2c.store.artifacts.features import list_features
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

SPACE = Space("encoder", "timm:tiny", 2, "weights")


@pytest.fixture
def writer(store: Store) -> FeatureWriter:
    return FeatureWriter.open(store, "photos", encoder="timm:tiny", space=SPACE, chunk_rows=4, spec={"note": "x"})


def write(writer: FeatureWriter, task: ChunkTask) -> None:
    rows = np.arange(task.start, task.stop, dtype=np.float32)
    writer.write_chunk(task, np.stack([rows, -rows], axis=1), np.ones(len(rows), dtype=np.bool_))


def tree(store: Store, artifact: str) -> dict[str, bytes]:
    """Return the array's own files: what must not depend on how a run went."""
    return {path: store.files.read(path) for path in store.files.walk(artifact) if "/c/" in path or "zarr.json" in path}


def test_pending_names_every_chunk_then_none(writer: FeatureWriter) -> None:
    tasks = writer.pending(10)
    assert tasks == [ChunkTask(0, 0, 4), ChunkTask(1, 4, 8), ChunkTask(2, 8, 10)]
    write(writer, tasks[1])
    assert writer.pending(10) == [tasks[0], tasks[2]]
    write(pickle.loads(pickle.dumps(writer)), tasks[0])
    write(writer, tasks[2])
    assert writer.pending(10) == []
    assert writer.pending(11) == [ChunkTask(2, 10, 11)]
    assert writer.pending(13) == [ChunkTask(2, 10, 12), ChunkTask(3, 12, 13)]
    assert writer.pending(0) == []


def test_nothing_is_visible_before_the_commit(store: Store, writer: FeatureWriter) -> None:
    for task in writer.pending(5):
        write(writer, task)
    assert list_features(store, "photos") == []
    parent = Parent("images", "photos", 1, "ab")
    with lease(store, writer.artifact, purpose="x") as token:
        features = writer.commit(5, parents=[parent], token=token)
    assert list_features(store, "photos") == [features]
    assert features.manifest.parents == (parent,)
    assert features.manifest.spec["note"] == "x"


def test_committing_twice_does_nothing(store: Store, writer: FeatureWriter) -> None:
    with lease(store, writer.artifact, purpose="x") as token:
        for task in writer.pending(5):
            write(writer, task)
        one = writer.commit(5, parents=[], token=token)
        assert writer.commit(5, parents=[], token=token) == one
        assert writer.commit(3, parents=[], token=token) == one


def test_a_commit_with_chunks_pending_is_refused(store: Store, writer: FeatureWriter) -> None:
    write(writer, ChunkTask(1, 4, 8))
    with lease(store, writer.artifact, purpose="x") as token:
        with pytest.raises(StoreError, match="expected 3 chunks for 10 rows, but got 2 still pending"):
            writer.commit(10, parents=[], token=token)
        with pytest.raises(ConflictError, match="lease: expected the one on"):
            FeatureWriter.open(store, "other", encoder="e", space=SPACE).commit(0, parents=[], token=token)
    assert list_features(store, "photos") == []


def test_a_commit_of_fewer_rows_than_were_written_names_only_those(store: Store, writer: FeatureWriter) -> None:
    for task in writer.pending(7):
        write(writer, task)
    with lease(store, writer.artifact, purpose="x") as token:
        five = writer.commit(5, parents=[], token=token)
        assert five.read(0, 5)[:, 0].tolist() == [0, 1, 2, 3, 4]
        assert writer.pending(7) == []
        seven = writer.commit(7, parents=[], token=token)
    assert seven.snapshot == 2
    assert [entry.rows for entry in five.manifest.files] == [4, 1]
    assert seven.read(0, 7)[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("steps", [[11], [3, 11], [1, 2, 5, 6, 11], list(range(1, 12))])
def test_the_array_does_not_depend_on_how_it_grew(store: Store, writer: FeatureWriter, steps: list[int]) -> None:
    whole = FeatureWriter.open(store, "whole", encoder="timm:tiny", space=SPACE, chunk_rows=4)
    for growing, totals in ((writer, steps), (whole, [11])):
        with lease(store, growing.artifact, purpose="x") as token:
            for total in totals:
                for task in growing.pending(total):
                    write(growing, task)
                growing.commit(total, parents=[], token=token)
    ours, theirs = tree(store, writer.artifact), tree(store, whole.artifact)
    assert len(ours) == 4
    assert {path.replace("photos", "whole"): data for path, data in ours.items()} == theirs


@pytest.mark.parametrize(
    ("poison", "message"),
    [
        (
            np.nan,
            "timm:tiny feature of photos, row 6 .'a/6.png'.: expected finite numbers, but got NaN. Check the model",
        ),
        (np.inf, "row 6 .*expected finite numbers, but got infinity"),
        (1e6, r"row 6 .*expected numbers that fit float16, but got 1e\+06. Store these features as float32: --dtype"),
    ],
)
def test_a_present_row_that_is_not_finite_is_refused(writer: FeatureWriter, poison: float, message: str) -> None:
    values = np.ones((4, 2), dtype=np.float32)
    values[2, 1] = poison
    ids = [f"a/{row}.png" for row in range(4, 8)]
    with pytest.raises(InputError, match=message):
        writer.write_chunk(ChunkTask(1, 4, 8), values, np.ones(4, dtype=np.bool_), image_ids=ids)
    assert writer.pending(8) == [ChunkTask(0, 0, 4), ChunkTask(1, 4, 8)]
    present = np.array([True, True, False, True])
    assert writer.write_chunk(ChunkTask(1, 4, 8), values, present).missing == ((6, 7),)


def test_a_chunk_without_any_feature_is_still_written(store: Store, writer: FeatureWriter) -> None:
    writer.write_chunk(ChunkTask(0, 0, 3), np.zeros((3, 2)), np.zeros(3, dtype=np.bool_))
    with lease(store, writer.artifact, purpose="x") as token:
        features = writer.commit(3, parents=[], token=token)
    assert np.isnan(features.read(0, 3)).all()
    assert not features.present(0, 3).any()
    assert features.manifest.files[0].extra == {"start": 0, "missing": [[0, 3]]}


def test_wrong_shapes_are_refused(writer: FeatureWriter) -> None:
    with pytest.raises(InputError, match=r"expected \(4, 2\) values and \(4,\) present, but got \(4, 3\) and \(4,\)"):
        writer.write_chunk(ChunkTask(0, 0, 4), np.zeros((4, 3)), np.ones(4, dtype=np.bool_))


def test_opening_again_keeps_the_layout_and_refuses_another(store: Store, writer: FeatureWriter) -> None:
    assert FeatureWriter.open(store, "photos", encoder="timm:tiny", space=SPACE).layout == writer.layout
    with pytest.raises(
        MismatchError, match=r"dtype: expected float16, but got float32. An array keeps what it was made"
    ):
        FeatureWriter.open(store, "photos", encoder="timm:tiny", space=SPACE, dtype="float32")
    with pytest.raises(MismatchError, match="rows of a chunk: expected 4, but got 8"):
        FeatureWriter.open(store, "photos", encoder="timm:tiny", space=SPACE, chunk_rows=8)
    with pytest.raises(SpecError, match="dtype of features: expected float16 or float32, but got 'int8'"):
        FeatureWriter.open(store, "new", encoder="timm:tiny", space=SPACE, dtype="int8")
    with pytest.raises(SpecError, match="chunk of features: expected at least 1 row"):
        FeatureWriter.open(store, "new", encoder="timm:tiny", space=SPACE, chunk_rows=0)


def test_a_folder_of_another_space_is_refused(store: Store, writer: FeatureWriter) -> None:
    path = chunks.metadata_path(writer.artifact)
    store.files.put(path, store.files.read(path).replace(SPACE.id.encode(), b"0" * 64))
    with pytest.raises(MismatchError, match=f"space: expected {'0' * 64}, but got {SPACE.id}"):
        FeatureWriter.open(store, "photos", encoder="timm:tiny", space=SPACE)


def test_the_same_space_under_another_name_is_the_same_array(store: Store, writer: FeatureWriter) -> None:
    alias = FeatureWriter.open(store, "photos", encoder="timm:tiny@file.safetensors", space=SPACE)
    assert (alias.artifact, alias.encoder) == (writer.artifact, "timm:tiny")


def test_a_damaged_ledger_entry_only_means_to_do_the_chunk_again(store: Store, writer: FeatureWriter) -> None:
    write(writer, ChunkTask(0, 0, 4))
    write(writer, ChunkTask(1, 4, 8))
    [first, second] = store.files.walk(f"{writer.artifact}/_ledger")
    store.files.put(first, b"{")
    store.files.put(second, json.dumps({"index": 9}).encode())
    store.files.put(f"{writer.artifact}/_ledger/notes.json", b"")
    assert writer.pending(8) == [ChunkTask(0, 0, 4), ChunkTask(1, 4, 8)]


def test_a_growing_chunk_with_other_rows_than_the_ledger_is_refused(store: Store, writer: FeatureWriter) -> None:
    write(writer, ChunkTask(0, 0, 2))
    path = Path(store.files.local_path(chunks.chunk_path(writer.artifact, 0)) or "")
    path.write_bytes(chunks.encode(np.ones((2, 2), dtype=np.float16), writer.layout))
    with pytest.raises(StoreError, match=r"c/0/0: expected rows with sha256 .*, but got other rows. Restore the chunk"):
        write(writer, ChunkTask(0, 2, 4))
