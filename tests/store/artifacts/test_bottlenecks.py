"""Bottlenecks in the store: written once, found by what made them, refused when a byte differs, listed as artifacts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.bottleneck_certificate import BottleneckCertificate, Edit
from t2c.schemas.errors import CorruptError, UnknownName
from t2c.store.artifacts.bottlenecks import (
    BottleneckArrays,
    StoredBottleneck,
    find_bottleneck,
    list_bottlenecks,
    open_bottleneck,
    resolve_bottleneck,
    write_bottleneck,
)
from t2c.store.artifacts.verify import verify
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

ARRAYS = BottleneckArrays(
    np.array([[1, -1]], dtype=np.float32), np.zeros(1, dtype=np.float32), np.array([0.2, 0.3]), np.array([0.1, 0.0])
)
CERTIFICATE = BottleneckCertificate(
    "photos", 1, "label", ("a", "b"), "everyday", "0123456789ab", "timm:x", "sgd", "", 2, 2, (), 2, 1, 0, 0
)
CONCEPTS = pa.table({"key": [0, 3], "concept": ["red", "blue"], "mark": ["trusted", "not measured"]})
ROWS = pa.table(
    {
        "row": [0, 1, 2],
        "content_hash": ["aa", "bb", "cc"],
        "side": ["fitted", "fitted", "held out"],
        "label": list("aba"),
    }
)
PARENTS = (Parent("images", "photos", 1, "f" * 64),)


def write(store: Store, *, seed: int = 0, certificate: BottleneckCertificate = CERTIFICATE) -> StoredBottleneck:
    spec = {"dataset": certificate.dataset, "seed": seed}
    return write_bottleneck(store, ARRAYS, certificate, concepts=CONCEPTS, rows=ROWS, spec=spec, parents=PARENTS)


def test_it_is_written_once_and_read_as_it_was(store: Store) -> None:
    made, again = write(store), write(store)
    assert (made.name, made.manifest.created_at) == (again.name, again.manifest.created_at)
    read = open_bottleneck(store, made.name[:6])
    assert read.certificate == CERTIFICATE
    for name in ("weight", "bias", "mean", "std"):
        np.testing.assert_array_equal(getattr(read.arrays(), name), getattr(ARRAYS, name))
    assert read.concepts().to_pylist() == CONCEPTS.to_pylist()
    assert read.rows().to_pylist() == ROWS.to_pylist()
    assert read.manifest.parents == PARENTS


def test_it_is_found_by_what_made_it(store: Store) -> None:
    made = write(store)
    found = find_bottleneck(store, {"dataset": "photos", "seed": 0}, PARENTS)
    assert found is not None
    assert found.name == made.name
    assert find_bottleneck(store, {"dataset": "photos", "seed": 1}, PARENTS) is None


def test_the_newest_of_a_dataset_is_meant_unless_one_is_named(store: Store) -> None:
    with pytest.raises(UnknownName, match=r"bottleneck of photos: expected one that was fitted.*t2c cbm fit photos"):
        resolve_bottleneck(store, "photos")
    first, second = write(store), write(store, seed=1)
    other = write(store, certificate=replace(CERTIFICATE, dataset="new"))
    edited = write(store, seed=2, certificate=replace(CERTIFICATE, edits=(Edit("red", 0.0),)))
    assert [one.name for one in list_bottlenecks(store)] == [one.name for one in (first, second, other, edited)]
    assert resolve_bottleneck(store, "photos").name == second.name
    assert resolve_bottleneck(store, "unseen").name == other.name
    assert resolve_bottleneck(store, "photos", edited.name).name == edited.name


def test_a_name_that_is_none_offers_those_there_are(store: Store) -> None:
    with pytest.raises(UnknownName, match=r"expected a digest of a bottleneck \(there is none yet\), but got 'zz'"):
        open_bottleneck(store, "zz")
    made = write(store)
    with pytest.raises(
        UnknownName, match=rf"bottleneck: expected a digest of {made.name}, but got 'zz', which starts none"
    ):
        open_bottleneck(store, "zz")


def test_a_flipped_byte_is_refused(store: Store) -> None:
    made = write(store)
    entry = made.manifest.with_role("weights")[0]
    path = Path(str(store.files.local_path(entry.path)))
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CorruptError, match=r"bottlenecks/.*safetensors: expected sha256"):
        made.arrays()
    assert [row["path"] for row in verify(store).to_pylist() if "safetensors" in row["path"]] == [entry.path]
