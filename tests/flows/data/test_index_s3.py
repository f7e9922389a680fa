"""Indexing from S3 (moto's server on loopback): folders, tars and Parquet by URL, read again by their URIs."""

import io
import os
import tarfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from t2c.flows.data.index import index
from t2c.schemas.errors import InputError
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from t2c.store.sources.image_bytes import open_bytes
from tests.flows.data.test_index import picture


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """An s3fs file system on an empty server with the bucket `images`, found through the environment alone."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3fs = pytest.importorskip("s3fs")
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        s3fs.S3FileSystem.clear_instance_cache()
        filesystem = s3fs.S3FileSystem()
        filesystem.mkdir("images")
        yield filesystem
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
    assert "AWS_ENDPOINT_URL" not in os.environ


def uris(store: Store, dataset: str) -> dict[str, str]:
    table = open_images(store, dataset).table(["image_id", "uri"])
    return dict(zip(table["image_id"].to_pylist(), table["uri"].to_pylist(), strict=True))


def test_folder(store: Store, bucket: Any) -> None:
    bucket.pipe("images/photos/dog/a b#1%.png", picture("red"))
    bucket.pipe("images/photos/é.png", picture("blue"))
    bucket.pipe("images/photos/.hidden", b"x")
    report = index(store, "s3://images/photos/", "photos")
    assert (report.outcomes["ok"], report.skipped) == (2, 1)
    assert open_bytes(uris(store, "photos")["dog/a b#1%.png"]) == picture("red")
    assert index(store, "s3://images/photos", "photos").snapshot == 1
    bucket.rm("images/photos/é.png")
    assert index(store, "s3://images/photos", "photos").deleted == 1


def test_tar_and_parquet(store: Store, bucket: Any) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("1.png")
        info.size = len(picture("red"))
        tar.addfile(info, io.BytesIO(picture("red")))
    bucket.pipe("images/tars/train-0.tar", out.getvalue())
    table = io.BytesIO()
    parquet.write_table(pa.table({"image": [{"bytes": picture("blue"), "path": "a.png"}]}), table)
    bucket.pipe("images/tables/data/train-0.parquet", table.getvalue())
    assert index(store, "s3://images/tars", "tars").kind == "tar"
    assert index(store, "s3://images/tables", "tables").kind == "parquet"
    assert open_bytes(uris(store, "tars")["train-0.tar/1.png"]) == picture("red")
    assert open_bytes(uris(store, "tables")["data/train-0.parquet/a.png"]) == picture("blue")


def test_what_is_not_there_is_named(store: Store, bucket: Any) -> None:
    with pytest.raises(InputError, match="source s3://nowhere/x: expected an address that answers"):
        index(store, "s3://nowhere/x", "photos")
    with pytest.raises(InputError, match="source s3://images/empty: expected keys under this prefix, but got none"):
        index(store, "s3://images/empty", "photos")
