"""Rows fall into blocks, and are drawn, by their content alone."""

import hashlib

import numpy as np
import pytest

from t2c.core.maps.row_keys import block_of, row_keys, smallest_keys
from t2c.schemas.errors import InputError


def hashes(n: int) -> list[str]:
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)]


def test_keys_depend_on_content_and_seed_only() -> None:
    text = hashes(200)
    keys = row_keys(text, seed=5)
    shuffled = np.random.default_rng(0).permutation(200)
    np.testing.assert_array_equal(row_keys([text[i] for i in shuffled], seed=5), keys[shuffled])
    np.testing.assert_array_equal(row_keys(np.array(text, dtype=object), seed=5), keys)
    assert (row_keys(text, seed=6) != keys).all()
    assert len(row_keys([], seed=0)) == 0
    assert row_keys([text[0], text[0]], seed=1)[0] == row_keys([text[0]], seed=1)[0]


def test_keys_never_change_between_versions() -> None:
    assert row_keys(["0" * 63 + "1", "f" * 64], seed=3).tolist() == [2876713727439039195, 15750432438543137976]


@pytest.mark.parametrize("digits", [hashes(20_000), [f"{i:064x}" for i in range(20_000)]])
def test_blocks_are_even_even_for_hashes_that_are_not_random(digits: list[str]) -> None:
    counts = np.bincount(block_of(row_keys(digits, seed=0), blocks=64), minlength=64)
    assert len(counts) == 64
    spread = ((counts - 312.5) ** 2 / 312.5).sum()
    assert spread < 120  # chi-squared with 63 degrees of freedom: 1e-5 quantile


@pytest.mark.parametrize("bad", ["", "abc", "g" * 64, "A" * 64, "0" * 65, "\N{DEGREE SIGN}" * 64, "€" * 64])
def test_a_text_that_is_no_hash_is_refused_with_its_row(bad: str) -> None:
    with pytest.raises(InputError, match="content hash of row 1: expected 64 hex digits"):
        row_keys([hashes(1)[0], bad], seed=0)


def test_a_number_of_blocks_is_one_or_more() -> None:
    with pytest.raises(InputError, match="number of blocks: expected 1 or more, but got 0"):
        block_of(row_keys(hashes(2), seed=0), blocks=0)


@pytest.mark.parametrize("most", [0, 1, 37, 200, 500])
def test_a_draw_takes_the_same_contents_in_any_order_and_comes_in_order(most: int) -> None:
    text = hashes(200)
    keys = row_keys(text, seed=5)
    drawn = smallest_keys(keys, most=most)
    assert len(drawn) == min(most, 200)
    assert (np.diff(drawn) > 0).all()
    shuffled = np.random.default_rng(1).permutation(200)
    again = smallest_keys(keys[shuffled], most=most)
    assert {text[i] for i in drawn} == {text[i] for i in shuffled[again]}
