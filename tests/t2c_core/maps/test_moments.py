"""Moments add, subtract and stay small; rows fall into blocks by their content alone."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2c.core.maps.moments import (
    BLOCK_ROWS,
    WAITING_ROWS,
    Centre,
    Moments,
    estimate_centre,
    fold_moments,
    merge,
)
from t2c.schemas.errors import InputError, MismatchError


def features(n: int, *, seed: int = 0, source: int = 7, target: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 2, (n, source)).astype(np.float32)
    return x, (x @ rng.normal(size=(source, target)) + rng.normal(size=(n, target))).astype(np.float32)


def exact(x: np.ndarray, y: np.ndarray, centre: Centre) -> tuple[np.ndarray, ...]:
    x, y = x.astype(np.float64) - centre.x, y.astype(np.float64) - centre.y
    return x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y, (y * y).sum(axis=0)


def sums(moments: Moments) -> tuple[np.ndarray, ...]:
    return moments.sum_x, moments.sum_y, moments.xx, moments.xy, moments.yy


def assert_same(left: Moments, right: Moments, *, rtol: float = 1e-5) -> None:
    """Sums about the mean cancel: they are compared beside what was added, |x| summed, to a rounding of float32."""
    assert left.n == right.n
    added = [np.sqrt(right.n * squares) for squares in (np.diag(right.xx), right.yy)]
    for a, b, size in zip(sums(left)[:2], sums(right)[:2], added, strict=True):
        assert (np.abs(a - b) <= 1e-7 * size).all()
    for a, b in zip(sums(left)[2:], sums(right)[2:], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * (1 + np.abs(b).max(initial=0)))


@pytest.mark.parametrize("n", [1, 5, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS + 77])
def test_sums_equal_those_of_float64(n: int) -> None:
    x, y = features(n)
    centre = estimate_centre(x[:64], y[:64])
    for got, want in zip(sums(Moments.of(x, y, centre=centre)), exact(x, y, centre), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6 * n)


def test_means_are_those_of_the_rows_whatever_the_centre() -> None:
    x, y = features(500)
    far = Centre(np.full(7, 1, np.float32), np.full(3, -1, np.float32))
    moments = Moments.of(x, y, centre=far)
    np.testing.assert_allclose(moments.mean_x, x.mean(axis=0, dtype=np.float64), rtol=1e-7)
    np.testing.assert_allclose(moments.mean_y, y.mean(axis=0, dtype=np.float64), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(Moments.zero(far).mean_x, far.x)


@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5), seed=st.integers(0, 9))
def test_merged_parts_equal_the_whole(sizes: list[int], seed: int) -> None:
    x, y = features(sum(sizes) + 1, seed=seed)
    centre = estimate_centre(x, y)
    edges = np.cumsum([0, *sizes, 1])
    parts = [Moments.of(x[a:b], y[a:b], centre=centre) for a, b in pairwise(edges)]
    assert_same(merge(parts), Moments.of(x, y, centre=centre))


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 60), cut=st.integers(0, 60), seed=st.integers(0, 9))
def test_subtracted_rows_were_never_there(n: int, cut: int, seed: int) -> None:
    x, y = features(n, seed=seed)
    cut = min(cut, n)
    centre = estimate_centre(x, y)
    whole, part = Moments.of(x, y, centre=centre), Moments.of(x[:cut], y[:cut], centre=centre)
    assert_same(whole - part, Moments.of(x[cut:], y[cut:], centre=centre))


def test_one_part_may_come_in_any_pieces() -> None:
    x, y = features(3000)
    centre = estimate_centre(x, y)
    fold = np.arange(3000) % 3 - 1
    blocks = [(x[i : i + 700], y[i : i + 700], fold[i : i + 700]) for i in range(0, 3000, 700)]
    one, two = fold_moments(blocks, centre=centre, folds=2)
    assert_same(one, Moments.of(x[fold == 0], y[fold == 0], centre=centre))
    assert_same(two, Moments.of(x[fold == 1], y[fold == 1], centre=centre))
    apart = [fold_moments(part, centre=centre, folds=2) for part in (blocks[:2], blocks[2:])]
    assert_same(merge([part[0] for part in apart]), one)


def test_rows_wait_for_company_and_none_is_lost() -> None:
    x, y = features(3 * WAITING_ROWS)
    centre = estimate_centre(x, y)
    fold = np.random.default_rng(0).integers(0, 2, len(x))
    blocks = [(x[i : i + 500], y[i : i + 500], fold[i : i + 500]) for i in range(0, len(x), 500)]
    for index, part in enumerate(fold_moments(blocks, centre=centre, folds=2)):
        assert_same(part, Moments.of(x[fold == index], y[fold == index], centre=centre))


@pytest.mark.parametrize(("value", "got"), [(np.nan, "NaN or infinity"), (1e25, "larger ones, in dimension 2 first")])
def test_a_row_without_usable_numbers_is_refused(value: float, got: str) -> None:
    x, y = features(50)
    centre = estimate_centre(x, y)
    y[3, 2] = value
    with pytest.raises(InputError, match=rf"target features: expected .*, but got {got}"):
        fold_moments([(x, y, np.zeros(50, np.int8))], centre=centre, folds=1)


def test_a_stream_without_blocks_gives_empty_folds() -> None:
    centre = estimate_centre(*features(4))
    assert [part.n for part in fold_moments([], centre=centre, folds=3)] == [0, 0, 0]


def test_memory_does_not_grow_with_rows() -> None:
    x, y = features(4 * BLOCK_ROWS, source=32, target=8)
    centre = estimate_centre(x[:100], y[:100])
    peaks = []
    for rows in (2 * BLOCK_ROWS, 4 * BLOCK_ROWS):
        tracemalloc.start()
        Moments.of(x[:rows], y[:rows], centre=centre)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]


def test_products_follow_the_dtype_of_the_features() -> None:
    x, y = features(50)
    assert estimate_centre(x.astype(np.float16), y).x.dtype == np.float32
    assert Moments.of(x, y, centre=estimate_centre(x, y)).precision is np.float32
    centre = estimate_centre(x.astype(np.float64), y.astype(np.float64))
    moments = Moments.of(x, y, centre=centre)
    assert moments.precision is np.float64
    np.testing.assert_allclose(moments.xx, exact(x, y, centre)[2], rtol=1e-13)


def test_float16_features_lose_nothing_more() -> None:
    x, y = (part.astype(np.float16) for part in features(200))
    centre = estimate_centre(x, y)
    np.testing.assert_allclose(Moments.of(x, y, centre=centre).xy, exact(x, y, centre)[3], rtol=1e-5, atol=1e-3)


def test_a_far_away_mean_does_not_cost_precision() -> None:
    x, y = features(5000)
    far = x + np.float32(1000)
    centre = estimate_centre(far[:100], y[:100])
    np.testing.assert_allclose(Moments.of(far, y, centre=centre).xx, exact(far, y, centre)[2], rtol=1e-5, atol=0.5)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, y, c: Moments.of(x, y[:-1], centre=c), MismatchError, "paired features: expected x"),
        (lambda x, y, c: Moments.of(x[:, 0], y, centre=c), MismatchError, "paired features: expected x"),
        (lambda x, y, c: Moments.of(x[:, 1:], y, centre=c), MismatchError, r"dimensions \(source, target\) of a block"),
        (lambda x, y, c: merge([]), InputError, "moments to merge: expected at least one part, but got none"),
        (
            lambda x, y, c: Moments.of(x, y, centre=c) + Moments.of(x, y, centre=Centre(c.x + 1, c.y)),
            MismatchError,
            "moments: expected one shared centre, but got two different centres. Estimate it once",
        ),
        (
            lambda x, y, c: Moments.zero(c) - Moments.of(x, y, centre=c),
            InputError,
            "moments to subtract: expected at most 0 rows, but got 9 rows",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message) -> None:
    x, y = features(9)
    with pytest.raises(error, match=message):
        call(x, y, estimate_centre(x, y))
