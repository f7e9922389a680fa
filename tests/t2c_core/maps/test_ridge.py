"""The closed form finds planted maps, equals scikit-learn, and is defined where rows leave directions open."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge

from t2c.core.maps.moments import Moments, estimate_centre, fold_moments, merge
from t2c.core.maps.ridge import Solution, choose_ridge, fit, resolution
from t2c.schemas.errors import InputError


def planted(n: int, *, source: int = 20, target: int = 6, noise: float = 1.0, seed: int = 0):
    """Return x (n, source), y (n, target), weight, bias with y = x weight + bias + noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(2, 1, (n, source)).astype(np.float32)
    weight, bias = rng.normal(size=(source, target)), rng.normal(size=target)
    return x, (x @ weight + bias + noise * rng.normal(size=(n, target))).astype(np.float32), weight, bias


def moments_of(x: np.ndarray, y: np.ndarray) -> Moments:
    return Moments.of(x, y, centre=estimate_centre(x[:100], y[:100]))


def assert_equal_to(model, solution: Solution, *, rtol: float = 3e-6) -> None:
    weight, bias = model.coef_.T, model.intercept_
    assert np.linalg.norm(solution.map.weight - weight) < rtol * np.linalg.norm(weight)
    assert np.linalg.norm(solution.map.bias - bias) < 10 * rtol * (np.linalg.norm(bias) + np.linalg.norm(weight))


def exactly(model, x: np.ndarray, y: np.ndarray):
    return model.fit(x.astype(np.float64), y.astype(np.float64))


def test_a_planted_map_is_found() -> None:
    x, y, weight, bias = planted(2000, noise=0.0)
    solution = fit(moments_of(x, y), ridge=0)
    assert (solution.method, solution.rank, solution.n) == ("cholesky", 20, 2000)
    np.testing.assert_allclose(solution.map.weight, weight, atol=1e-5)
    np.testing.assert_allclose(solution.map.bias, bias, atol=1e-4)


def test_exact_fit_equals_linear_regression() -> None:
    x, y, *_ = planted(3000)
    solution = fit(moments_of(x, y), ridge=0)
    assert_equal_to(exactly(LinearRegression(), x, y), solution)
    assert 1 < solution.condition < 10


@pytest.mark.parametrize("ridge", [1e-3, 1.0, 1e2, 1e5])
def test_ridge_equals_scikit_learns(ridge: float) -> None:
    x, y, *_ = planted(500)
    solution = fit(moments_of(x, y), ridge=ridge)
    assert_equal_to(exactly(Ridge(ridge), x, y), solution)
    assert (solution.ridge, solution.rank) == (ridge, 20)


def test_double_features_are_fitted_to_double_precision() -> None:
    x, y, *_ = planted(300)
    moments = moments_of(x.astype(np.float64), y.astype(np.float64))
    model = exactly(LinearRegression(), x, y)
    assert resolution(moments) < 1e-13
    np.testing.assert_array_equal(fit(moments, ridge=0).map.weight, model.coef_.T.astype(np.float32))


