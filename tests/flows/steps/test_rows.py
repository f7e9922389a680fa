"""Rows of a step: features as of a snapshot, folds by content."""

import numpy as np
import pyarrow as pa
import pytest

from flows.steps.rows import features_of, find_features, folds_of
from schemas.errors import UnknownName
from schemas.tables import FITTED_ROWS
from store.images import open_images
from tests.planted_features import SOURCE, TARGET, Planted


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


def test_folds_are_found_by_content_and_what_is_missing_is_not_fitted() -> None:
    fitted = pa.table([["aa", "bb"], [0, 7], [3, 0]], names=FITTED_ROWS.names).cast(FITTED_ROWS)
    hashes = pa.chunked_array([["bb", "cc"], [None, "aa", "aa"]], pa.string())
    folds = folds_of(fitted, hashes)
    assert folds.dtype == np.int8
    assert folds.tolist() == [0, -1, -1, 3, 3]
    assert folds_of(FITTED_ROWS.empty_table(), hashes).tolist() == [-1] * 5
