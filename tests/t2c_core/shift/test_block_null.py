"""Blocks: alarms mean more than the reference differs from itself, at the level that so many blocks can give."""

import math

import numpy as np
import pytest
from scipy import stats

from t2c.core.shift.block_null import (
    FEWEST_ROWS,
    MOST_PIECES,
    confounding,
    plan_blocks,
    rank_sum_p,
    self_distance,
    within,
)
from t2c.core.shift.shift import ks_test
from t2c.schemas.errors import InputError


def drift(rng: np.random.Generator, rows: int, run: int, size: float = 0.4) -> np.ndarray:
    """Rows whose level changes from run to run, as photographs of one day resemble each other."""
    return np.repeat(rng.normal(0, size, rows // run), run) + rng.normal(size=rows)


def test_blocks_are_contiguous_even_and_no_larger_than_the_current_set() -> None:
    blocks = plan_blocks(np.arange(1000), np.arange(30), blocks=20)
    assert blocks is not None
    assert (blocks.count, blocks.pieces, blocks.rows) == (20, 1, 30)
    for index in range(20):
        places = np.flatnonzero(blocks.reference == index)
        assert places.tolist() == list(range(index * 50, index * 50 + 30))
    larger = plan_blocks(np.arange(1000), np.arange(160)[::-1], blocks=20)
    assert larger is not None
    assert (larger.rows, larger.pieces, int((larger.reference < 0).sum())) == (50, 3, 0)
    assert larger.current[-1] == 0
    huge = plan_blocks(np.arange(1000), np.arange(10**5), blocks=20)
    assert huge is not None
    assert huge.pieces == MOST_PIECES


def test_a_small_reference_has_fewer_blocks_and_a_tiny_one_none() -> None:
    few = plan_blocks(np.arange(7 * FEWEST_ROWS), np.arange(FEWEST_ROWS), blocks=20)
    assert few is not None
    assert (few.count, few.rows) == (7, FEWEST_ROWS)
    assert (few.smallest_p, few.smallest_q(60, alone=False), few.smallest_q(60, alone=True)) == (1 / 8, 1 / 8, 1.0)
    assert plan_blocks(np.arange(4 * FEWEST_ROWS), np.arange(500)) is None
    assert plan_blocks(np.arange(1000), np.arange(0)) is None
    one = plan_blocks(np.arange(1000), np.arange(1))
    assert one is not None
    assert (one.rows, one.pieces) == (1, 1)
    with pytest.raises(InputError, match="blocks of the reference: expected 5 or more, but got 4"):
        plan_blocks(np.arange(1000), np.arange(10), blocks=4)


def test_distances_are_those_of_each_block_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    reference, order = drift(rng, 2000, 100), rng.permutation(2000)
    blocks = plan_blocks(order, np.arange(100), blocks=20)
    assert blocks is not None
    found = self_distance(reference, reference[:100] + 9, blocks=blocks)
    insides = [order[index * 100 : (index + 1) * 100] for index in range(20)]
    want = [stats.ks_2samp(reference[inside], np.delete(reference, inside)).statistic for inside in insides]
    assert found.d_blocks == pytest.approx(np.mean(want), abs=1 / 128)
    assert found.d_pieces == pytest.approx(1.0, abs=0.01)
    assert found.p_blocks == pytest.approx(1 / 21)
    assert self_distance(reference, np.sort(reference)[950:1050], blocks=blocks).p_blocks < 1


@pytest.mark.parametrize(("blocks", "pieces"), [(20, 1), (7, 3), (20, 6), (5, 40)])
def test_p_values_are_those_of_the_exact_rank_sum_test(blocks: int, pieces: int) -> None:
    rng = np.random.default_rng(3)
    for shift in (0.0, 1.0, 5.0):
        one, other = rng.normal(shift, 1, pieces), rng.normal(size=blocks)
        want = stats.mannwhitneyu(one, other, alternative="greater", method="exact").pvalue
        assert rank_sum_p(int((one[:, None] > other).sum()), blocks, pieces) == pytest.approx(want, rel=1e-9)
    assert rank_sum_p(0, blocks, pieces) == pytest.approx(1.0)
    assert rank_sum_p(blocks * pieces, blocks, pieces) == pytest.approx(1 / math.comb(blocks + pieces, pieces))


@pytest.mark.parametrize("current", [200, 1000])
def test_more_runs_of_the_same_kind_are_no_alarm_though_rows_alone_would_ring(current: int) -> None:
    rng = np.random.default_rng(1)
    alarms = rings = 0
    blocks = plan_blocks(np.arange(4000), np.arange(current))
    assert blocks is not None
    for _ in range(300):
        reference, now = drift(rng, 4000, 200), drift(rng, current, 200)
        alarms += self_distance(reference, now, blocks=blocks).p_blocks <= 0.05
        rings += ks_test(reference, now)[2] <= math.log10(0.05)
    assert alarms / 300 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)
    assert rings / 300 > 0.5


def test_a_real_shift_lies_beyond_the_blocks() -> None:
    rng = np.random.default_rng(2)
    reference, current = drift(rng, 4000, 200, 0.1), drift(rng, 4000, 200, 0.1) + 0.6
    blocks = plan_blocks(np.arange(4000), np.arange(4000))
    assert blocks is not None
    assert self_distance(reference, current, blocks=blocks).p_blocks < 1e-6


def test_constants_are_no_alarm_and_another_constant_is() -> None:
    blocks = plan_blocks(np.arange(400), np.arange(50))
    assert blocks is not None
    flat = np.zeros(400)
    assert self_distance(flat, flat[:50], blocks=blocks).p_blocks == pytest.approx(1.0)
    for other in (-1, 1):
        assert self_distance(flat, flat[:50] + other, blocks=blocks).p_blocks == blocks.smallest_p


def test_blocks_that_are_classes_are_seen_and_cut_inside_them() -> None:
    codes = np.repeat(np.arange(7), 60)
    order = np.arange(420)
    contiguous = plan_blocks(order, order)
    assert contiguous is not None
    assert confounding(contiguous.reference, codes) > 0.8
    shuffled = np.random.default_rng(0).permutation(codes)
    assert confounding(contiguous.reference, shuffled) < 0.3
    assert confounding(contiguous.reference, np.zeros(420, dtype=int)) == 0
    mixed = plan_blocks(within(order, codes), order)
    assert mixed is not None
    for block in range(mixed.count):
        assert set(np.bincount(codes[mixed.reference == block], minlength=7)) == {3}
    # of each class a block has neighbours
    assert np.ptp(np.flatnonzero((mixed.reference == 0) & (codes == 4))) == 2


def test_between_classes_in_folders_nothing_lies_beyond_contiguous_blocks_and_what_changed_beyond_mixed_ones() -> None:
    codes, order = np.repeat(np.arange(7), 60), np.arange(420)
    mixed = within(order, codes)

    def share(moved: float, by: np.ndarray) -> float:
        """Return how often p is at most 0.05."""
        blocks, below = plan_blocks(by, by), 0
        assert blocks is not None
        for draw in range(60):
            rng = np.random.default_rng(draw)
            reference, current = (2 * codes + rng.normal(size=420) for _ in range(2))
            below += self_distance(reference, current + moved, blocks=blocks).p_blocks <= 0.05
        return below / 60

    assert share(3.0, order) == 0
    assert share(3.0, mixed) == 1
    assert share(0.0, mixed) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 60)


def test_images_without_a_class_are_a_class_of_their_own() -> None:
    codes = np.repeat([-1, 0], 200)
    blocks = plan_blocks(np.arange(400), np.arange(400))
    assert blocks is not None
    assert confounding(blocks.reference, codes) > 0.9
    assert sorted(within(np.arange(400), codes)) == list(range(400))
