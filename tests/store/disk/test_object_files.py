"""A store in S3 (moto's server on loopback) keeps every promise of a local one, commits by conditional put."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.errors import BusyError, ConflictError, CorruptError, StoreError, StoreWriteError
from t2c.schemas.spaces import Space
from t2c.store.artifacts import chunks
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.images import append_images, ok_rows, open_images
from t2c.store.artifacts.verify import verify
from t2c.store.disk import paths
from t2c.store.disk.gc import gc
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import Manifest, commit, find_manifest, write_file, write_parquet
from t2c.store.disk.object_files import ObjectFiles
from t2c.store.disk.root import Store, open_store

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an S3 server on loopback with a bucket `photos`."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    import s3fs

    s3fs.S3FileSystem(endpoint_url=f"http://{host}:{port}", skip_instance_cache=True).mkdir("photos")
    yield f"http://{host}:{port}"
    server.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture
def s3(endpoint: str, request: pytest.FixtureRequest) -> Store:
    """An empty store in the bucket."""
    url = f"s3://photos/{abs(hash(request.node.nodeid))}"
    return open_store(url, create=True, storage_options={"endpoint_url": endpoint})


def test_bytes_in_and_out(s3: Store) -> None:
    s3.files.put("a/b/x", b"old")
    s3.files.put("a/b/x", b"new")
    s3.files.put("a/y", memoryview(b"yy"))
    assert s3.files.read("a/b/x") == b"new"
    assert s3.files.walk("a") == ["a/b/x", "a/y"]
    assert s3.files.folders("a") == ["b"]
    assert s3.files.folders("") == ["a"]
    assert (s3.files.size("a/y"), s3.files.exists("a/y"), s3.files.exists("a")) == (2, True, False)
    assert s3.files.age("a/y") < 60
    assert s3.files.uri("a/y") == f"{s3.url}/a/y"
    assert s3.files.local_path("a/y") is None
    s3.files.delete("a/y")
    s3.files.delete("a/y")
    assert s3.files.find("a/y") is None
    for read in (s3.files.read, s3.files.size, s3.files.sha256):
        with pytest.raises(CorruptError, match="a/y: expected a committed file, but got no file"):
            read("a/y")


def test_a_large_file_is_sent_in_parts_and_named_by_its_content(s3: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2c.store.disk.object_files._SPOOL", 2**20)
    block = bytes(range(256)) * 4096
    entry = write_file(s3, "a/1-*.bin", lambda file: [file.write(block) for _ in range(7)], rows=0)
    assert (entry.size, s3.files.size(entry.path)) == (7 * 2**20, 7 * 2**20)
    assert entry.sha256 == s3.files.sha256(entry.path)


def test_a_write_that_fails_half_way_leaves_nothing(s3: Store) -> None:
    def fail(file: Any) -> None:
        file.write(b"half")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_file(s3, "a/x", fail, rows=0)
    assert s3.files.walk("a") == []


def test_of_many_conditional_puts_one_wins(s3: Store) -> None:
    barrier, won = threading.Barrier(4), []

    def write(number: int) -> None:
        barrier.wait()
        if s3.files.put_if_absent("a/head", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert s3.files.read("a/head") == b"%d" % won[0]


def test_the_whole_spine_works_in_s3(s3: Store, image_rows: Callable[..., pa.Table]) -> None:
    with lease(s3, paths.images("photos"), purpose="index photos") as token:
        images = append_images(s3, "photos", image_rows(0, 6), spec={}, token=token)
        with pytest.raises(BusyError, match="to index photos"), lease(s3, paths.images("photos"), purpose="y"):
            pass
    space = Space("encoder", "timm:tiny", 3, "w")
    writer = FeatureWriter.open(s3, "photos", encoder="timm:tiny", space=space, chunk_rows=4)
    with lease(s3, writer.artifact, purpose="extract photos") as token:
        for total in (5, 6):
            for task in writer.pending(total):
                values = np.arange(task.start * 3, task.stop * 3).reshape(-1, 3)
                writer.write_chunk(task, values, np.ones(len(values), dtype=np.bool_))
            writer.commit(total, parents=[images.manifest.as_parent()], token=token)
    store = open_store(s3.url, storage_options=dict(s3.storage_options))
    features = open_features(store, "photos", "timm:tiny")
    assert features.snapshot == 2
    np.testing.assert_array_equal(features.read(0, 6), np.arange(18).reshape(6, 3))
    np.testing.assert_array_equal(features.as_zarr()[:], features.read(0, 6))
    assert ok_rows(open_images(store, "photos")).tolist() == list(range(6))
    assert verify(store).num_rows == 0
    s3.files.delete(chunks.chunk_path(features.manifest.artifact, 1))
    with pytest.raises(CorruptError, match="c/1/0: expected a committed file, but got no file"):
        features.read(0, 6)
    assert verify(store)["path"].to_pylist() == [chunks.chunk_path(features.manifest.artifact, 1)] * 2


def test_a_second_commit_of_the_same_number_conflicts(s3: Store) -> None:
    manifest = Manifest("concepts", "b", 1)
    commit(s3, "concepts/b", manifest)
    with pytest.raises(ConflictError, match="commit to concepts/b: expected snapshot 2, but got snapshot 1"):
        commit(s3, "concepts/b", manifest)
    assert find_manifest(s3, "concepts/b") == manifest


def test_gc_removes_an_uncommitted_file_in_s3(s3: Store) -> None:
    entry = write_parquet(s3, paths.data_file("concepts/b", 1), pa.table({"x": [1]}))
    assert gc(s3, dry_run=False, older_than_s=0)["path"].to_pylist() == [entry.path]
    assert not s3.files.exists(entry.path)


def test_an_address_that_does_not_answer_or_a_missing_bucket_says_so(endpoint: str) -> None:
    with pytest.raises(
        StoreError, match=r"store s3://photos/none: expected a folder with t2c-store.json, but got nothing"
    ):
        open_store("s3://photos/none", storage_options={"endpoint_url": endpoint})
    with pytest.raises(StoreWriteError, match=r"s3://nobucket/x/t2c-store.json: expected"):
        open_store("s3://nobucket/x", create=True, storage_options={"endpoint_url": endpoint})


def test_memory_and_s3_agree_on_read_into(memory_store: Store) -> None:
    assert isinstance(memory_store.files, ObjectFiles)
    memory_store.files.put("x", b"abcdef")
    first, second = bytearray(4), bytearray(4)
    assert memory_store.files.read_into("x", [memoryview(first), memoryview(second)]) == 6
    assert (bytes(first), bytes(second)) == (b"abcd", b"ef\0\0")
