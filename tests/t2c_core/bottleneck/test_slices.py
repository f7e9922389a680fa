"""Slices: the planted conjunction is named, its rate is measured apart, and noise is not confirmed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from t2c.core.bottleneck.slices import SliceOptions, find_slices, lower_bound, upper_tail
from t2c.core.statistics.proportions import wilson
from t2c.schemas.errors import InputError, MismatchError, SpecError


def planted(
    *, rate: float = 0.7, n: int = 4000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return concept sides (n, 6), errors that are common where concept 1 is high and concept 4 is low, and a half."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 6))
    inside = (z[:, 1] > 0.5) & (z[:, 4] < -0.5)
    wrong = rng.random(n) < np.where(inside, rate, 0.05)
    return z > 0.5, z < -0.5, wrong, rng.random(n) < 0.5


def test_the_planted_conjunction_comes_first_with_an_honest_rate() -> None:
    high, low, wrong, search = planted()
    found = find_slices(high, low, wrong=wrong, search=search)
    first = found[0]
    assert set(first.terms) == {(1, 1), (4, -1)}
    assert first.confirmed
    assert first.p < 1e-6
    inside = high[:, 1] & low[:, 4]
    assert (first.measured.n, first.measured.errors) == ((inside & ~search).sum(), (inside & ~search & wrong).sum())
    assert first.found.n == (inside & search).sum()
    assert 0.6 < first.measured.rate < 0.8


def test_three_concepts_are_found_too_and_no_more_than_asked() -> None:
    rng = np.random.default_rng(3)
    high = rng.random((6000, 5)) < 0.5
    inside = high[:, 0] & high[:, 2] & high[:, 3]
    wrong = rng.random(6000) < np.where(inside, 0.8, 0.04)
    search = rng.random(6000) < 0.5
    found = find_slices(high, ~high, wrong=wrong, search=search)
    assert set(found[0].terms) == {(0, 1), (2, 1), (3, 1)}
    short = find_slices(high, ~high, wrong=wrong, search=search, options=SliceOptions(longest=1, most=2))
    assert all(len(one.terms) == 1 for one in short)
    assert len(short) <= 2


def test_errors_without_a_reason_are_hardly_ever_confirmed() -> None:
    confirmed = 0
    for seed in range(40):
        high, low, wrong, search = planted(rate=0.05, n=800, seed=seed)
        confirmed += any(one.confirmed for one in find_slices(high, low, wrong=wrong, search=search))
    assert confirmed <= 40 * 0.05 + 2 * np.sqrt(40 * 0.05 * 0.95)


def test_a_slice_holds_images_enough() -> None:
    high, low, wrong, search = planted(n=600)
    for one in find_slices(high, low, wrong=wrong, search=search, options=SliceOptions(smallest=30)):
        assert one.found.n >= 30


def test_without_an_error_there_is_no_slice() -> None:
    high, low, wrong, search = planted(n=200)
    assert find_slices(high, low, wrong=np.zeros_like(wrong), search=search) == []


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_tail_is_scipys(n: int, errors: int, drawn: int, k: int) -> None:
    errors, drawn = min(errors, n), min(drawn, n)
    k = min(k, drawn, errors)
    want = stats.hypergeom.sf(k - 1, n, errors, drawn)
    assert upper_tail(k, drawn, errors=errors, n=n) == pytest.approx(want, rel=1e-9, abs=1e-12)


def test_the_bound_is_wilsons() -> None:
    errors, n = np.array([0.0, 3, 10, 0]), np.array([5.0, 10, 10, 0])
    want = [wilson(0, 5)[0], wilson(3, 10)[0], wilson(10, 10)[0], 0.0]
    assert lower_bound(errors, n).tolist() == pytest.approx(want)


def test_what_makes_no_sense_is_refused(unchecked_shapes: None) -> None:
    high, low, wrong, search = planted(n=50)
    with pytest.raises(InputError, match=r"slices: expected images in both halves, but got 50 of 50 in one"):
        find_slices(high, low, wrong=wrong, search=np.ones_like(search))
    with pytest.raises(SpecError, match=r"options of the slices: expected 1 or more slices .* 1 to 3 concepts each"):
        find_slices(high, low, wrong=wrong, search=search, options=SliceOptions(longest=4))
    with pytest.raises(MismatchError, match=r"slices: expected concept sides and one truth an image"):
        find_slices(high, low[:, :2], wrong=wrong, search=search)
