"""Means are those of images aligned one by one, each by a map that never saw it; rows that do not count are left out."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from t2c.core.maps.linear_map import LinearMap
from t2c.flows.decode.images import DecodeImages, element_variance, fitted_images, open_decode_images
from t2c.flows.maps.align import align
from t2c.flows.rows.aligned import aligned_units
from t2c.flows.rows.features_of_rows import features_of
from t2c.schemas.certificate import Certificate
from t2c.schemas.errors import InputError, MismatchError
from t2c.schemas.tables.tables import FITTED_ROWS
from t2c.store.artifacts.images import content_hashes, open_images
from t2c.store.artifacts.linear_maps import StoredMap, identity_map, open_map, write_map
from tests.planted.features import SOURCE, TARGET, Planted


def opened(planted: Planted, dataset: str = "photos", linear_map: StoredMap | None = None) -> DecodeImages:
    images = open_images(planted.store, dataset)
    found = linear_map or align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    stored = found if isinstance(found, StoredMap) else open_map(planted.store, found.digest)
    return open_decode_images(images, features_of(images, stored.source.id), stored)


def aligned_one_by_one(images: DecodeImages) -> np.ndarray:
    """Return the aligned features of the usable rows, each by its own map."""
    arrays, values = images.linear_map.arrays(), images.features.take(images.rows).astype(np.float64)
    maps = [(arrays.weight, arrays.bias), *zip(arrays.fold_weight, arrays.fold_bias, strict=True)]
    return np.stack(
        [x @ maps[fold + 1][0] + maps[fold + 1][1] for x, fold in zip(values, images.fold[images.rows], strict=True)]
    )


def test_group_means_are_those_of_images_aligned_one_by_one(planted: Planted) -> None:
    planted.dataset("photos", 200)
    images = opened(planted)
    codes = np.arange(200) % 4 - 1
    means = images.means(codes, groups=4)
    aligned = aligned_one_by_one(images)
    source = images.features.take(images.rows).astype(np.float64)
    assert set(images.fold.tolist()) == {-1, 0, 1, 2, 3, 4}
    assert means.count.tolist() == [50, 50, 50, 0]
    for group in range(3):
        assert np.abs(means.aligned[group] - aligned[codes == group].mean(axis=0)).max() < 1e-6
        assert np.abs(means.source[group] - source[codes == group].mean(axis=0)).max() < 1e-12
    assert not means.aligned[3].any()


def test_the_targets_own_features_are_their_own_means(planted: Planted) -> None:
    planted.dataset("photos", 60)
    images = opened(planted, linear_map=identity_map(planted.store, TARGET))
    means = images.means(np.zeros(60, np.int8), groups=1)
    assert np.array_equal(means.source, means.aligned)


def test_copies_and_rows_without_a_feature_do_not_count(planted: Planted) -> None:
    planted.images("photos", 80, duplicate_of=[None] * 40 + list(range(40)))
    present = np.arange(80) != 3
    values = planted.x(80)
    planted.features("photos", SOURCE, values, present=present)
    planted.features("photos", TARGET, values @ planted.weight)
    images = opened(planted)
    assert images.rows.tolist() == [row for row in range(40) if row != 3]


def test_a_sample_is_chosen_by_content_and_is_the_same_in_any_company(planted: Planted) -> None:
    planted.dataset("photos", 100)
    images = opened(planted)
    few = images.sample(most=10)
    assert len(few) == 10
    assert set(few) <= set(images.sample(most=50))
    half = images.sample(np.arange(100) < 50, most=10)
    assert half.max() < 50
    assert np.array_equal(images.sample(), images.rows)


def test_the_variance_is_that_of_all_elements_of_the_fitted_rows(planted: Planted) -> None:
    planted.dataset("photos", 200)
    images = opened(planted)
    fitted = images.features.take(np.flatnonzero(images.fold >= 0)).astype(np.float64)
    assert element_variance(images) == pytest.approx(fitted.var(), rel=1e-9)
    planted.dataset("others", 50, seed=5)
    others = opened(planted, "others", images.linear_map)
    assert element_variance(others) == pytest.approx(others.features.take(others.rows).var(), rel=1e-5)


def test_units_of_a_sample_point_as_the_aligned_features_do(planted: Planted) -> None:
    planted.dataset("photos", 50)
    images = opened(planted)
    units = aligned_units(images.features, images.linear_map, images.rows, fold=images.fold[images.rows])
    aligned = aligned_one_by_one(images)
    assert np.abs(units - aligned / np.linalg.norm(aligned, axis=1, keepdims=True)).max() < 1e-5


def in_sample_map(planted: Planted) -> StoredMap:
    """Write a map without folds, fitted on all of photos."""
    images = open_images(planted.store, "photos")
    fitted = pa.table(
        {"content_hash": content_hashes(images), "row": range(images.rows), "fold": [-2] * images.rows},
        schema=FITTED_ROWS,
    )
    facts: dict[str, Any] = {"rank": 6, "condition": 1.0, "method": "cholesky", "folds": 0, "seed": 0}
    certificate = Certificate(SOURCE, TARGET, "photos", 1, ridge=0.0, fitted=images.rows, held_out=None, **facts)
    linear_map = LinearMap(planted.weight.astype(np.float32), np.zeros(4, np.float32))
    return write_map(planted.store, linear_map, certificate, fitted=fitted, spec={}, parents=())


def test_a_map_that_saw_every_image_is_refused(planted: Planted) -> None:
    planted.dataset("photos", 30)
    with pytest.raises(
        MismatchError, match=r"expected images that the map was not fitted on, .* a fit on all of photos"
    ):
        opened(planted, linear_map=in_sample_map(planted))


def test_the_fitted_rows_of_a_map_without_folds_still_give_the_variance(planted: Planted) -> None:
    planted.dataset("photos", 30)
    planted.dataset("others", 40, seed=3)
    others = opened(planted, "others", in_sample_map(planted))
    fitted = fitted_images(others)
    assert fitted.images.dataset == "photos"
    values = fitted.features.take(np.arange(30)).astype(np.float64)
    assert element_variance(fitted) == pytest.approx(values.var(), rel=1e-9)


def test_the_dataset_that_the_map_was_fitted_on_needs_no_other(planted: Planted) -> None:
    planted.dataset("photos", 40)
    images = opened(planted)
    assert fitted_images(images) is None


def test_features_of_another_encoder_are_refused_with_both_sides(planted: Planted) -> None:
    planted.dataset("photos", 30)
    images = open_images(planted.store, "photos")
    with pytest.raises(MismatchError, match=r"features of photos: expected timm:planted .* but got open_clip:planted"):
        open_decode_images(images, features_of(images, TARGET.id), in_sample_map(planted))


def test_a_dataset_without_usable_images_is_refused(planted: Planted) -> None:
    planted.dataset("photos", 40)
    planted.images("empty", 5)
    planted.features("empty", SOURCE, np.full((5, 6), np.nan), present=np.zeros(5, np.bool_))
    with pytest.raises(
        InputError, match="images of empty to decode among: expected 1 or more with features, but got none"
    ):
        opened(planted, "empty")