def test_columns_in_small_units_are_not_mistaken_for_noise() -> None:
    x, y, *_ = planted(3000)
    small = x * np.geomspace(1, 1e-4, 20, dtype=np.float32)
    solution = fit(moments_of(small, y), ridge=0)
    assert (solution.method, solution.rank) == ("cholesky", 20)
    assert_equal_to(exactly(LinearRegression(), small, y), solution, rtol=2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fewer_rows_than_dimensions_give_the_minimum_norm_map(dtype: type) -> None:
    x, y, *_ = planted(12)
    solution = fit(moments_of(x.astype(dtype), y.astype(dtype)), ridge=0)
    assert (solution.method, solution.rank) == ("eigen", 11)
    assert_equal_to(exactly(LinearRegression(), x, y), solution, rtol=1e-5)
    np.testing.assert_allclose(solution.map.apply(x), y, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_collinear_columns_share_their_weight(dtype: type) -> None:
    x, y, *_ = planted(800)
    x[:, 3], x[:, 7] = x[:, 4], x[:, 8] + x[:, 9]
    solution = fit(moments_of(x.astype(dtype), y.astype(dtype)), ridge=0)
    assert (solution.method, solution.rank) == ("eigen", 18)
    assert_equal_to(exactly(LinearRegression(), x, y), solution, rtol=1e-5)
    np.testing.assert_allclose(solution.map.weight[3], solution.map.weight[4], atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ridge", [1e-9, 1.0, 1e4])
def test_the_rank_is_that_of_the_features_whatever_the_penalty(dtype: type, ridge: float) -> None:
    x, y, *_ = planted(800)
    assert fit(moments_of(x.astype(dtype), y.astype(dtype)), ridge=ridge).rank == 20
    few = fit(moments_of(x[:12].astype(dtype), y[:12].astype(dtype)), ridge=ridge)
    assert few.rank == 11
    x[:, 3], x[:, 7], x[:, 5] = x[:, 4], x[:, 8], 0
    assert fit(moments_of(x.astype(dtype), y.astype(dtype)), ridge=ridge).rank == 17


def test_the_ridge_that_cross_validation_chooses_leaves_the_rank_alone() -> None:
    x, y, *_ = planted(400)
    x[:, 3] = x[:, 4]
    _, parts = folds_of(x, y)
    ridge = choose_ridge(parts).ridge
    assert ridge > 0
    assert fit(merge(parts), ridge=ridge).rank == 19
    assert [fit(merge(parts) - part, ridge=ridge).rank for part in parts] == [19] * 5


@pytest.mark.parametrize(("left", "source"), [(40, 64), (10, 32), (100, 64), (300, 256)])
def test_what_is_left_of_a_subtraction_is_fitted_as_if_nothing_else_had_been_there(left: int, source: int) -> None:
    """The rounding of the rows subtracted stays behind in every direction that the rows left do not determine."""
    x, y, _, _ = planted(20_000, source=source, noise=0.1)
    centre = estimate_centre(x[:500], y[:500])
    whole, rest, never = (
        Moments.of(x[rows], y[rows], centre=centre) for rows in (slice(None), slice(left, None), slice(left))
    )
    without = fit(whole - rest, ridge=0.0)
    alone = fit(never, ridge=0.0)
    assert (without.rank, without.method) == (alone.rank, alone.method)
    size = np.linalg.norm(alone.map.weight)
    assert np.linalg.norm(without.map.weight - alone.map.weight) < 2e-3 * size
    merged = fit(merge([whole - rest, Moments.zero(centre)]), ridge=0.0)
    assert merged.rank == alone.rank


def test_constant_columns_get_no_weight() -> None:
    x, y, *_ = planted(800)
    x[:, 2], x[:, 5] = 7.3, 0
    solution = fit(moments_of(x, y), ridge=0)
    assert solution.rank == 18
    np.testing.assert_allclose(solution.map.weight[[2, 5]], 0, atol=1e-6)
    assert_equal_to(exactly(LinearRegression(), x, y), solution)


@pytest.mark.parametrize("ridge", [0.0, 1.0])
def test_one_row_is_its_own_target(ridge: float) -> None:
    x, y, *_ = planted(1)
    solution = fit(moments_of(x, y), ridge=ridge)
    assert np.isfinite(solution.condition)
    np.testing.assert_array_equal(solution.map.weight, 0)
    np.testing.assert_allclose(solution.map.apply(x), y, rtol=1e-6)


def test_features_that_never_vary_have_rank_zero() -> None:
    x, y, *_ = planted(50)
    solution = fit(moments_of(np.full_like(x, 3), y), ridge=0)
    assert (solution.rank, solution.condition, solution.method) == (0, 1.0, "eigen")
    np.testing.assert_allclose(solution.map.apply(x)[0], y.mean(axis=0), atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(
    n=st.integers(2, 40), source=st.integers(1, 12), seed=st.integers(0, 99), ridge=st.sampled_from([0.0, 0.1, 10.0])
)
def test_residuals_are_orthogonal_to_what_was_fitted(n: int, source: int, seed: int, ridge: float) -> None:
    x, y, *_ = planted(n, source=source, target=2, seed=seed)
    x, y = x.astype(np.float64), y.astype(np.float64)
    linear_map = fit(moments_of(x, y), ridge=ridge).map
    weight = linear_map.weight.astype(np.float64)
    residual = y - (x @ weight + linear_map.bias)
    gradient = (x - x.mean(axis=0)).T @ residual - ridge * weight
    assert np.abs(gradient).max() < 1e-4 * (1 + np.abs(x).max() ** 2 * n)
    assert np.abs(residual.mean(axis=0)).max() < 1e-4


def folds_of(x: np.ndarray, y: np.ndarray, folds: int = 5) -> tuple[np.ndarray, tuple[Moments, ...]]:
    fold = np.random.default_rng(1).integers(0, folds, len(x))
    return fold, fold_moments([(x, y, fold)], centre=estimate_centre(x, y), folds=folds)


def test_a_fold_map_never_saw_its_fold() -> None:
    x, y, *_ = planted(400)
    fold, parts = folds_of(x, y)
    for index, part in enumerate(parts):
        solution, rest = fit(merge(parts) - part, ridge=2.0), fold != index
        assert solution.n == rest.sum()
        assert_equal_to(exactly(Ridge(2.0), x[rest], y[rest]), solution, rtol=1e-5)


def errors_by_hand(x: np.ndarray, y: np.ndarray, fold: np.ndarray, ridge: float) -> float:
    total = 0.0
    for index in range(fold.max() + 1):
        rest = fold != index
        model = exactly(Ridge(ridge) if ridge else LinearRegression(), x[rest], y[rest])
        total += ((y[~rest] - model.predict(x[~rest].astype(np.float64))) ** 2).sum()
    return total


@pytest.mark.parametrize("rows", [40, 300])
def test_cross_validation_from_moments_equals_refitting(rows: int) -> None:
    x, y, *_ = planted(rows, noise=3.0)
    fold, parts = folds_of(x, y)
    candidates = [100.0, 0.5, 10.0]
    choice = choose_ridge(parts, candidates)
    assert choice.candidates == (0.5, 10.0, 100.0)
    wanted = [errors_by_hand(x, y, fold, ridge) for ridge in choice.candidates]
    np.testing.assert_allclose(choice.errors, wanted, rtol=1e-5)
    assert choice.ridge == choice.candidates[int(np.argmin(wanted))]


def test_cross_validation_may_try_no_ridge_at_all() -> None:
    x, y, *_ = planted(60)
    fold, parts = folds_of(x, y)
    np.testing.assert_allclose(choose_ridge(parts, [0.0]).errors[0], errors_by_hand(x, y, fold, 0.0), rtol=1e-4)


def test_noise_asks_for_more_ridge_and_units_do_not_matter() -> None:
    clean, noisy = (choose_ridge(folds_of(*planted(60, noise=noise)[:2])[1]) for noise in (0.01, 10.0))
    assert noisy.ridge > 100 * clean.ridge
    x, y, *_ = planted(60, noise=10.0)
    assert choose_ridge(folds_of(8 * x, y)[1]).ridge == pytest.approx(64 * noisy.ridge, rel=1e-3)


def test_of_equally_good_candidates_the_largest_is_taken() -> None:
    x, y, *_ = planted(50)
    _, parts = folds_of(np.full_like(x, 2.0), y)
    assert choose_ridge(parts, [1.0, 5.0]).ridge == 5.0
    assert choose_ridge(parts).ridge > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda parts: fit(parts[0] - parts[0], ridge=0), "rows to fit: expected 1 or more, but got 0"),
        (lambda parts: fit(parts[0], ridge=-1), "ridge: expected a finite number of 0 or more, but got -1"),
        (lambda parts: fit(parts[0], ridge=float("nan")), "ridge: expected a finite number of 0 or more, but got nan"),
        (lambda parts: choose_ridge(parts[:1]), "folds: expected 2 or more with rows, but got 1"),
        (lambda parts: choose_ridge(parts, []), r"ridge candidates: expected at least one, finite, none negative"),
        (lambda parts: choose_ridge(parts, [1, -2]), r"ridge candidates: .* but got \[1, -2\]"),
    ],
)
def test_what_cannot_be_fitted_is_refused(call, message) -> None:
    x, y, *_ = planted(20)
    with pytest.raises(InputError, match=message):
        call(folds_of(x, y)[1])
