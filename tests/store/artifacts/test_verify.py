"""Verify lists every damaged file of every snapshot, once, and raises for none of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.spaces import Space
from t2c.store.artifacts import chunks
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, append_images
from t2c.store.artifacts.verify import PROBLEMS, verify
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import Manifest, Parent, commit
from t2c.store.disk.root import Store


@pytest.fixture
def images(store: Store, image_rows: Callable[..., pa.Table]) -> Images:
    with lease(store, paths.images("photos"), purpose="index photos") as token:
        append_images(store, "photos", image_rows(0, 3), spec={}, token=token)
        return append_images(store, "photos", image_rows(3, 3), spec={}, token=token)


@pytest.fixture
def features(store: Store, images: Images) -> Features:
    space = Space("encoder", "timm:tiny", 3, "w")
    writer = FeatureWriter.open(store, "photos", encoder="timm:tiny", space=space, chunk_rows=4)
    with lease(store, writer.artifact, purpose="extract photos") as token:
        for task in writer.pending(6):
            writer.write_chunk(task, np.ones((task.stop - task.start, 3)), np.ones(task.stop - task.start, dtype=bool))
        return writer.commit(6, parents=[images.manifest.as_parent()], token=token)


def on_disk(store: Store, path: str) -> Path:
    return Path(store.files.local_path(path) or "")


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_a_whole_store_has_no_problems_and_strangers_are_ignored(store: Store, features: Features) -> None:
    on_disk(store, f"{paths.images('photos')}/foreign.parquet").write_bytes(b"PAR1")
    on_disk(store, f"{features.manifest.artifact}/c/9").mkdir()
    seen: list[str] = []
    found = verify(store, on_artifact=seen.append)
    assert found.schema == PROBLEMS
    assert found.num_rows == 0
    assert seen == ["datasets/photos/images", features.manifest.artifact]


def test_each_damaged_file_is_listed_once_with_the_oldest_snapshot(
    store: Store, features: Features, images: Images
) -> None:
    first, second = (entry.path for entry in images.manifest.files)
    on_disk(store, first).unlink()
    flip(on_disk(store, second))
    hole = chunks.chunk_path(features.manifest.artifact, 0)
    on_disk(store, hole).unlink()
    flipped = chunks.chunk_path(features.manifest.artifact, 1)
    flip(on_disk(store, flipped))
    found = verify(store).to_pylist()
    assert [(row["path"], row["snapshot"]) for row in found] == [(first, 1), (second, 2), (hole, 1), (flipped, 1)]
    starts = [
        "expected a committed file, but got no file",
        "expected sha256",
        "expected a committed file",
        "expected crc32c",
    ]
    assert all(row["problem"].startswith(start) for row, start in zip(found, starts, strict=True))


def test_a_damaged_or_missing_manifest_is_listed(store: Store, images: Images) -> None:
    one, two = (paths.manifest(paths.images("photos"), number) for number in (1, 2))
    on_disk(store, one).unlink()
    flip(on_disk(store, two))
    found = verify(store).to_pylist()
    assert [(row["path"], row["snapshot"]) for row in found] == [(one, 1), (two, 2)]
    assert found[0]["problem"] == "expected the manifest of a committed snapshot, but got no file"


def test_array_metadata_is_checked(store: Store, features: Features) -> None:
    path = chunks.metadata_path(features.manifest.artifact)
    text = on_disk(store, path).read_text()
    for damaged, problem in (
        (text.replace('"NaN"', "0"), "fill_value: expected 'NaN', but got 0"),
        (text.replace("6,", "5,", 1), "expected 6 rows or more, but got 5"),
        (text.replace('"weights": "w"', '"weights": "v"'), "expected space "),
        (text[:20], "expected the metadata of a Zarr array"),
    ):
        on_disk(store, path).write_text(damaged)
        [row] = verify(store).to_pylist()
        assert row["path"] == path
        assert row["problem"].startswith(problem)


def test_a_parent_that_is_gone_or_another_is_listed(store: Store, images: Images) -> None:
    here = paths.manifest("concepts/b", 1)
    gone = Parent("images", "others", 1, "ab")
    other = Parent("images", "photos", 1, "ab" * 32)
    known = images.manifest.as_parent()
    stranger = Parent("text encoder", "x y", 1, "")
    commit(store, "concepts/b", Manifest("concepts", "b", 1, parents=(known, stranger, gone, other)))
    found = [row["problem"] for row in verify(store).to_pylist() if row["path"] == here]
    assert found[0] == "expected its parent datasets/others/images/_snapshots/00000001.json, but got no file"
    assert "00000001.json with digest abababababab, but got" in found[1]
    assert len(found) == 2
