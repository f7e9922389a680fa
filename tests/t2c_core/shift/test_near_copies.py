"""Near-copies: exactly those that all pairs would give, no chain runs through a dense set, and nothing is like a zero row."""

import numpy as np
import pytest

from t2c.core.shift import near_copies as module
from t2c.core.shift.near_copies import near_copies
from t2c.schemas.errors import InputError


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def by_all_pairs(units: np.ndarray, cosine: float) -> np.ndarray:
    """Return the leader of each row by looking at every earlier one."""
    first, cosines = np.arange(len(units)), units @ units.T
    for row in range(len(units)):
        for earlier in range(row):
            if first[earlier] == earlier and cosines[row, earlier] >= cosine:
                first[row] = earlier
                break
    return first


def leaders(units: np.ndarray, cosine: float) -> np.ndarray:
    copies = near_copies(units, cosine=cosine)
    first = np.arange(len(units))
    first[copies.row] = copies.first
    return first


@pytest.mark.parametrize("dimension", [4, 16, 80])
def test_they_are_those_of_all_pairs_whatever_the_blocks(dimension: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("BLOCK_ROWS", 64), ("LEADERS", 100), ("PAIRS", 50)):
        monkeypatch.setattr(module, name, size)
    rng = np.random.default_rng(dimension)
    rows = rng.normal(size=(150, dimension))
    near = [rows + 0.12 * rng.normal(size=rows.shape) for _ in range(2)]
    units = unit(np.concatenate([rows, *near])[rng.permutation(450)])
    want = by_all_pairs(units, 0.98)
    assert (leaders(units, 0.98) == want).all()
    assert (want != np.arange(450)).sum() > 100
    copies = near_copies(units, cosine=0.98)
    assert copies.cosine == pytest.approx(np.einsum("ij,ij->i", units[copies.row], units[copies.first]), abs=1e-6)


def test_a_crowded_set_costs_no_more_than_its_products() -> None:
    rng = np.random.default_rng(0)
    units = unit(1 + 0.3 * rng.normal(size=(600, 64)))  # most pairs are near the threshold
    want = by_all_pairs(units, 0.93)
    assert (leaders(units, 0.93) == want).all()
    assert (want != np.arange(600)).sum() > 20


def test_a_chain_of_neighbours_is_no_single_image() -> None:
    angle = np.arange(200) * 0.1  # neighbours at cosine 0.995, next but two below 0.96
    first = leaders(unit(np.stack([np.cos(angle), np.sin(angle)], axis=1))[:60], 0.98)
    assert len(np.unique(first)) > 15


def test_the_same_vector_is_a_copy_and_a_zero_row_is_like_nothing() -> None:
    rows = np.zeros((5, 20), dtype=np.float32)
    rows[[0, 3], 0] = 1
    assert leaders(rows, 1.0).tolist() == [0, 1, 2, 0, 4]
    assert not len(near_copies(rows[:0], cosine=0.98).row)


def test_a_cosine_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"cosine of near-copies: expected above 0, at most 1, but got 1\.5"):
        near_copies(np.eye(3, dtype=np.float32), cosine=1.5)
