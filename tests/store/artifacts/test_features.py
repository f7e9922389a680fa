"""Features are read by row range from no more files than it takes, and a hole is an error, never a fill value."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from t2c.schemas.errors import CorruptError, InputError, UnknownName
from t2c.schemas.spaces import Space
from t2c.store.artifacts import chunks
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.features import Features, chunk_problems, list_features, open_features
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store

SPACE = Space("encoder", "timm:tiny", 3, "weights")
MISSING = (2, 3, 5)


def value(row: int) -> list[float]:
    return [row, row + 0.25, -row]


def extract(store: Store, total: int, *, space: Space = SPACE, encoder: str = "timm:tiny") -> Features:
    """Write features of rows up to total, those of MISSING left out."""
    writer = FeatureWriter.open(store, "photos", encoder=encoder, space=space, chunk_rows=4)
    with lease(store, writer.artifact, purpose="extract photos") as token:
        for task in writer.pending(total):
            rows = np.arange(task.start, task.stop)
            values = np.array([value(row) for row in rows], dtype=np.float32)
            writer.write_chunk(task, values, ~np.isin(rows, MISSING))
        return writer.commit(total, parents=[], token=token)


def wanted(rows: list[int]) -> np.ndarray:
    return np.array([[np.nan] * 3 if row in MISSING else value(row) for row in rows], dtype=np.float16).reshape(-1, 3)


@pytest.fixture(params=["store", "memory_store"])
def any_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    return request.getfixturevalue(request.param)


def chunk_file(features: Features, index: int) -> Path:
    return Path(features.store.files.local_path(chunks.chunk_path(features.manifest.artifact, index)) or "")


def test_every_range_reads_what_was_written(any_store: Store) -> None:
    features = extract(any_store, 11)
    for start in range(12):
        for stop in range(start, 12):
            np.testing.assert_array_equal(features.read(start, stop), wanted(list(range(start, stop))))
            present = [row not in MISSING for row in range(start, stop)]
            assert features.present(start, stop).tolist() == present
    assert features.read(0, 0).shape == (0, 3)
    assert features.blocks() == [(0, 4), (4, 8), (8, 11)]
    assert (features.rows, features.dimension, features.dtype, features.chunk_rows) == (11, 3, np.dtype("<f2"), 4)
    assert features.manifest.summary == {"present": 8, "missing": 3}


def test_take_gives_rows_in_the_order_asked(any_store: Store) -> None:
    features = extract(any_store, 11)
    for rows in ([10, 0, 10, 2], [], [7]):
        np.testing.assert_array_equal(features.take(rows), wanted(rows))


def test_rows_that_are_not_there_are_refused(store: Store) -> None:
    features = extract(store, 5)
    for start, stop in ((-1, 2), (0, 6), (3, 2)):
        for read in (features.read, features.present):
            with pytest.raises(InputError, match=f"expected a range in 0 to 5, but got {start} to {stop}"):
                read(start, stop)
    with pytest.raises(InputError, match="rows of timm:tiny features of photos: expected 0 to 4, but got -1 to 5"):
        features.take([5, -1])


def test_a_read_opens_exactly_the_chunks_it_touches(store: Store) -> None:
    features = extract(store, 11)
    chunk_file(features, 0).unlink()
    chunk_file(features, 2).unlink()
    np.testing.assert_array_equal(features.read(4, 8), wanted([4, 5, 6, 7]))
    np.testing.assert_array_equal(features.take([6, 4]), wanted([6, 4]))
    assert features.present(0, 11).sum() == 8


def test_a_deleted_chunk_raises_and_zarr_alone_would_fill_it(store: Store) -> None:
    features = extract(store, 11)
    chunk_file(features, 1).unlink()
    assert np.isnan(features.as_zarr()[4:8]).all()
    for read in (lambda: features.read(0, 11), lambda: features.read(7, 8), lambda: features.take([4])):
        with pytest.raises(CorruptError, match=r"timm-tiny-.*\.zarr/c/1/0: expected a committed file, but got no file"):
            read()
    [(path, problem)] = chunk_problems(features)
    assert path.endswith("c/1/0")
    assert problem.startswith("expected a committed file, but got no file")


def test_a_truncated_or_flipped_chunk_raises_and_is_listed(store: Store) -> None:
    features = extract(store, 11)
    whole = chunk_file(features, 2).read_bytes()
    for damaged in (whole[:-1], whole[:5] + bytes([whole[5] ^ 4]) + whole[6:]):
        chunk_file(features, 2).write_bytes(damaged)
        with pytest.raises(CorruptError, match=r"c/2/0: expected "):
            features.read(8, 9)
        assert [path for path, _ in chunk_problems(features)] == [chunks.chunk_path(features.manifest.artifact, 2)]


def test_a_whole_chunk_of_another_state_is_found(store: Store) -> None:
    features = extract(store, 11)
    chunk_file(features, 0).write_bytes(chunks.encode(wanted([4, 5, 6, 7]), features.layout))
    with pytest.raises(CorruptError, match=r"c/0/0, 4 rows: expected sha256 \w+, but got"):
        features.read(0, 4)
    chunk_file(features, 0).write_bytes(chunk_file(features, 1).read_bytes())  # whole, but of another place
    with pytest.raises(CorruptError, match=r"c/0/0, 4 rows: expected sha256 \w+, but got"):
        features.read(0, 4)
    chunk_file(features, 0).write_bytes(chunks.encode(wanted([0, 0, 2, 2]), features.layout))
    [(_, problem)] = chunk_problems(features)
    assert problem.startswith("expected rows with sha256")


def test_zarr_reads_the_same_numbers(any_store: Store) -> None:
    features = extract(any_store, 11)
    np.testing.assert_array_equal(features.as_zarr()[:], features.read(0, 11))
    assert features.as_zarr().attrs["t2c"]["space_id"] == SPACE.id


def test_features_are_found_by_encoder_and_by_space(store: Store) -> None:
    extract(store, 5)
    other = replace(SPACE, weights="others")
    extract(store, 5, space=replace(other, name="timm:small"), encoder="timm:small")
    assert sorted(item.encoder for item in list_features(store, "photos")) == ["timm:small", "timm:tiny"]
    assert open_features(store, "photos", "timm:tiny").space == SPACE
    assert open_features(store, "photos", SPACE.short).space.id == SPACE.id
    assert open_features(store, "photos", other.id).encoder == "timm:small"
    with pytest.raises(
        UnknownName, match=r"but got 'timm:tinny'. Did you mean 'timm:tiny'.*t2c extract photos --encoder"
    ):
        open_features(store, "photos", "timm:tinny")
    with pytest.raises(UnknownName, match="but got 'timm:tiny'"):
        open_features(store, "others", "timm:tiny")


def test_features_of_a_declared_space_are_found_by_its_name(store: Store) -> None:
    declared = replace(SPACE, name="ViT-B/32")
    extract(store, 5, space=declared, encoder="mine")
    assert open_features(store, "photos", "ViT-B/32").encoder == "mine"


def test_an_encoder_that_cannot_be_extracted_is_to_be_imported(store: Store) -> None:
    extract(store, 5)
    with pytest.raises(UnknownName, match=r"Import them: t2c features import photos VECTORS IDS --encoder my-clip$"):
        open_features(store, "photos", "my-clip")


def test_one_encoder_name_in_two_spaces_must_be_told_apart(store: Store) -> None:
    extract(store, 5)
    other = replace(SPACE, weights="others")
    extract(store, 5, space=other)
    with pytest.raises(UnknownName, match=rf"expected one space, but got 'timm:tiny' in 2: .*{other.short}"):
        open_features(store, "photos", "timm:tiny")
    assert open_features(store, "photos", other.short).space == other


def test_a_growing_last_chunk_keeps_older_snapshots_as_they_were(any_store: Store) -> None:
    first = extract(any_store, 6)
    before = first.read(0, 6)
    second = extract(any_store, 11)
    np.testing.assert_array_equal(first.read(0, 6), before)
    np.testing.assert_array_equal(second.read(0, 11), wanted(list(range(11))))
    assert list(chunk_problems(first)) == list(chunk_problems(second)) == []
    old = open_features(any_store, "photos", "timm:tiny", snapshot=1)
    assert (old.rows, old.manifest) == (6, first.manifest)


def test_an_abandoned_folder_in_the_same_space_is_not_taken_for_the_array(store: Store) -> None:
    extract(store, 8, encoder="mine")
    store.files.put(
        f"features/photos/a-{SPACE.short}.zarr/_lease", b""
    )  # a run that was stopped before its first write
    assert extract(store, 12, encoder="a").manifest.artifact == f"features/photos/mine-{SPACE.short}.zarr"
    assert [found.rows for found in list_features(store, "photos")] == [12]
