"""Shift statistics equal scipy's, ties included, and are defined for every pair of sets."""

import math
import warnings
from dataclasses import astuple, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from scipy import stats as scipy_stats

from t2c.core.shift.shift import ROUNDING, Comparison, compare, effect_scale, judge, ks, ks_test, wasserstein
from t2c.core.statistics.pvalues import benjamini_hochberg
from t2c.schemas.errors import InputError
from t2c.schemas.tables.tables import SHIFT

FEW_VALUES = st.integers(-8, 8).map(lambda i: i / 8)
SETS = stn.arrays(np.float32, st.integers(1, 60), elements=st.one_of(FEW_VALUES, st.floats(-1, 1, width=32)))


def assert_equals_scipy(reference: np.ndarray, current: np.ndarray) -> Comparison:
    found = compare(reference, current)
    if np.ptp(np.concatenate([reference, current]).astype(np.float64)) <= ROUNDING:
        assert (found.d, found.sign, found.log10_p, found.effect) == (0, 0, 0, 0)
        return found
    with warnings.catch_warnings(record=True) as given_up:
        warnings.simplefilter("always")
        wanted = scipy_stats.ks_2samp(reference, current)
    assert found.d == wanted.statistic
    if found.d:
        # scipy decides an exact tie of both directions by rounding; so do we, before the statistic is made exact
        assert found.sign == wanted.statistic_sign
    if given_up:  # scipy's exact p came out above 1 by rounding, and it took the asymptotic one
        assert 10**found.log10_p == pytest.approx(1, abs=1e-9)
    elif wanted.pvalue > 0:  # for complete separation of large sets scipy says 0
        assert 10**found.log10_p == pytest.approx(wanted.pvalue, rel=1e-9, abs=1e-290)
    exact = reference.astype(np.float64), current.astype(np.float64)
    scale = exact[0].std() if np.ptp(exact[0]) > ROUNDING else np.concatenate(exact).std()
    if np.ptp(np.concatenate(exact)):
        assert found.wasserstein * scale == pytest.approx(scipy_stats.wasserstein_distance(*exact), abs=1e-12)
        assert found.effect * scale == pytest.approx(exact[1].mean() - exact[0].mean(), abs=1e-12)
    assert all(math.isfinite(value) for value in astuple(found))
    return found


@settings(deadline=None, max_examples=150)
@given(SETS, SETS)
def test_any_two_sets_compare_as_scipy_does(reference: np.ndarray, current: np.ndarray) -> None:
    assert_equals_scipy(reference, current)


@pytest.mark.parametrize(
    "sizes", [(20_000, 300), (300, 20_000), (12_000, 12_000), (10_001, 1), (1, 10_001), (9_999, 4_000)]
)
@pytest.mark.parametrize("decimals", [2, 9])
@pytest.mark.parametrize("moved", [0.0, 0.02, 2.0])
def test_large_sets_compare_as_scipy_does(sizes: tuple[int, int], decimals: int, moved: float) -> None:
    rng = np.random.default_rng(0)
    reference, current = (rng.normal(0, 0.2, size).round(decimals).astype(np.float32) for size in sizes)
    assert_equals_scipy(reference, current + np.float32(moved))


def test_plus_means_that_the_current_set_lies_higher() -> None:
    low, high = np.arange(100.0), np.arange(100.0) + 10
    assert (compare(low, high).sign, compare(high, low).sign) == (1, -1)
    assert compare(low, high).effect == -compare(high, low).effect > 0


def test_a_tie_of_both_directions_counts_as_risen() -> None:
    inner, outer = np.array([1.0, 2.0]), np.array([0.0, 3.0])
    assert ks(outer, inner) == ks(inner, outer) == (0.5, 1)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 5), (5, 1), (3, 3), (20_000, 7)])
def test_equal_constant_sets_do_not_differ(m: int, n: int) -> None:
    found = compare(np.full(m, 0.1, np.float32), np.full(n, 0.1, np.float32))
    assert (found.d, found.sign, found.log10_p, found.effect, found.wasserstein) == (0.0, 0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("n", [1, 2, 50, 10_500])
def test_a_set_does_not_differ_from_itself(n: int) -> None:
    values = np.random.default_rng(0).normal(size=n).astype(np.float32)
    found = compare(values, values[::-1])
    assert (found.d, found.sign, found.log10_p, found.effect, found.wasserstein) == (0.0, 0, 0.0, 0.0, 0.0)


def test_a_constant_reference_is_measured_in_the_spread_of_both() -> None:
    found = compare(np.zeros(3), np.ones(1))
    assert found.effect == found.wasserstein == pytest.approx(1 / np.array([0, 0, 0, 1]).std())


def test_single_values_are_compared() -> None:
    found = compare(np.array([0.2]), np.array([0.3]))
    assert (found.d, found.sign, found.n_reference, found.n_current) == (1.0, 1, 1, 1)
    assert found.log10_p == pytest.approx(0, abs=1e-12)


def test_sorted_sets_need_no_sorting() -> None:
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=500), rng.normal(size=300)
    assert compare(np.sort(reference), np.sort(current), ordered=True) == compare(reference, current)
    assert ks_test(reference, current) == ks_test(np.sort(reference), np.sort(current), ordered=True)
    found = compare(reference, current)
    assert ks_test(reference, current) == (found.d, found.sign, found.log10_p)


