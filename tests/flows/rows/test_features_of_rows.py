"""Rows of a step: features as of a snapshot, folds by content."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.rows.features_of_rows import features_of, find_features, folds_of
from t2c.schemas.errors import MismatchError, UnknownName
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import FITTED_ROWS
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import open_images
from tests.planted.features import SOURCE, TARGET, Planted


def test_features_are_those_of_the_first_snapshot_that_covers_the_rows(planted: Planted) -> None:
    planted.images("photos", 10)
    planted.features("photos", SOURCE, planted.x(10))
    planted.images("photos", 5)
    planted.features("photos", SOURCE, planted.x(15))
    assert features_of(open_images(planted.store, "photos@1"), SOURCE.name).rows == 10
    assert features_of(open_images(planted.store, "photos"), SOURCE.name).rows == 15
    planted.images("photos", 5)
    assert features_of(open_images(planted.store, "photos"), SOURCE.name).rows == 15


def test_features_in_a_space_are_found_or_none(planted: Planted) -> None:
    planted.images("photos", 10)
    planted.features("photos", SOURCE, planted.x(10))
    images = open_images(planted.store, "photos")
    found = find_features(images, SOURCE.id)
    assert found is not None
    assert found.encoder == SOURCE.name
    assert find_features(images, TARGET.id) is None
    with pytest.raises(UnknownName, match=r"but got 'timm:plantd'. Did you mean 'timm:planted'"):
        features_of(images, "timm:plantd")


def test_features_of_another_dataset_are_named_beside_those_there_are(planted: Planted) -> None:
    planted.images("photos", 10)
    planted.features("photos", SOURCE, planted.x(10))
    planted.images("pl", 10)
    planted.features("pl", TARGET, np.ones((10, TARGET.dimension)))
    match = (
        r"features of photos \(by timm:planted\): expected features by open_clip:planted/test, but got those of pl: "
        r"other rows. Extract them: t2c extract photos --encoder open_clip:planted/test"
    )
    with pytest.raises(UnknownName, match=match):
        features_of(open_images(planted.store, "photos"), TARGET.name)


def test_features_of_an_index_that_is_gone_say_so_and_how_all_of_them_are_made_again(planted: Planted) -> None:
    mine = Space("imported", "mine", 3, "declared")
    planted.images("photos", 10)
    for space in (SOURCE, TARGET, mine):
        planted.features("photos", space, np.ones((10, space.dimension)))
    was = open_images(planted.store, "photos").manifest.content_digest[:12]
    shutil.rmtree(Path(planted.store.url) / "datasets" / "photos")
    planted.images("photos", 10, label=["changed"] * 10)
    images = open_images(planted.store, "photos")
    with pytest.raises(MismatchError) as refused:
        features_of(images, SOURCE.name)
    message = str(refused.value)
    assert (
        f"rows of timm:planted features of photos: expected those of photos@1 ({images.manifest.content_digest[:12]})"
        in message
    )
    assert (
        f"but got those of photos@1 ({was}); which images differ cannot be said, for that index is no longer" in message
    )
    assert "So are those by mine, open_clip:planted/test. Delete" in message
    assert (
        "then: t2c extract photos --encoder timm:planted --encoder open_clip:planted/test; t2c features imp" in message
    )
    with pytest.raises(MismatchError, match=r"t2c features import photos VECTORS IDS --encoder mine$"):
        features_of(images, "mine")
    for one in list_features(planted.store, "photos"):
        path = Path(planted.store.url) / one.manifest.artifact
        assert str(path) in message
        shutil.rmtree(path)
    planted.features("photos", SOURCE, planted.x(10))
    assert features_of(images, SOURCE.name).rows == 10


def test_folds_are_found_by_content_and_what_is_missing_is_not_fitted() -> None:
    fitted = pa.table([["aa", "bb"], [0, 7], [3, 0]], names=FITTED_ROWS.names).cast(FITTED_ROWS)
    hashes = pa.chunked_array([["bb", "cc"], [None, "aa", "aa"]], pa.string())
    folds = folds_of(fitted, hashes)
    assert folds.dtype == np.int8
    assert folds.tolist() == [0, -1, -1, 3, 3]
    assert folds_of(FITTED_ROWS.empty_table(), hashes).tolist() == [-1] * 5
