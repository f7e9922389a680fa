"""Blocks: alarms mean more than the reference differs from itself, at the level that so many blocks can give."""

import math

import numpy as np
import pytest
from scipy import stats

from schemas.errors import InputError
from t2c_core.block_null import FEWEST_ROWS, plan_blocks, self_distance
from t2c_core.shift import ks_test


def drift(rng: np.random.Generator, rows: int, run: int, size: float = 0.4) -> np.ndarray:
    """Rows whose level changes from run to run, as photographs of one day resemble each other."""
    return np.repeat(rng.normal(0, size, rows // run), run) + rng.normal(size=rows)


def test_blocks_are_contiguous_even_and_no_larger_than_the_current_set() -> None:
    blocks = plan_blocks(np.arange(1000), current=30, blocks=20)
    assert blocks is not None
    assert (blocks.count, blocks.rows) == (20, 30)
    for index in range(20):
        places = np.flatnonzero(blocks.block == index)
        assert places.tolist() == list(range(index * 50, index * 50 + 30))
    whole = plan_blocks(np.arange(1000), current=10_000, blocks=20)
    assert whole is not None
    assert (whole.rows, int((whole.block < 0).sum())) == (50, 0)


def test_a_small_reference_has_fewer_blocks_and_a_tiny_one_none() -> None:
    few = plan_blocks(np.arange(7 * FEWEST_ROWS), current=500, blocks=20)
    assert few is not None
    assert (few.count, few.rows) == (7, FEWEST_ROWS)
    assert (few.smallest_p, few.smallest_q(60, alone=False), few.smallest_q(60, alone=True)) == (1 / 8, 1 / 8, 1.0)
    assert plan_blocks(np.arange(4 * FEWEST_ROWS), current=500) is None
    assert plan_blocks(np.arange(1000), current=0) is None
    with pytest.raises(InputError, match="blocks of the reference: expected 5 or more, but got 4"):
        plan_blocks(np.arange(1000), current=10, blocks=4)


def test_distances_are_those_of_each_block_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    reference = drift(rng, 2000, 100)
    order = rng.permutation(2000)
    blocks = plan_blocks(order, current=100, blocks=20)
    assert blocks is not None
    found = self_distance(reference, reference[:100] + 9, blocks=blocks)
    want = []
    for index in range(20):
        inside = order[blocks.block == index]
        want.append(stats.ks_2samp(reference[inside], np.delete(reference, inside)).statistic)
    assert found.d_blocks == pytest.approx(max(want), abs=1 / 128)
    assert found.p_blocks == 1 / 21
    assert self_distance(reference, reference, blocks=blocks).p_blocks == 1.0


def test_one_more_run_of_the_same_kind_is_no_alarm_though_rows_alone_would_ring() -> None:
    rng = np.random.default_rng(1)
    alarms = rings = 0
    for _ in range(300):
        reference, current = drift(rng, 4000, 200), drift(rng, 200, 200)
        blocks = plan_blocks(np.arange(4000), current=200)
        assert blocks is not None
        alarms += self_distance(reference, current, blocks=blocks).p_blocks <= 0.05
        rings += ks_test(reference, current)[2] <= math.log10(0.05)
    assert alarms / 300 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)
    assert rings / 300 > 0.5


def test_a_real_shift_lies_beyond_every_block() -> None:
    rng = np.random.default_rng(2)
    reference, current = drift(rng, 4000, 200, 0.1), drift(rng, 4000, 200, 0.1) + 0.6
    blocks = plan_blocks(np.arange(4000), current=4000)
    assert blocks is not None
    assert self_distance(reference, current, blocks=blocks).p_blocks == blocks.smallest_p


def test_constants_are_no_alarm_and_another_constant_is() -> None:
    blocks = plan_blocks(np.arange(400), current=50)
    assert blocks is not None
    flat = np.zeros(400)
    assert self_distance(flat, flat[:50], blocks=blocks).p_blocks == 1.0
    for other in (-1, 1):
        assert self_distance(flat, flat[:50] + other, blocks=blocks).p_blocks == blocks.smallest_p