@settings(deadline=None, max_examples=100)
@given(SETS, SETS)
def test_wasserstein_is_a_distance(one: np.ndarray, two: np.ndarray) -> None:
    one, two = np.sort(one), np.sort(two)
    there = wasserstein(one, two)
    assert there == pytest.approx(wasserstein(two, one), abs=1e-14)
    assert there >= 0
    assert there == pytest.approx(scipy_stats.wasserstein_distance(one, two), abs=1e-12)


def test_p_values_below_the_smallest_float_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal(0, 1, 60_000)
    found = [compare(reference, rng.normal(shift, 1, 40_000)).log10_p for shift in (0.5, 1, 2, 50)]
    assert -1e5 < found[3] < found[2] < found[1] < found[0] < -308


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("reference", "current", "message"),
    [
        (np.zeros(0), np.zeros(3), r"reference similarities: expected a value or more, shape \(images,\)"),
        (np.zeros(3), np.zeros(0), r"current similarities: expected a value or more, shape \(images,\)"),
        (np.zeros(3), np.array([np.nan]), "current similarities: expected finite values, but got nan"),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(reference, current, message) -> None:
    with pytest.raises(InputError, match=message):
        compare(reference, current)


LOGS = stn.arrays(np.float64, st.integers(1, 40), elements=st.one_of(st.floats(-300, 0), st.just(-1.0), st.just(0.0)))


@given(LOGS)
def test_q_values_equal_scipys(log10_p: np.ndarray) -> None:
    wanted = scipy_stats.false_discovery_control(10**log10_p)
    np.testing.assert_allclose(10 ** benjamini_hochberg(log10_p), wanted, rtol=1e-9)


@given(LOGS)
def test_q_is_at_least_p_and_keeps_its_order(log10_p: np.ndarray) -> None:
    log10_q = benjamini_hochberg(log10_p)
    assert (log10_q >= log10_p - 1e-12).all()
    assert (log10_q <= 0).all()
    assert (np.diff(log10_q[np.argsort(log10_p, kind="stable")]) >= 0).all()


def test_q_values_do_not_underflow_and_none_is_fine() -> None:
    np.testing.assert_allclose(benjamini_hochberg(np.array([-5000.0, -4000.0])), [-5000 + math.log10(2), -4000])
    assert len(benjamini_hochberg(np.zeros(0))) == 0
    assert judge([]) == []


def some(log10_p: float, sign: int) -> Comparison:
    return replace(compare(np.arange(3.0), np.arange(3.0)), log10_p=log10_p, sign=sign)


def test_a_verdict_is_the_sign_where_q_is_small_enough() -> None:
    comparisons = [some(-5.0, 1), some(-6.0, -1), some(math.log10(0.05), 1), some(-0.1, -1)]
    verdicts = [verdict for _, verdict in judge(comparisons)]
    assert verdicts == ["risen", "fallen", "none", "none"]
    assert [verdict for _, verdict in judge(comparisons, alpha=1e-5)] == ["none", "fallen", "none", "none"]
    assert judge([some(math.log10(0.05), 1)])[0][1] == "risen"  # q = alpha counts
    assert judge([some(0.0, 0)])[0] == (0.0, "none")


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_alpha_is_a_rate(alpha: float) -> None:
    with pytest.raises(InputError, match="alpha: expected a rate between 0 and 1, but got"):
        judge([some(-5.0, 1)], alpha=alpha)


def test_shuffled_labels_flag_at_the_nominal_rate() -> None:
    rng = np.random.default_rng(0)
    p = [compare(*np.split(rng.permutation(rng.normal(size=400)), [250])).log10_p for _ in range(300)]
    assert 0.02 < np.mean(np.array(p) <= math.log10(0.05)) < 0.09


def test_fields_are_columns_of_the_shift_table() -> None:
    assert {field.name for field in fields(Comparison)} <= set(SHIFT.names)


def test_rounding_is_not_spread() -> None:
    """One picture 50 times scores alike but for the last bits: no unit, so no effect of millions of deviations."""
    rng = np.random.default_rng(0)
    noise = (rng.integers(-2, 3, 50) * np.float64(6e-8)).astype(np.float32)
    copies, others = np.float32(0.31) + noise, rng.normal(0.2, 0.05, 300).astype(np.float32)
    assert effect_scale(copies, others) == pytest.approx(np.concatenate([copies, others]).astype(float).std())
    assert abs(compare(copies, others).effect) < 5
    same = compare(copies, copies[:20] + np.float32(6e-8))
    assert (same.effect, same.wasserstein, same.d, same.sign, same.log10_p) == (0, 0, 0, 0, 0)
