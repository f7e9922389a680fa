"""Which rows are fitted: shares of the blocks, decided by content and seed alone; parts that no runner changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from t2c.flows.maps.plan import AlignOptions, group_of_blocks, groups_of_rows
from t2c.flows.rows.blocks import APART, BLOCKS, LEFT_OUT, coverage_notes, held_out_blocks
from t2c.flows.rows.features_of_rows import features_of, in_parts, ranges
from t2c.store.artifacts.images import open_images
from tests.planted.features import SOURCE, TARGET, Planted


@given(st.floats(0, 0.9), st.integers(2, 6), st.integers(0, 2**32))
def test_every_block_is_held_out_or_in_one_fold_and_folds_are_even(holdout: float, folds: int, seed: int) -> None:
    groups = group_of_blocks(AlignOptions(folds=folds, holdout=holdout, seed=seed))
    counts = np.bincount(groups, minlength=folds + 1)
    assert counts.sum() == BLOCKS + 1
    assert (groups[APART], counts[folds]) == (folds, held_out_blocks(holdout) + 1)
    assert counts[:folds].max() - counts[:folds].min() <= 1


def test_a_share_above_0_holds_out_at_least_one_block() -> None:
    assert [held_out_blocks(share) for share in (0, 0.001, 0.1, 0.5)] == [0, 1, 6, 32]


def test_rows_without_either_feature_are_left_out_and_the_seed_moves_rows(planted: Planted) -> None:
    planted.images("photos", 200)
    x = planted.x(200)
    planted.features("photos", SOURCE, x, np.arange(200) != 3)
    planted.features("photos", TARGET, x[:, :4], np.arange(200) != 5)
    images = open_images(planted.store, "photos")
    sides = features_of(images, SOURCE.name), features_of(images, TARGET.name)
    groups = groups_of_rows(images, *sides, options=AlignOptions())
    assert np.flatnonzero(groups == LEFT_OUT).tolist() == [3, 5]
    assert np.array_equal(groups, groups_of_rows(images, *sides, options=AlignOptions()))
    assert not np.array_equal(groups, groups_of_rows(images, *sides, options=AlignOptions(seed=1)))


def test_encoders_of_unequal_coverage_are_counted_whether_rows_are_missing_or_not_there_yet(planted: Planted) -> None:
    planted.images("photos", 100)
    planted.features("photos", SOURCE, planted.x(100))
    planted.features("photos", TARGET, planted.x(100)[:, :4])
    before = open_images(planted.store, "photos")
    planted.images("photos", 20)
    planted.features("photos", SOURCE, planted.x(120))
    images = open_images(planted.store, "photos")
    sides = [features_of(images, name) for name in (SOURCE.name, TARGET.name)]
    note = "encoders cover different images (timm:planted 120, open_clip:planted/test 100): only the 100 that all cover"
    assert coverage_notes(images, sides) == (f"{note} are used",)
    assert coverage_notes(before, sides) == ()


@given(st.integers(1, 5000), st.integers(1, 300), st.integers(1, 20))
def test_parts_cover_every_range_once_in_order_and_are_even(rows: int, size: int, parts: int) -> None:
    spans = ranges(rows, size)
    dealt = in_parts(spans, parts)
    assert [span for part in dealt for span in part] == spans
    assert spans[0][0] == 0
    assert spans[-1][1] == rows
    assert len(dealt) == min(parts, len(spans))
    lengths = [len(part) for part in dealt]
    assert max(lengths) - min(lengths) <= 1
